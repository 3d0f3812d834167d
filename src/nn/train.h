/*
 * train.h - many updates in a row over rows that lie in memory
 *
 * Model    n rows are cut, in order, into batches of batch_size (the last one
 *          may be smaller); each batch is one gradient and one update.  This
 *          is the loop that must be fast for a 2-2-1 net as for a large one, so
 *          it is in nn/ and sees many batches at once: nothing is allocated,
 *          and a tiny net at batch size 1 takes a path of its own.
 * Threads  As nn/net.h: net, work, opt and grad belong to the calling thread.
 */
#ifndef NN_TRAIN_H
#define NN_TRAIN_H

#include <stdatomic.h>

#include "nn/net.h"
#include "nn/optimizer.h"

/* What a run adds up; start with { 0 }, divide by n_rows or n_batches. */
struct nn_train_sums {
    double loss;          /* sum over rows of the row's loss, each seen by the
                             parameters before its batch's update           */
    double gradient_norm; /* sum over batches of the mean gradient's L2 norm */
    size_t n_rows;
    size_t n_batches;
    size_t n_correct; /* rows whose largest output is the largest target;
                         with one output: same side of `middle`         */
};

/*
 * Train on rows x [n][n_in], t [n][n_out] (weight [n] or NULL).  middle parts
 * the two classes of a single output (0.5; 0 for tanh).  *stop is read between
 * batches (NULL: never stops): the rows done are in *sums.  A batch whose loss
 * is not finite is not applied and ends the run: then the return value is false.
 */
bool nn_train_rows(struct nn_net *net, struct nn_work *work,
                   struct nn_optimizer *opt, float *grad, const float *x,
                   const float *t, const float *weight, size_t n,
                   size_t batch_size, float rate, float middle,
                   const atomic_bool *stop, struct nn_train_sums *sums);

/* Rows of y [n][n_out] that are right by the rule of n_correct. */
size_t nn_count_correct(const float *y, const float *t, size_t n, size_t n_out,
                        float middle);

#endif
