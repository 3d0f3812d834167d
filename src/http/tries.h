/*
 * tries.h - how many wrong keys an address may still show
 *
 * Model    A bucket an address: HTTP_TRIES at most, one more every
 *          HTTP_TRY_SECONDS.  The addresses that failed last are remembered,
 *          TRIES_SLOTS of them; whoever is forgotten starts afresh.  Of an IPv6
 *          address the first half counts: the rest is its owner's to choose.
 * Threads  Any.
 */
#ifndef HTTP_TRIES_H
#define HTTP_TRIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"

#define TRIES_SLOTS 256

struct tries {
    pthread_mutex_t lock;
    struct tries_slot {
        uint8_t address[HTTP_ADDRESS_SIZE];
        int64_t full_us; /* when its bucket is full again; 0: unused */
    } slot[TRIES_SLOTS];
};

void tries_init(struct tries *t);
void tries_release(struct tries *t);

/* One wrong key at now_us: false where that is one too many. */
bool tries_take(struct tries *t, const uint8_t address[HTTP_ADDRESS_SIZE],
                int64_t now_us);

#endif
