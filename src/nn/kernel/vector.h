/*
 * vector.h - one vector type for whatever instruction set this file is built
 *
 * Model    The file that includes this is compiled once a set, with NN_SET_…
 *          defined and the compiler's flags for that set.  LANES floats make a
 *          vec, four where the file defines NN_FOUR_LANES; fused() is a b + c,
 *          rounded once where the set has FMA.  The instruction is named
 *          outright: left to the compiler, fusing would depend on its
 *          optimisation level, and so would the bytes.
 *
 * Everything here and in the files built on it is static: an inline function
 * with a shared name would be merged by the linker, and the copy it keeps may
 * hold instructions that this CPU lacks.
 */
#ifndef NN_KERNEL_VECTOR_H
#define NN_KERNEL_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#else
#include <math.h>
#endif

#if defined(NN_SET_AVX512) || defined(NN_SET_AVX2)
#define FUSES 1
#else
#define FUSES 0
#endif

#if defined(NN_SET_AVX512) && !defined(NN_FOUR_LANES)
#define LANES 16
#define TILE_ROWS 8
#elif defined(NN_SET_AVX2) && !defined(NN_FOUR_LANES)
#define LANES 8
#define TILE_ROWS 6
#else
#define LANES 4
#define TILE_ROWS 4
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define ALWAYS_INLINE inline __attribute__((always_inline))

typedef float    vec __attribute__((vector_size(4 * LANES)));
typedef int32_t  ivec __attribute__((vector_size(4 * LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES)));
/* Floats anywhere in memory, of any alignment. */
typedef float vec_mem
    __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* Half as many doubles, for sums. */
typedef float  half_vec __attribute__((vector_size(2 * LANES)));
typedef double dvec __attribute__((vector_size(4 * LANES)));
typedef float  half_mem
    __attribute__((vector_size(2 * LANES), aligned(4), may_alias));

static ALWAYS_INLINE vec
load(const float *p)
{
    return *(const vec_mem *)p;
}

static ALWAYS_INLINE void
store(float *p, vec v)
{
    *(vec_mem *)p = v;
}

static ALWAYS_INLINE vec
splat(float x)
{
    return x - (vec){ 0 };
}

static ALWAYS_INLINE vec
fused(vec a, vec b, vec c)
{
#if LANES == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif FUSES
    return (vec)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#else
    return a * b + c;
#endif
}

/* mask ? a : b, lane by lane; a mask is all ones or all zeros. */
static ALWAYS_INLINE vec
choose(ivec mask, vec a, vec b)
{
#if LANES == 4 && FUSES
    return (vec)_mm_blendv_ps((__m128)b, (__m128)a, (__m128)mask);
#else
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
#endif
}

#if LANES == 4
static ALWAYS_INLINE bool
all_true(ivec mask)
{
#ifdef __SSE2__
    return _mm_movemask_ps((__m128)mask) == 15;
#else
    return (mask[0] & mask[1] & mask[2] & mask[3]) != 0;
#endif
}

static ALWAYS_INLINE dvec
root(dvec x)
{
#ifdef __SSE2__
    return (dvec)_mm_sqrt_pd((__m128d)x);
#else
    return (dvec){ sqrt(x[0]), sqrt(x[1]) };
#endif
}
#endif

/* min(x, limit), max(x, limit); a NaN stays one. */
static ALWAYS_INLINE vec
at_most(vec x, float limit)
{
#if LANES == 16
    return (vec)_mm512_min_ps(_mm512_set1_ps(limit), (__m512)x);
#elif LANES == 8
    return (vec)_mm256_min_ps(_mm256_set1_ps(limit), (__m256)x);
#elif defined(__SSE2__)
    return (vec)_mm_min_ps(_mm_set1_ps(limit), (__m128)x);
#else
    return choose(x > limit, splat(limit), x);
#endif
}

static ALWAYS_INLINE vec
at_least(vec x, float limit)
{
#if LANES == 16
    return (vec)_mm512_max_ps(_mm512_set1_ps(limit), (__m512)x);
#elif LANES == 8
    return (vec)_mm256_max_ps(_mm256_set1_ps(limit), (__m256)x);
#elif defined(__SSE2__)
    return (vec)_mm_max_ps(_mm_set1_ps(limit), (__m128)x);
#else
    return choose(x < limit, splat(limit), x);
#endif
}

/* sum + x x; the square of a float is exact in a double, so that it does not
 * matter whether this is fused. */
static ALWAYS_INLINE dvec
add_square(dvec sum, half_vec x)
{
    dvec d = __builtin_convertvector(x, dvec);

#if LANES == 16
    return (dvec)_mm512_fmadd_pd((__m512d)d, (__m512d)d, (__m512d)sum);
#elif LANES == 8
    return (dvec)_mm256_fmadd_pd((__m256d)d, (__m256d)d, (__m256d)sum);
#else
    return sum + d * d;
#endif
}

static ALWAYS_INLINE vec
square_root(vec x)
{
#if LANES == 16
    return (vec)_mm512_sqrt_ps((__m512)x);
#elif LANES == 8
    return (vec)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    return (vec)_mm_sqrt_ps((__m128)x);
#else
    for (size_t i = 0; i < LANES; i++)
        x[i] = sqrtf(x[i]);
    return x;
#endif
}

static ALWAYS_INLINE vec
bits_to_float(uvec bits)
{
    return (vec)bits;
}

static ALWAYS_INLINE uvec
float_to_bits(vec x)
{
    return (uvec)x;
}

/* Lane i is a[which[i]]; from LANES on, b[which[i] - LANES]. */
static ALWAYS_INLINE vec
pick(vec a, vec b, uvec which)
{
#ifdef __clang__
    vec r = a;

    for (uint32_t i = 0; i < LANES; i++)
        r[i] = which[i] < LANES ? a[which[i]] : b[which[i] - LANES];
    return r;
#else
    return __builtin_shuffle(a, b, which);
#endif
}

#endif
