#include "nn/loss.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/net.h"

/* ln y, finite for y = 0: below 2^-126 training makes outputs 0 (subnormal.h),
 * so that there they are all alike.  Written so that a NaN stays one. */
static double
log_of(float y)
{
    return log(y < 0x1p-126f ? 0x1p-126 : (double)y);
}

/* ln (1 - y), finite for y = 1: beyond 2^-25, half a step of float32 below 1,
 * an output cannot say how near to 1 it is. */
static double
log_of_rest(float y)
{
    double rest = 1.0 - (double)y;

    return log(rest < 0x1p-25 ? 0x1p-25 : rest);
}

static double
sum_of_squares(const float *y, const float *t, size_t n_out)
{
    double sum = 0;

    for (size_t k = 0; k < n_out; k++) {
        double error = (double)t[k] - y[k];

        sum += error * error;
    }
    return sum;
}

static double
squared_error(const struct nn_loss_spec *loss, const float *y, const float *t,
              size_t n_out)
{
    (void)loss;
    return 0.5 * sum_of_squares(y, t, n_out);
}

static void
squared_error_delta(const struct nn_loss_spec *loss, float *d, const float *y,
                    const float *t, size_t n_out, float scale)
{
    (void)loss;
    for (size_t k = 0; k < n_out; k++)
        d[k] = scale * (y[k] - t[k]);
}

static double
mse(const struct nn_loss_spec *loss, const float *y, const float *t,
    size_t n_out)
{
    (void)loss;
    return sum_of_squares(y, t, n_out) / (double)n_out;
}

static void
mse_delta(const struct nn_loss_spec *loss, float *d, const float *y,
          const float *t, size_t n_out, float scale)
{
    squared_error_delta(loss, d, y, t, n_out, 2.0f * scale / (float)n_out);
}

static double
mae(const struct nn_loss_spec *loss, const float *y, const float *t,
    size_t n_out)
{
    double sum = 0;

    (void)loss;
    for (size_t k = 0; k < n_out; k++)
        sum += fabs((double)t[k] - y[k]);
    return sum / (double)n_out;
}

/* The sign of y - t; 0 where they are equal. */
static void
mae_delta(const struct nn_loss_spec *loss, float *d, const float *y,
          const float *t, size_t n_out, float scale)
{
    float step = scale / (float)n_out;

    (void)loss;
    for (size_t k = 0; k < n_out; k++)
        d[k] = y[k] > t[k] ? step : y[k] < t[k] ? -step : step * (y[k] - t[k]);
}

static double
huber(const struct nn_loss_spec *loss, const float *y, const float *t,
      size_t n_out)
{
    double sum = 0, delta = loss->delta;

    for (size_t k = 0; k < n_out; k++) {
        double error = fabs((double)t[k] - y[k]);

        sum +=
            error > delta ? delta * (error - 0.5 * delta) : 0.5 * error * error;
    }
    return sum / (double)n_out;
}

/* y - t, at most delta. */
static void
huber_delta(const struct nn_loss_spec *loss, float *d, const float *y,
            const float *t, size_t n_out, float scale)
{
    float step = scale / (float)n_out, delta = loss->delta;

    for (size_t k = 0; k < n_out; k++) {
        float error = y[k] - t[k];

        error = error > delta ? delta : error < -delta ? -delta : error;
        d[k] = step * error;
    }
}

/* --- the cross-entropies, with smoothed labels ---------------------------- */

/* t (1 - s) + s / K: a share s of every label is spread over all K classes. */
static float
smoothed(const struct nn_loss_spec *loss, float t, size_t n_classes)
{
    float s = loss->label_smoothing;

    return s > 0 ? t * (1.0f - s) + s / (float)n_classes : t;
}

/* -1/K sum_k (t ln y + (1 - t) ln (1 - y)); a factor of 0 leaves its term out.
 * Each output is a question of two classes. */
