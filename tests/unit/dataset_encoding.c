/*
 * dataset_encoding.c - scalings, missing numbers, dates, texts and targets
 * through an encoder
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset_suites.h"

/* Encoder and table of a CSV, fitted on all its rows. */
struct encoded {
    struct stored           s;
    struct dataset_encoder *enc;
    struct dataset_table   *table;
};

static void
encode(const char *text, const char *types, struct dataset_encoding how,
       struct encoded *out)
{
    struct body           body = csv_body(text);
    struct dataset_source source;
    struct errinfo        e;
    enum err              rc;

    err_clear(&e);
    body.options.types = types;
    body.options.text_size = "16";
    body.chunk_floats = 8;
    stored_put(&body, (struct cut){ 0 }, &out->s);
    ck_assert_msg(out->s.rc == ERR_OK, "%s", err_what(&out->s.e));
    rc = dataset_encoder_new(&out->s.meta, &how,
                             dataset_meta_outputs(&out->s.meta), false,
                             &out->enc, &e);
    ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
    source = stored_source(&out->s);
    rc = dataset_table_load(out->enc, true, &source, 0, 1, &out->table, &e);
    ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
}

static void
encoded_free(struct encoded *enc)
{
    dataset_table_free(enc->table);
    dataset_encoder_free(enc->enc);
    stored_release(&enc->s);
}

/* x: 1 2 3 4 100 and nothing: median 3, quartiles 2 and 4. */
static const char outlier[] = "x,y\n1,0.5\n2,1\n100,1\n,2\n3,3\n4,5\n";

static void
expect_x(const struct encoded *enc, const float *x, size_t n)
{
    ck_assert_uint_eq(n, enc->table->n_rows * enc->table->n_in);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(enc->table->x[i] == x[i], "x[%zu] is %g, expected %g", i,
                      (double)enc->table->x[i], (double)x[i]);
}

START_TEST(robust_is_median_and_quartiles)
{
    /* The mean, 22, stands for the missing one. */
    const float    robust[] = { -1, -0.5, 48.5, 9.5, 0, 0.5 };
    const float    median[] = { -1, -0.5, 48.5, 0, 0, 0.5 };
    const float    raw[] = { 5, NAN };
    float          x[2];
    struct encoded enc;

    encode(outlier, NULL,
           (struct dataset_encoding){ .scale_inputs = DATASET_SCALE_ROBUST },
           &enc);
    expect_x(&enc, robust, 6);
    encoded_free(&enc);
    encode(outlier, NULL,
           (struct dataset_encoding){ .scale_inputs = DATASET_SCALE_ROBUST,
                                      .missing = DATASET_MISSING_MEDIAN },
           &enc);
    expect_x(&enc, median, 6);
    dataset_encoder_apply(enc.enc, raw, 2, x);
    ck_assert_float_eq(x[0], 1);
    ck_assert_float_eq(x[1], 0);
    encoded_free(&enc);
}
END_TEST

START_TEST(missing_numbers_are_what_is_asked)
{
    const float    value[] = { 1, 2, 100, -7, 3, 4 };
    const float    told[] = { 1, 0, 2, 0, 100, 0, 22, 1, 3, 0, 4, 0 };
    const float    raw[] = { NAN, 9 };
    float          x[4];
    struct encoded enc;

    encode(outlier, NULL,
           (struct dataset_encoding){ .missing = DATASET_MISSING_VALUE,
                                      .missing_value = -7 },
           &enc);
    expect_x(&enc, value, 6);
    encoded_free(&enc);
    encode(outlier, NULL,
           (struct dataset_encoding){ .missing = DATASET_MISSING_INDICATOR },
           &enc);
    ck_assert_uint_eq(enc.enc->n_in, 2);
    expect_x(&enc, told, 12);
    dataset_encoder_apply(enc.enc, raw, 2, x);
    ck_assert_float_eq(x[0], 22);
    ck_assert_float_eq(x[1], 1);
    ck_assert_float_eq(x[2], 9);
    ck_assert_float_eq(x[3], 0);
    encoded_free(&enc);
    /* Where nothing is missing nothing is told. */
    encode("x,y\n1,0.5\n2,1\n", NULL,
           (struct dataset_encoding){ .missing = DATASET_MISSING_INDICATOR },
           &enc);
    ck_assert_uint_eq(enc.enc->n_in, 1);
    encoded_free(&enc);
}
END_TEST

