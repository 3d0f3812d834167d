/*
 * math_impl.h - exp, sigmoid and tanh, written over vec
 *
 * Model    exp z = 2^n exp r, n = round(z / ln 2), |r| <= ln 2 / 2, where
 *          exp r = 1 + r + r^2 Q(r), Q of degree 4; tanh z = z + z^3 P(z^2)
 *          near zero, P of degree 4.  Q and P are near-minimax polynomials with
 *          coefficients rounded to float32, evaluated by Estrin's scheme: what
 *          matters is how long a result has to be waited for.  A NaN stays one.
 *          Measured over every 61st float: exp within 0.77 ulp, sigmoid 1.66,
 *          tanh 1.16 (tests/unit/nn_kernel.c has its own sweep).
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

/* Q(r) of exp r = 1 + r + r^2 Q(r), in few steps that wait for each other. */
static ALWAYS_INLINE vec
exp_tail(vec r)
{
    vec r2 = r * r;
    vec low = fused(r, splat(0.166665226f), splat(0.49999997f));
    vec high = fused(r, splat(0.00836849771f), splat(0.0416667275f));

    return fused(fused(r2, splat(0.00139325403f), high), r2, low);
}

/* Adding it rounds to an integer and leaves that in the low bits. */
#define SHIFT 0x1.8p23f

/* ln 2 in two parts.  Without a fused multiply-add, n times the first must be
 * exact: it has 15 bits then. */
#if FUSES
#define LN2 0x1.62e43p-1f
#define LN2_REST -1.90465421e-9f
#else
#define LN2 0x1.62e4p-1f
#define LN2_REST 1.42860677e-6f
#endif

/* x 2^n, in two steps: 2^n alone may be infinite or subnormal. */
static ALWAYS_INLINE vec
times_power_of_two(vec x, uvec n)
{
    uvec half = (uvec)((ivec)n >> 1);

    return x * power_of_two(half) * power_of_two(n - half);
}

static ALWAYS_INLINE vec
vec_exp(vec z)
{
    /* Beyond these the result is inf or 0, and n stays small. */
    z = at_least(at_most(z, 89.0f), -104.0f);

    vec  t = fused(z, splat(1.44269502f), splat(SHIFT));
    uvec n = float_to_bits(t) - float_to_bits(splat(SHIFT));
    vec  nf = t - SHIFT;
    vec  rough = fused(nf, splat(-LN2), z);
    vec  r = fused(nf, splat(-LN2_REST), rough);
    vec  r_low = fused(nf, splat(-LN2_REST), rough - r);

    /* 1 + r, and what its rounding lost, before the small rest. */
    vec one_r = 1.0f + r;
    vec low = (r - (one_r - 1.0f)) + r_low;

    return times_power_of_two(one_r + fused(exp_tail(r), r * r, low), n);
}

/*
 * 1 / (1 + exp(-z)) = s / (s + 1 + p), s = 2^n, n = round(z / ln 2), p = exp r
 * - 1, by few steps that wait for each other: tiny nets do little else.  So
 * exp_tail() does not see what the first part of ln 2 leaves of r, which only
 * matters outside of it, and s is near enough where it is nothing beside 1.
 */
static ALWAYS_INLINE vec
vec_sigmoid(vec z)
{
    const float shift = SHIFT + 127; /* n comes as the exponent of 2^n */

    /* Beyond these what is computed is nonsense.  It is replaced at the end, so
     * that nobody waits for the limits. */
    ivec above = z > 40.0f, below = z < -104.0f;

    vec t = fused(z, splat(1.44269502f), splat(shift));
    vec nf = t - shift;
    vec rough = fused(nf, splat(LN2), -z);
    vec r = fused(nf, splat(LN2_REST), rough);
    vec tail = exp_tail(FUSES ? rough : r);

    /* Where 2^n is below 2^-100, the rest of it in a second factor. */
    vec t_100 = at_least(t, shift - 100);
    vec s = bits_to_float(float_to_bits(t_100) << 23);
    vec s_rest = power_of_two(float_to_bits(t) - float_to_bits(t_100));
    /* Near n = -24, the rounding of this sum would be too much. */
    vec s_1 = s + 1.0f;
    vec lost = s - (s_1 - 1.0f);

    vec y = s * s_rest / (s_1 + fused(tail, r * r, r + lost));
    vec limit = bits_to_float((uvec)above & float_to_bits(splat(1)));

    return choose(above | below, limit, y);
}

static ALWAYS_INLINE vec
vec_tanh(vec z)
{
    vec a = absolute(z);
    vec u = z * z;
    vec u2 = u * u;
    vec low = fused(u, splat(0.133327693f), splat(-0.333333284f));
    vec high = fused(u, splat(0.0209971797f), splat(-0.0538509078f));
    vec tail = fused(fused(u2, splat(-0.00609671418f), high), u2, low);
    vec near = fused(tail * u, a, a);

    vec far = fused(splat(-2.0f), vec_sigmoid(-2.0f * a), splat(1.0f));

    return with_sign_of(choose(a < 0.625f, near, far), z);
}

static ALWAYS_INLINE vec
vec_relu(vec z)
{
    return choose(z < 0.0f, splat(0), z);
}

#endif