static double
binary_cross_entropy(const struct nn_loss_spec *loss, const float *y,
                     const float *t, size_t n_out)
{
    double sum = 0;

    for (size_t k = 0; k < n_out; k++) {
        float tk = smoothed(loss, t[k], 2);

        if (tk != 0.0f)
            sum -= tk * log_of(y[k]);
        if (tk != 1.0f)
            sum -= (1.0 - tk) * log_of_rest(y[k]);
    }
    return sum / (double)n_out;
}

/* With y = sigmoid z: dE/dz_k = (y_k - t_k) / K. */
static void
binary_cross_entropy_delta(const struct nn_loss_spec *loss, float *d,
                           const float *y, const float *t, size_t n_out,
                           float scale)
{
    float step = scale / (float)n_out;

    for (size_t k = 0; k < n_out; k++)
        d[k] = step * (y[k] - smoothed(loss, t[k], 2));
}

static double
cross_entropy(const struct nn_loss_spec *loss, const float *y, const float *t,
              size_t n_out)
{
    double sum = 0;

    for (size_t k = 0; k < n_out; k++) {
        float tk = smoothed(loss, t[k], n_out);

        if (tk != 0.0f)
            sum -= tk * log_of(y[k]);
    }
    return sum;
}

/* With y = softmax z: dE/dz_k = y_k sum_j t_j - t_k, which is y_k - t_k where
 * the targets are probabilities. */
static void
cross_entropy_delta(const struct nn_loss_spec *loss, float *d, const float *y,
                    const float *t, size_t n_out, float scale)
{
    float sum = 0;

    for (size_t k = 0; k < n_out; k++)
        sum += smoothed(loss, t[k], n_out);
    for (size_t k = 0; k < n_out; k++)
        d[k] = scale * (y[k] * sum - smoothed(loss, t[k], n_out));
}

/* --- in double ------------------------------------------------------------ */

static double
squared_error_exact(const struct nn_loss_spec *loss, const double *y,
                    const float *y32, const float *t, size_t n_out)
{
    double sum = 0;

    (void)loss;
    (void)y32;
    for (size_t k = 0; k < n_out; k++)
        sum += 0.5 * (y[k] - t[k]) * (y[k] - t[k]);
    return sum;
}

static double
mse_exact(const struct nn_loss_spec *loss, const double *y, const float *y32,
          const float *t, size_t n_out)
{
    return 2 * squared_error_exact(loss, y, y32, t, n_out) / (double)n_out;
}

static double
mae_exact(const struct nn_loss_spec *loss, const double *y, const float *y32,
          const float *t, size_t n_out)
{
    double sum = 0;

    (void)loss;
    for (size_t k = 0; k < n_out; k++)
        sum += y32[k] > t[k] ? y[k] - t[k] : y32[k] < t[k] ? t[k] - y[k] : 0;
    return sum / (double)n_out;
}

static double
huber_exact(const struct nn_loss_spec *loss, const double *y, const float *y32,
            const float *t, size_t n_out)
{
    double sum = 0, delta = loss->delta;

    (void)y32;
    for (size_t k = 0; k < n_out; k++) {
        double error = fabs(y[k] - t[k]), inside = fmin(error, delta);

        sum += inside * (error - 0.5 * inside);
    }
    return sum / (double)n_out;
}

/* With y = sigmoid z: ln (1 + exp z) - t z */
static double
binary_cross_entropy_exact(const struct nn_loss_spec *loss, const double *z,
                           const float *y32, const float *t, size_t n_out)
{
    double sum = 0;

    (void)y32;
    for (size_t k = 0; k < n_out; k++)
        sum += fmax(z[k], 0) + log1p(exp(-fabs(z[k]))) -
               smoothed(loss, t[k], 2) * z[k];
    return sum / (double)n_out;
}

