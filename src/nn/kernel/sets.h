/*
 * sets.h - the instruction sets of this build, and what they share
 */
#ifndef NN_KERNEL_SETS_H
#define NN_KERNEL_SETS_H

#include "nn/kernel/kernel.h"

/* A block of packed B, [K_BLOCK][N_BLOCK]: a panel of it fits the first-level
 * cache beside the rows of A, the whole the second.  Multiples of every set's
 * tile, and the same for all, so that scratch memory does not depend on the set. */
#define K_BLOCK 256
#define N_BLOCK 256

#ifdef NN_HAVE_X86
extern const struct nn_kernel nn_kernel_sse2, nn_kernel_avx2, nn_kernel_avx512;
#else
extern const struct nn_kernel nn_kernel_generic;
#endif

#endif
