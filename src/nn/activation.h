/*
 * activation.h - what an activation is: a row
 *
 * Model    y = f(z), and f' told by y where that can be, so that z need not be
 *          kept; a row that needs z says so.
 *          To add one: a value of enum nn_activation, its row, and a line in
 *          the table of tests/unit/nn_gradient.c.
 */
#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H

#include "nn/layer.h"

/* [n][width] numbers to apply one to. */
struct nn_activation_batch {
    const struct nn_kernel *kernel;
    size_t                  n, width;
    float                   slope; /* of leaky_relu */
};

struct nn_activation_row {
    const char  *name;
    enum nn_init init; /* what suits it, for NN_INIT_DEFAULT */
    bool         last_layer_only;
    bool         needs_z;
    /* f(z) in double; `above`: float32 gave a y > 0, which takes the side at a
     * kink.  NULL: linear, or softmax, which is not of one number. */
    double (*exact)(double z, double slope, bool above);
    /* y from z, which may be the same memory.  NULL: y = z. */
    void (*forward)(const struct nn_activation_batch *b, float *y,
                    const float *z);
    /* In place: d = dE/dy becomes dE/dz.  z is NULL unless needs_z.  NULL: it
     * already is. */
    void (*backward)(const struct nn_activation_batch *b, float *d,
                     const float *y, const float *z);
};

const struct nn_activation_row *nn_activation_row(enum nn_activation a);

/* --- for layers that end in one ------------------------------------------- */

/* y = f(z), of the layer's spec; z may be y. */
void nn_activation_forward(const struct nn_layer_pass *pass, float *y,
                           const float *z);
/* The same of [n][from..to], of an activation that is of one number. */
void nn_activation_forward_part(const struct nn_layer_pass *pass, float *y,
                                const float *z, size_t from, size_t to);
/* z becomes y, in double. */
void nn_activation_exact(const struct nn_exact_pass *pass, double *z);
/* Floats a sample that backward needs of z. */
struct nn_layer_room nn_activation_room(const struct nn_layer_spec *spec,
                                        size_t                      n_out);
/* d becomes dE/dz, unless it is that already (dz_given). */
void nn_activation_backward(const struct nn_layer_pass *pass, float *d,
                            const float *y, const float *z);

#endif
