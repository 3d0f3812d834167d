/*
 * dense.c - the fully connected layer: y = f(W x + b)
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/activation.h"
#include "nn/layer.h"

/* clang-format off */
#define AT(member) offsetof(struct nn_layer_spec, member)
static const struct nn_member members[] = {
/*    name          kind                  offset          required min           max           default          */
    { "units",      NN_MEMBER_COUNT,      AT(units),      true,  1, NN_MAX_UNITS, false, false, 0               },
    { "activation", NN_MEMBER_ACTIVATION, AT(activation), false, 0, 0,            false, false, NN_LINEAR       },
    { "slope",      NN_MEMBER_FLOAT,      AT(slope),      false, 0, 1,            false, false, NAN             },
    { "use_bias",   NN_MEMBER_BOOL,       AT(use_bias),   false, 0, 0,            false, false, 1               },
    { "init",       NN_MEMBER_INIT,       AT(init),       false, 0, 0,            false, false, NN_INIT_DEFAULT },
    { "l1",         NN_MEMBER_FLOAT,      AT(l1),         false, 0, FLT_MAX,      false, false, 0               },
    { "l2",         NN_MEMBER_FLOAT,      AT(l2),         false, 0, FLT_MAX,      false, false, 0               },
    { "max_norm",   NN_MEMBER_FLOAT,      AT(max_norm),   false, 0, FLT_MAX,      false, false, 0               },
    { 0 }
};
/* clang-format on */

static enum err
shape(const struct nn_layer_spec *spec, const struct nn_shape *in,
      const char *at, struct nn_shape *out, struct errinfo *e)
{
    if (in->rank != 1)
        return err_add(e, ERR_INVALID, at,
                       "a dense layer takes a row of numbers and its input "
                       "has %zu dimensions: put a flatten layer before it, or "
                       "give input_shape as [%zu]",
                       in->rank, nn_shape_size(in));
    *out = (struct nn_shape){ .rank = 1, .dim = { spec->units } };
    return ERR_OK;
}

static size_t
tensors(const struct nn_layer_spec *spec, const struct nn_shape *in,
        struct nn_tensor_rule rule[NN_MAX_TENSORS])
{
    size_t n_in = in->dim[0], n_out = spec->units;

    rule[0] = (struct nn_tensor_rule){
        .name = "weight",
        .shape = { .rank = 2, .dim = { n_out, n_in } },
        .init = spec->init,
        .fan_in = n_in,
        .fan_out = n_out,
    };
    if (!spec->use_bias)
        return 1;
    rule[1] = (struct nn_tensor_rule){
        .name = "bias",
        .shape = { .rank = 1, .dim = { n_out } },
        .init = { .type = NN_INIT_ZEROS },
    };
    return 2;
}

/* z, where the activation's derivative needs it. */
static struct nn_layer_room
room(const struct nn_layer_spec *spec, const struct nn_shape *in)
{
    (void)in;
    return nn_activation_room(spec, spec->units);
}

/* From how many on turned weights gain nothing (784 x 256, AVX2: eight samples
 * 44 us instead of 69, sixteen 73 instead of 68). */
#define FEW_SAMPLES 8

/* z += W x for a few samples, panel by panel of turned weights. */
static void
forward_turned(const struct nn_layer_pass *pass, const float *x, float *z)
{
    size_t n_in = pass->in->dim[0], n_out = pass->out->dim[0];

    for (size_t j = 0; j < n_out; j += NN_KERNEL_PANEL) {
        size_t units =
            n_out - j < NN_KERNEL_PANEL ? n_out - j : NN_KERNEL_PANEL;

        pass->kernel->gemm(pass->n, units, n_in, x, n_in, 1,
                           pass->turned + j * n_in,
                           nn_kernel_panel_width(units), 1, z + j, n_out,
                           pass->spec->use_bias, pass->scratch);
    }
}

