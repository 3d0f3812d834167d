/*
 * dataset_encoder.c - raw columns to inputs, classes to targets, and back
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/encoder.h"
#include "dataset_suites.h"

static const struct dataset_encoding as_it_is;

static struct dataset_encoder *
encoder_of(const struct stored *s, enum dataset_scaling scaling, size_t n_out,
           bool symmetric)
{
    const struct dataset_encoding how = { .scale_inputs = scaling };
    struct dataset_encoder       *enc = NULL;
    struct errinfo                e;
    enum err                      rc;

    err_clear(&e);
    rc = dataset_encoder_new(&s->meta, &how, n_out, symmetric, &enc, &e);
    ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
    return enc;
}

/* Fit on all rows of it. */
static void
fit(struct dataset_encoder *enc, struct stored *s)
{
    struct dataset_source source = stored_source(s);
    struct dataset_table *table = NULL;
    struct errinfo        e;

    err_clear(&e);
    ck_assert_int_eq(dataset_table_load(enc, true, &source, 0, 1, &table, &e),
                     ERR_OK);
    dataset_table_free(table);
}

/* x: 1 2 3 6 and nothing: mean 3, m2 14.  k is constant. */
static const char numbers[] = "x,c,k,y\n1,a,5,0.5\n2,b,5,1\n3,a,5,1\n"
                              "6,,5,2\n,c,5,3\n";

