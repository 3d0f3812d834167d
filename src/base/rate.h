/*
 * rate.h - so many a second, by name
 *
 * Model    Every name may take `per_second` on average and a second's worth at
 *          once.  A name's bucket is the time at which it would be full again
 *          (the generic cell rate algorithm): one that is full is not worth
 *          remembering, so that a table of fixed size does for any number of
 *          names.
 * Owner    rate_new() gives a limiter to the caller.
 * Threads  Any; the lock is held for a search of a few places.
 * Limits   RATE_PLACES names that are short of something at once; beyond that the
 *          one that is shortest of being full is forgotten, in its favour.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define RATE_PLACES 1024
#define RATE_NAME_SIZE 64

struct rate;

/* per_second from 1. */
enum err rate_new(unsigned per_second, struct rate **out, struct errinfo *e);
void     rate_free(struct rate *rate); /* NULL is fine */

/* Take one at this time (clock_mono_us()); false where there is none left. */
bool rate_take(struct rate *rate, const char *name, int64_t now_us);

#endif
