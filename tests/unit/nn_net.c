#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"
#include "nn_fixture.h"
#include "nn_suites.h"

static struct nn_spec
small_spec(void)
{
    static const struct fix_layer layers[] = { { 5, NN_TANH },
                                               { 3, NN_SOFTMAX } };

    return fix_spec(4, layers, 2, NN_CROSS_ENTROPY);
}

START_TEST(parameters_lie_as_the_tensors_say)
{
    struct nn_spec   spec = small_spec();
    struct nn_net   *net = fix_net(&spec, 1);
    struct nn_tensor t;

    ck_assert_uint_eq(nn_net_n_params(net), 4 * 5 + 5 + 5 * 3 + 3);
    ck_assert_uint_eq(nn_net_layer_parameters(net, 0), 25);
    ck_assert_uint_eq(nn_net_layer_offset(net, 1), 25);
    ck_assert_uint_eq(nn_net_layer_shape(net, 0)->dim[0], 5);
    ck_assert_uint_eq(nn_net_n_in(net), 4);
    ck_assert_uint_eq(nn_net_n_out(net), 3);
    ck_assert_uint_eq(nn_net_n_tensors(net), 4);
    t = nn_net_tensor(net, 2);
    ck_assert(t.layer == 1 && t.offset == 25 && t.shape.rank == 2 &&
              t.shape.dim[0] == 3 && t.shape.dim[1] == 5);
    ck_assert_str_eq(t.name, "weight");
    t = nn_net_tensor(net, 3);
    ck_assert(t.layer == 1 && t.offset == 40 && t.shape.rank == 1 &&
              t.shape.dim[0] == 3);
    ck_assert_str_eq(t.name, "bias");
    ck_assert_uint_eq((uintptr_t)nn_net_params(net) % 64, 0);
    ck_assert_uint_ge(nn_net_bytes(&spec), nn_net_params_bytes(net));
    nn_net_free(net);
}
END_TEST

/* --- initial values ------------------------------------------------------- */

/* What each type is to give on a 300-200 layer; limit 0: unbounded. */
static const struct {
    enum nn_init type;
    float        scale;
    double       limit, variance;
} inits[] = {
    { NN_INIT_GLOROT_UNIFORM, 0, 0.109545, 0.004 }, /* 6/500, 2/500 */
    { NN_INIT_GLOROT_NORMAL, 0, 0, 0.004 },
    { NN_INIT_HE_UNIFORM, 0, 0.141422, 2.0 / 300 }, /* 6/300 */
    { NN_INIT_HE_NORMAL, 0, 0, 2.0 / 300 },
    { NN_INIT_LECUN_NORMAL, 0, 0, 1.0 / 300 },
    { NN_INIT_UNIFORM, 0.01f, 0.01, 0.0001 / 3 },
    { NN_INIT_NORMAL, 0.5f, 0, 0.25 },
};

/* 60000 draws: their mean strays from 0 by 0.4 % of the deviation, their
 * variance by 0.6 % of itself; five times that is allowed. */
START_TEST(initial_values_are_spread_as_asked)
{
    static const struct fix_layer layer = { 200, NN_LINEAR };
    struct nn_spec                spec = fix_spec(300, &layer, 1, NN_MSE);
    const size_t                  n = 60000;
    double                        sum = 0, squares = 0, largest = 0;

    spec.layer[0].init =
        (struct nn_init_spec){ inits[_i].type, inits[_i].scale };

    struct nn_net *net = fix_net(&spec, 5);
    const float   *w = nn_net_params(net);

    for (size_t i = 0; i < n; i++) {
        sum += w[i];
        squares += (double)w[i] * w[i];
        largest = fmax(largest, fabsf(w[i]));
    }
    ck_assert_double_le(fabs(sum / (double)n), 0.02 * sqrt(inits[_i].variance));
    ck_assert_double_eq_tol(squares / (double)n / inits[_i].variance, 1, 0.03);
    if (inits[_i].limit > 0) {
        ck_assert_double_le(largest, inits[_i].limit);
        ck_assert_double_ge(largest, 0.999 * inits[_i].limit);
    }
    for (size_t j = 0; j < 200; j++)
        ck_assert_float_eq(w[n + j], 0.0f);
    nn_net_free(net);
}
END_TEST

