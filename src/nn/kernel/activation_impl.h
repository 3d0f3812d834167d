/*
 * activation_impl.h - elu, gelu, silu and softplus, and slopes, over vec
 *
 * Model    gelu z = z Phi(z), Phi the normal distribution: with a = |z|,
 *          Phi(-a) = exp(-a^2/2) t P(t), t = 1 / (1 + a/4), where P, of degree
 *          9, is a Chebyshev fit in 40 digits (relative error 1.4e-8 up to
 *          a = 15, beyond which float32 knows only 0).  softplus z =
 *          max(z, 0) + ln(1 + u), u = exp(-|z|), by ln(1 + u) = 2 artanh w,
 *          w = u / (2 + u) <= 1/3, and its series to w^15.
 *          tests/unit/nn_activation.c has the errors.  A NaN stays one.
 */
#ifndef NN_KERNEL_ACTIVATION_IMPL_H
#define NN_KERNEL_ACTIVATION_IMPL_H

#include "nn/kernel/map_impl.h"

/* exp z - 1: by the polynomial itself near zero, where 1 would swallow it. */
static ALWAYS_INLINE vec
vec_expm1(vec z)
{
    vec near = fused(exp_tail(z), z * z, z);

    return choose(absolute(z) < 0.34f, near, vec_exp(z) - 1.0f);
}

static ALWAYS_INLINE vec
vec_elu(vec z)
{
    return choose(z > 0.0f, z, vec_expm1(z));
}

static ALWAYS_INLINE vec
vec_softplus(vec z)
{
    vec u = vec_exp(-absolute(z));
    vec w = u / (2.0f + u);
    vec s = w * w;
    vec p = splat(2.0f / 15.0f);

    p = fused(p, s, splat(2.0f / 13.0f));
    p = fused(p, s, splat(2.0f / 11.0f));
    p = fused(p, s, splat(2.0f / 9.0f));
    p = fused(p, s, splat(2.0f / 7.0f));
    p = fused(p, s, splat(2.0f / 5.0f));
    p = fused(p, s, splat(2.0f / 3.0f));
    p = fused(p, s, splat(2.0f));
    return fused(p, w, choose(z > 0.0f, z, splat(0)));
}

/* y = softplus z: its slope is sigmoid z = 1 - exp(-y). */
static ALWAYS_INLINE vec
softplus_slope_of(vec y)
{
    return -vec_expm1(-y);
}

static ALWAYS_INLINE vec
vec_silu(vec z)
{
    return z * vec_sigmoid(z);
}

static ALWAYS_INLINE vec
silu_slope_of(vec z)
{
    vec e = vec_exp(-absolute(z));
    vec large = 1.0f / (1.0f + e);
    vec small = e * large;
    vec s = choose(z > 0.0f, large, small);
    vec rest = choose(z > 0.0f, small, large); /* 1 - s, with all its digits */

    return fused(s * z, rest, s);
}

/* Phi(z), and exp(-z^2/2) on the way. */
static ALWAYS_INLINE vec
normal(vec z, vec *bell)
{
    vec a = absolute(z);

    a = choose(a > 15.0f, splat(15.0f), a);

    vec square = a * a;
    /* What the square's rounding lost, by halves of a (Dekker): hi^2 is exact. */
    vec hi = bits_to_float(float_to_bits(a) & 0xfffff000u);
    vec lost = (hi * hi - square) + (a - hi) * (a + hi);
    vec t = 1.0f / fused(a, splat(0.25f), splat(1.0f));
    vec e = vec_exp(square * -0.5f);

    e = fused(e, lost * -0.5f, e);

    vec p = splat(0.0160714742f);
    p = fused(p, t, splat(-0.0602258518f));
    p = fused(p, t, splat(0.0461199358f));
    p = fused(p, t, splat(0.0350751542f));
    p = fused(p, t, splat(0.00786620378f));
    p = fused(p, t, splat(0.0888593569f));
    p = fused(p, t, splat(0.0713885725f));
    p = fused(p, t, splat(0.0956115723f));
    p = fused(p, t, splat(0.0994855687f));
    p = fused(p, t, splat(0.0997480154f));

    vec tail = e * (t * p);
    *bell = e;
    return choose(z > 0.0f, 1.0f - tail, tail);
}

static ALWAYS_INLINE vec
vec_gelu(vec z)
{
    vec bell;

    return z * normal(z, &bell);
}

/* Phi(z) + z phi(z) */
static ALWAYS_INLINE vec
gelu_slope_of(vec z)
{
    vec bell, share = normal(z, &bell);

    return fused(z * 0.398942280f, bell, share);
}

static void
map_elu(float *y, const float *z, size_t n)
{
    map(vec_elu, y, z, n);
}

static void
map_gelu(float *y, const float *z, size_t n)
{
    map(vec_gelu, y, z, n);
}

static void
map_silu(float *y, const float *z, size_t n)
{
    map(vec_silu, y, z, n);
}

static void
map_softplus(float *y, const float *z, size_t n)
{
    map(vec_softplus, y, z, n);
}

/* d *= slope(x) over n floats, the last few as map() has them. */
static ALWAYS_INLINE void
map_slope(vec (*slope)(vec), float *d, const float *x, size_t n)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        store(d + i, load(d + i) * slope(load(x + i)));
    if (i < n) {
        vec last = splat(0), di = splat(0);

        memcpy(&last, x + i, (n - i) * sizeof(*x));
        memcpy(&di, d + i, (n - i) * sizeof(*d));
        di *= slope(last);
        memcpy(d + i, &di, (n - i) * sizeof(*d));
    }
}

static void
gelu_slope(float *d, const float *z, size_t n)
{
    map_slope(gelu_slope_of, d, z, n);
}

static void
silu_slope(float *d, const float *z, size_t n)
{
    map_slope(silu_slope_of, d, z, n);
}

static void
softplus_slope(float *d, const float *y, size_t n)
{
    map_slope(softplus_slope_of, d, y, n);
}

#endif
