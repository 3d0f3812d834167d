/*
 * math_impl.h - exp, sigmoid and tanh, written over vec
 *
 * Model    exp z = 2^n exp r, n = round(z / ln 2), |r| <= ln 2 / 2, where
 *          exp r = 1 + r + r^2 Q(r), Q of degree 5; tanh z = z + z^3 P(z^2)
 *          near zero, P of degree 4.  Q and P are near-minimax polynomials
 *          (Chebyshev fits in 40 digits, coefficients rounded to float32).
 *          README.md has the errors that were measured.  A NaN stays one.
 */
#ifndef NN_KERNEL_MATH_IMPL_H
#define NN_KERNEL_MATH_IMPL_H

#include "nn/kernel/vector.h"

static ALWAYS_INLINE vec
absolute(vec x)
{
    return bits_to_float(float_to_bits(x) & 0x7fffffffu);
}

static ALWAYS_INLINE vec
with_sign_of(vec x, vec sign)
{
    return bits_to_float(float_to_bits(x) |
                         (float_to_bits(sign) & 0x80000000u));
}

/* 2^n for n in -126..127, n as an integer in two's complement. */
static ALWAYS_INLINE vec
power_of_two(uvec n)
{
    return bits_to_float((n + 127u) << 23);
}

/* Q(r) of exp r = 1 + r + r^2 Q(r). */
static ALWAYS_INLINE vec
exp_tail(vec r)
{
    vec q = splat(0.000198910799f);

    q = fused(q, r, splat(0.00139337312f));
    q = fused(q, r, splat(0.00833331048f));
    q = fused(q, r, splat(0.041666463f));
    q = fused(q, r, splat(0.166666672f));
    return fused(q, r, splat(0.5f));
}

static ALWAYS_INLINE vec
vec_exp(vec z)
{
    /* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
    const vec shift = splat(0x1.8p23f);

    /* Beyond these the result is inf or 0, and n stays small.  Compared so
     * that a NaN fails both tests and goes through. */
    z = choose(z > 89.0f, splat(89.0f), z);
    z = choose(z < -104.0f, splat(-104.0f), z);

    vec  t = z * splat(1.44269502f) + shift; /* the same on every set */
    uvec n = float_to_bits(t) - float_to_bits(shift);
    vec  nf = t - shift;
    /* ln 2 in two parts; the first has 15 bits, so n times it is exact. */
    vec rough = fused(nf, splat(-0x1.62e4p-1f), z);
    vec r = fused(nf, splat(-1.42860677e-6f), rough);
    vec r_low = fused(nf, splat(-1.42860677e-6f), rough - r);

    vec q = exp_tail(r);
    /* 1 + r, and what its rounding lost, before the small rest. */
    vec one_r = 1.0f + r;
    vec low = (r - (one_r - 1.0f)) + r_low;
    q = one_r + fused(q, r * r, low);

    /* In two steps: 2^n alone may be infinite or subnormal. */
    uvec half = (uvec)((ivec)n >> 1);
    return q * power_of_two(half) * power_of_two(n - half);
}

/*
 * 1 / (1 + exp(-z)) by e = exp(-|z|), which is never large: e / (1 + e) on the
 * left, where it keeps its digits down to the subnormals.  The quotient is
 * corrected once by its remainder; for that a line through 1/s is near enough.
 */
static ALWAYS_INLINE vec
vec_sigmoid(vec z)
{
    vec e = vec_exp(-absolute(z));
    vec top = choose(z < 0.0f, e, splat(1.0f));
    vec s = 1.0f + e;
    vec s_low = e - (s - 1.0f);
    vec y = top / s;
    vec rest = fused(-y, s_low, fused(-y, s, top));

    return fused(rest, fused(splat(-0.47f), s, splat(1.41f)), y);
}

static ALWAYS_INLINE vec
vec_tanh(vec z)
{
    vec a = absolute(z);
    vec u = z * z;
    vec p = splat(-0.00609671418f);

    p = fused(p, u, splat(0.0209971797f));
    p = fused(p, u, splat(-0.0538509078f));
    p = fused(p, u, splat(0.133327693f));
    p = fused(p, u, splat(-0.333333284f));
    p = fused(p * u, a, a);

    /* tanh a = 1 - 2 / (exp(2 a) + 1); 1 exactly long before exp overflows. */
    vec big = 1.0f - 2.0f / (vec_exp(a + a) + 1.0f);

    return with_sign_of(choose(a < 0.625f, p, big), z);
}

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

static ALWAYS_INLINE vec
vec_relu(vec z)
{
    return choose(z < 0.0f, splat(0), z);
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