START_TEST(zeros_are_zeros)
{
    struct nn_spec spec = small_spec();

    spec.layer[0].init.type = NN_INIT_ZEROS;

    struct nn_net *net = fix_net(&spec, 1);

    for (size_t i = 0; i < 25; i++)
        ck_assert_float_eq(nn_net_params(net)[i], 0.0f);
    ck_assert(nn_net_params(net)[25] != 0);
    nn_net_free(net);
}
END_TEST

START_TEST(a_seed_gives_its_net_and_no_other)
{
    struct nn_spec spec = small_spec();
    struct nn_net *a = fix_net(&spec, 7), *b = fix_net(&spec, 7),
                  *c = fix_net(&spec, 8);
    size_t n = nn_net_n_params(a);

    ck_assert(fix_same(nn_net_params(a), nn_net_params(b), n));
    ck_assert(!fix_same(nn_net_params(a), nn_net_params(c), n));
    /* Layers draw different numbers: 5 inputs in both, the scales apart. */
    ck_assert(nn_net_params(a)[0] * nn_net_params(a)[26] !=
              nn_net_params(a)[1] * nn_net_params(a)[25]);
    nn_net_free(a);
    nn_net_free(b);
    nn_net_free(c);
}
END_TEST

/* --- as stored ------------------------------------------------------------ */

START_TEST(a_stored_net_predicts_the_same_bits)
{
    struct nn_spec spec = small_spec();
    struct nn_net *net = fix_net(&spec, 7), *back = fix_net(&spec, 8),
                  *clone = NULL;
    struct nn_work *work = fix_work(net, 2), *other = fix_work(back, 2);
    size_t          len = nn_net_params_bytes(net);
    unsigned char   bytes[43 * 4];
    float           x[8];

    ck_assert_uint_eq(len, sizeof(bytes));
    fix_sine(x, 8, 1, 0, 2);
    nn_net_export(net, bytes);
    ck_assert_int_eq(nn_net_import(back, bytes, len, NULL), ERR_OK);
    ck_assert(fix_same(nn_net_forward(net, work, x, 2),
                       nn_net_forward(back, other, x, 2), 6));
    ck_assert_int_eq(nn_net_clone(net, &clone, NULL), ERR_OK);
    ck_assert(
        fix_same(nn_work_output(work), nn_net_forward(clone, other, x, 2), 6));
    nn_work_free(work);
    nn_work_free(other);
    nn_net_free(net);
    nn_net_free(back);
    nn_net_free(clone);
}
END_TEST

START_TEST(the_format_is_little_endian_float32)
{
    struct nn_spec spec = small_spec();
    struct nn_net *net = fix_net(&spec, 7);
    unsigned char  bytes[43 * 4];

    nn_net_params(net)[1] = -1.5f;
    nn_net_export(net, bytes);
    ck_assert_mem_eq(bytes + 4, "\x00\x00\xc0\xbf", 4);
    nn_net_free(net);
}
END_TEST

START_TEST(import_refuses_what_is_no_net)
{
    struct nn_spec spec = small_spec();
    struct nn_net *net = fix_net(&spec, 7), *before = NULL;
    size_t         n = nn_net_n_params(net);
    unsigned char  bytes[43 * 4 + 1];
    float          bad[] = { NAN, INFINITY, -INFINITY };

    ck_assert_int_eq(nn_net_clone(net, &before, NULL), ERR_OK);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_int_eq(nn_net_import(net, bytes, n * 4 - 1, NULL), ERR_CORRUPT);
    ck_assert_int_eq(nn_net_import(net, bytes, n * 4 + 1, NULL), ERR_CORRUPT);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        memcpy(bytes + (n - 1) * 4, &bad[i], 4);
        ck_assert_int_eq(nn_net_import(net, bytes, n * 4, NULL), ERR_CORRUPT);
    }
    ck_assert(fix_same(nn_net_params(net), nn_net_params(before), n));
    nn_net_free(net);
    nn_net_free(before);
}
END_TEST

