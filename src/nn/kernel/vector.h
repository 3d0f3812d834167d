/*
 * vector.h - one vector type for whatever instruction set this file is built
 *
 * Model    The file that includes this is compiled once a set, with NN_SET_…
 *          defined and the compiler's flags for that set.  LANES floats make
 *          a vec; fused() is a b + c, rounded once where the set has FMA.  The
 *          instruction is named outright: left to the compiler, fusing would
 *          depend on its optimisation level, and so would the bytes.
 *
 * Everything here and in the files built on it is static: an inline function
 * with a shared name would be merged by the linker, and the copy it keeps may
 * hold instructions that this CPU lacks.
 */
#ifndef NN_KERNEL_VECTOR_H
#define NN_KERNEL_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(NN_SET_AVX512) || defined(NN_SET_AVX2) || defined(NN_SET_SSE2)
#include <immintrin.h>
#else
#include <math.h>
#endif

#if defined(NN_SET_AVX512)
#define LANES 16
#define TILE_ROWS 8
#elif defined(NN_SET_AVX2)
#define LANES 8
#define TILE_ROWS 6
#else
#define LANES 4
#define TILE_ROWS 4
#endif

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
#if defined(NN_SET_AVX512)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(NN_SET_AVX2)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* sum + x x; the square of a float is exact in a double, so that it does not
 * matter whether this is fused. */
static ALWAYS_INLINE dvec
add_square(dvec sum, half_vec x)
{
    dvec d = __builtin_convertvector(x, dvec);

#if defined(NN_SET_AVX512)
    return (dvec)_mm512_fmadd_pd((__m512d)d, (__m512d)d, (__m512d)sum);
#elif defined(NN_SET_AVX2)
    return (dvec)_mm256_fmadd_pd((__m256d)d, (__m256d)d, (__m256d)sum);
#else
    return sum + d * d;
#endif
}

static ALWAYS_INLINE vec
square_root(vec x)
{
#if defined(NN_SET_AVX512)
    return (vec)_mm512_sqrt_ps((__m512)x);
#elif defined(NN_SET_AVX2)
    return (vec)_mm256_sqrt_ps((__m256)x);
#elif defined(NN_SET_SSE2)
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

/* mask ? a : b, lane by lane; a mask is all ones or all zeros. */
static ALWAYS_INLINE vec
choose(ivec mask, vec a, vec b)
{
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
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
