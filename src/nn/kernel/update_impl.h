/*
 * update_impl.h - what happens once per parameter and batch, over vec
 *
 * Model    Each parameter is updated by itself, so vectors of any width give
 *          the same bits.  sum_squares() adds into N_SUMS sums whatever the
 *          set: element i goes to sum i mod N_SUMS.
 */
#ifndef NN_KERNEL_UPDATE_IMPL_H
#define NN_KERNEL_UPDATE_IMPL_H

#include <float.h>

#include "nn/kernel/kernel.h"
#include "nn/kernel/sets.h"
#include "nn/kernel/vector.h"

#define N_SUMS 64
#define HALF (LANES / 2)

/* The first n < LANES floats of a vector; zeros in the rest. */
static ALWAYS_INLINE vec
load_part(const float *p, size_t n)
{
    vec v = splat(0);

    memcpy(&v, p, n * sizeof(*p));
    return v;
}

static ALWAYS_INLINE void
store_part(float *p, vec v, size_t n)
{
    memcpy(p, &v, n * sizeof(*p));
}

static void
sgd(float *w, const float *g, size_t n, float rate)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        store(w + i, fused(splat(-rate), load(g + i), load(w + i)));
    if (i < n)
        store_part(w + i,
                   fused(splat(-rate), load_part(g + i, n - i),
                         load_part(w + i, n - i)),
                   n - i);
}

static ALWAYS_INLINE vec
next_velocity(vec v, vec g, float rate, float momentum)
{
    return fused(splat(momentum), v, splat(-rate) * g);
}

static void
sgd_momentum(float *w, float *v, const float *g, size_t n, float rate,
             float momentum)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        vec vi = next_velocity(load(v + i), load(g + i), rate, momentum);

        store(v + i, vi);
        store(w + i, load(w + i) + vi);
    }
    if (i < n) {
        vec vi = next_velocity(load_part(v + i, n - i), load_part(g + i, n - i),
                               rate, momentum);

        store_part(v + i, vi, n - i);
        store_part(w + i, load_part(w + i, n - i) + vi, n - i);
    }
}

static ALWAYS_INLINE void
adam_moments(vec *m, vec *v, vec g, const struct nn_kernel_adam *p)
{
    *m = fused(splat(p->rest_1), g - *m, *m);
    /* Bounded: an infinite one would be no number at the next step. */
    *v = at_most(fused(splat(p->rest_2), fused(g, g, -*v), *v), FLT_MAX);
}

/* w is to move by -over / under. */
struct adam_move {
    vec over, under;
};

static ALWAYS_INLINE vec
adam_moved(vec w, struct adam_move move, const struct nn_kernel_adam *p)
{
    return fused(splat(p->keep), w, -(move.over / move.under));
}

static ALWAYS_INLINE struct adam_move
adam_move(vec m, vec v, const struct nn_kernel_adam *p)
{
    return (struct adam_move){ splat(p->rate) * m,
                               square_root(v) + splat(p->epsilon) };
}

static ALWAYS_INLINE void
adam_one(vec *w, vec *m, vec *v, vec g, const struct nn_kernel_adam *p)
{
    struct adam_move move;

    adam_moments(m, v, g, p);
    move = adam_move(*m, *v, p);
    *w = adam_moved(*w, move, p);
}

static void
adam(float *w, float *m, float *v, const float *g, size_t n,
     const struct nn_kernel_adam *p)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        vec wi = load(w + i), mi = load(m + i), vi = load(v + i);

        adam_one(&wi, &mi, &vi, load(g + i), p);
        store(w + i, wi);
        store(m + i, mi);
        store(v + i, vi);
    }
    if (i < n) {
        vec wi = load_part(w + i, n - i), mi = load_part(m + i, n - i),
            vi = load_part(v + i, n - i);

        adam_one(&wi, &mi, &vi, load_part(g + i, n - i), p);
        store_part(w + i, wi, n - i);
        store_part(m + i, mi, n - i);
        store_part(v + i, vi, n - i);
    }
}

static void
sum_rows(float *sum, const float *x, size_t rows, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        vec s = splat(0);

        for (size_t r = 0; r < rows; r++)
            s += load(x + r * n + i);
        store(sum + i, s);
    }
    for (; i < n; i++) {
        sum[i] = 0;
        for (size_t r = 0; r < rows; r++)
            sum[i] += x[r * n + i];
    }
}

static bool
is_zero(const float *x, size_t n)
{
    ivec   any = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        any |= load(x + i) != 0;
    if (i < n)
        any |= load_part(x + i, n - i) != 0;
    for (size_t j = 0; j < LANES; j++)
        if (any[j] != 0)
            return false;
    return true;
}

/* The squares of numbers so large or small that a float does not hold them, or
 * of none: the gradient of a unit that no sample of the batch woke. */
static double
sum_squares_exactly(const float *x, size_t n)
{
    dvec   part[16 / HALF];
    double sum[16];
    size_t i = 0;

    if (is_zero(x, n))
        return 0;
    for (size_t j = 0; j < 16 / HALF; j++)
        part[j] = (dvec){ 0 };
    for (; i + 16 <= n; i += 16)
        for (size_t j = 0; j < 16 / HALF; j++)
            part[j] =
                add_square(part[j], *(const half_mem *)(x + i + j * HALF));
    memcpy(sum, part, sizeof(sum));
    for (size_t j = 0; i < n; i++, j++)
        sum[j] += (double)x[i] * x[i];
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++)
            sum[j] += sum[j + width];
    return sum[0];
}

static double
sum_squares(const float *x, size_t n)
{
    vec    part[N_SUMS / LANES];
    float  sum[LANES];
    size_t i = 0;

#pragma GCC unroll 16
    for (size_t j = 0; j < N_SUMS / LANES; j++)
        part[j] = splat(0);
    for (; i + N_SUMS <= n; i += N_SUMS) {
#pragma GCC unroll 16
        for (size_t j = 0; j < N_SUMS / LANES; j++) {
            vec v = load(x + i + j * LANES);

            part[j] = fused(v, v, part[j]);
        }
    }
#pragma GCC unroll 16
    for (size_t j = 0; j < N_SUMS / LANES; j++) {
        size_t first = i + j * LANES;
        vec    v = splat(0);

        if (first + LANES <= n)
            v = load(x + first);
        else if (first < n)
            v = load_part(x + first, n - first);
        part[j] = fused(v, v, part[j]);
    }
#pragma GCC unroll 4
    for (size_t half = N_SUMS / LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (size_t j = 0; j < half; j++)
            part[j] += part[j + half];
    store(sum, part[0]);
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++)
            sum[j] += sum[j + width];
    if (sum[0] > SQUARES_LEAST && sum[0] < SQUARES_MOST)
        return sum[0];
    return sum_squares_exactly(x, n);
}

#endif