/* --- a pass --------------------------------------------------------------- */

/* A sample's output does not depend on the batch it comes in. */
START_TEST(a_batch_is_its_samples)
{
    static const struct fix_layer layers[] = { { 37, NN_SIGMOID },
                                               { 11, NN_SOFTMAX } };
    struct nn_spec  spec = fix_spec(300, layers, 2, NN_CROSS_ENTROPY);
    struct nn_net  *net = fix_net(&spec, 7);
    struct nn_work *work = fix_work(net, 19), *alone = fix_work(net, 1);
    float          *x = mem_floats(19 * 300, 0);
    const float    *y;

    fix_sine(x, 19 * 300, 0.37, 0.1, 1);
    y = nn_net_forward(net, work, x, 19);
    for (size_t s = 0; s < 19; s++)
        ck_assert(fix_same(y + s * 11,
                           nn_net_forward(net, alone, x + s * 300, 1), 11));
    free(x);
    nn_work_free(work);
    nn_work_free(alone);
    nn_net_free(net);
}
END_TEST

/* A smaller batch after a larger one sees nothing of it. */
START_TEST(work_can_be_used_again)
{
    struct nn_spec  spec = small_spec();
    struct nn_net  *net = fix_net(&spec, 7);
    struct nn_work *work = fix_work(net, 3), *fresh = fix_work(net, 3);
    float           x[12], t[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    float           grad[43], again[43];

    ck_assert_uint_eq(nn_work_max_batch(work), 3);
    fix_sine(x, 12, 1, 0, 1);
    nn_net_gradient(net, work, NULL, x, t, NULL, 3, grad, NULL);
    nn_net_gradient(net, work, NULL, x, t, NULL, 2, grad, NULL);
    nn_net_gradient(net, fresh, NULL, x, t, NULL, 2, again, NULL);
    ck_assert(fix_same(grad, again, 43));
    nn_work_free(work);
    nn_work_free(fresh);
    nn_net_free(net);
}
END_TEST

START_TEST(work_bytes_overflow_is_told)
{
    struct nn_spec  spec = small_spec();
    struct nn_net  *net = fix_net(&spec, 7);
    struct nn_work *work = NULL;
    size_t          predict, train, out = 42;

    ck_assert_int_eq(nn_work_bytes(&spec, 100, false, &predict, NULL), ERR_OK);
    ck_assert_int_eq(nn_work_bytes(&spec, 100, true, &train, NULL), ERR_OK);
    ck_assert_uint_ge(predict, 100 * (5 + 3) * sizeof(float));
    ck_assert_uint_ge(train, predict + 100 * (5 + 3) * sizeof(float));
    ck_assert_int_eq(nn_work_bytes(&spec, SIZE_MAX / 8, true, &out, NULL),
                     ERR_INVALID);
    ck_assert_int_eq(nn_work_new(net, SIZE_MAX, false, &work, NULL),
                     ERR_INVALID);
    ck_assert(out == 42 && work == NULL);
    nn_net_free(net);
}
END_TEST

START_TEST(softmax_of_huge_logits_is_finite)
{
    static const struct fix_layer layer = { 3, NN_SOFTMAX };
    struct nn_spec  spec = fix_spec(3, &layer, 1, NN_CROSS_ENTROPY);
    struct nn_net  *net = fix_net(&spec, 0);
    struct nn_work *work = fix_work(net, 1);
    float           x[3] = { 3e37f, -3e37f, 0 }, t[3] = { 0, 1, 0 };
    float           grad[12];
    double          loss;

    for (size_t i = 0; i < 12; i++)
        nn_net_params(net)[i] = i < 9 && i / 3 == i % 3 ? 1.0f : 0.0f;
    loss = nn_net_gradient(net, work, NULL, x, t, NULL, 1, grad, NULL);
    /* y = 1, 0, 0; the loss is that of the least normal float, 126 ln 2. */
    ck_assert_float_eq(nn_work_output(work)[0], 1.0f);
    ck_assert_float_eq(nn_work_output(work)[1], 0.0f);
    ck_assert_double_eq_tol(loss, 126 * log(2), 1e-9);
    ck_assert_float_eq(grad[9], 1.0f);
    ck_assert_float_eq(grad[10], -1.0f);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

START_TEST(losses_are_finite_at_the_ends)
{
    struct nn_spec spec = { .loss = nn_loss_spec(NN_BINARY_CROSS_ENTROPY) };
    const float    y[] = { 0, 1 }, t[] = { 1, 0 };

    ck_assert_double_eq_tol(nn_loss_mean(&spec, y, t, NULL, 1, 2),
                            (126 + 25) * log(2) / 2, 1e-9);
    ck_assert_double_eq(nn_loss_mean(&spec, t, t, NULL, 1, 2), 0);
    spec.loss = nn_loss_spec(NN_CROSS_ENTROPY);
    ck_assert_double_eq(nn_loss_mean(&spec, t, t, NULL, 1, 2), 0);
}
END_TEST

/* Whatever the activation and the loss, a NaN is not hidden. */
START_TEST(a_nan_reaches_the_loss)
{
    static const struct {
        enum nn_activation hidden, output;
        enum nn_loss       loss;
    } cases[] = {
        { NN_RELU, NN_LINEAR, NN_MSE },
        { NN_SIGMOID, NN_RELU, NN_SQUARED_ERROR },
        { NN_TANH, NN_SIGMOID, NN_BINARY_CROSS_ENTROPY },
        { NN_LINEAR, NN_SOFTMAX, NN_CROSS_ENTROPY },
    };
    const float x[2] = { 1, NAN }, t[2] = { 0, 1 };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fix_layer layers[] = { { 3, cases[i].hidden },
                                      { 2, cases[i].output } };
        struct nn_spec   spec = fix_spec(2, layers, 2, cases[i].loss);
        struct nn_net   *net = fix_net(&spec, 1);
        struct nn_work  *work = fix_work(net, 1);
        float            grad[17];

        ck_assert(
            isnan(nn_net_gradient(net, work, NULL, x, t, NULL, 1, grad, NULL)));
        nn_work_free(work);
        nn_net_free(net);
    }
}
END_TEST

/* Turned weights show in the time only: every kernel, few samples and many, and
 * widths that fill no vector. */
START_TEST(turned_weights_give_the_same_bits)
{
    static const struct fix_layer layers[] = { { 67, NN_RELU },
                                               { 130, NN_TANH },
                                               { 3, NN_SOFTMAX } };
    struct nn_spec  spec = fix_spec(301, layers, 3, NN_CROSS_ENTROPY);
    struct nn_net  *plain = fix_net(&spec, 5), *turned = fix_net(&spec, 5);
    struct nn_work *a = fix_work(plain, 20), *b = fix_work(turned, 20);
    static float    x[20 * 301];

    fix_sine(x, COUNT_OF(x), 0.7, 0.1, 3);
    ck_assert_ptr_null(nn_net_turned(plain, 0));
    ck_assert_int_eq(nn_net_turn(turned, NULL), ERR_OK);
    ck_assert_ptr_nonnull(nn_net_turned(turned, 2));
    /* The second panel of the first layer: three units, padded to 16. */
    ck_assert(nn_net_turned(turned, 0)[64 * 301 + 16 + 2] ==
              nn_net_params(plain)[66 * 301 + 1]);
    for (size_t set = 0; nn_kernel_at(set) != NULL; set++) {
        nn_kernel_select(nn_kernel_at(set)->name);
        for (size_t n = 1; n <= 20; n++)
            ck_assert(fix_same(nn_net_forward(plain, a, x, n),
                               nn_net_forward(turned, b, x, n), n * 3));
    }
    nn_kernel_select(NULL);
    nn_work_free(a);
    nn_work_free(b);
    nn_net_free(plain);
    nn_net_free(turned);
}
END_TEST

/* Inputs that are zero are left out of a single sample, which may show nowhere:
 * not in the sign of a zero either, where products vanish beneath the smallest
 * float or a bias is -0; and with more inputs than are listed at once. */
START_TEST(zeros_that_are_left_out_are_not_seen)
{
    static const struct fix_layer layers[] = { { 70, NN_LINEAR } };
    struct nn_spec                spec = fix_spec(2100, layers, 1, NN_MSE);
    struct nn_net  *plain = fix_net(&spec, 5), *turned = fix_net(&spec, 5);
    struct nn_work *a, *b;
    static float    x[2100];
    float          *bias[2] = { nn_net_params(plain) + 70 * 2100,
                                nn_net_params(turned) + 70 * 2100 };
    size_t          n_zeros = 0;

    for (size_t i = 0; i < 70; i++)
        bias[0][i] = bias[1][i] = i % 3 == 0 ? -0.0f : i % 3 == 1 ? 0.0f : 1;
    a = fix_work(plain, 1);
    b = fix_work(turned, 1);
    ck_assert_int_eq(nn_net_turn(turned, NULL), ERR_OK);
    for (size_t set = 0; nn_kernel_at(set) != NULL; set++) {
        nn_kernel_select(nn_kernel_at(set)->name);
        for (size_t round = 0; round < 40; round++) {
            const float *y;

            memset(x, 0, sizeof(x));
            for (size_t k = round * 7 % 11; round > 0 && k < 2100;
                 k += 1 + round * 97)
                x[k] = round % 2 == 0 ? 1e-45f : k % 5 == 0 ? -0.0f : 0.3f;
            y = nn_net_forward(plain, a, x, 1);
            for (size_t i = 0; i < 70; i++)
                n_zeros += y[i] == 0;
            ck_assert(fix_same(y, nn_net_forward(turned, b, x, 1), 70));
        }
    }
    ck_assert(n_zeros > 0);
    nn_kernel_select(NULL);
    nn_work_free(a);
    nn_work_free(b);
    nn_net_free(plain);
    nn_net_free(turned);
}
END_TEST

Suite *
suite_nn_net(void)
{
    Suite *s = suite_create("nn/net");
    TCase *t = tcase_create("parameters");

    tcase_add_test(t, parameters_lie_as_the_tensors_say);
    tcase_add_loop_test(t, initial_values_are_spread_as_asked, 0,
                        (int)COUNT_OF(inits));
    tcase_add_test(t, zeros_are_zeros);
    tcase_add_test(t, a_seed_gives_its_net_and_no_other);
    tcase_add_test(t, a_stored_net_predicts_the_same_bits);
    tcase_add_test(t, the_format_is_little_endian_float32);
    tcase_add_test(t, import_refuses_what_is_no_net);
    tcase_add_test(t, turned_weights_give_the_same_bits);
    tcase_add_test(t, zeros_that_are_left_out_are_not_seen);
    suite_add_tcase(s, t);

    t = tcase_create("pass");
    tcase_add_test(t, a_batch_is_its_samples);
    tcase_add_test(t, work_can_be_used_again);
    tcase_add_test(t, work_bytes_overflow_is_told);
    tcase_add_test(t, softmax_of_huge_logits_is_finite);
    tcase_add_test(t, losses_are_finite_at_the_ends);
    tcase_add_test(t, a_nan_reaches_the_loss);
    suite_add_tcase(s, t);
    return s;
}
