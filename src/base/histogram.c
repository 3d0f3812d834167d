#include "base/histogram.h"

#include <assert.h>

#include "base/mem.h"

const double histogram_seconds[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                     0.025,  0.05,  0.1,    0.25,  0.5,
                                     1,      2.5,   5,      10,    60 };
const size_t histogram_seconds_n = COUNT_OF(histogram_seconds);

void
histogram_init(struct histogram *h, const double *bound, size_t n)
{
    assert(n <= HISTOGRAM_MAX);
    h->bound = bound;
    h->n = n;
    for (size_t i = 0; i <= HISTOGRAM_MAX; i++)
        atomic_init(&h->count[i], 0);
    atomic_init(&h->sum_millionths, 0);
}

void
histogram_add(struct histogram *h, double x)
{
    size_t i = 0;

    while (i < h->n && x > h->bound[i])
        i++;
    atomic_fetch_add_explicit(&h->count[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_millionths, (uint64_t)(x * 1e6 + 0.5),
                              memory_order_relaxed);
}

double
histogram_sum(const struct histogram *h)
{
    return (double)atomic_load_explicit(&h->sum_millionths,
                                        memory_order_relaxed) *
           1e-6;
}
