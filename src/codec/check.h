/*
 * check.h - is a database what it should be?
 *
 * Model    Everything that is stored is read as the daemon would read it: pages
 *          and references, specs, metas, encoders and job specs, and every
 *          digest: of weights, encoders, rows and states.  Nothing is
 *          changed.
 * Errors   Faults of the file are told, not returned; an error is returned
 *          where the search itself cannot go on.
 */
#ifndef CODEC_CHECK_H
#define CODEC_CHECK_H

#include "base/err.h"
#include "store/store.h"

struct codec_check {
    uint64_t             networks, versions, datasets, jobs; /* looked at */
    struct store_checked store;
    uint64_t             faults; /* found */
};

/* tell gets a sentence for every fault. */
enum err codec_check(struct store *db, store_fault_fn tell, void *arg,
                     struct codec_check *out, struct errinfo *e);

#endif
