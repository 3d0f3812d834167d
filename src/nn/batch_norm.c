/*
 * batch_norm.c - each feature of a batch brought to mean 0 and variance 1
 *
 * Model    Ioffe & Szegedy 2015: while training xh = (x - m) / sqrt(v + eps) of
 *          the batch's own mean m and biased variance v, y = weight xh + bias;
 *          a prediction takes running_mean and running_var instead.  After each
 *          update running = (1 - momentum) running + momentum batch, of the
 *          unbiased variance: PyTorch's convention and defaults (Keras'
 *          momentum is 1 minus ours).
 *          A feature is a number of a row, the last dimension of a sequence
 *          [steps, features], and a channel of an image [channels, h, w].
 *          Sums are in double, sample by sample: the same for any thread.
 */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

/* clang-format off */
#define AT(member) offsetof(struct nn_layer_spec, member)
static const struct nn_member members[] = {
    { "momentum", NN_MEMBER_FLOAT, AT(momentum), false, 0, 1, true, false, 0.1  },
    { "epsilon",  NN_MEMBER_FLOAT, AT(epsilon),  false, 0, 1, true, false, 1e-5 },
    { 0 }
};
/* clang-format on */

/* A batch is [outer][features][inner]. */
struct view {
    size_t outer, features, inner;
    double count; /* of numbers a feature */
};

static struct view
view_of(const struct nn_shape *in, size_t n)
{
    bool        image = in->rank > 2;
    struct view v = { .outer = n, .inner = 1 };

    v.features = in->dim[image ? 0 : in->rank - 1];
    if (image)
        v.inner = nn_shape_size(in) / v.features;
    else
        v.outer *= nn_shape_size(in) / v.features;
    v.count = (double)v.outer * (double)v.inner;
    return v;
}

static size_t
tensors(const struct nn_layer_spec *spec, const struct nn_shape *in,
        struct nn_tensor_rule rule[NN_MAX_TENSORS])
{
    static const struct {
        const char *name;
        float       start;
        bool        measured;
    } names[] = { { "weight", 1, false },
                  { "bias", 0, false },
                  { "running_mean", 0, true },
                  { "running_var", 1, true } };

    (void)spec;
    for (size_t i = 0; i < 4; i++)
        rule[i] = (struct nn_tensor_rule){
            .name = names[i].name,
            .shape = { .rank = 1, .dim = { view_of(in, 1).features } },
            .init = { .type = NN_INIT_ZEROS },
            .start = names[i].start,
            .measured = names[i].measured,
        };
    return 4;
}

/* Of every feature: the batch's mean, 1 / sqrt(v + eps), unbiased variance. */
static struct nn_layer_room
room(const struct nn_layer_spec *spec, const struct nn_shape *in)
{
    (void)spec;
    return (struct nn_layer_room){ .fixed = 3 * view_of(in, 1).features };
}

/* Features at a time, so that a batch is read row by row. */
#define BLOCK 64

/* What is summed over a batch, of each of n features from `first` on: x itself,
 * or, where mean is not NULL, (x - mean)^2. */
static void
sum_batch(const struct view *v, const float *x, const double *mean,
          size_t first, size_t n, double sum[BLOCK])
{
    memset(sum, 0, BLOCK * sizeof(*sum));
    for (size_t o = 0; o < v->outer; o++)
        for (size_t k = 0; k < n; k++) {
            const float *p = x + (o * v->features + first + k) * v->inner;

            for (size_t i = 0; i < v->inner; i++) {
                double c = mean != NULL ? p[i] - mean[k] : 0;

                sum[k] += mean != NULL ? c * c : p[i];
            }
        }
}

/* Mean, and sum of squared distances from it. */
static void
measure(const struct view *v, const float *x, size_t first, size_t n,
        double mean[BLOCK], double squares[BLOCK])
{
    sum_batch(v, x, NULL, first, n, mean);
    for (size_t k = 0; k < n; k++)
        mean[k] /= v->count;
    sum_batch(v, x, mean, first, n, squares);
}

/* What n features from `first` on are brought by: from the batch, which is kept
 * for backward, or from what was measured while training. */
static void
statistics(const struct nn_layer_pass *pass, const struct view *v,
           const float *x, size_t first, size_t n, float mean[BLOCK],
           float inverse[BLOCK])
{
    const float *running = pass->params + 2 * v->features;
    double       eps = pass->spec->epsilon, m[BLOCK], squares[BLOCK];

    if (pass->training)
        measure(v, x, first, n, m, squares);
    for (size_t k = 0; k < n; k++) {
        size_t f = first + k;
        double var =
            pass->training ? squares[k] / v->count : running[v->features + f];

        mean[k] = pass->training ? (float)m[k] : running[f];
        inverse[k] = (float)(1 / sqrt(var + eps));
        if (!pass->training)
            continue;
        pass->kept[f] = mean[k];
        pass->kept[v->features + f] = inverse[k];
        pass->kept[2 * v->features + f] =
            (float)(squares[k] / (v->count > 1 ? v->count - 1 : 1));
    }
}

