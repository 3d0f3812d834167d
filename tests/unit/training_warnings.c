/* training_warnings.c - the rules by which a training is judged, at their edges
 */
#include "training/warnings.h"

#include <math.h>
#include <string.h>

#include "training_suites.h"

static struct nn_net        *net;
static struct training_watch watch;
static struct store_epoch    row;
static double                norm[NN_MAX_LAYERS], dead[NN_MAX_LAYERS];
static struct training_signs signs;

/* Two layers of 4 parameters each, so that norms compare as they are. */
static void
setup(void)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { 1 } },
                            .n_layers = 2,
                            .loss = { .type = NN_MSE } };
    struct errinfo e;

    err_clear(&e);
    for (size_t i = 0; i < 2; i++) {
        nn_layer_spec_init(&spec.layer[i], nn_layer_type_find("dense"));
        spec.layer[i].use_bias = i == 0;
        spec.layer[i].units = 2;
    }
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_OK);
    ck_assert_int_eq(nn_net_new(&spec, &net, &e), ERR_OK);
    memset(&watch, 0, sizeof(watch));
    norm[0] = norm[1] = 1;
    dead[0] = dead[1] = NAN;
    row = (struct store_epoch){ .loss = 1, .val_loss = NAN };
    signs = (struct training_signs){
        .row = &row,
        .n_epochs = 1000,
        .least_val_loss = INFINITY,
        .baseline = 1,
        .net = net,
        .gradient_norm = norm,
    };
}

static void
teardown(void)
{
    nn_net_free(net);
}

/* An epoch with these losses; how many warnings there are now. */
static size_t
epoch(double loss, double val_loss)
{
    struct codec_warning warning[TRAINING_MAX_WARNINGS];

    row.epoch++;
    signs.epoch++;
    row.loss = loss;
    row.val_loss = val_loss;
    if (val_loss < signs.least_val_loss)
        signs.least_val_loss = val_loss;
    training_watch_epoch(&watch, &signs);
    return training_watch_list(&watch, warning);
}

static const struct codec_warning *
first(void)
{
    static struct codec_warning warning[TRAINING_MAX_WARNINGS];

    ck_assert_uint_gt(training_watch_list(&watch, warning), 0);
    return &warning[0];
}

START_TEST(diverging_is_twice_in_a_row_above_one_and_a_half)
{
    epoch(2, NAN);
    ck_assert_uint_eq(epoch(3, NAN), 0); /* not above */
    ck_assert_uint_eq(epoch(3.01, NAN), 0);
    ck_assert_uint_eq(epoch(2, NAN), 0);
    ck_assert_uint_eq(epoch(4, NAN), 0);
    ck_assert_uint_eq(epoch(5, NAN), 1);
    ck_assert_str_eq(first()->code, "loss_diverging");
    ck_assert_uint_eq(first()->epoch, 6);
    ck_assert_int_eq(first()->layer, -1);
    ck_assert_uint_eq(epoch(6, NAN), 1); /* once */
}
END_TEST

START_TEST(vanishing_is_thrice_below_a_ten_thousandth)
{
    norm[0] = 1e-4;
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(epoch(1, NAN), 0);
    norm[0] = 0.9e-4;
    epoch(1, NAN);
    ck_assert_uint_eq(epoch(1, NAN), 0);
    ck_assert_uint_eq(epoch(1, NAN), 1);
    ck_assert_str_eq(first()->code, "vanishing_gradient");
    ck_assert_int_eq(first()->layer, 0);
}
END_TEST

START_TEST(exploding_is_twice_above_a_thousand)
{
    norm[0] = norm[1] = 1000;
    epoch(1, NAN);
    ck_assert_uint_eq(epoch(1, NAN), 0);
    norm[1] = 1001;
    ck_assert_uint_eq(epoch(1, NAN), 0);
    ck_assert_uint_eq(epoch(1, NAN), 1);
    ck_assert_str_eq(first()->code, "exploding_gradient");
    ck_assert_int_eq(first()->layer, 1);
}
END_TEST

START_TEST(dead_is_more_than_half)
{
    signs.dead = dead;
    dead[1] = 0.5;
    ck_assert_uint_eq(epoch(1, NAN), 0);
    dead[1] = 0.51;
    ck_assert_uint_eq(epoch(1, NAN), 1);
    ck_assert_str_eq(first()->code, "dead_units");
    ck_assert_int_eq(first()->layer, 1);
}
END_TEST

START_TEST(overfitting_needs_five_validations_and_a_falling_loss)
{
    epoch(1, 1);
    for (int i = 0; i < 9; i++) /* worse, but the training is no better */
        ck_assert_uint_eq(epoch(1.1, 2), 0);
    for (int i = 0; i < 9; i++) /* not by enough */
        ck_assert_uint_eq(epoch(0.5, 1.25), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_eq(epoch(0.5, 1.3), 0);
        ck_assert_uint_eq(epoch(0.5, NAN), 0); /* does not count */
    }
    ck_assert_uint_eq(epoch(0.5, 1.3), 1);
    ck_assert_str_eq(first()->code, "overfitting");
}
END_TEST

START_TEST(a_validation_no_worse_than_the_training_is_no_overfitting)
{
    epoch(1, 0.1);
    for (int i = 0; i < 9; i++)
        ck_assert_uint_eq(epoch(0.9, 0.5), 0);
}
END_TEST

/* 0: stands still; 1: falls; 2: is better than the mean already. */
START_TEST(not_learning_is_asked_after_a_tenth)
{
    size_t n = 0;

    signs.baseline = _i == 2 ? 2 : 1;
    for (int i = 1; i <= 200; i++) {
        n = epoch(_i == 1 ? 1 - 0.011 * i : 1, NAN);
        ck_assert_uint_eq(n, _i == 0 && i >= 100);
    }
    if (_i == 0) {
        ck_assert_str_eq(first()->code, "not_learning");
        ck_assert_uint_eq(first()->epoch, 100);
    }
}
END_TEST

START_TEST(a_restart_counts_anew_and_tells_nothing_twice)
{
    epoch(1, NAN);
    epoch(2, NAN);
    training_watch_restart(&watch);
    signs.epoch = 0;
    ck_assert_uint_eq(epoch(8, NAN), 0); /* the first of its own */
    ck_assert_uint_eq(epoch(9, NAN), 0);
    ck_assert_uint_eq(epoch(13, NAN), 0);
    ck_assert_uint_eq(epoch(13, NAN), 1);
    training_watch_restart(&watch);
    signs.epoch = 0;
    epoch(1, NAN);
    epoch(2, NAN);
    ck_assert_uint_eq(epoch(2, NAN), 1);
    ck_assert_uint_eq(first()->epoch, 6);
}
END_TEST

Suite *
training_warnings_suite(void)
{
    Suite *suite = suite_create("warnings");
    TCase *tc = tcase_create("warnings");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, diverging_is_twice_in_a_row_above_one_and_a_half);
    tcase_add_test(tc, vanishing_is_thrice_below_a_ten_thousandth);
    tcase_add_test(tc, exploding_is_twice_above_a_thousand);
    tcase_add_test(tc, dead_is_more_than_half);
    tcase_add_test(tc, overfitting_needs_five_validations_and_a_falling_loss);
    tcase_add_test(tc,
                   a_validation_no_worse_than_the_training_is_no_overfitting);
    tcase_add_loop_test(tc, not_learning_is_asked_after_a_tenth, 0, 3);
    tcase_add_test(tc, a_restart_counts_anew_and_tells_nothing_twice);
    suite_add_tcase(suite, tc);
    return suite;
}
