/*
 * map_impl.h - functions of math_impl.h over many numbers
 */
#ifndef NN_KERNEL_MAP_IMPL_H
#define NN_KERNEL_MAP_IMPL_H

#include "nn/kernel/math_impl.h"

/* y = f(z) over n floats; the last few go through a full vector as well, so
 * that a value does not depend on where it stands. */
static ALWAYS_INLINE void
map(vec (*f)(vec), float *y, const float *z, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        store(y + i, f(load(z + i)));
    if (i < n) {
        vec last = splat(0);

        memcpy(&last, z + i, (n - i) * sizeof(*z));
        last = f(last);
        memcpy(y + i, &last, (n - i) * sizeof(*y));
    }
}

static void
map_relu(float *y, const float *z, size_t n)
{
    map(vec_relu, y, z, n);
}

/* d where y > 0, else 0. */
static void
relu_slope(float *d, const float *y, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        store(d + i, choose(load(y + i) > 0.0f, load(d + i), splat(0)));
    for (; i < n; i++)
        d[i] = y[i] > 0.0f ? d[i] : 0.0f;
}

static void
map_exp(float *y, const float *z, size_t n)
{
    map(vec_exp, y, z, n);
}

static void
map_sigmoid(float *y, const float *z, size_t n)
{
    map(vec_sigmoid, y, z, n);
}

static void
map_tanh(float *y, const float *z, size_t n)
{
    map(vec_tanh, y, z, n);
}

#endif
