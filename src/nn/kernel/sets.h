/*
 * sets.h - the instruction sets of this build, and what they share
 */
#ifndef NN_KERNEL_SETS_H
#define NN_KERNEL_SETS_H

#include "nn/kernel/kernel.h"

/* A panel of K_BLOCK rows fits the first-level cache beside a tile's rows of
 * A.  Turned, TURNED_ROWS samples of TURNED_DEPTH inputs fit the second.
 * Multiples of every set's tile, and the same for all, so that scratch memory
 * does not depend on the set. */
#define K_BLOCK 256
#define TURNED_ROWS 128
#define TURNED_DEPTH 1024
#define SCRATCH_FLOATS ((size_t)(TURNED_DEPTH + 64) * TURNED_ROWS)

/* Between these a sum of squares is one of floats, else of doubles. */
#define SQUARES_LEAST 1e-30f
#define SQUARES_MOST 1e30f

/* nn_kernel.tiny for two small layers; false where the net is another. */
typedef bool nn_kernel_two_layers_fn(
    const struct nn_kernel_tiny *net, const float *x, const float *t, size_t n,
    float *y, struct nn_kernel_tiny_sums                 *sums,
    double (*sum_squares)(const float *, size_t), size_t *done);

#ifdef NN_HAVE_X86
extern const struct nn_kernel nn_kernel_sse2, nn_kernel_avx2, nn_kernel_avx512;
nn_kernel_two_layers_fn nn_kernel_two_layers_sse2, nn_kernel_two_layers_avx2,
    nn_kernel_two_layers_avx512;
#else
extern const struct nn_kernel nn_kernel_generic;
nn_kernel_two_layers_fn       nn_kernel_two_layers_generic;
#endif

#endif