START_TEST(standard_is_mean_and_deviation)
{
    const float             std = sqrtf(14.0f / 4); /* over n, not n - 1 */
    struct stored           s;
    struct dataset_encoder *enc;
    /* x, c, k; NaN: nothing. */
    const float raw[] = { 6, 1, 5, NAN, NAN, 7 };
    float       x[10];

    stored_csv(numbers, &s);
    enc = encoder_of(&s, DATASET_SCALE_STANDARD, 1, false);
    fit(enc, &s);
    ck_assert_uint_eq(enc->n_inputs, 3);
    ck_assert_uint_eq(enc->raw_width, 3);
    ck_assert_uint_eq(enc->n_in, 5);
    ck_assert_float_eq(enc->input[0].a[0], 3);
    ck_assert_float_eq(enc->input[0].fill[0], 3);
    /* One rounding of 1 / std here, two of the test's own. */
    ck_assert_float_eq_tol(enc->input[0].b[0], 1 / std, 1e-7);
    ck_assert_float_eq(enc->input[2].a[0], 5);
    ck_assert_float_eq(enc->input[2].b[0], 1);

    dataset_encoder_apply(enc, raw, 2, x);
    ck_assert_float_eq_tol(x[0], 3 / std, 1e-6);
    ck_assert_float_eq(x[1], 0); /* a */
    ck_assert_float_eq(x[2], 1); /* b */
    ck_assert_float_eq(x[3], 0); /* c */
    ck_assert_float_eq(x[4], 0);
    ck_assert_float_eq(x[5], 0); /* nothing: the mean */
    ck_assert_float_eq(x[6] + x[7] + x[8], 0);
    ck_assert_float_eq(x[9], 2);
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

START_TEST(min_max_is_0_to_1)
{
    struct stored           s;
    struct dataset_encoder *enc;
    const float             raw[] = { 6, 0, 5, 1, 0, 5, NAN, 0, 5 };
    float                   x[15];

    stored_csv(numbers, &s);
    enc = encoder_of(&s, DATASET_SCALE_MIN_MAX, 1, false);
    fit(enc, &s);
    ck_assert_float_eq(enc->input[0].a[0], 1);
    ck_assert_float_eq(enc->input[0].b[0], 0.2f);
    dataset_encoder_apply(enc, raw, 3, x);
    ck_assert_float_eq(x[0], 1);
    ck_assert_float_eq(x[4], 0); /* constant */
    ck_assert_float_eq(x[5], 0);
    ck_assert_float_eq(x[10], 0.4f); /* (3 - 1) / 5 */
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

START_TEST(none_changes_nothing_but_fills)
{
    struct stored           s;
    struct dataset_encoder *enc;
    float                   x[] = { 0.1f, 7, NAN, 8 };

    stored_csv("a,b,y\n1,2,0.5\n2,3,1\n", &s);
    enc = encoder_of(&s, DATASET_SCALE_NONE, 1, false);
    fit(enc, &s);
    dataset_encoder_apply(enc, x, 2, x); /* in place */
    ck_assert_float_eq(x[0], 0.1f);
    ck_assert_float_eq(x[1], 7);
    ck_assert_float_eq(x[2], 1.5f);
    ck_assert_float_eq(x[3], 8);
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

/* 3.4e38 and -3.4e38: neither the sum nor the difference is a float32. */
START_TEST(large_numbers_do_not_overflow)
{
    struct stored           s;
    struct dataset_encoder *enc;
    const float             raw[] = { 3.4e38f, -3.4e38f };
    float                   x[2];

    stored_csv("a,y\n3.4e38,0.5\n-3.4e38,1\n", &s);
    enc = encoder_of(&s, DATASET_SCALE_MIN_MAX, 1, false);
    fit(enc, &s);
    dataset_encoder_apply(enc, raw, 2, x);
    /* 1 / 6.8e38 is below the normal numbers and has 21 bits. */
    ck_assert_float_eq_tol(x[0], 1, 1e-6);
    ck_assert_float_eq(x[1], 0);
    dataset_encoder_free(enc);
    enc = encoder_of(&s, DATASET_SCALE_STANDARD, 1, false);
    fit(enc, &s);
    dataset_encoder_apply(enc, raw, 2, x);
    ck_assert_float_eq_tol(x[0], 1, 1e-6);
    ck_assert_float_eq_tol(x[1], -1, 1e-6);
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

START_TEST(categories_are_found_by_name)
{
    struct stored           s;
    struct dataset_encoder *enc;

    stored_csv("c,y\n1.0,0.5\nb,1\n2,2\n", &s);
    enc = encoder_of(&s, DATASET_SCALE_NONE, 1, false);
    ck_assert_float_eq(dataset_encoder_category(enc, 0, "1"), 0);
    ck_assert_float_eq(dataset_encoder_category(enc, 0, "b"), 1);
    ck_assert_float_eq(dataset_encoder_category(enc, 0, "+2.00"), 2);
    ck_assert(isnan(dataset_encoder_category(enc, 0, "B")));
    ck_assert(isnan(dataset_encoder_category(enc, 0, "3")));
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

START_TEST(classes_come_back)
{
    struct stored           s;
    struct dataset_encoder *enc;
    const float             three[] = { 0.1f, 0.7f, 0.2f };
    const float             tie[] = { 0.5f, 0.5f, 0 };
    const float             low = 0.49f, high = 0.5f, minus = -0.1f;

    stored_csv("x,y\n1,b\n2,a\n3,c\n", &s);
    enc = encoder_of(&s, DATASET_SCALE_NONE, 3, false);
    ck_assert_str_eq(enc->classes[0], "a");
    ck_assert_uint_eq(dataset_encoder_class(enc, three), 1);
    ck_assert_uint_eq(dataset_encoder_class(enc, tie), 0);
    dataset_encoder_free(enc);
    stored_release(&s);

    stored_csv("x,y\n1,no\n2,yes\n", &s);
    enc = encoder_of(&s, DATASET_SCALE_NONE, 1, false);
    ck_assert_float_eq(dataset_encoder_middle(enc), 0.5f);
    ck_assert_uint_eq(dataset_encoder_class(enc, &low), 0);
    ck_assert_uint_eq(dataset_encoder_class(enc, &high), 1);
    dataset_encoder_free(enc);
    enc = encoder_of(&s, DATASET_SCALE_NONE, 1, true);
    ck_assert_float_eq(dataset_encoder_middle(enc), 0);
    ck_assert_uint_eq(dataset_encoder_class(enc, &minus), 0);
    ck_assert_uint_eq(dataset_encoder_class(enc, &low), 1);
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

static const struct {
    const char *text;
    size_t      n_out;
    const char *what;
} wrong[] = {
    { "x,y\n1,a\n2,b\n3,c\n", 2,
      "the dataset has 3 classes, the network has 2 outputs; expected 3 "
      "outputs" },
    { "x,y\n1,a\n2,b\n", 3,
      "the dataset has 2 classes, the network has 3 outputs; expected 2 "
      "outputs, or 1" },
    { "x,y\n1,a\n2,a\n", 1,
      "the dataset has 1 class; classification needs two at least" },
    { "x,y\n1,0.5\n2,1\n", 3,
      "the dataset has 1 target a row, the network has 3 outputs" },
    { "x,y\n,a\n,b\n", 2, NULL },
};

START_TEST(targets_fit_the_network)
{
    struct dataset_encoder *enc = NULL;
    struct stored           s;
    struct errinfo          e;
    enum err                rc;

    err_clear(&e);
    stored_csv(wrong[_i].text, &s);
    rc = dataset_encoder_new(&s.meta, &as_it_is, wrong[_i].n_out,
                             false, &enc, &e);
    if (wrong[_i].what != NULL) {
        ck_assert_int_eq(rc, ERR_INVALID);
        ck_assert_str_eq(e.item[0].where, "/dataset");
        ck_assert_str_eq(e.item[0].what, wrong[_i].what);
        ck_assert_ptr_null(enc);
    } else {
        ck_assert_int_eq(rc, ERR_OK);
    }
    dataset_encoder_free(enc);
    stored_release(&s);
}
END_TEST

START_TEST(needs_an_input)
{
    struct body             body = csv_body("x,y\n,a\n,b\n");
    struct dataset_encoder *enc = NULL;
    struct stored           s;

    body.options.types = "x:categorical";
    stored_put(&body, (struct cut){ 0 }, &s);
    ck_assert_int_eq(s.rc, ERR_OK);
    ck_assert_int_eq(
        dataset_encoder_new(&s.meta, &as_it_is, 2, false, &enc, NULL),
        ERR_INVALID);
    stored_release(&s);
}
END_TEST

START_TEST(scalings_have_names)
{
    enum dataset_scaling found;

    for (enum dataset_scaling i = 0; i < DATASET_SCALE_COUNT; i++) {
        ck_assert(dataset_scaling_find(dataset_scaling_name(i), &found));
        ck_assert_int_eq(found, i);
    }
    ck_assert(!dataset_scaling_find("Robust", &found));
}
END_TEST

Suite *
suite_dataset_encoder(void)
{
    Suite *s = suite_create("dataset encoder");
    TCase *t = tcase_create("encoder");

    tcase_add_test(t, standard_is_mean_and_deviation);
    tcase_add_test(t, min_max_is_0_to_1);
    tcase_add_test(t, none_changes_nothing_but_fills);
    tcase_add_test(t, large_numbers_do_not_overflow);
    tcase_add_test(t, categories_are_found_by_name);
    tcase_add_test(t, classes_come_back);
    tcase_add_loop_test(t, targets_fit_the_network, 0, (int)COUNT_OF(wrong));
    tcase_add_test(t, needs_an_input);
    tcase_add_test(t, scalings_have_names);
    suite_add_tcase(s, t);
    return s;
}
