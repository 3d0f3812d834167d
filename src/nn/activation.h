/*
 * activation.h - what an activation is: a row
 *
 * Model    y = f(z), and f' told by y, so that z need not be kept.
 *          To add one: a value of enum nn_activation, its row, and a line in
 *          the table of tests/unit/nn_gradient.c.
 */
#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H

#include "nn/kernel/kernel.h"
#include "nn/spec.h"

struct nn_activation_row {
    const char  *name;
    enum nn_init init; /* what suits it, for NN_INIT_DEFAULT */
    bool         last_layer_only;
    /* In place: z becomes y [n][width].  NULL: y = z. */
    void (*forward)(const struct nn_kernel *kernel, float *y, size_t n,
                    size_t width);
    /* In place: d = dE/dy [n][width] becomes dE/dz.  NULL: it already is. */
    void (*backward)(float *d, const float *y, size_t n, size_t width);
};

const struct nn_activation_row *nn_activation_row(enum nn_activation a);

#endif
