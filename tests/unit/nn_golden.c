/*
 * Against PyTorch in float64: see tests/golden/README.md.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "golden/nn_oracles.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define NEAR 1e-6 /* float32 sums of a dozen terms near 1 */
#define MAX 128

static void
to_float(const double *in, size_t n, float *out)
{
    ck_assert_uint_le(n, MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i];
}

static void
all_near(const float *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol(got[i], want[i], NEAR);
}

struct oracle {
    const double *x, *t, *params, *grads, *dx;
    size_t        n, n_params;
    double        loss;
};

/* The oracle's numbers go to the parameters that are trained, in their order;
 * with to NULL they are compared with from instead. */
static void
trained_params(const struct nn_net *net, const struct oracle *o, float *to,
               const float *from)
{
    size_t next = 0;

    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++) {
        size_t at = nn_net_layer_offset(net, i), n;

        n = nn_net_layer_trained(net, i);
        ck_assert_uint_le(next + n, o->n_params);
        if (to != NULL)
            to_float(o->params + next, n, to + at);
        else
            all_near(from + at, o->grads + next, n);
        next += n;
    }
    ck_assert_uint_eq(next, o->n_params);
}

static void
check_oracle(const struct nn_spec *spec, const struct oracle *o, float *y)
{
    struct nn_net  *net = fix_net(spec, 0);
    struct nn_work *work = fix_work(net, o->n);
    size_t n_x = o->n * nn_net_n_in(net), n_y = o->n * nn_net_n_out(net);
    float  x[MAX], t[MAX], grad[MAX], dx[MAX];
    double loss;

    ck_assert_uint_le(nn_net_n_params(net), MAX);
    trained_params(net, o, nn_net_params(net), NULL);
    to_float(o->x, n_x, x);
    to_float(o->t, n_y, t);
    loss = nn_net_gradient(net, work, NULL, x, t, NULL, o->n, grad, dx);
    ck_assert_double_eq_tol(loss, o->loss, NEAR);
    trained_params(net, o, NULL, grad);
    all_near(dx, o->dx, n_x);
    memcpy(y, nn_work_output(work), n_y * sizeof(*y));
    nn_work_free(work);
    nn_net_free(net);
}

START_TEST(tanh_and_softmax_with_cross_entropy)
{
    static const struct fix_layer layers[] = { { 4, NN_TANH },
                                               { 3, NN_SOFTMAX } };
    struct nn_spec spec = fix_spec(3, layers, 2, NN_CROSS_ENTROPY);
    struct oracle  o = { tanh_softmax_x,
                         tanh_softmax_t,
                         tanh_softmax_params,
                         tanh_softmax_grads,
                         tanh_softmax_dx,
                         2,
                         COUNT_OF(tanh_softmax_params),
                         tanh_softmax_loss };
    float          y[MAX];

    check_oracle(&spec, &o, y);
}
END_TEST

START_TEST(sigmoid_with_mse)
{
    static const struct fix_layer layers[] = { { 2, NN_SIGMOID },
                                               { 1, NN_SIGMOID } };
    struct nn_spec                spec = fix_spec(2, layers, 2, NN_MSE);
    struct oracle                 o = { sigmoid_mse_x,
                                        sigmoid_mse_t,
                                        sigmoid_mse_params,
                                        sigmoid_mse_grads,
                                        sigmoid_mse_dx,
                                        4,
                                        COUNT_OF(sigmoid_mse_params),
                                        sigmoid_mse_loss };
    float                         y[MAX];

    check_oracle(&spec, &o, y);
    all_near(y, sigmoid_mse_y, 4);
}
END_TEST

