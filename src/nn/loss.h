/*
 * loss.h - what a loss is: a row
 *
 * Model    E per sample from outputs y and targets t, and its derivative.  A
 *          loss that goes with one activation gives dE/dz of both at once,
 *          where the parts alone would divide by what may be zero.
 *          To add one: a value of enum nn_loss, its row, and a line in the
 *          table of tests/unit/nn_gradient.c.
 */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "nn/spec.h"

struct nn_loss_row {
    const char *name;
    /* The output activation it demands, and then delta() gives dE/dz;
     * NN_ACTIVATION_COUNT: any, and delta() gives dE/dy. */
    enum nn_activation output;
    double (*value)(const struct nn_loss_spec *loss, const float *y,
                    const float *t, size_t n_out);
    void (*delta)(const struct nn_loss_spec *loss, float *d, const float *y,
                  const float *t, size_t n_out, float scale);
    const struct nn_member *members;
    /* The value again, in double: of y, or, where it demands an activation, of
     * z.  y32 is what float32 gave, which takes the side at a kink. */
    double (*exact)(const struct nn_loss_spec *loss, const double *y,
                    const float *y32, const float *t, size_t n_out);
};

const struct nn_loss_row *nn_loss_row(enum nn_loss l);

/* d [n][n_out]: the derivative of nn_loss_mean(), as the row has it. */
void nn_loss_delta(const struct nn_loss_spec *loss, float *d, const float *y,
                   const float *t, const float *weight, size_t n, size_t n_out);

#endif
