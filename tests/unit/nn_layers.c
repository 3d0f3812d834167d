/*
 * Layers of every kind: gradients, and what each promises.
 */
#include "nn/layer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/check.h"
#include "nn/kernel/kernel.h"
#include "nn/train.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define N_IN 6
#define N_HIDDEN 5
#define N_OUT 3
#define BATCH 8

/* A dense layer, one of the type, and a dense layer to end with. */
static struct nn_spec
spec_with(const char *type, enum nn_activation hidden,
          enum nn_activation output, enum nn_loss loss)
{
    struct nn_spec       spec = { .input = { .rank = 1, .dim = { N_IN } },
                                  .loss = nn_loss_spec(loss) };
    struct nn_layer_spec middle = fix_layer_of(type);

    middle.activation = hidden;
    fix_add(&spec, fix_dense(N_HIDDEN, hidden));
    fix_add(&spec, middle);
    fix_add(&spec, fix_dense(N_OUT, output));
    fix_ready(&spec);
    return spec;
}

/* --- gradients ------------------------------------------------------------ */

static void
data_of(float *x, float *t, size_t n)
{
    fix_sine(x, n * N_IN, 0.7, 0.3, 1.5);
    fix_sine(t, n * N_OUT, 1.9, 0.2, 0.45);
    for (size_t i = 0; i < n * N_OUT; i++)
        t[i] += 0.5f;
}

static void
check_spec(const struct nn_spec *spec)
{
    struct nn_net  *net = fix_net(spec, 3);
    struct nn_check check;
    float           x[BATCH * N_IN], t[BATCH * N_OUT];
    struct nn_work *work = fix_work(net, BATCH);
    float           grad[1024];

    ck_assert_uint_le(nn_net_n_params(net), 1024);
    data_of(x, t, BATCH);
    /* Ones and zeros to start with would hide a mistake. */
    for (size_t i = 0; i < nn_net_n_params(net); i++)
        nn_net_params(net)[i] += (float)(0.3 * sin(1.3 * (double)i));
    ck_assert_int_eq(nn_check_gradient(net, x, t, BATCH, &check, NULL), ERR_OK);
    ck_assert_double_eq_tol(check.loss, check.exact_loss,
                            1e-6 * (1 + fabs(check.loss)));
    for (size_t i = 0; i < spec->n_layers; i++) {
        const struct nn_check_layer *l = &check.layer[i];

        ck_assert_uint_eq(l->n_checked, nn_net_layer_trained(net, i));
        ck_assert_msg(
            l->largest_error < 2e-4,
            "%s (%s, ..., %s, %s), layer %zu: parameter %zu: gradient %.9g, "
            "difference %.9g",
            nn_layer_type_name(spec->layer[1].type),
            nn_activation_name(spec->layer[0].activation),
            nn_activation_name(spec->layer[spec->n_layers - 1].activation),
            nn_loss_name(spec->loss.type), i, l->parameter, l->gradient,
            l->difference);
    }
    nn_net_gradient(net, work, NULL, x, t, NULL, BATCH, grad, NULL);
    ck_assert_msg(nn_kernel()->sum_squares(grad, nn_net_n_params(net)) > 1e-8,
                  "an all-zero gradient proves nothing");
    nn_work_free(work);
    nn_net_free(net);
}

static bool
goes_with(enum nn_loss loss, enum nn_activation output)
{
    if (loss == NN_CROSS_ENTROPY)
        return output == NN_SOFTMAX;
    return loss != NN_BINARY_CROSS_ENTROPY || output == NN_SIGMOID;
}

/* _i is a kind of layer. */
START_TEST(every_layer_activation_and_loss)
{
    const char *type = nn_layer_type_name(nn_layer_type_at((size_t)_i));

    /* Beside a kind that has none, one activation of each sort will do. */
    for (int hidden = 0; hidden < NN_SOFTMAX; hidden += _i == 0 ? 1 : 3)
        for (int output = 0; output < NN_ACTIVATION_COUNT; output++)
            for (int loss = 0; loss < NN_LOSS_COUNT; loss++) {
                struct nn_spec spec;

                if (!goes_with(loss, output))
                    continue;
                spec = spec_with(type, hidden, output, loss);
                check_spec(&spec);
            }
}
END_TEST

