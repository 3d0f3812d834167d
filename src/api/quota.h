/*
 * quota.h - the bytes that all datasets may have, uploads under way included
 *
 * Model    Bytes are taken before they are written.  What is held is known as
 *          of the last count in the store and what was taken since, so it is
 *          never less than the truth: deleted rows and given up uploads are
 *          missed until it seems full, and then all is counted anew.
 * Owner    Part of struct api_ctx.
 * Threads  Any; the lock is not held while the store counts.
 * Errors   ERR_FULL "datasets_full".
 */
#ifndef API_QUOTA_H
#define API_QUOTA_H

#include <pthread.h>

#include "store/store.h"

struct api_quota {
    uint64_t        limit; /* 0: none */
    pthread_mutex_t lock;
    bool            is_counted; /* held is set */
    uint64_t        held;       /* stored or under way, at most */
    uint64_t        under_way;  /* taken and not given back     */
    uint64_t        n_taken;    /* ever                         */
};

/* n bytes are about to be written.  Reads the store at times. */
enum err api_quota_take(struct api_quota *q, struct store *db, size_t n,
                        struct errinfo *e);
/* They are stored now, or will not be. */
void api_quota_give(struct api_quota *q, size_t n);

#endif
