#include "nn/activation.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* All of these let a NaN through: a diverged run must be seen. */

static void
sigmoid_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->sigmoid(y, z, b->n * b->width);
}

/* f' = y (1 - y) */
static void
sigmoid_backward(const struct nn_activation_batch *b, float *d, const float *y,
                 const float *z)
{
    (void)z;
    for (size_t i = 0; i < b->n * b->width; i++)
        d[i] *= y[i] * (1.0f - y[i]);
}

static void
tanh_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->tanh(y, z, b->n * b->width);
}

/* f' = 1 - y^2, as (1 - y)(1 + y), which keeps its digits near 1 */
static void
tanh_backward(const struct nn_activation_batch *b, float *d, const float *y,
              const float *z)
{
    (void)z;
    for (size_t i = 0; i < b->n * b->width; i++)
        d[i] *= (1.0f - y[i]) * (1.0f + y[i]);
}

static void
relu_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->relu(y, z, b->n * b->width);
}

/* f' = 1 for y > 0, else 0 (at 0 itself too) */
static void
relu_backward(const struct nn_activation_batch *b, float *d, const float *y,
              const float *z)
{
    (void)z;
    b->kernel->relu_slope(d, y, b->n * b->width);
}

/* y = z for z > 0, else slope z; slope >= 0, so that y tells which it was. */
static void
leaky_relu_forward(const struct nn_activation_batch *b, float *y,
                   const float *z)
{
    for (size_t i = 0; i < b->n * b->width; i++)
        y[i] = z[i] > 0.0f ? z[i] : b->slope * z[i];
}

static void
leaky_relu_backward(const struct nn_activation_batch *b, float *d,
                    const float *y, const float *z)
{
    (void)z;
    for (size_t i = 0; i < b->n * b->width; i++)
        d[i] *= y[i] > 0.0f ? 1.0f : b->slope;
}

static void
elu_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->elu(y, z, b->n * b->width);
}

/* f' = exp z = y + 1 for z < 0 */
static void
elu_backward(const struct nn_activation_batch *b, float *d, const float *y,
             const float *z)
{
    (void)z;
    for (size_t i = 0; i < b->n * b->width; i++)
        d[i] *= y[i] > 0.0f ? 1.0f : y[i] + 1.0f;
}

static void
gelu_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->gelu(y, z, b->n * b->width);
}

static void
gelu_backward(const struct nn_activation_batch *b, float *d, const float *y,
              const float *z)
{
    (void)y;
    b->kernel->gelu_slope(d, z, b->n * b->width);
}

static void
silu_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->silu(y, z, b->n * b->width);
}

static void
silu_backward(const struct nn_activation_batch *b, float *d, const float *y,
              const float *z)
{
    (void)y;
    b->kernel->silu_slope(d, z, b->n * b->width);
}

static void
softplus_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    b->kernel->softplus(y, z, b->n * b->width);
}

static void
softplus_backward(const struct nn_activation_batch *b, float *d, const float *y,
                  const float *z)
{
    (void)z;
    b->kernel->softplus_slope(d, y, b->n * b->width);
}

static void
softsign_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    for (size_t i = 0; i < b->n * b->width; i++)
        y[i] = z[i] / (1.0f + fabsf(z[i]));
}

/* f' = 1 / (1 + |z|)^2 = (1 - |y|)^2 */
static void
softsign_backward(const struct nn_activation_batch *b, float *d, const float *y,
                  const float *z)
{
    (void)z;
    for (size_t i = 0; i < b->n * b->width; i++) {
        float rest = 1.0f - fabsf(y[i]);

        d[i] *= rest * rest;
    }
}

/* y_k = exp(z_k - max z) / sum_j exp(z_j - max z): no exp can overflow. */
static void
softmax_forward(const struct nn_activation_batch *b, float *y, const float *z)
{
    size_t width = b->width;

    for (size_t s = 0; s < b->n; s++, y += width, z += width) {
        float  max = z[0];
        double sum = 0;

        for (size_t k = 1; k < width; k++)
            max = z[k] > max ? z[k] : max;
        for (size_t k = 0; k < width; k++)
            y[k] = z[k] - max;
        b->kernel->exp(y, y, width);
        for (size_t k = 0; k < width; k++)
            sum += y[k];
        for (size_t k = 0; k < width; k++)
            y[k] = (float)(y[k] / sum);
    }
}

/* dz_k = y_k (dy_k - sum_j dy_j y_j) */
static void
softmax_backward(const struct nn_activation_batch *b, float *d, const float *y,
                 const float *z)
{
    size_t width = b->width;

    (void)z;
    for (size_t s = 0; s < b->n; s++, d += width, y += width) {
        double sum = 0;

        for (size_t k = 0; k < width; k++)
            sum += (double)d[k] * y[k];
        for (size_t k = 0; k < width; k++)
            d[k] = (float)(y[k] * (d[k] - sum));
    }
}

/* --- in double ------------------------------------------------------------ */

