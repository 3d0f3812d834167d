/*
 * flatten.c - the same numbers as one row: an image becomes what dense takes
 */
#include <string.h>

#include "nn/layer.h"

static const struct nn_member members[] = { { 0 } };

static enum err
shape(const struct nn_layer_spec *spec, const struct nn_shape *in,
      const char *at, struct nn_shape *out, struct errinfo *e)
{
    (void)spec;
    (void)at;
    (void)e;
    *out = (struct nn_shape){ .rank = 1, .dim = { nn_shape_size(in) } };
    return ERR_OK;
}

static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    memcpy(y, x, pass->n * pass->out->dim[0] * sizeof(*y));
}

static void
backward(const struct nn_layer_pass *pass, const float *x, const float *y,
         float *d, float *grad, float *dx)
{
    (void)x;
    (void)y;
    (void)grad;
    if (dx != NULL)
        memcpy(dx, d, pass->n * pass->out->dim[0] * sizeof(*dx));
}

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    memcpy(y, x, pass->n * pass->out->dim[0] * sizeof(*y));
}

const struct nn_layer_type nn_flatten = {
    .name = "flatten",
    .members = members,
    .shape = shape,
    .tensors = nn_layer_no_tensors,
    .forward = forward,
    .backward = backward,
    .exact = exact,
};