/* z[s][from..to] = b, of all samples; b NULL: nothing. */
static void
copy_bias(const struct nn_layer_pass *pass, const float *b, float *z,
          size_t from, size_t to)
{
    size_t n_out = pass->out->dim[0];

    for (size_t s = 0; b != NULL && s < pass->n; s++)
        memcpy(z + s * n_out + from, b + from, (to - from) * sizeof(*b));
}

/* Z = X W^T + b: [n][n_out] = [n][n_in] [n_in][n_out].  The sum of each z
 * starts from its bias. */
static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    size_t       n_in = pass->in->dim[0], n_out = pass->out->dim[0];
    const float *W = pass->params;
    const float *b = pass->spec->use_bias ? W + n_out * n_in : NULL;
    float       *z = pass->kept != NULL ? pass->kept : y;

    if (pass->turned != NULL && pass->n == 1) {
        pass->kernel->matvec(n_out, n_in, x, pass->turned, b, z);
        nn_activation_forward(pass, y, z);
        return;
    }
    copy_bias(pass, b, z, 0, n_out);
    if (pass->turned != NULL && pass->n <= FEW_SAMPLES)
        forward_turned(pass, x, z);
    else
        pass->kernel->gemm(pass->n, n_out, n_in, x, n_in, 1, W, 1, n_in, z,
                           n_out, b != NULL, pass->scratch);
    nn_activation_forward(pass, y, z);
}

/* Softmax is of all units. */
static bool
has_rows_apart(const struct nn_layer_spec *spec)
{
    return !nn_activation_row(spec->activation)->last_layer_only;
}

static void
forward_rows(const struct nn_layer_pass *pass, const float *x, float *y,
             size_t from, size_t to)
{
    size_t       n_in = pass->in->dim[0], n_out = pass->out->dim[0];
    const float *W = pass->params;
    const float *b = pass->spec->use_bias ? W + n_out * n_in : NULL;
    float       *z = pass->kept != NULL ? pass->kept : y;

    copy_bias(pass, b, z, from, to);
    pass->kernel->gemm(pass->n, to - from, n_in, x, n_in, 1, W + from * n_in, 1,
                       n_in, z + from, n_out, b != NULL, pass->scratch);
    nn_activation_forward_part(pass, y, z, from, to);
}

/* dX = dZ W: [n][n_in] = [n][n_out] [n_out][n_in] */
static void
error(const struct nn_layer_pass *pass, const float *y, float *d, float *dx)
{
    size_t n_in = pass->in->dim[0], n_out = pass->out->dim[0];

    nn_activation_backward(pass, d, y, pass->kept);
    if (dx != NULL)
        pass->kernel->gemm(pass->n, n_in, n_out, d, n_out, 1, pass->params,
                           n_in, 1, dx, n_in, false, pass->scratch);
}

static size_t
n_rows(const struct nn_layer_spec *spec, const struct nn_shape *in)
{
    (void)in;
    return spec->units;
}

static bool
is_penalized(const struct nn_layer_spec *spec)
{
    return spec->l1 != 0 || spec->l2 != 0;
}

/* d/dw of l1 |w| + l2 w^2, of the weights alone. */
static void
add_penalty(const struct nn_layer_spec *spec, const float *W, float *dW,
            size_t n)
{
    float l1 = spec->l1, twice_l2 = 2.0f * spec->l2;

    if (!is_penalized(spec))
        return;
    for (size_t i = 0; i < n; i++) {
        float sign = W[i] > 0 ? 1.0f : W[i] < 0 ? -1.0f : 0.0f;

        dW[i] += l1 * sign + twice_l2 * W[i];
    }
}

/* Rows whose gradient is asked for. */
struct rows {
    const struct nn_layer_pass *pass;
    const struct nn_tell       *tell;
    size_t                      from, n_in;
};

static void
row_done(void *ctx, size_t row, size_t first, size_t n, float *g)
{
    const struct rows *r = ctx;

    row += r->from;
    first += row * r->n_in;
    add_penalty(r->pass->spec, r->pass->params + first, g, n);
    if (r->tell->fn != NULL)
        r->tell->fn(r->tell->ctx, row, first, n, g);
}

