/*
 * histogram.h - how often a figure fell into which range, counted without a
 *               lock
 *
 * Model    Ranges are given by their upper bounds, ascending, both ends in the
 *          table; the last range has no bound.  The sum is kept in millionths,
 *          so that seconds and rows both fit an integer.
 * Owner    Caller's storage; the bounds are borrowed, usually a static table.
 * Threads  Any number may add at once; a reader sees counts that are each
 *          right, and a sum that may be one addition ahead or behind.
 * Limits   HISTOGRAM_MAX bounds.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX 16

struct histogram {
    const double         *bound;
    size_t                n; /* bounds; there is one range more */
    atomic_uint_least64_t count[HISTOGRAM_MAX + 1];
    atomic_uint_least64_t sum_millionths;
};

/* Bounds for what takes seconds: half a millisecond to a minute. */
extern const double histogram_seconds[];
extern const size_t histogram_seconds_n;

void histogram_init(struct histogram *h, const double *bound, size_t n);
/* x is not negative. */
void   histogram_add(struct histogram *h, double x);
double histogram_sum(const struct histogram *h);

#endif
