/*
 * activation_layer.c - an activation as a layer of its own: y = f(x)
 */
#include <math.h>
#include <string.h>

#include "nn/activation.h"
#include "nn/layer.h"

/* clang-format off */
#define AT(member) offsetof(struct nn_layer_spec, member)
static const struct nn_member members[] = {
    { "activation", NN_MEMBER_ACTIVATION, AT(activation), true,  0, 0, false, false, NN_LINEAR },
    { "slope",      NN_MEMBER_FLOAT,      AT(slope),      false, 0, 1, false, false, NAN       },
    { 0 }
};
/* clang-format on */

static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    nn_activation_forward(pass, y, x);
}

static void
backward(const struct nn_layer_pass *pass, const float *x, const float *y,
         float *d, float *grad, float *dx)
{
    (void)grad;
    if (dx == NULL)
        return;
    nn_activation_backward(pass, d, y, x);
    memcpy(dx, d, pass->n * nn_shape_size(pass->out) * sizeof(*dx));
}

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    memcpy(y, x, pass->n * nn_shape_size(pass->out) * sizeof(*y));
    nn_activation_exact(pass, y);
}

const struct nn_layer_type nn_activation_layer = {
    .name = "activation",
    .members = members,
    .shape = nn_layer_keeps_shape,
    .tensors = nn_layer_no_tensors,
    .forward = forward,
    .backward = backward,
    .exact = exact,
};
