#include "nn/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"
#include "nn/subnormal.h"
#include "nn_fixture.h"
#include "nn_suites.h"

static const float xor_x[] = { 0, 0, 0, 1, 1, 0, 1, 1 };
static const float xor_t[] = { 0, 1, 1, 0 };

#define N_SEEDS 20
#define MAX_EPOCHS 5000

/* A 2-4-1 net by full batches: DATA.md has 99.7 % of random starts there. */
static size_t
xor_epochs(uint64_t seed)
{
    static const struct fix_layer layers[] = { { 4, NN_SIGMOID },
                                               { 1, NN_SIGMOID } };
    struct nn_spec       spec = fix_spec(2, layers, 2, NN_SQUARED_ERROR);
    struct nn_net       *net = fix_net(&spec, seed);
    struct nn_work      *work = fix_work(net, 4);
    struct nn_optimizer *opt = fix_optimizer("sgd", 0.9f, nn_net_n_params(net));
    float                grad[17];
    struct nn_train_options options = { .batch_size = 4, .rate = 1 };
    size_t                  epoch;

    for (epoch = 1; epoch <= MAX_EPOCHS; epoch++) {
        struct nn_train_sums sums = { 0 };
        bool                 learnt = true;
        const float         *y;

        ck_assert(nn_train_rows(net, work, opt, grad, xor_x, xor_t, NULL, 4,
                                &options, &sums));
        y = nn_net_forward(net, work, xor_x, 4);
        for (size_t s = 0; s < 4; s++)
            learnt &= fabsf(y[s] - xor_t[s]) < 0.05f;
        if (learnt)
            break;
    }
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
    return epoch;
}

START_TEST(xor_is_learnt_from_every_seed)
{
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++)
        ck_assert_msg(xor_epochs(seed) <= MAX_EPOCHS, "seed %d", (int)seed);
}
END_TEST

/* --- a run over rows ------------------------------------------------------ */

#define N_ROWS 50
#define N_IN 7
#define N_OUT 3

struct run {
    struct nn_net       *net;
    struct nn_work      *work;
    struct nn_optimizer *opt;
    size_t               n_params;
    float               *grad;
    float                x[N_ROWS * N_IN], t[N_ROWS * N_OUT];
    struct nn_train_sums sums;
};

static void
run_open(struct run *r, const char *optimizer)
{
    static const struct fix_layer layers[] = { { 20, NN_RELU },
                                               { N_OUT, NN_SOFTMAX } };
    struct nn_spec spec = fix_spec(N_IN, layers, 2, NN_CROSS_ENTROPY);

    memset(r, 0, sizeof(*r));
    r->net = fix_net(&spec, 11);
    r->work = fix_work(r->net, N_ROWS);
    r->n_params = nn_net_n_params(r->net);
    r->opt = fix_optimizer(optimizer, 0, r->n_params);
    r->grad = mem_floats(r->n_params, 0);
    ck_assert_ptr_nonnull(r->grad);
    fix_sine(r->x, N_ROWS * N_IN, 0.9, 0.1, 1);
    for (size_t s = 0; s < N_ROWS; s++)
        r->t[s * N_OUT + (r->x[s * N_IN] > 0 ? 2 : s % 2)] = 1;
}

static void
run_close(struct run *r)
{
    free(r->grad);
    nn_optimizer_free(r->opt);
    nn_work_free(r->work);
    nn_net_free(r->net);
}

static bool
run_rows(struct run *r, size_t batch_size, const atomic_bool *stop)
{
    const struct nn_train_options options = {
        .batch_size = batch_size, .rate = 0.05f, .middle = 0.5f, .stop = stop
    };

    return nn_train_rows(r->net, r->work, r->opt, r->grad, r->x, r->t, NULL,
                         N_ROWS, &options, &r->sums);
}

