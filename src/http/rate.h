/*
 * rate.h - how much somebody may still ask for: a bucket each
 *
 * Model    A bucket holds `burst` and gains `per_second`.  Who takes more than
 *          is there goes into debt, so that a large request passes once and is
 *          waited for afterwards; who is in debt gets nothing.  Those who asked
 *          last are remembered, RATE_SLOTS of them; whoever is forgotten starts
 *          afresh.
 *            A name is a key's, or an address: of an IPv6 one the first half,
 *          since the rest is its owner's to choose.
 * Threads  Any.
 */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"

#define RATE_SLOTS 1024

struct rate_name {
    char bytes[HTTP_KEY_NAME_SIZE];
};

struct rate {
    pthread_mutex_t lock;
    double          us_each; /* until one is gained; 0: no limit */
    double          burst_us;
    struct rate_slot {
        struct rate_name name;
        double           full_us; /* when its bucket is full again; 0: unused */
    } slot[RATE_SLOTS];
};

/* per_second of 0: no limit. */
void rate_init(struct rate *r, double per_second, double burst);
void rate_release(struct rate *r);

void rate_name_address(const struct http_request *req, struct rate_name *out);
/* The caller's key where it has one, else its address. */
void rate_name_caller(const struct http_request *req, struct rate_name *out);

/* Take n at now_us; false, and the seconds to wait, where there is nothing. */
bool rate_take(struct rate *r, const struct rate_name *who, double n,
               int64_t now_us, unsigned *out_seconds);

#endif
