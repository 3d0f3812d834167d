/*
 * layer_norm.c - each sample brought to mean 0 and variance 1
 *
 * Model    Ba, Kiros & Hinton 2016: y = weight (x - m) / sqrt(v + eps) + bias,
 *          m and the biased v of one row, or of one step of a sequence [steps,
 *          features], or of a whole image.  Training and predicting are alike.
 */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

/* clang-format off */
static const struct nn_member members[] = {
    { "epsilon", NN_MEMBER_FLOAT, offsetof(struct nn_layer_spec, epsilon), false, 0, 1, true, false, 1e-5 },
    { 0 }
};
/* clang-format on */

/* Numbers that are normalised together. */
static size_t
width_of(const struct nn_shape *in)
{
    return in->rank > 2 ? nn_shape_size(in) : in->dim[in->rank - 1];
}

static size_t
rows_of(const struct nn_shape *in, size_t n)
{
    return n * (nn_shape_size(in) / width_of(in));
}

static size_t
tensors(const struct nn_layer_spec *spec, const struct nn_shape *in,
        struct nn_tensor_rule rule[NN_MAX_TENSORS])
{
    struct nn_shape shape = *in;

    (void)spec;
    if (in->rank == 2)
        shape = (struct nn_shape){ .rank = 1, .dim = { in->dim[1] } };
    for (size_t i = 0; i < 2; i++)
        rule[i] = (struct nn_tensor_rule){
            .name = i == 0 ? "weight" : "bias",
            .shape = shape,
            .init = { .type = NN_INIT_ZEROS },
            .start = i == 0 ? 1 : 0,
        };
    return 2;
}

/* Of every row m and 1 / sqrt(v + eps). */
static void
measure(const struct nn_layer_pass *pass, const float *x, size_t width,
        float *mean, float *inverse)
{
    double sum = 0, squares = 0, m;

    for (size_t i = 0; i < width; i++)
        sum += x[i];
    m = sum / (double)width;
    for (size_t i = 0; i < width; i++)
        squares += (x[i] - m) * (x[i] - m);
    *mean = (float)m;
    *inverse = (float)(1 / sqrt(squares / (double)width +
                                (double)pass->spec->epsilon));
}

static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    size_t       width = width_of(pass->in), rows = rows_of(pass->in, pass->n);
    const float *weight = pass->params, *bias = weight + width;

    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        float mean, inverse;

        measure(pass, x, width, &mean, &inverse);
        for (size_t i = 0; i < width; i++)
            y[i] = weight[i] * ((x[i] - mean) * inverse) + bias[i];
    }
}

/* dx = (dh - mean of dh - xh mean of dh xh) / sqrt(v + eps), dh = weight d */
static void
backward(const struct nn_layer_pass *pass, const float *x, const float *y,
         float *d, float *grad, float *dx)
{
    size_t       width = width_of(pass->in), rows = rows_of(pass->in, pass->n);
    const float *weight = pass->params;
    float       *dweight = grad, *dbias = grad + width;

    (void)y;
    memset(grad, 0, 2 * width * sizeof(*grad));
    for (size_t r = 0; r < rows; r++, x += width, d += width) {
        float  mean, inverse;
        double sum = 0, sum_xh = 0;

        measure(pass, x, width, &mean, &inverse);
        for (size_t i = 0; i < width; i++) {
            float xh = (x[i] - mean) * inverse, dh = weight[i] * d[i];

            dweight[i] += d[i] * xh;
            dbias[i] += d[i];
            sum += dh;
            sum_xh += (double)dh * xh;
        }
        for (size_t i = 0; dx != NULL && i < width; i++) {
            float xh = (x[i] - mean) * inverse;

            *dx++ = inverse * (weight[i] * d[i] - (float)(sum / (double)width) -
                               xh * (float)(sum_xh / (double)width));
        }
    }
}

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    size_t width = width_of(pass->in), rows = rows_of(pass->in, pass->n);

    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        double mean = 0, squares = 0, inverse;

        for (size_t i = 0; i < width; i++)
            mean += x[i] / (double)width;
        for (size_t i = 0; i < width; i++)
            squares += (x[i] - mean) * (x[i] - mean);
        inverse =
            1 / sqrt(squares / (double)width + (double)pass->spec->epsilon);
        for (size_t i = 0; i < width; i++)
            y[i] = nn_exact_param(pass, i) * (x[i] - mean) * inverse +
                   nn_exact_param(pass, width + i);
    }
}

const struct nn_layer_type nn_layer_norm = {
    .name = "layer_norm",
    .members = members,
    .shape = nn_layer_keeps_shape,
    .tensors = tensors,
    .forward = forward,
    .backward = backward,
    .exact = exact,
};