START_TEST(all_of_them_at_once_with_penalties)
{
    struct nn_spec spec = fix_all_layers(20);

    check_spec(&spec);
    /* At weights of 0, |w| has a kink in each of them. */
    for (size_t i = 0; i < spec.n_layers; i++)
        if (spec.layer[i].l1 > 0)
            spec.layer[i].init.type = NN_INIT_ZEROS;
    check_spec(&spec);
}
END_TEST

/* The penalty is in the gradient, by its definition, and not in the loss. */
START_TEST(penalties_pull_at_weights_alone)
{
    struct nn_spec  spec = spec_with("flatten", NN_TANH, NN_LINEAR, NN_MSE);
    struct nn_net  *plain = fix_net(&spec, 3), *net;
    struct nn_work *work = fix_work(plain, BATCH);
    float           x[BATCH * N_IN], t[BATCH * N_OUT], without[64], with[64];
    double          loss;

    spec.layer[0].l1 = 0.25f;
    spec.layer[0].l2 = 0.125f;
    net = fix_net(&spec, 3);
    data_of(x, t, BATCH);
    nn_net_params(net)[4] = nn_net_params(plain)[4] = 0;
    loss = nn_net_gradient(plain, work, NULL, x, t, NULL, BATCH, without, NULL);
    ck_assert(loss ==
              nn_net_gradient(net, work, NULL, x, t, NULL, BATCH, with, NULL));
    for (size_t i = 0; i < nn_net_n_params(net); i++) {
        float  w = nn_net_params(net)[i];
        double sign = w > 0 ? 1 : w < 0 ? -1 : 0;
        double pull = i < N_IN * N_HIDDEN ? 0.25 * sign + 2 * 0.125 * w : 0;

        ck_assert_double_eq_tol(with[i], without[i] + pull, 1e-6);
    }
    nn_work_free(work);
    nn_net_free(net);
    nn_net_free(plain);
}
END_TEST

START_TEST(a_check_takes_a_sample_of_many)
{
    static const struct fix_layer layers[] = { { 600, NN_TANH },
                                               { 2, NN_SOFTMAX } };
    struct nn_spec  spec = fix_spec(N_IN, layers, 2, NN_CROSS_ENTROPY);
    struct nn_net  *net = fix_net(&spec, 3);
    struct nn_check first, second;
    float          *x = mem_floats(64 * N_IN, 0), *t = mem_floats(64 * 2, 0);

    fix_sine(x, 64 * N_IN, 0.7, 0.3, 1.5);
    for (size_t s = 0; s < 64; s++)
        t[2 * s + s % 2] = 1;
    ck_assert_int_eq(nn_check_gradient(net, x, t, 64, &first, NULL), ERR_OK);
    ck_assert_int_eq(nn_check_gradient(net, x, t, 64, &second, NULL), ERR_OK);
    ck_assert_mem_eq(&first, &second, sizeof(first));
    ck_assert_uint_lt(first.layer[0].n_checked, 600 * (N_IN + 1));
    ck_assert_uint_gt(first.layer[0].n_checked, 100);
    ck_assert_double_lt(first.layer[0].largest_error, 2e-4);
    ck_assert_double_lt(first.layer[1].largest_error, 2e-4);
    free(x);
    free(t);
    nn_net_free(net);
}
END_TEST

