/*
 * tiny.h - a net so small that everything around its arithmetic would cost more
 *
 * Model    Dense layers of at most 16 inputs and units, one sample a batch,
 *          plain sgd, a squared error: there a path of its own makes the same
 *          updates, to the byte, many times faster.
 */
#ifndef NN_TINY_H
#define NN_TINY_H

#include "nn/kernel/kernel.h"
#include "nn/train.h"

/* Rows done at once; the flag to stop is read in between. */
#define NN_TINY_ROWS 256

/* May these rows take it?  *out is what to give to nn_tiny_rows(). */
bool nn_tiny_plan(struct nn_net *net, const struct nn_optimizer *opt,
                  const struct nn_train_options *options, const float *weight,
                  struct nn_kernel_tiny *out);

/* n <= NN_TINY_ROWS rows, as nn_train_rows() has them. */
bool nn_tiny_rows(const struct nn_kernel_tiny *tiny, struct nn_work *work,
                  struct nn_optimizer *opt, const float *x, const float *t,
                  size_t n, const struct nn_train_options *options,
                  struct nn_train_sums *sums);

#endif