START_TEST(the_same_run_gives_the_same_bytes)
{
    static const char *const names[] = { "sgd", "adam" };
    struct run               a, b;

    run_open(&a, names[_i]);
    run_open(&b, names[_i]);
    for (int epoch = 0; epoch < 20; epoch++) {
        ck_assert(run_rows(&a, 8, NULL));
        ck_assert(run_rows(&b, 8, NULL));
    }
    ck_assert(fix_same(nn_net_params(a.net), nn_net_params(b.net), a.n_params));
    ck_assert(a.sums.loss == b.sums.loss);
    run_close(&a);
    run_close(&b);
}
END_TEST

static const char *const stepping[] = { "adam", "adamw" };

/* Each set with FMA trains to the same bytes; the others come near. */
START_TEST(instruction_sets_train_alike)
{
    struct run              first, r;
    const struct nn_kernel *kernel;

    run_open(&first, stepping[_i]);
    for (int epoch = 0; epoch < 20; epoch++)
        ck_assert(run_rows(&first, 8, NULL));
    for (size_t s = 1; (kernel = nn_kernel_at(s)) != NULL; s++) {
        ck_assert(nn_kernel_select(kernel->name));
        run_open(&r, stepping[_i]);
        for (int epoch = 0; epoch < 20; epoch++)
            ck_assert(run_rows(&r, 8, NULL));
        if (strcmp(kernel->name, "avx2") == 0)
            ck_assert(fix_same(nn_net_params(first.net), nn_net_params(r.net),
                               r.n_params));
        for (size_t i = 0; i < r.n_params; i++)
            ck_assert_float_eq_tol(nn_net_params(r.net)[i],
                                   nn_net_params(first.net)[i], 1e-3f);
        run_close(&r);
    }
    nn_kernel_select(NULL);
    run_close(&first);
}
END_TEST

START_TEST(rows_are_cut_into_batches_and_summed)
{
    struct run  r, by_hand;
    const float rate = 0.05f;

    run_open(&r, "sgd");
    run_open(&by_hand, "sgd");
    ck_assert(run_rows(&r, 20, NULL)); /* 20, 20, 10 */
    for (size_t row = 0; row < N_ROWS; row += 20) {
        size_t n = row + 20 <= N_ROWS ? 20 : N_ROWS - row;
        double squares = 0;

        by_hand.sums.loss +=
            (double)n * nn_net_gradient(by_hand.net, by_hand.work, NULL,
                                        by_hand.x + row * N_IN,
                                        by_hand.t + row * N_OUT, NULL, n,
                                        by_hand.grad, NULL);
        by_hand.sums.n_correct +=
            nn_count_correct(nn_work_output(by_hand.work),
                             by_hand.t + row * N_OUT, n, N_OUT, 0.5f, false);
        for (size_t i = 0; i < r.n_params; i++)
            squares += (double)by_hand.grad[i] * by_hand.grad[i];
        by_hand.sums.gradient_norm += sqrt(squares);
        fix_step(by_hand.opt, nn_net_params(by_hand.net), by_hand.grad,
                 r.n_params, rate);
    }
    ck_assert(
        fix_same(nn_net_params(r.net), nn_net_params(by_hand.net), r.n_params));
    ck_assert_uint_eq(r.sums.n_rows, N_ROWS);
    ck_assert_uint_eq(r.sums.n_batches, 3);
    ck_assert_double_eq(r.sums.n_correct, by_hand.sums.n_correct);
    ck_assert_double_eq_tol(r.sums.loss, by_hand.sums.loss, 1e-12);
    /* Squares are added up in float32. */
    ck_assert_double_eq_tol(r.sums.gradient_norm, by_hand.sums.gradient_norm,
                            1e-6 * r.sums.gradient_norm);
    run_close(&r);
    run_close(&by_hand);
}
END_TEST

/* --- clipping, and what is measured --------------------------------------- */

/* One batch of all rows by plain gradient descent at rate 1: the parameters
 * move by the gradient as it was clipped, which is worked out here a second
 * time. */