static void
forward(const struct nn_layer_pass *pass, const float *x, float *y)
{
    struct view  v = view_of(pass->in, pass->n);
    const float *weight = pass->params, *bias = weight + v.features;

    for (size_t first = 0, n; first < v.features; first += n) {
        float mean[BLOCK], inverse[BLOCK];

        n = v.features - first < BLOCK ? v.features - first : BLOCK;
        statistics(pass, &v, x, first, n, mean, inverse);
        for (size_t o = 0; o < v.outer; o++)
            for (size_t k = 0; k < n; k++) {
                size_t f = first + k, at = (o * v.features + f) * v.inner;

                for (size_t i = at; i < at + v.inner; i++)
                    y[i] =
                        weight[f] * ((x[i] - mean[k]) * inverse[k]) + bias[f];
            }
    }
}

/* Of n features from `first` on: sums of d and of d xh. */
static void
sum_errors(const struct nn_layer_pass *pass, const struct view *v,
           const float *x, const float *d, size_t first, size_t n,
           double sum[BLOCK], double sum_xh[BLOCK])
{
    const float *mean = pass->kept, *inverse = mean + v->features;

    memset(sum, 0, BLOCK * sizeof(*sum));
    memset(sum_xh, 0, BLOCK * sizeof(*sum_xh));
    for (size_t o = 0; o < v->outer; o++)
        for (size_t k = 0; k < n; k++) {
            size_t f = first + k, at = (o * v->features + f) * v->inner;

            for (size_t i = at; i < at + v->inner; i++) {
                float xh = (x[i] - mean[f]) * inverse[f];

                sum[k] += d[i];
                sum_xh[k] += (double)d[i] * xh;
            }
        }
}

/* dx = weight / sqrt(v + eps) (d - mean of d - xh mean of d xh) */
static void
backward_x(const struct nn_layer_pass *pass, const struct view *v,
           const float *x, const float *d, size_t first, size_t n,
           const double sum[BLOCK], const double sum_xh[BLOCK], float *dx)
{
    const float *mean = pass->kept, *inverse = mean + v->features;

    for (size_t o = 0; o < v->outer; o++)
        for (size_t k = 0; k < n; k++) {
            size_t f = first + k, at = (o * v->features + f) * v->inner;
            float  scale = pass->params[f] * inverse[f];
            float  d_mean = (float)(sum[k] / v->count);
            float  d_xh = (float)(sum_xh[k] / v->count);

            for (size_t i = at; i < at + v->inner; i++) {
                float xh = (x[i] - mean[f]) * inverse[f];

                dx[i] = scale * (d[i] - d_mean - xh * d_xh);
            }
        }
}

static void
backward(const struct nn_layer_pass *pass, const float *x, const float *y,
         float *d, float *grad, float *dx)
{
    struct view v = view_of(pass->in, pass->n);

    (void)y;
    for (size_t first = 0, n; first < v.features; first += n) {
        double sum[BLOCK], sum_xh[BLOCK];

        n = v.features - first < BLOCK ? v.features - first : BLOCK;
        sum_errors(pass, &v, x, d, first, n, sum, sum_xh);
        for (size_t k = 0; k < n; k++) {
            size_t f = first + k;

            grad[f] = (float)sum_xh[k];
            grad[v.features + f] = (float)sum[k];
            grad[2 * v.features + f] = pass->kept[f];
            grad[3 * v.features + f] = pass->kept[2 * v.features + f];
        }
        if (dx != NULL)
            backward_x(pass, &v, x, d, first, n, sum, sum_xh, dx);
    }
}

/* The places of running_mean and running_var have the batch's own. */
static void
settle(const struct nn_layer_spec *spec, const struct nn_shape *in,
       float *params, const float *grad)
{
    size_t features = view_of(in, 1).features;
    float  share = spec->momentum;

    for (size_t i = 2 * features; i < 4 * features; i++)
        params[i] = (1.0f - share) * params[i] + share * grad[i];
}

static void
exact(const struct nn_exact_pass *pass, const double *x, double *y)
{
    struct view v = view_of(pass->in, pass->n);

    for (size_t f = 0; f < v.features; f++) {
        double mean = 0, squares = 0, inverse;
        double weight = nn_exact_param(pass, f);
        double bias = nn_exact_param(pass, v.features + f);

/* A name to declare. NOLINTBEGIN(bugprone-macro-parentheses) */
#define EACH(at)                                                               \
    for (size_t o = 0; o < v.outer; o++)                                       \
        for (size_t at = (o * v.features + f) * v.inner, end = at + v.inner;   \
             at < end; at++)
        /* NOLINTEND(bugprone-macro-parentheses) */
        EACH(i)
        mean += x[i] / v.count;
        EACH(i)
        squares += (x[i] - mean) * (x[i] - mean);
        inverse = 1 / sqrt(squares / v.count + (double)pass->spec->epsilon);
        EACH(i)
        y[i] = weight * (x[i] - mean) * inverse + bias;
#undef EACH
    }
}

const struct nn_layer_type nn_batch_norm = {
    .name = "batch_norm",
    .members = members,
    .shape = nn_layer_keeps_shape,
    .tensors = tensors,
    .room = room,
    .forward = forward,
    .backward = backward,
    .exact = exact,
    .settle = settle,
};
