/*
 * Backpropagation against the definition of a derivative.  The loss is computed
 * here a second time, in double, straight from the textbook's formulas and
 * from z rather than y, so that a mistake is not made twice.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn_fixture.h"
#include "nn_formulas.h"
#include "nn_suites.h"

#define N_IN 4
#define N_HIDDEN 5
#define N_OUT 3
#define BATCH 3
#define MAX_PARAMS 64
#define WIDEST 5

/* --- the second opinion --------------------------------------------------- */

static void
activate(enum nn_activation a, double slope, const double *z, double *y,
         size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++)
        sum += exp(z[k]);
    for (size_t k = 0; k < n; k++)
        y[k] = a == NN_SOFTMAX ? exp(z[k]) / sum
                               : fix_formula_of(a)->of(z[k], slope).y;
}

static double
loss_of(const struct nn_loss_spec *loss, const double *z, const double *y,
        const float *t, size_t n)
{
    double sum = 0, e = 0;

    for (size_t k = 0; k < n; k++)
        e += exp(z[k]);
    for (size_t k = 0; k < n; k++) {
        double error = fabs(t[k] - y[k]), s = loss->label_smoothing;

        switch (loss->type) {
        case NN_SQUARED_ERROR:
            sum += (t[k] - y[k]) * (t[k] - y[k]) / 2;
            break;
        case NN_MAE:
            sum += error / (double)n;
            break;
        case NN_HUBER:
            sum += (error < loss->delta
                        ? error * error / 2
                        : loss->delta * error - loss->delta * loss->delta / 2) /
                   (double)n;
            break;
        case NN_MSE:
            sum += (t[k] - y[k]) * (t[k] - y[k]) / (double)n;
            break;
        case NN_BINARY_CROSS_ENTROPY:
            sum += (log1p(exp(-z[k])) + (1 - (t[k] * (1 - s) + s / 2)) * z[k]) /
                   (double)n;
            break;
        case NN_CROSS_ENTROPY:
            sum -= (t[k] * (1 - s) + s / (double)n) * (z[k] - log(e));
            break;
        case NN_LOSS_COUNT:
            ck_abort_msg("not a loss");
        }
    }
    return sum;
}

/* The mean loss of a batch by parameters w in double. */
static double
reference_loss(const struct nn_spec *spec, const double *w, const double *x,
               const float *t, const float *weight, size_t n)
{
    size_t n_in = spec->input.dim[0];
    size_t n_out = spec->layer[spec->n_layers - 1].units;
    double total = 0;

    for (size_t s = 0; s < n; s++) {
        double        a[WIDEST], y[WIDEST] = { 0 }, z[WIDEST] = { 0 };
        const double *p = w;
        size_t        width = n_in;

        memcpy(a, x + s * n_in, n_in * sizeof(*a));
        for (size_t l = 0; l < spec->n_layers; l++) {
            size_t units = spec->layer[l].units;

            for (size_t j = 0; j < units; j++) {
                z[j] = spec->layer[l].use_bias ? p[units * width + j] : 0;
                for (size_t i = 0; i < width; i++)
                    z[j] += p[j * width + i] * a[i];
            }
            p += units * width + (spec->layer[l].use_bias ? units : 0);
            activate(spec->layer[l].activation, (double)spec->layer[l].slope, z,
                     y, units);
            memcpy(a, y, units * sizeof(*a));
            width = units;
        }
        total += (weight != NULL ? weight[s] : 1) *
                 loss_of(&spec->loss, z, y, t + s * n_out, n_out);
    }
    return total / (double)n;
}

/* --- the check ------------------------------------------------------------ */

/* In double a step of 1e-6 leaves an error near 1e-10; what remains is the
 * float32 of our gradient. */
#define STEP 1e-6
#define TOLERANCE(g) (2e-6 + 2e-5 * fabs(g))

static void
check_gradient(const struct nn_spec *spec, const float *t, const float *weight)
{
    struct nn_net  *net = fix_net(spec, 3);
    struct nn_work *work = fix_work(net, BATCH);
    size_t          n_params = nn_net_n_params(net), n_x = BATCH * N_IN;
    float           x[BATCH * N_IN], dx[BATCH * N_IN], grad[MAX_PARAMS];
    double          w[MAX_PARAMS], xd[BATCH * N_IN], loss, norm = 0;

    ck_assert_uint_le(n_params, MAX_PARAMS);
    fix_sine(x, n_x, 0.7, 0.3, 1);
    /* Biases begin as zeros, which would hide a mistake. */
    fix_sine(nn_net_params(net), n_params, 1.1, 0.5, 0.8);
    for (size_t i = 0; i < n_params; i++)
        w[i] = nn_net_params(net)[i];
    for (size_t i = 0; i < n_x; i++)
        xd[i] = x[i];

    loss = nn_net_gradient(net, work, NULL, x, t, weight, BATCH, grad, dx);
    ck_assert_double_eq_tol(loss, reference_loss(spec, w, xd, t, weight, BATCH),
                            1e-6 * (1 + fabs(loss)));

    for (size_t i = 0; i < n_params + n_x; i++) {
        double *p = i < n_params ? &w[i] : &xd[i - n_params];
        double  got = i < n_params ? grad[i] : dx[i - n_params];
        double  kept = *p, above, below, want;

        *p = kept + STEP;
        above = reference_loss(spec, w, xd, t, weight, BATCH);
        *p = kept - STEP;
        below = reference_loss(spec, w, xd, t, weight, BATCH);
        *p = kept;
        want = (above - below) / (2 * STEP);
        ck_assert_msg(
            fabs(got - want) <= TOLERANCE(want),
            "%s-%s, %s: %s %zu is %.9g, should be %.9g",
            nn_activation_name(spec->layer[0].activation),
            nn_activation_name(spec->layer[spec->n_layers - 1].activation),
            nn_loss_name(spec->loss.type), i < n_params ? "dw" : "dx",
            i < n_params ? i : i - n_params, got, want);
        norm += got * got;
    }
    ck_assert_msg(norm > 1e-4, "an all-zero gradient proves nothing");
    nn_work_free(work);
    nn_net_free(net);
}