static void
check_clipped(float clip_norm, float clip_value)
{
    struct run                    r;
    const struct nn_train_options options = { .batch_size = N_ROWS,
                                              .rate = 1,
                                              .clip_norm = clip_norm,
                                              .clip_value = clip_value };
    double                        squares = 0, scale = 1;
    struct nn_net                *before = NULL;

    run_open(&r, "sgd");
    ck_assert_int_eq(nn_net_clone(r.net, &before, NULL), ERR_OK);
    nn_net_gradient(r.net, r.work, NULL, r.x, r.t, NULL, N_ROWS, r.grad, NULL);
    for (size_t i = 0; i < r.n_params; i++)
        squares += (double)r.grad[i] * r.grad[i];
    if (clip_norm > 0)
        scale = fmin(1, clip_norm / (sqrt(squares) + 1e-6));
    for (size_t i = 0; i < r.n_params; i++) {
        double g = scale * r.grad[i];

        if (clip_value > 0)
            g = fmax(-clip_value, fmin(clip_value, g));
        nn_net_params(before)[i] -= (float)g;
    }
    ck_assert(nn_train_rows(r.net, r.work, r.opt, r.grad, r.x, r.t, NULL,
                            N_ROWS, &options, &r.sums));
    for (size_t i = 0; i < r.n_params; i++)
        ck_assert_float_eq_tol(nn_net_params(r.net)[i],
                               nn_net_params(before)[i], 1e-6f);
    /* What is told is the norm before clipping. */
    ck_assert_double_eq_tol(r.sums.gradient_norm, sqrt(squares),
                            1e-6 * sqrt(squares));
    nn_net_free(before);
    run_close(&r);
}

START_TEST(gradients_are_clipped_by_norm_then_by_value)
{
    check_clipped(0, 0);
    check_clipped(0.1f, 0);
    check_clipped(100, 0); /* far above: nothing happens */
    check_clipped(0, 0.01f);
    check_clipped(0.1f, 0.01f);
}
END_TEST

START_TEST(layers_are_measured)
{
    struct run              r, plain;
    struct nn_net          *before = NULL;
    struct nn_train_options options = { .batch_size = N_ROWS, .rate = 0.1f };

    run_open(&r, "adam");
    run_open(&plain, "adam");
    ck_assert_int_eq(nn_net_clone(r.net, &before, NULL), ERR_OK);
    ck_assert(nn_train_rows(plain.net, plain.work, plain.opt, plain.grad,
                            plain.x, plain.t, NULL, N_ROWS, &options,
                            &plain.sums));
    options.measure = true;
    ck_assert(nn_train_rows(r.net, r.work, r.opt, r.grad, r.x, r.t, NULL,
                            N_ROWS, &options, &r.sums));

    /* Looking does not change what is seen. */
    ck_assert(
        fix_same(nn_net_params(r.net), nn_net_params(plain.net), r.n_params));
    ck_assert_double_eq(plain.sums.update_ratio[0], 0);

    double total = 0;
    for (size_t l = 0; l < 2; l++) {
        size_t first = nn_net_layer_offset(r.net, l);
        size_t end = first + nn_net_layer_parameters(r.net, l);
        double g = 0, w = 0, moved = 0;

        for (size_t i = first; i < end; i++) {
            double was = nn_net_params(before)[i];

            g += (double)r.grad[i] * r.grad[i];
            w += was * was;
            moved += pow(nn_net_params(r.net)[i] - was, 2);
        }
        ck_assert_double_eq_tol(r.sums.layer_norm[l], sqrt(g), 1e-6 * sqrt(g));
        ck_assert_double_eq_tol(r.sums.update_ratio[l], sqrt(moved / w), 1e-6);
        ck_assert_double_gt(r.sums.update_ratio[l], 1e-3);
        total += g;
    }
    ck_assert_double_eq_tol(r.sums.gradient_norm, sqrt(total),
                            1e-6 * sqrt(total));
    nn_net_free(before);
    run_close(&r);
    run_close(&plain);
}
END_TEST

START_TEST(training_lowers_the_loss)
{
    struct run r;
    double     first;

    run_open(&r, "adam");
    ck_assert(run_rows(&r, 10, NULL));
    first = r.sums.loss;
    for (int epoch = 0; epoch < 200; epoch++) {
        r.sums = (struct nn_train_sums){ 0 };
        ck_assert(run_rows(&r, 10, NULL));
    }
    ck_assert_double_lt(r.sums.loss, first / 2);
    run_close(&r);
}
END_TEST