static double
sigmoid_exact(double z, double slope, bool above)
{
    (void)slope;
    (void)above;
    return z > 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

static double
tanh_exact(double z, double slope, bool above)
{
    (void)slope;
    (void)above;
    return tanh(z);
}

static double
relu_exact(double z, double slope, bool above)
{
    (void)slope;
    return above ? z : 0;
}

static double
leaky_relu_exact(double z, double slope, bool above)
{
    return above ? z : slope * z;
}

static double
elu_exact(double z, double slope, bool above)
{
    (void)slope;
    return above ? z : expm1(z);
}

static double
gelu_exact(double z, double slope, bool above)
{
    (void)slope;
    (void)above;
    return z * erfc(-z * 0.70710678118654752440) / 2;
}

static double
silu_exact(double z, double slope, bool above)
{
    return z * sigmoid_exact(z, slope, above);
}

static double
softplus_exact(double z, double slope, bool above)
{
    (void)slope;
    (void)above;
    return (z > 0 ? z : 0) + log1p(exp(-fabs(z)));
}

static double
softsign_exact(double z, double slope, bool above)
{
    (void)slope;
    (void)above;
    return z / (1 + fabs(z));
}

static void
softmax_exact(double *z, size_t width)
{
    double max = z[0], sum = 0;

    for (size_t k = 1; k < width; k++)
        max = z[k] > max ? z[k] : max;
    for (size_t k = 0; k < width; k++)
        sum += z[k] = exp(z[k] - max);
    for (size_t k = 0; k < width; k++)
        z[k] /= sum;
}

void
nn_activation_exact(const struct nn_exact_pass *pass, double *z)
{
    const struct nn_activation_row *f =
        nn_activation_row(pass->spec->activation);
    size_t width = pass->out->dim[pass->out->rank - 1];
    size_t n = pass->n * nn_shape_size(pass->out);

    if (pass->z_only)
        return;
    if (pass->spec->activation == NN_SOFTMAX)
        for (size_t i = 0; i < n; i += width)
            softmax_exact(z + i, width);
    for (size_t i = 0; f->exact != NULL && i < n; i++)
        z[i] = f->exact(z[i], (double)pass->spec->slope, pass->y[i] > 0);
}

/* --- the table ------------------------------------------------------------ */

/* clang-format off */
#define GLOROT NN_INIT_GLOROT_UNIFORM
#define HE NN_INIT_HE_UNIFORM
static const struct nn_activation_row rows[NN_ACTIVATION_COUNT] = {
/*                     name          init    last   needs z in double         forward             backward */
    [NN_LINEAR]      = { "linear",     GLOROT, false, false, NULL,             NULL,               NULL                },
    [NN_SIGMOID]     = { "sigmoid",    GLOROT, false, false, sigmoid_exact,    sigmoid_forward,    sigmoid_backward    },
    [NN_TANH]        = { "tanh",       GLOROT, false, false, tanh_exact,       tanh_forward,       tanh_backward       },
    [NN_RELU]        = { "relu",       HE,     false, false, relu_exact,       relu_forward,       relu_backward       },
    [NN_LEAKY_RELU]  = { "leaky_relu", HE,     false, false, leaky_relu_exact, leaky_relu_forward, leaky_relu_backward },
    [NN_ELU]         = { "elu",        HE,     false, false, elu_exact,        elu_forward,        elu_backward        },
    [NN_GELU]        = { "gelu",       HE,     false, true,  gelu_exact,       gelu_forward,       gelu_backward       },
    [NN_SILU]        = { "silu",       HE,     false, true,  silu_exact,       silu_forward,       silu_backward       },
    [NN_SOFTPLUS]    = { "softplus",   GLOROT, false, false, softplus_exact,   softplus_forward,   softplus_backward   },
    [NN_SOFTSIGN]    = { "softsign",   GLOROT, false, false, softsign_exact,   softsign_forward,   softsign_backward   },
    [NN_SOFTMAX]     = { "softmax",    GLOROT, true,  false, NULL,             softmax_forward,    softmax_backward    },
};
/* clang-format on */

const struct nn_activation_row *
nn_activation_row(enum nn_activation a)
{
    assert(a < NN_ACTIVATION_COUNT);
    return &rows[a];
}

static struct nn_activation_batch
batch_of(const struct nn_layer_pass *pass)
{
    const struct nn_shape *out = pass->out;
    size_t                 width = out->dim[out->rank - 1];

    return (struct nn_activation_batch){
        .kernel = pass->kernel,
        .n = pass->n * (nn_shape_size(out) / width),
        .width = width,
        .slope = pass->spec->slope,
    };
}

static void
apply(enum nn_activation a, const struct nn_activation_batch *b, float *y,
      const float *z)
{
    const struct nn_activation_row *f = nn_activation_row(a);

    if (f->forward != NULL)
        f->forward(b, y, z);
    else if (y != z)
        memcpy(y, z, b->n * b->width * sizeof(*y));
}

void
nn_activation_forward(const struct nn_layer_pass *pass, float *y,
                      const float *z)
{
    const struct nn_activation_batch b = batch_of(pass);

    apply(pass->spec->activation, &b, y, z);
}

void
nn_activation_forward_part(const struct nn_layer_pass *pass, float *y,
                           const float *z, size_t from, size_t to)
{
    struct nn_activation_batch b = batch_of(pass);
    size_t                     row = b.width, n = b.n;

    b.n = 1;
    b.width = to - from;
    for (size_t s = 0; s < n; s++)
        apply(pass->spec->activation, &b, y + s * row + from,
              z + s * row + from);
}

struct nn_layer_room
nn_activation_room(const struct nn_layer_spec *spec, size_t n_out)
{
    bool needs_z = nn_activation_row(spec->activation)->needs_z;

    return (struct nn_layer_room){ .per_sample = needs_z ? n_out : 0 };
}

void
nn_activation_backward(const struct nn_layer_pass *pass, float *d,
                       const float *y, const float *z)
{
    const struct nn_activation_row *f =
        nn_activation_row(pass->spec->activation);
    const struct nn_activation_batch b = batch_of(pass);

    if (!pass->dz_given && f->backward != NULL)
        f->backward(&b, d, y, z);
}

const char *
nn_activation_name(enum nn_activation a)
{
    return nn_activation_row(a)->name;
}

bool
nn_activation_is_symmetric(enum nn_activation a)
{
    return a == NN_TANH || a == NN_SOFTSIGN;
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
