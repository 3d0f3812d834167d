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
#include <math.h>

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

static ALWAYS_INLINE void
adam_moments(const struct nn_kernel_step *s, vec *m, vec *v, vec g)
{
    *m = fused(splat(s->rest_1), g - *m, *m);
    *v = fused(splat(s->rest_2), fused(g, g, -*v), *v);
}

static ALWAYS_INLINE vec
adam_moved(enum nn_kernel_rule rule, const struct nn_kernel_step *s, vec w,
           vec m, vec under)
{
    if (rule == NN_KERNEL_ADAMW)
        return fused(splat(s->keep), w, splat(-s->rate) * (m / under));
    return fused(splat(-s->rate), m / under, w);
}

/* One vector; m and v where the rule has them.  `checks`: squares of g may be
 * infinite. */
static ALWAYS_INLINE void
step_vec(enum nn_kernel_rule rule, bool checks, const struct nn_kernel_step *s,
         vec *w, vec *m, vec *v, vec g)
{
    switch (rule) {
    case NN_KERNEL_SGD:
        *w = fused(splat(-s->rate), g, *w);
        break;
    case NN_KERNEL_MOMENTUM:
        *m = fused(splat(s->momentum), *m, splat(-s->rate) * g);
        *w += *m;
        break;
    case NN_KERNEL_ADAM:
    case NN_KERNEL_ADAMW:
        adam_moments(s, m, v, g);
        if (checks) /* an infinite one would be no number at the next step */
            *v = at_most(*v, FLT_MAX);
        *w = adam_moved(rule, s, *w, *m, square_root(*v) + splat(s->epsilon));
        break;
    }
}

/* n <= LANES parameters of s from at on; `checks`: some of g may have to rest,
 * or have infinite squares. */
static ALWAYS_INLINE void
step_part(enum nn_kernel_rule rule, bool checks, const struct nn_kernel_step *s,
          size_t at, vec g, size_t n)
{
    bool has_m = rule >= NN_KERNEL_MOMENTUM, has_v = rule >= NN_KERNEL_ADAM;
    vec  w = load_part(s->w + at, n), next_w = w;
    vec  m = has_m ? load_part(s->m + at, n) : splat(0), next_m = m;
    vec  v = has_v ? load_part(s->v + at, n) : splat(0), next_v = v;

    step_vec(rule, checks, s, &next_w, &next_m, &next_v, g);
    if (checks) {
        ivec moves = g - g == 0;

        next_w = choose(moves, next_w, w);
        next_m = choose(moves, next_m, m);
        next_v = choose(moves, next_v, v);
    }
    store_part(s->w + at, next_w, n);
    if (has_m)
        store_part(s->m + at, next_m, n);
    if (has_v)
        store_part(s->v + at, next_v, n);
}

static ALWAYS_INLINE void
step_by(enum nn_kernel_rule rule, bool checks, const struct nn_kernel_step *s,
        const float *g, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        step_part(rule, checks, s, i, load(g + i), LANES);
    if (i < n)
        step_part(rule, checks, s, i, load_part(g + i, n - i), n - i);
}

static ALWAYS_INLINE void
step_all(bool checks, const struct nn_kernel_step *s, const float *g, size_t n)
{
    switch (s->rule) {
    case NN_KERNEL_SGD:
        step_by(NN_KERNEL_SGD, checks, s, g, n);
        break;
    case NN_KERNEL_MOMENTUM:
        step_by(NN_KERNEL_MOMENTUM, checks, s, g, n);
        break;
    case NN_KERNEL_ADAM:
        step_by(NN_KERNEL_ADAM, checks, s, g, n);
        break;
    case NN_KERNEL_ADAMW:
        step_by(NN_KERNEL_ADAMW, checks, s, g, n);
        break;
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

#define N_PARTS (N_SUMS / LANES)

static double
sum_squares(const float *x, size_t n)
{
    vec    part[N_PARTS];
    float  sum[LANES];
    size_t i = 0;

#pragma GCC unroll 16
    for (size_t j = 0; j < N_PARTS; j++)
        part[j] = splat(0);
    for (; i + N_SUMS <= n; i += N_SUMS) {
#pragma GCC unroll 16
        for (size_t j = 0; j < N_PARTS; j++) {
            vec v = load(x + i + j * LANES);

            part[j] = fused(v, v, part[j]);
        }
    }
#pragma GCC unroll 16
    for (size_t j = 0; j < N_PARTS; j++) {
        size_t first = i + j * LANES;
        vec    v = splat(0);

        if (first + LANES <= n)
            v = load(x + first);
        else if (first < n)
            v = load_part(x + first, n - first);
        part[j] = fused(v, v, part[j]);
    }
#pragma GCC unroll 4
    for (size_t half = N_PARTS / 2; half > 0; half /= 2)
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

/* Where the squares of g are finite, and so nothing rests. */
static void
step_freely(const struct nn_kernel_step *s, const float *g, size_t n)
{
    step_all(false, s, g, n);
}

static double
step(const struct nn_kernel_step *s, const float *g, size_t n)
{
    double squares = sum_squares(g, n);

    if (squares < SQUARES_MOST)
        step_freely(s, g, n);
    else
        step_all(true, s, g, n);
    return squares;
}

#endif