/* Ever surer, and wrong, until the output is 0: the loss is not infinite, and
 * the same as when it is evaluated. */
START_TEST(a_sure_mistake_has_a_loss)
{
    static const struct fix_layer layers[] = { { 2, NN_SOFTMAX } };
    struct nn_spec spec = fix_spec(1, layers, 1, NN_CROSS_ENTROPY);
    struct nn_net *net = fix_net(&spec, 1);
    struct nn_work         *work = fix_work(net, 1);
    struct nn_optimizer    *opt = fix_optimizer("sgd", 0, 4);
    struct nn_train_options options = { .batch_size = 1, .rate = 0.01f };
    const float             t[2] = { 0, 1 };
    float                   grad[4];

    for (float z = 80; z < 300; z *= 1.02f) {
        const float          params[4] = { z, 0, 0, 0 }, x[1] = { 1 };
        double               want = fmin(z, 126 * log(2)), loss;
        struct nn_train_sums sums = { 0 };

        memcpy(nn_net_params(net), params, sizeof(params));
        loss = nn_loss_mean(&spec, nn_net_forward(net, work, x, 1), t, NULL, 1,
                            2);
        ck_assert_double_eq_tol(loss, want, 1e-4);
        ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, 1, &options,
                                &sums));
        ck_assert_double_eq_tol(sums.loss, want, 1e-4);
    }
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

#if NN_FLUSHES != 0
static const char *const decaying[] = { "sgd", "adam" };

/* Moments and velocities of weights whose input is 0 from now on.  Rounded,
 * 0.9 times a few of the least numbers there are is itself again. */