/*
 * dW = dZ^T X: [n_out][n_in] = [n_out][n] [n][n_in]
 * db = dZ summed over the samples
 */
static void
gradient(const struct nn_layer_pass *pass, const float *x, const float *dz,
         float *grad, size_t from, size_t to, const struct nn_tell *tell)
{
    size_t      n = pass->n, n_in = pass->in->dim[0], n_out = pass->out->dim[0];
    struct rows rows = { pass, tell, from, n_in };
    struct nn_kernel_then then = { .fn = row_done,
                                   .ctx = &rows,
                                   .passing = tell->passing };
    struct nn_kernel_step step;
    float                *db = grad + n_out * n_in;

    for (size_t b = 0; b < 4 && tell->beside[b] != NULL; b++)
        then.beside[b] = tell->beside[b] + from * n_in;
    if (tell->step != NULL && !is_penalized(pass->spec)) {
        step = nn_kernel_step_from(tell->step, from * n_in);
        then.step = &step;
        then.squares = tell->squares + from;
    }
    pass->kernel->gemm_then(to - from, n_in, n, dz + from, 1, n_out, x, n_in, 1,
                            grad + from * n_in, n_in, &then, pass->scratch);
    if (!pass->spec->use_bias || to < n_out)
        return;
    pass->kernel->sum_rows(db, dz, n, n_out);
    if (tell->fn != NULL)
        tell->fn(tell->ctx, n_out, n_out * n_in, n_out, db);
}

/* Each unit's weights, as a vector, are at most max_norm long. */
static void
settle(const struct nn_layer_spec *spec, const struct nn_shape *in,
       float *params, const float *grad)
{
    size_t n_in = in->dim[0];

    (void)grad;
    if (spec->max_norm == 0)
        return;
    for (size_t j = 0; j < spec->units; j++) {
        float *w = params + j * n_in;
        double norm = sqrt(nn_kernel()->sum_squares(w, n_in));
        float  scale = (float)(spec->max_norm / norm);

        for (size_t i = 0; norm > spec->max_norm && i < n_in; i++)
            w[i] *= scale;
    }
}

/* --- in double ------------------------------------------------------------ */

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    size_t       n_in = pass->in->dim[0], n_out = pass->out->dim[0];
    const float *W = pass->params;

    for (size_t s = 0; s < pass->n; s++, x += n_in)
        for (size_t j = 0; j < n_out; j++) {
            const float *w = W + j * n_in;
            double       z = 0;

            if (pass->spec->use_bias)
                z = nn_exact_param(pass, n_out * n_in + j);
            for (size_t i = 0; i < n_in; i++)
                z += w[i] * x[i];
            if (pass->moved / n_in == j && pass->moved < n_out * n_in)
                z += pass->by * x[pass->moved % n_in];
            y[s * n_out + j] = z;
        }
    nn_activation_exact(pass, y);
}

static double
penalty(const struct nn_exact_pass *pass)
{
    const struct nn_layer_spec *spec = pass->spec;
    size_t                      n = spec->units * pass->in->dim[0];
    double                      sum = 0;

    if (!is_penalized(spec))
        return 0;
    for (size_t i = 0; i < n; i++) {
        float  was = pass->params[i];
        double w = nn_exact_param(pass, i);

        sum += spec->l1 * (was > 0 ? w : was < 0 ? -w : 0) + spec->l2 * w * w;
    }
    return sum;
}

const struct nn_layer_type nn_dense = {
    .name = "dense",
    .members = members,
    .shape = shape,
    .tensors = tensors,
    .room = room,
    .forward = forward,
    .has_rows_apart = has_rows_apart,
    .forward_rows = forward_rows,
    .error = error,
    .n_rows = n_rows,
    .gradient = gradient,
    .exact = exact,
    .penalty = penalty,
    .settle = settle,
};
