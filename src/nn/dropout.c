/*
 * dropout.c - while training, each number is left out with probability `rate`
 *
 * Model    Inverted (Srivastava et al. 2014): what stays is divided by 1 -
 *          rate, so that a prediction needs no change.  Number i of a batch is
 *          drawn as the i-th at (seed, layer, epoch, batch): by any thread, in
 *          any order, again after a restart.
 */
#include <string.h>

#include "nn/layer.h"

/* clang-format off */
static const struct nn_member members[] = {
    { "rate", NN_MEMBER_FLOAT, offsetof(struct nn_layer_spec, rate), true, 0, 1, false, true, 0 },
    { 0 }
};
/* clang-format on */

/* The factor of every number, 0 or 1 / (1 - rate), for backward. */
static struct nn_layer_room
room(const struct nn_layer_spec *spec, const struct nn_shape *in)
{
    (void)spec;
    return (struct nn_layer_room){ .per_sample = nn_shape_size(in) };
}

static void
draw(const struct nn_layer_pass *pass, float *factor, size_t n)
{
    float rate = pass->spec->rate, kept = 1.0f / (1.0f - rate);

    for (size_t i = 0; i < n; i += 4) {
        uint32_t block[4];

        random_block(pass->draws, (uint32_t)(i / 4), block);
        for (size_t k = i; k < n && k < i + 4; k++) {
            float u = (float)(block[k % 4] >> 8) * 0x1p-24f;

            factor[k] = u < rate ? 0.0f : kept;
        }
    }
}

static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    size_t n = pass->n * nn_shape_size(pass->out);

    if (!pass->training || pass->draws == NULL) {
        memcpy(y, x, n * sizeof(*y));
        return;
    }
    draw(pass, pass->kept, n);
    for (size_t i = 0; i < n; i++)
        y[i] = pass->kept[i] * x[i];
}

static void
backward(const struct nn_layer_pass *pass, const float *x, const float *y,
         float *d, float *grad, float *dx)
{
    size_t n = pass->n * nn_shape_size(pass->out);

    (void)x;
    (void)y;
    (void)grad;
    if (dx == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        dx[i] = pass->draws != NULL ? pass->kept[i] * d[i] : d[i];
}

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    memcpy(y, x, pass->n * nn_shape_size(pass->out) * sizeof(*y));
}

const struct nn_layer_type nn_dropout = {
    .name = "dropout",
    .members = members,
    .shape = nn_layer_keeps_shape,
    .tensors = nn_layer_no_tensors,
    .room = room,
    .forward = forward,
    .backward = backward,
    .exact = exact,
};