START_TEST(a_check_is_bounded)
{
    static const struct fix_layer layers[] = { { 20000, NN_TANH },
                                               { 1, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(2000, layers, 2, NN_MSE);
    struct nn_net                *net = fix_net(&spec, 3);
    struct nn_check               check;
    struct errinfo                e;
    float                        *x = mem_floats(256 * 2000, 0), t[256] = { 0 };

    err_clear(&e);
    ck_assert_int_eq(nn_check_gradient(net, x, t, 256, &check, &e),
                     ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/inputs");
    free(x);
    nn_net_free(net);
}
END_TEST

/* --- dropout -------------------------------------------------------------- */

#define MANY 20000

static struct nn_spec
dropout_spec(float rate)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { MANY } },
                            .loss = nn_loss_spec(NN_SQUARED_ERROR) };

    fix_add(&spec, fix_layer_of("dropout"));
    spec.layer[0].rate = rate;
    fix_ready(&spec);
    return spec;
}

START_TEST(dropout_leaves_out_its_share)
{
    struct nn_spec  spec = dropout_spec(0.3f);
    struct nn_net  *net = fix_net(&spec, 0);
    struct nn_work *work = fix_work(net, 1);
    struct nn_draws draws = { .seed = 7, .epoch = 2, .batch = 5 };
    float          *x = mem_floats(MANY, 0), *t = mem_floats(MANY, 0),
          *y = mem_floats(MANY, 0), *dx = mem_floats(MANY, 0), grad[1];
    size_t left_out = 0, same = 0;

    for (size_t i = 0; i < MANY; i++)
        x[i] = 1;
    nn_net_gradient(net, work, &draws, x, t, NULL, 1, grad, dx);
    memcpy(y, nn_work_output(work), MANY * sizeof(*y));
    for (size_t i = 0; i < MANY; i++) {
        float kept = 1 / (1 - 0.3f);

        ck_assert(y[i] == 0 || y[i] == kept);
        /* d = y - 0, and goes back through the same holes */
        ck_assert_float_eq(dx[i], y[i] * (y[i] > 0 ? kept : 0));
        left_out += y[i] == 0;
    }
    /* 4.5 standard deviations of a share of 0.3 */
    ck_assert_double_eq_tol((double)left_out / MANY, 0.3, 0.015);

    /* The same place gives the same holes, another batch others. */
    nn_net_gradient(net, work, &draws, x, t, NULL, 1, grad, NULL);
    ck_assert(fix_same(y, nn_work_output(work), MANY));
    draws.batch++;
    nn_net_gradient(net, work, &draws, x, t, NULL, 1, grad, NULL);
    for (size_t i = 0; i < MANY; i++)
        same += y[i] == nn_work_output(work)[i];
    ck_assert_double_eq_tol((double)same / MANY, 0.7 * 0.7 + 0.3 * 0.3, 0.02);

    /* Nothing is left out of a prediction. */
    ck_assert(fix_same(nn_net_forward(net, work, x, 1), x, MANY));
    free(x);
    free(t);
    free(y);
    free(dx);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

START_TEST(two_dropouts_draw_apart)
{
    struct nn_spec  spec = dropout_spec(0.5f);
    struct nn_draws draws = { .seed = 7 };
    size_t          passed = 0;

    fix_add(&spec, spec.layer[0]);
    fix_ready(&spec);

    struct nn_net  *net = fix_net(&spec, 0);
    struct nn_work *work = fix_work(net, 1);
    float          *x = mem_floats(MANY, 0), *t = mem_floats(MANY, 0), grad[1];

    for (size_t i = 0; i < MANY; i++)
        x[i] = 1;
    nn_net_gradient(net, work, &draws, x, t, NULL, 1, grad, NULL);
    for (size_t i = 0; i < MANY; i++)
        passed += nn_work_output(work)[i] > 0;
    ck_assert_double_eq_tol((double)passed / MANY, 0.25, 0.015);
    free(x);
    free(t);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* --- batch_norm, layer_norm ----------------------------------------------- */

/* What one update leaves of a batch_norm layer's tensors, by its definition. */
START_TEST(running_figures_move_and_are_not_trained)
{
    struct nn_spec                spec = { .input = { .rank = 1, .dim = { 2 } },
                                           .loss = nn_loss_spec(NN_MSE) };
    const float                   x[] = { 1, 10, 2, 20, 6, 60 }, t[6] = { 0 };
    const struct nn_train_options options = { .batch_size = 3,
                                              .rate = 1e-3f,
                                              .clip_norm = 1e-3f };
    struct nn_train_sums          sums = { 0 };
    float                         grad[8];

    fix_add(&spec, fix_layer_of("batch_norm"));
    fix_ready(&spec);

    struct nn_net       *net = fix_net(&spec, 0);
    struct nn_work      *work = fix_work(net, 3);
    struct nn_optimizer *opt = fix_optimizer("adamw", 0, 8);
    const float         *p = nn_net_params(net);

    ck_assert_uint_eq(nn_net_n_tensors(net), 4);
    ck_assert_str_eq(nn_net_tensor(net, 3).name, "running_var");
    ck_assert_uint_eq(nn_net_layer_parameters(net, 0), 8);
    ck_assert_uint_eq(nn_net_layer_trained(net, 0), 4);
    ck_assert(
        nn_train_rows(net, work, opt, grad, x, t, NULL, 3, &options, &sums));
    /* mean 3 and 30, unbiased variance 7 and 700 */
    ck_assert_float_eq_tol(p[4], 0.3f, 1e-6f);
    ck_assert_float_eq_tol(p[5], 3.0f, 1e-6f);
    ck_assert_float_eq_tol(p[6], 0.9f + 0.7f, 1e-6f);
    ck_assert_float_eq_tol(p[7], 0.9f + 70.0f, 1e-5f);
    ck_assert(p[0] != 1 && p[1] != 1);
    /* The norm is of the four that are trained: d of weight, d of bias. */
    ck_assert_double_eq_tol(sums.gradient_norm, sqrt(2 * pow(2 / 2.0, 2)),
                            1e-4);

    /* A prediction takes the running ones. */
    const float *y = nn_net_forward(net, work, x, 1);
    for (int k = 0; k < 2; k++)
        ck_assert_double_eq_tol(
            y[k], p[k] * (x[k] - p[4 + k]) / sqrt(p[6 + k] + 1e-5) + p[2 + k],
            1e-5);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

/* A sequence is normalised by feature over its steps too, an image by channel:
 * the same numbers, laid out so that each is a row of its own, give the same.
 */
START_TEST(sequences_and_images_are_normalised_by_feature)
{
    static const struct {
        struct nn_shape shape;
        size_t          features, stride, of; /* index of (feature, number) */
    } views[] = { { { 2, { 5, 3 } }, 3, 3, 5 },
                  { { 3, { 3, 2, 2 } }, 3, 1, 4 } };

    for (size_t v = 0; v < COUNT_OF(views); v++) {
        struct nn_spec wide = { .input = views[v].shape,
                                .loss = nn_loss_spec(NN_MSE) };
        struct nn_spec flat = { .input = { .rank = 1, .dim = { 3 } },
                                .loss = nn_loss_spec(NN_MSE) };
        size_t         of = views[v].of, size = 3 * of;
        float          x[2 * 15], rows[2 * 15], t[2 * 15] = { 0 }, grad[12];

        fix_add(&wide, fix_layer_of("batch_norm"));
        fix_add(&flat, fix_layer_of("batch_norm"));
        fix_ready(&wide);
        fix_ready(&flat);
        fix_sine(x, 2 * size, 0.9, 0.2, 2);
        for (size_t s = 0; s < 2; s++)
            for (size_t f = 0; f < 3; f++)
                for (size_t i = 0; i < of; i++)
                    rows[(s * of + i) * 3 + f] =
                        x[s * size + (v == 0 ? i * 3 + f : f * of + i)];

        struct nn_net  *a = fix_net(&wide, 0), *b = fix_net(&flat, 0);
        struct nn_work *wa = fix_work(a, 2), *wb = fix_work(b, 2 * of);

        nn_net_gradient(a, wa, NULL, x, t, NULL, 2, grad, NULL);
        nn_net_gradient(b, wb, NULL, rows, t, NULL, 2 * of, grad, NULL);
        for (size_t s = 0; s < 2; s++)
            for (size_t f = 0; f < 3; f++)
                for (size_t i = 0; i < of; i++)
                    ck_assert_float_eq(
                        nn_work_output(wb)[(s * of + i) * 3 + f],
                        nn_work_output(
                            wa)[s * size + (v == 0 ? i * 3 + f : f * of + i)]);
        nn_work_free(wa);
        nn_work_free(wb);
        nn_net_free(a);
        nn_net_free(b);
    }
}
END_TEST

/* A batch that does not vary has no variance to divide by. */
START_TEST(a_constant_column_is_no_trouble)
{
    const float x[2 * N_IN] = { 0 };

    for (int kind = 0; kind < 2; kind++) {
        struct nn_spec spec = spec_with(kind == 0 ? "batch_norm" : "layer_norm",
                                        NN_RELU, NN_LINEAR, NN_MSE);
        struct nn_net  *net = fix_net(&spec, 1);
        struct nn_work *work = fix_work(net, 2);
        float           t[2 * N_OUT] = { 1 }, grad[128];

        for (size_t n = 1; n <= 2; n++) {
            ck_assert(isfinite(
                nn_net_gradient(net, work, NULL, x, t, NULL, n, grad, NULL)));
            for (size_t i = 0; i < nn_net_n_params(net); i++)
                ck_assert(isfinite(grad[i]));
        }
        nn_work_free(work);
        nn_net_free(net);
    }
}
END_TEST

/* --- max_norm ------------------------------------------------------------- */

START_TEST(max_norm_holds_each_unit)
{
    struct nn_spec spec = spec_with("flatten", NN_TANH, NN_LINEAR, NN_MSE);
    const struct nn_train_options options = { .batch_size = BATCH,
                                              .rate = 0.5f };
    struct nn_train_sums          sums = { 0 };
    float                         x[BATCH * N_IN], t[BATCH * N_OUT], grad[64];
    size_t                        at_most = 0;

    spec.layer[0].max_norm = 0.5f;

    struct nn_net       *net = fix_net(&spec, 3);
    struct nn_work      *work = fix_work(net, BATCH);
    struct nn_optimizer *opt = fix_optimizer("sgd", 0, nn_net_n_params(net));

    nn_net_params(net)[0] = 4;
    for (size_t i = N_IN; i < 2 * N_IN; i++)
        nn_net_params(net)[i] = 1e-3f;
    data_of(x, t, BATCH);
    ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, BATCH, &options,
                            &sums));
    for (size_t j = 0; j < N_HIDDEN; j++) {
        double sum = 0;

        for (size_t i = 0; i < N_IN; i++)
            sum += pow(nn_net_params(net)[j * N_IN + i], 2);
        ck_assert_double_le(sqrt(sum), 0.5 * (1 + 1e-6));
        at_most += sqrt(sum) > 0.499;
    }
    ck_assert_uint_ge(at_most, 1);
    ck_assert_uint_lt(at_most, N_HIDDEN); /* a short one is let be */
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

Suite *
suite_nn_layers(void)
{
    Suite *s = suite_create("nn/layers");
    TCase *t = tcase_create("gradients");
    int    n = 0;

    while (nn_layer_type_at((size_t)n) != NULL)
        n++;
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, every_layer_activation_and_loss, 0, n);
    tcase_add_test(t, all_of_them_at_once_with_penalties);
    tcase_add_test(t, penalties_pull_at_weights_alone);
    tcase_add_test(t, a_check_takes_a_sample_of_many);
    tcase_add_test(t, a_check_is_bounded);
    suite_add_tcase(s, t);

    t = tcase_create("kinds");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, dropout_leaves_out_its_share);
    tcase_add_test(t, two_dropouts_draw_apart);
    tcase_add_test(t, running_figures_move_and_are_not_trained);
    tcase_add_test(t, sequences_and_images_are_normalised_by_feature);
    tcase_add_test(t, a_constant_column_is_no_trouble);
    tcase_add_test(t, max_norm_holds_each_unit);
    suite_add_tcase(s, t);
    return s;
}