START_TEST(targets_are_scaled_and_restored)
{
    static const enum dataset_scaling scalings[] = { DATASET_SCALE_STANDARD,
                                                     DATASET_SCALE_MIN_MAX,
                                                     DATASET_SCALE_ROBUST };
    const float                       first[] = { -1.25f, 0, -0.75f };
    const float                       y[] = { 100, 104, 108, 112 };
    struct encoded                    enc;
    float                             out[4];

    encode("x,y\n1,100\n2,104.0\n3,108\n4,112\n", NULL,
           (struct dataset_encoding){ .scale_targets = scalings[_i] }, &enc);
    /* Mean and median 106; deviation sqrt(20); quartiles 103 and 109. */
    if (scalings[_i] == DATASET_SCALE_STANDARD)
        ck_assert_float_eq_tol(enc.table->t[0], -6 / sqrtf(20), 1e-6);
    else
        ck_assert_float_eq_tol(enc.table->t[0], _i == 1 ? first[1] : -1, 1e-6);
    memcpy(out, enc.table->t, sizeof(out));
    dataset_encoder_restore(enc.enc, out, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_float_eq_tol(out[i], y[i], 1e-4);
    encoded_free(&enc);
}
END_TEST

START_TEST(classes_cannot_be_scaled)
{
    const struct dataset_encoding how = { .scale_targets =
                                              DATASET_SCALE_STANDARD };
    struct dataset_encoder       *enc = NULL;
    struct stored                 s;
    struct errinfo                e;

    err_clear(&e);
    stored_csv("x,y\n1,a\n2,b\n", &s);
    ck_assert_int_eq(dataset_encoder_new(&s.meta, &how, 2, false, &enc, &e),
                     ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/scale_targets");
    stored_release(&s);
}
END_TEST

/* Every type in one row: the table and a raw row of a prediction agree. */
static const char types[] = "when,ok,zip,kind,note,y\n"
                            "1970-01-03 12:00,yes,10,red,the cat,0.5\n"
                            ",no,20,,,1\n"
                            "1970-01-05,,10,blue,a dog,2\n";

START_TEST(every_type_is_encoded)
{
    struct encoded              enc;
    const struct dataset_input *in;
    const float                *x;
    float                       raw[64], again[64];

    encode(types, "zip:class,note:text",
           (struct dataset_encoding){ .missing = DATASET_MISSING_INDICATOR },
           &enc);
    in = enc.enc->input;
    ck_assert_uint_eq(enc.enc->n_inputs, 5);
    ck_assert_uint_eq(in[0].n_in, 10);
    ck_assert_uint_eq(in[1].n_in, 2);
    ck_assert_uint_eq(in[2].n_in, 2);
    ck_assert_uint_eq(in[3].n_in, 2);
    ck_assert_uint_eq(in[4].n_in, 16);
    ck_assert_uint_eq(enc.enc->n_in, 32);
    ck_assert_uint_eq(enc.enc->raw_width, 2 + 1 + 1 + 1 + 16);

    x = enc.table->x;
    ck_assert_float_eq(x[0], 2.5f); /* days */
    ck_assert_float_eq(x[2], 3);    /* of the month */
    ck_assert_float_eq(x[4], 12);   /* hours */
    ck_assert_float_eq(x[5], 0);    /* it is there */
    ck_assert_float_eq(x[10], 1);   /* yes */
    ck_assert_float_eq(x[12], 1);   /* 10 */
    ck_assert_float_eq(x[14], 1);   /* red */
    x += 32;
    ck_assert_float_eq(x[0], 3.25f); /* the mean */
    ck_assert_float_eq(x[5], 1);
    ck_assert_float_eq(x[10], 0); /* no */
    ck_assert_float_eq(x[11], 0);
    ck_assert_float_eq(x[13], 1); /* 20 */
    for (size_t k = 14; k < 32; k++)
        ck_assert_float_eq(x[k], 0);
    ck_assert_float_eq(x[32 + 10], 0.5f); /* neither: half of them said yes */
    ck_assert_float_eq(x[32 + 11], 1);

    ck_assert(dataset_input_read(&in[0], "1970-01-03 12:00", 16, raw));
    raw[2] = dataset_encoder_category(enc.enc, 1, "TRUE");
    raw[3] = dataset_encoder_category(enc.enc, 2, "10.0");
    raw[4] = dataset_encoder_category(enc.enc, 3, "red");
    ck_assert(dataset_input_read(&in[4], "the CAT", 7, raw + 5));
    dataset_encoder_apply(enc.enc, raw, 1, again);
    ck_assert_mem_eq(again, enc.table->x, 32 * sizeof(float));
    ck_assert(!dataset_input_read(&in[0], "soon", 4, raw));
    encoded_free(&enc);
}
END_TEST

/* A test set writes them in other ways, or has only some of them. */
START_TEST(another_file_is_read_by_name)
{
    struct encoded        enc;
    struct stored         other;
    struct dataset_source source;
    struct dataset_table *table = NULL;
    struct errinfo        e;
    enum err              rc;

    err_clear(&e);
    encode(types, "zip:class,note:text", (struct dataset_encoding){ 0 }, &enc);
    stored_csv("y,note,kind,zip,ok,when\n0.5,7,red,20,yes,1970-01-02\n",
               &other);
    other.meta.column[0].is_target = true;
    other.meta.column[5].is_target = false;
    other.meta.task = DATASET_REGRESSION;
    other.meta.column[5].type = DATASET_DATETIME;
    source = stored_source(&other);
    rc = dataset_table_load(enc.enc, false, &source, 0, 1, &table, &e);
    ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
    ck_assert_float_eq(table->x[0], 1);
    ck_assert_float_eq(table->x[5], 1); /* yes */
    ck_assert_float_eq(table->x[7], 1); /* 20 */
    ck_assert_float_eq(table->x[8], 1); /* red */
    dataset_table_free(table);
    stored_release(&other);
    encoded_free(&enc);
}
END_TEST

Suite *
suite_dataset_encoding(void)
{
    Suite *s = suite_create("dataset encoding");
    TCase *t = tcase_create("encoding");

    tcase_add_test(t, robust_is_median_and_quartiles);
    tcase_add_test(t, missing_numbers_are_what_is_asked);
    tcase_add_loop_test(t, targets_are_scaled_and_restored, 0, 3);
    tcase_add_test(t, classes_cannot_be_scaled);
    tcase_add_test(t, every_type_is_encoded);
    tcase_add_test(t, another_file_is_read_by_name);
    suite_add_tcase(s, t);
    return s;
}