#define ORACLE(name, n_samples)                                                \
    {                                                                          \
        name##_x, name##_t, name##_params, name##_grads, name##_dx, n_samples, \
            COUNT_OF(name##_params), name##_loss                               \
    }

START_TEST(relu_leaky_relu_elu_and_softplus)
{
    static const struct fix_layer layers[] = {
        { 4, NN_RELU }, { 4, NN_LEAKY_RELU }, { 4, NN_ELU }, { 2, NN_SOFTPLUS }
    };
    struct nn_spec spec = fix_spec(3, layers, 4, NN_MSE);
    struct oracle  o = ORACLE(four, 2);
    float          y[MAX];

    check_oracle(&spec, &o, y);
    all_near(y, four_y, 4);
}
END_TEST

START_TEST(softsign)
{
    static const struct fix_layer layers[] = { { 4, NN_SOFTSIGN },
                                               { 2, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(3, layers, 2, NN_MSE);
    struct oracle                 o = ORACLE(softsign, 2);
    float                         y[MAX];

    check_oracle(&spec, &o, y);
    all_near(y, softsign_y, 4);
}
END_TEST

/* Dense, a normalisation, an activation, dense: as PyTorch numbers them. */
static struct nn_spec
norm_spec(const char *type, enum nn_activation a)
{
    static const struct fix_layer layers[] = {
        { 4, NN_LINEAR }, { 4, NN_LINEAR }, { 4, NN_LINEAR }, { 2, NN_LINEAR }
    };
    struct nn_spec spec = fix_spec(3, layers, 4, NN_MSE);

    nn_layer_spec_init(&spec.layer[1], nn_layer_type_find(type));
    nn_layer_spec_init(&spec.layer[2], nn_layer_type_find("activation"));
    spec.layer[2].activation = a;
    ck_assert_int_eq(nn_spec_check(&spec, NULL), ERR_OK);
    return spec;
}

START_TEST(batch_norm)
{
    struct nn_spec spec = norm_spec("batch_norm", NN_RELU);
    struct oracle  o = ORACLE(batch_norm, 4);
    float          y[MAX];

    check_oracle(&spec, &o, y);
    all_near(y, batch_norm_y, 8);
}
END_TEST

START_TEST(layer_norm)
{
    struct nn_spec spec = norm_spec("layer_norm", NN_TANH);
    struct oracle  o = ORACLE(layer_norm, 2);
    float          y[MAX];

    check_oracle(&spec, &o, y);
    all_near(y, layer_norm_y, 4);
}
END_TEST

/* A layer that hands its input on, so that z is the oracle's and dx is dz. */
static const struct {
    enum nn_loss       loss;
    enum nn_activation output;
    const double      *t, *dz, *weight;
    double             value;
    float              smoothing;
} losses[] = {
    /* clang-format off */
    { NN_MSE, NN_LINEAR, loss_mse_t, loss_mse_dz, NULL, loss_mse, 0 },
    { NN_MAE, NN_LINEAR, loss_mae_t, loss_mae_dz, NULL, loss_mae, 0 },
    { NN_HUBER, NN_LINEAR, loss_huber_t, loss_huber_dz, NULL, loss_huber, 0 },
    { NN_BINARY_CROSS_ENTROPY, NN_SIGMOID, loss_bce_t, loss_bce_dz, NULL, loss_bce, 0 },
    { NN_CROSS_ENTROPY, NN_SOFTMAX, loss_ce_t, loss_ce_dz, NULL, loss_ce, 0 },
    { NN_CROSS_ENTROPY, NN_SOFTMAX, loss_ce_smooth_t, loss_ce_smooth_dz, NULL, loss_ce_smooth, 0.1f },
    { NN_CROSS_ENTROPY, NN_SOFTMAX, loss_ce_weighted_t, loss_ce_weighted_dz, loss_weight, loss_ce_weighted, 0 },
    /* clang-format on */
};

START_TEST(losses_and_their_derivatives)
{
    struct fix_layer layer = { 4, losses[_i].output };
    struct nn_spec   spec = fix_spec(4, &layer, 1, losses[_i].loss);
    spec.loss.label_smoothing = losses[_i].smoothing;

    struct nn_net  *net = fix_net(&spec, 0);
    struct nn_work *work = fix_work(net, 3);
    float           z[12], t[12], weight[3], grad[20], dx[12];
    bool            weighted = losses[_i].weight != NULL;
    double          loss;

    for (size_t i = 0; i < 20; i++)
        nn_net_params(net)[i] = i < 16 && i / 4 == i % 4 ? 1.0f : 0.0f;
    to_float(loss_z, 12, z);
    to_float(losses[_i].t, 12, t);
    if (weighted)
        to_float(losses[_i].weight, 3, weight);
    loss = nn_net_gradient(net, work, NULL, z, t, weighted ? weight : NULL, 3,
                           grad, dx);
    ck_assert_double_eq_tol(loss, losses[_i].value, NEAR);
    all_near(dx, losses[_i].dz, 12);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

Suite *
suite_nn_golden(void)
{
    Suite *s = suite_create("nn/golden");
    TCase *t = tcase_create("golden");

    tcase_add_test(t, tanh_and_softmax_with_cross_entropy);
    tcase_add_test(t, sigmoid_with_mse);
    tcase_add_test(t, relu_leaky_relu_elu_and_softplus);
    tcase_add_test(t, softsign);
    tcase_add_test(t, batch_norm);
    tcase_add_test(t, layer_norm);
    tcase_add_loop_test(t, losses_and_their_derivatives, 0,
                        (int)COUNT_OF(losses));
    suite_add_tcase(s, t);
    return s;
}