/* Does a network that ends in this activation take this loss? */
static bool
ends_with(enum nn_activation output, enum nn_loss loss)
{
    if (loss == NN_CROSS_ENTROPY)
        return output == NN_SOFTMAX;
    return loss != NN_BINARY_CROSS_ENTROPY || output == NN_SIGMOID;
}

static const float one_hot[BATCH * N_OUT] = { 0, 1, 0, 1, 0, 0, 0, 0, 1 };
/* Targets that are no probabilities, and whose sums differ. */
static const float loose[BATCH * N_OUT] = { 0.3f, 0.9f, 0.1f, 0.6f, 0.5f,
                                            0.2f, 0.0f, 1.0f, 0.7f };
static const float signed_weight[BATCH] = { 1.0f, -0.5f, 2.0f };

static struct nn_spec
pair_spec(enum nn_activation hidden, enum nn_activation output,
          enum nn_loss loss)
{
    const struct fix_layer layers[] = { { N_HIDDEN, hidden },
                                        { N_OUT, output } };

    return fix_spec(N_IN, layers, 2, loss);
}

/* _i is the activation of the hidden layer. */
START_TEST(gradient_matches_central_difference)
{
    for (int output = 0; output < NN_ACTIVATION_COUNT; output++)
        for (int loss = 0; loss < NN_LOSS_COUNT; loss++) {
            struct nn_spec spec;

            if (!ends_with(output, loss))
                continue;
            spec = pair_spec(_i, output, loss);
            check_gradient(&spec, one_hot, NULL);
            check_gradient(&spec, loose, NULL);
            spec.layer[(output + loss) % 2].use_bias = false;
            check_gradient(&spec, loose, signed_weight);
        }
}
END_TEST

/* Parameters of an activation and of the losses, none of them at its default.
 */
START_TEST(gradient_follows_what_is_set)
{
    static const struct fix_layer leaky[] = { { N_HIDDEN, NN_LEAKY_RELU },
                                              { N_OUT, NN_SOFTMAX } };
    struct nn_spec spec = fix_spec(N_IN, leaky, 2, NN_CROSS_ENTROPY);

    spec.layer[0].slope = 0.3f;
    spec.loss.label_smoothing = 0.2f;
    check_gradient(&spec, one_hot, NULL);
    check_gradient(&spec, loose, signed_weight);
    spec.layer[1].activation = NN_SIGMOID;
    spec.loss.type = NN_BINARY_CROSS_ENTROPY;
    check_gradient(&spec, loose, NULL);
    spec.layer[1].activation = NN_LINEAR;
    spec.loss = nn_loss_spec(NN_HUBER);
    spec.loss.delta = 0.25f;
    check_gradient(&spec, loose, signed_weight);
}
END_TEST

START_TEST(gradient_of_one_layer_and_of_four)
{
    static const struct fix_layer one[] = { { N_OUT, NN_SOFTMAX } };
    static const struct fix_layer four[] = {
        { 3, NN_TANH }, { 2, NN_SIGMOID }, { 4, NN_RELU }, { N_OUT, NN_LINEAR }
    };
    struct nn_spec spec = fix_spec(N_IN, one, 1, NN_CROSS_ENTROPY);

    check_gradient(&spec, one_hot, NULL);
    spec = fix_spec(N_IN, four, 4, NN_SQUARED_ERROR);
    check_gradient(&spec, loose, signed_weight);
}
END_TEST

Suite *
suite_nn_gradient(void)
{
    Suite *s = suite_create("nn/gradient");
    TCase *t = tcase_create("gradient");

    tcase_add_loop_test(t, gradient_matches_central_difference, 0, NN_SOFTMAX);
    tcase_add_test(t, gradient_follows_what_is_set);
    tcase_add_test(t, gradient_of_one_layer_and_of_four);
    suite_add_tcase(s, t);
    return s;
}