START_TEST(what_decays_reaches_zero)
{
    static const struct fix_layer layers[] = { { 1, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(9, layers, 1, NN_MSE);
    struct nn_net                *net = fix_net(&spec, 1);
    struct nn_work               *work = fix_work(net, 2);
    struct nn_optimizer          *opt = fix_optimizer(decaying[_i], 0.9f, 10);
    struct nn_train_options options = { .batch_size = 2, .rate = 0.01f };
    struct nn_train_sums    sums = { 0 };
    unsigned                mode = nn_subnormal_mode();
    float                   x[18], t[2] = { 1, 2 }, grad[10];
    const float            *state[4] = { NULL };

    fix_sine(x, 18, 0.7, 0.1, 1);
    ck_assert(
        nn_train_rows(net, work, opt, grad, x, t, NULL, 2, &options, &sums));
    nn_optimizer_vectors(opt, state);
    ck_assert_float_ne(state[0][3], 0);
    memset(x, 0, sizeof(x));
    for (int i = 0; i < 1000; i++)
        ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, 2, &options,
                                &sums));
    for (size_t i = 0; i < 9; i++)
        ck_assert_float_eq(state[0][i], 0);
    ck_assert_uint_eq(nn_subnormal_mode(), mode);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST
#endif

static const char *const dividing[] = { "adam", "adamw", "rmsprop", "adagrad" };

/* The least epsilon there is, a weight without a gradient and one whose
 * gradient squared is nothing: no 0 / 0, and no step beyond a few rates. */
START_TEST(an_epsilon_too_small_is_not_divided_by)
{
    static const struct fix_layer layers[] = { { 1, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(2, layers, 1, NN_MSE);
    struct nn_net                *net = fix_net(&spec, 1);
    struct nn_work               *work = fix_work(net, 1);
    struct nn_optimizer_spec      how;
    struct nn_optimizer          *opt;
    struct errinfo                e;
    struct nn_train_options options = { .batch_size = 1, .rate = 0.01f };
    struct nn_train_sums    sums = { 0 };
    const float             x[2] = { 0, 1e-20f }, t[1] = { 50 };
    float                   grad[3];

    err_clear(&e);
    nn_optimizer_spec_init(&how, nn_optimizer_type_find(dividing[_i]));
    how.epsilon = 0x1p-149f;
    ck_assert_int_eq(nn_optimizer_new(&how, 3, &opt, &e), ERR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, 1, &options,
                                &sums));
    for (size_t i = 0; i < 3; i++)
        ck_assert_float_lt(fabsf(nn_net_params(net)[i]), 2);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

START_TEST(a_stop_is_seen_before_the_first_batch)
{
    struct run  r;
    atomic_bool stop = true;

    run_open(&r, "sgd");
    ck_assert(run_rows(&r, 10, &stop));
    ck_assert_uint_eq(r.sums.n_rows, 0);
    atomic_store(&stop, false);
    ck_assert(run_rows(&r, 10, &stop));
    ck_assert_uint_eq(r.sums.n_rows, N_ROWS);
    run_close(&r);
}
END_TEST

/* A batch that gives no number is not applied, and what was done before it
 * counts. */
START_TEST(a_loss_that_is_no_number_ends_the_run)
{
    struct run     r;
    struct nn_net *before = NULL;

    run_open(&r, "sgd");
    r.x[25 * N_IN] = NAN;
    ck_assert(!run_rows(&r, 20, NULL));
    ck_assert_uint_eq(r.sums.n_rows, 20);
    ck_assert(isfinite(r.sums.loss));
    for (size_t i = 0; i < r.n_params; i++)
        ck_assert(isfinite(nn_net_params(r.net)[i]));

    /* A finite loss whose gradient overflows. */
    ck_assert_int_eq(nn_net_clone(r.net, &before, NULL), ERR_OK);
    for (size_t i = 0; i < N_ROWS * N_IN; i++)
        r.x[i] = 3e38f;
    ck_assert(!run_rows(&r, 1, NULL));
    ck_assert(
        fix_same(nn_net_params(r.net), nn_net_params(before), r.n_params));
    nn_net_free(before);
    run_close(&r);
}
END_TEST

START_TEST(correct_rows_are_counted)
{
    const float y[] = { 0.2f, 0.5f, 0.3f, 0.4f, 0.4f, 0.2f };
    const float t[] = { 0, 1, 0, 0, 1, 0 };
    const float one[] = { 0.6f, 0.4f, -0.1f }, target[] = { 1, 1, 0 };

    ck_assert_double_eq(nn_count_correct(y, t, 2, 3, 0.5f, false), 1);
    ck_assert_double_eq(nn_count_correct(one, target, 3, 1, 0.5f, false), 2);
    ck_assert_double_eq(nn_count_correct(one, target, 3, 1, 0, false), 3);
    /* As three labels: 2, 2 of y's outputs are on their side. */
    ck_assert_double_eq_tol(nn_count_correct(y, t, 2, 3, 0.35f, true),
                            1 + 2 / 3.0, 1e-15);
}
END_TEST

Suite *
suite_nn_train(void)
{
    Suite *s = suite_create("nn/train");
    TCase *t = tcase_create("train");

    tcase_add_test(t, xor_is_learnt_from_every_seed);
    tcase_add_loop_test(t, the_same_run_gives_the_same_bytes, 0, 2);
    tcase_add_loop_test(t, instruction_sets_train_alike, 0,
                        (int)COUNT_OF(stepping));
    tcase_add_test(t, rows_are_cut_into_batches_and_summed);
    tcase_add_test(t, gradients_are_clipped_by_norm_then_by_value);
    tcase_add_test(t, layers_are_measured);
    tcase_add_test(t, training_lowers_the_loss);
#if NN_FLUSHES != 0
    tcase_add_loop_test(t, what_decays_reaches_zero, 0,
                        (int)COUNT_OF(decaying));
#endif
    tcase_add_test(t, a_stop_is_seen_before_the_first_batch);
    tcase_add_test(t, a_sure_mistake_has_a_loss);
    tcase_add_loop_test(t, an_epsilon_too_small_is_not_divided_by, 0,
                        (int)COUNT_OF(dividing));
    tcase_add_test(t, a_loss_that_is_no_number_ends_the_run);
    tcase_add_test(t, correct_rows_are_counted);
    suite_add_tcase(s, t);
    return s;
}
