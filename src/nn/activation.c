#include "nn/activation.h"

#include <assert.h>
#include <string.h>

/* All of these let a NaN through: a diverged run must be seen. */

static void
sigmoid_forward(const struct nn_kernel *kernel, float *y, size_t n,
                size_t width)
{
    kernel->sigmoid(y, y, n * width);
}

/* f' = y (1 - y) */
static void
sigmoid_backward(float *d, const float *y, size_t n, size_t width)
{
    for (size_t i = 0; i < n * width; i++)
        d[i] *= y[i] * (1.0f - y[i]);
}

static void
tanh_forward(const struct nn_kernel *kernel, float *y, size_t n, size_t width)
{
    kernel->tanh(y, y, n * width);
}

/* f' = 1 - y^2, as (1 - y)(1 + y), which keeps its digits near 1 */
static void
tanh_backward(float *d, const float *y, size_t n, size_t width)
{
    for (size_t i = 0; i < n * width; i++)
        d[i] *= (1.0f - y[i]) * (1.0f + y[i]);
}

static void
relu_forward(const struct nn_kernel *kernel, float *y, size_t n, size_t width)
{
    (void)kernel;
    for (size_t i = 0; i < n * width; i++)
        y[i] = y[i] < 0.0f ? 0.0f : y[i];
}

/* f' = 1 for y > 0, else 0 (at 0 itself too) */
static void
relu_backward(float *d, const float *y, size_t n, size_t width)
{
    for (size_t i = 0; i < n * width; i++)
        d[i] = y[i] > 0.0f ? d[i] : 0.0f;
}

/* y_k = exp(z_k - max z) / sum_j exp(z_j - max z): no exp can overflow. */
static void
softmax_forward(const struct nn_kernel *kernel, float *y, size_t n,
                size_t width)
{
    for (size_t s = 0; s < n; s++, y += width) {
        float  max = y[0];
        double sum = 0;

        for (size_t k = 1; k < width; k++)
            max = y[k] > max ? y[k] : max;
        for (size_t k = 0; k < width; k++)
            y[k] -= max;
        kernel->exp(y, y, width);
        for (size_t k = 0; k < width; k++)
            sum += y[k];
        for (size_t k = 0; k < width; k++)
            y[k] = (float)(y[k] / sum);
    }
}

/* dz_k = y_k (dy_k - sum_j dy_j y_j) */
static void
softmax_backward(float *d, const float *y, size_t n, size_t width)
{
    for (size_t s = 0; s < n; s++, d += width, y += width) {
        double sum = 0;

        for (size_t k = 0; k < width; k++)
            sum += (double)d[k] * y[k];
        for (size_t k = 0; k < width; k++)
            d[k] = (float)(y[k] * (d[k] - sum));
    }
}

/* clang-format off */
static const struct nn_activation_row rows[NN_ACTIVATION_COUNT] = {
    [NN_LINEAR]  = { "linear",  NN_INIT_GLOROT_UNIFORM, false, NULL,            NULL             },
    [NN_SIGMOID] = { "sigmoid", NN_INIT_GLOROT_UNIFORM, false, sigmoid_forward, sigmoid_backward },
    [NN_TANH]    = { "tanh",    NN_INIT_GLOROT_UNIFORM, false, tanh_forward,    tanh_backward    },
    [NN_RELU]    = { "relu",    NN_INIT_HE_UNIFORM,     false, relu_forward,    relu_backward    },
    [NN_SOFTMAX] = { "softmax", NN_INIT_GLOROT_UNIFORM, true,  softmax_forward, softmax_backward },
};
/* clang-format on */

const struct nn_activation_row *
nn_activation_row(enum nn_activation a)
{
    assert(a < NN_ACTIVATION_COUNT);
    return &rows[a];
}

const char *
nn_activation_name(enum nn_activation a)
{
    return nn_activation_row(a)->name;
}

bool
nn_activation_find(const char *name, enum nn_activation *out)
{
    for (int a = 0; a < NN_ACTIVATION_COUNT; a++) {
        if (strcmp(rows[a].name, name) == 0) {
            *out = (enum nn_activation)a;
            return true;
        }
    }
    return false;
}