/* With y = softmax z: sum_k t_k (ln sum_j exp z_j - z_k) */
static double
cross_entropy_exact(const struct nn_loss_spec *loss, const double *z,
                    const float *y32, const float *t, size_t n_out)
{
    double max = z[0], sum = 0, total = 0;

    (void)y32;
    for (size_t k = 1; k < n_out; k++)
        max = fmax(max, z[k]);
    for (size_t k = 0; k < n_out; k++)
        sum += exp(z[k] - max);
    for (size_t k = 0; k < n_out; k++)
        total += smoothed(loss, t[k], n_out) * (max + log(sum) - z[k]);
    return total;
}

/* --- the table ------------------------------------------------------------ */

/* clang-format off */
#define AT(member) offsetof(struct nn_loss_spec, member)
static const struct nn_member no_members[] = { { 0 } };
static const struct nn_member huber_members[] = {
    { "delta", NN_MEMBER_FLOAT, AT(delta), false, 0, FLT_MAX, true, false, 1 },
    { 0 }
};
static const struct nn_member smoothing[] = {
    { "label_smoothing", NN_MEMBER_FLOAT, AT(label_smoothing), false, 0, 1, false, true, 0 },
    { 0 }
};

#define ANY NN_ACTIVATION_COUNT
static const struct nn_loss_row rows[NN_LOSS_COUNT] = {
    [NN_SQUARED_ERROR] = { "squared_error", ANY, squared_error, squared_error_delta,
                           no_members, squared_error_exact },
    [NN_MSE] = { "mse", ANY, mse, mse_delta, no_members, mse_exact },
    [NN_MAE] = { "mae", ANY, mae, mae_delta, no_members, mae_exact },
    [NN_HUBER] = { "huber", ANY, huber, huber_delta, huber_members, huber_exact },
    [NN_BINARY_CROSS_ENTROPY] = { "binary_cross_entropy", NN_SIGMOID, binary_cross_entropy,
                                  binary_cross_entropy_delta, smoothing, binary_cross_entropy_exact },
    [NN_CROSS_ENTROPY] = { "cross_entropy", NN_SOFTMAX, cross_entropy, cross_entropy_delta,
                           smoothing, cross_entropy_exact },
};
/* clang-format on */

const struct nn_loss_row *
nn_loss_row(enum nn_loss l)
{
    assert(l < NN_LOSS_COUNT);
    return &rows[l];
}

const struct nn_member *
nn_loss_members(enum nn_loss l)
{
    return nn_loss_row(l)->members;
}

struct nn_loss_spec
nn_loss_spec(enum nn_loss l)
{
    struct nn_loss_spec loss = { .type = l };

    nn_members_default(nn_loss_members(l), &loss);
    return loss;
}

const char *
nn_loss_name(enum nn_loss l)
{
    return nn_loss_row(l)->name;
}

bool
nn_loss_find(const char *name, enum nn_loss *out)
{
    for (int l = 0; l < NN_LOSS_COUNT; l++) {
        if (strcmp(rows[l].name, name) == 0) {
            *out = (enum nn_loss)l;
            return true;
        }
    }
    return false;
}

double
nn_loss_mean(const struct nn_spec *spec, const float *y, const float *t,
             const float *weight, size_t n, size_t n_out)
{
    const struct nn_loss_spec *loss = &spec->loss;
    const struct nn_loss_row  *row = nn_loss_row(loss->type);
    double                     sum = 0;

    assert(n > 0 && n_out > 0);
    for (size_t s = 0; s < n; s++) {
        double value = row->value(loss, y + s * n_out, t + s * n_out, n_out);

        sum += weight != NULL ? weight[s] * value : value;
    }
    return sum / (double)n;
}

void
nn_loss_delta(const struct nn_loss_spec *loss, float *d, const float *y,
              const float *t, const float *weight, size_t n, size_t n_out)
{
    const struct nn_loss_row *row = nn_loss_row(loss->type);

    for (size_t s = 0; s < n; s++) {
        float w = weight != NULL ? weight[s] : 1.0f;

        row->delta(loss, d + s * n_out, y + s * n_out, t + s * n_out, n_out,
                   w / (float)n);
    }
}
