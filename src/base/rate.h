/*
 * rate.h - so many a second, by name
 *
 * Model    Every name may take `per_second` on average and `burst` at once.  A
 *          name's bucket is the time at which it would be full again (the
 *          generic cell rate algorithm): one that is full is not worth
 *          remembering, so that a table of fixed size does for any number of
 *          names.  Who takes several at once may go into debt by that, so that
 *          a large request passes once and is waited for afterwards.
 * Owner    rate_new() gives a limiter to the caller.
 * Threads  Any; the lock is held for a search of a few places.
 * Limits   RATE_PLACES names that are short of something at once; beyond that
 *          the one that is shortest of being full is forgotten, in its favour.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define RATE_PLACES 1024
#define RATE_NAME_SIZE 64

struct rate;

/* Both above 0. */
enum err rate_new(double per_second, double burst, struct rate **out,
                  struct errinfo *e);
void     rate_free(struct rate *rate); /* NULL is fine */

/* Take n at this time (clock_mono_us()); false where there is none left, and
 * the caller may come again in *out_seconds (NULL is fine). */
bool rate_take(struct rate *rate, const char *name, double n, int64_t now_us,
               unsigned *out_seconds);

/* How often there was none left; 0 of NULL. */
uint64_t rate_n_refused(const struct rate *rate);

#endif
