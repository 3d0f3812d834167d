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

struct nn_train_options {
    size_t batch_size;
    float  rate;
    float  clip_norm;  /* the gradient's L2 norm is at most this; 0: any      */
    float  clip_value; /* then each of its elements within +- this; 0: any    */
    /* Where dropout draws: the first of these rows begin this batch. */
    struct nn_draws draws;
    /* How a row is judged: see nn_count_correct(). */
    float middle;
    bool  multi_label;
    /* At the last batch, measure update_ratio. */
    bool measure;
    /* Read between batches; NULL: never stops. */
    const atomic_bool *stop;
};

/* What a run adds up; start with { 0 }, divide by n_rows or n_batches. */
struct nn_train_sums {
    double loss;          /* sum over rows of the row's loss, each seen by the
                             parameters before its batch's update             */
    double gradient_norm; /* sum over batches of the mean gradient's L2 norm,
                             before it was clipped                            */
    double layer_norm[NN_MAX_LAYERS]; /* the same, of each layer's part       */
    size_t n_rows;
    size_t n_batches;
    double n_correct; /* nn_count_correct()                                   */
    /* Of the last batch that was measured, a figure a layer, not a sum: the
     * L2 norm of the update over that of the trained parameters before it; 0
     * where there are none, or all are 0. */
    double update_ratio[NN_MAX_LAYERS];
};

/*
 * Train on rows x [n][n_in], t [n][n_out] (weight [n] or NULL).  grad
 * [n_params] is room.  Where it was stopped, the rows done are in *sums.  A
 * batch whose loss is not finite is not applied and ends the run: then the
 * return value is false.  So does one whose gradient is not: nothing that is
 * not finite is applied, but other parameters may have moved.  While it runs
 * the thread flushes subnormal results, see subnormal.h.
 */
bool nn_train_rows(struct nn_net *net, struct nn_work *work,
                   struct nn_optimizer *opt, float *grad, const float *x,
                   const float *t, const float *weight, size_t n,
                   const struct nn_train_options *options,
                   struct nn_train_sums          *sums);

/*
 * How many rows of y [n][n_out] are right.  multi_label: every output is a
 * question of its own, and a row counts by the fraction of its outputs that are
 * on the same side of middle as their targets (Keras' binary_accuracy).  Else
 * with one output the side decides, with several the largest one.
 */
double nn_count_correct(const float *y, const float *t, size_t n, size_t n_out,
                        float middle, bool multi_label);

#endif
