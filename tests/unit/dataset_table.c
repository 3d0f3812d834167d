/*
 * dataset_table.c - datasets in memory: splits, fitting, other datasets
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset/table.h"
#include "dataset_suites.h"

struct loaded {
    struct dataset_encoder *enc;
    struct dataset_table   *table;
};

static const struct dataset_encoding standard = { .scale_inputs =
                                                      DATASET_SCALE_STANDARD };
static const struct dataset_encoding min_max = { .scale_inputs =
                                                     DATASET_SCALE_MIN_MAX };

static enum err
load(struct stored *s, size_t n_out, double fraction, uint64_t seed,
     struct loaded *out, struct errinfo *e)
{
    struct dataset_source source = stored_source(s);
    enum err              rc;

    *out = (struct loaded){ 0 };
    rc = dataset_encoder_new(&s->meta, &standard, n_out, false, &out->enc, e);
    if (rc != ERR_OK)
        return rc;
    return dataset_table_load(out->enc, true, &source, fraction, seed,
                              &out->table, e);
}

static void
unload(struct loaded *l)
{
    dataset_table_free(l->table);
    dataset_encoder_free(l->enc);
}

/* --- splitting ------------------------------------------------------------ */

/* n_a rows of class a, n_b of class b, one of c, in turns. */
static void
make_classes(struct buf *text, int n_a, int n_b)
{
    buf_puts(text, "x,y\n0,c\n");
    for (int i = 0; i < n_a || i < n_b; i++) {
        if (i < n_a)
            buf_printf(text, "%d,a\n", i);
        if (i < n_b)
            buf_printf(text, "%d,b\n", i);
    }
}

static void
count_classes(const struct loaded *l, const uint32_t *row, size_t n,
              size_t count[3])
{
    memset(count, 0, 3 * sizeof(*count));
    for (size_t i = 0; i < n; i++) {
        ck_assert(i == 0 || row[i - 1] < row[i]);
        count[dataset_encoder_class(l->enc, l->table->t + 3 * row[i])]++;
    }
}

START_TEST(each_class_gives_its_part)
{
    struct stored  s;
    struct loaded  l;
    struct buf     text = { 0 };
    struct errinfo e;
    size_t         train[3], validation[3];

    err_clear(&e);
    make_classes(&text, 40, 13);
    stored_csv(text.data, &s);
    ck_assert_int_eq(load(&s, 3, 0.25, 7, &l, &e), ERR_OK);
    count_classes(&l, l.table->train, l.table->n_train, train);
    count_classes(&l, l.table->validation, l.table->n_validation, validation);
    ck_assert_uint_eq(validation[0], 10);
    ck_assert_uint_eq(validation[1], 3); /* 3.25 */
    ck_assert_uint_eq(validation[2], 0); /* the only one trains */
    ck_assert_uint_eq(train[0], 30);
    ck_assert_uint_eq(train[1], 10);
    ck_assert_uint_eq(train[2], 1);
    unload(&l);

    /* Nothing, and nearly all. */
    ck_assert_int_eq(load(&s, 3, 0, 7, &l, &e), ERR_OK);
    ck_assert_uint_eq(l.table->n_train, 54);
    ck_assert_uint_eq(l.table->n_validation, 0);
    unload(&l);
    ck_assert_int_eq(load(&s, 3, 0.999, 7, &l, &e), ERR_OK);
    ck_assert_uint_eq(l.table->n_train, 3);
    unload(&l);
    stored_release(&s);
    buf_release(&text);
}
END_TEST

START_TEST(each_row_is_held_out_once)
{
    struct stored         s;
    struct buf            text = { 0 };
    struct errinfo        e;
    struct dataset_source source;
    size_t                held[54] = { 0 }, other[54] = { 0 };

    err_clear(&e);
    make_classes(&text, 40, 13);
    stored_csv(text.data, &s);
    source = stored_source(&s);
    for (size_t fold = 0; fold <= 2 * 4; fold++) {
        struct dataset_split split = { .seed = 7 + (fold > 4),
                                       .fold = fold > 4 ? fold - 4 : fold,
                                       .n_folds = 4 };
        struct loaded        l = { 0 };
        size_t               validation[3];

        ck_assert_int_eq(
            dataset_encoder_new(&s.meta, &standard, 3, false, &l.enc, &e),
            ERR_OK);
        ck_assert_int_eq(dataset_table_load_split(l.enc, true, &source, &split,
                                                  &l.table, &e),
                         ERR_OK);
        ck_assert_uint_eq(l.table->n_train + l.table->n_validation, 54);
        count_classes(&l, l.table->validation, l.table->n_validation,
                      validation);
        if (fold == 0) { /* none is held out */
            ck_assert_uint_eq(l.table->n_validation, 0);
        } else { /* 54 over 4, 40 over 4, 13 over 4 */
            ck_assert(l.table->n_validation == 13 ||
                      l.table->n_validation == 14);
            ck_assert_uint_eq(validation[0], 10);
            ck_assert(validation[1] == 3 || validation[1] == 4);
        }
        for (size_t i = 0; i < l.table->n_validation; i++)
            (fold > 4 ? other : held)[l.table->validation[i]] += fold;
        /* Fitted on the rows that train: their mean is not that of all. */
        double sum = 0;
        for (size_t i = 0; i < l.table->n_train; i++)
            sum += (double)l.table->x[l.table->train[i]];
        ck_assert_double_eq_tol(sum, 0, 1e-4);
        unload(&l);
    }
    size_t n_same = 0;
    for (size_t r = 0; r < 54; r++) {
        ck_assert(held[r] >= 1 && held[r] <= 4);   /* in one of 1, 2, 3, 4 */
        ck_assert(other[r] >= 5 && other[r] <= 8); /* with another seed    */
        n_same += held[r] == other[r] - 4;
    }
    ck_assert_uint_lt(n_same, 30);
    stored_release(&s);
    buf_release(&text);
}
END_TEST

static enum err
open_nameless(void *arg, int *out, struct errinfo *e)
{
    FILE *file = tmpfile();

    (void)arg;
    (void)e;
    ck_assert_ptr_nonnull(file);
    *out = dup(fileno(file));
    fclose(file);
    return ERR_OK;
}

/* A table in a file is that in memory. */
START_TEST(may_lie_in_a_file)
{
    struct stored  s;
    struct buf     text = { 0 };
    struct errinfo e;

    err_clear(&e);
    make_classes(&text, 40, 13);
    stored_csv(text.data, &s);

    struct dataset_source source = stored_source(&s);
    struct dataset_split  split = { .seed = 7, .fraction = 0.25 };
    struct loaded         at[2] = { { 0 }, { 0 } };

    for (int i = 0; i < 2; i++) {
        split.in_file = i == 1;
        split.open_file = open_nameless;
        ck_assert_int_eq(
            dataset_encoder_new(&s.meta, &standard, 3, false, &at[i].enc, &e),
            ERR_OK);
        ck_assert_int_eq(dataset_table_load_split(at[i].enc, true, &source,
                                                  &split, &at[i].table, &e),
                         ERR_OK);
    }
    const struct dataset_table *a = at[0].table, *b = at[1].table;
    ck_assert_ptr_null(a->mapped);
    ck_assert_ptr_nonnull(b->mapped);
    ck_assert_mem_eq(a->x, b->x, a->n_rows * a->n_in * sizeof(float));
    ck_assert_mem_eq(a->t, b->t, a->n_rows * a->n_out * sizeof(float));
    ck_assert_uint_eq(a->n_train, b->n_train);
    ck_assert_mem_eq(a->train, b->train, a->n_train * sizeof(uint32_t));
    ck_assert_mem_eq(a->validation, b->validation,
                     a->n_validation * sizeof(uint32_t));
    unload(&at[0]);
    unload(&at[1]);
    stored_release(&s);
    buf_release(&text);
}
END_TEST

START_TEST(a_seed_gives_one_split)
{
    struct stored  s;
    struct loaded  a, b, c;
    struct buf     text = { 0 };
    struct errinfo e;
    size_t         n;

    err_clear(&e);
    make_classes(&text, 100, 100);
    stored_csv(text.data, &s);
    ck_assert_int_eq(load(&s, 3, 0.5, 7, &a, &e), ERR_OK);
    ck_assert_int_eq(load(&s, 3, 0.5, 7, &b, &e), ERR_OK);
    ck_assert_int_eq(load(&s, 3, 0.5, 8, &c, &e), ERR_OK);
    n = a.table->n_validation * sizeof(uint32_t);
    ck_assert_uint_eq(a.table->n_validation, b.table->n_validation);
    ck_assert_mem_eq(a.table->validation, b.table->validation, n);
    ck_assert_uint_eq(a.table->n_validation, c.table->n_validation);
    ck_assert(memcmp(a.table->validation, c.table->validation, n) != 0);
    unload(&a);
    unload(&b);
    unload(&c);
    stored_release(&s);
    buf_release(&text);
}
END_TEST

/* The numbers of validation rows must not leak into the scaling. */
START_TEST(is_fitted_on_training_rows)
{
    struct stored  s;
    struct loaded  l;
    struct buf     text = { 0 };
    struct errinfo e;
    double         sum = 0;

    err_clear(&e);
    for (int i = 0; i < 20; i++)
        buf_printf(&text, "%s%d,0.5\n", i == 0 ? "x,y\n" : "", i * i);
    stored_csv(text.data, &s);
    ck_assert_int_eq(load(&s, 1, 0.3, 1, &l, &e), ERR_OK);
    ck_assert_uint_eq(l.table->n_train, 14);
    ck_assert_uint_eq(l.table->n_validation, 6);
    for (size_t i = 0; i < 14; i++) {
        double x = l.table->train[i];

        sum += x * x;
    }
    ck_assert_float_eq(l.enc->input[0].a[0], (float)(sum / 14));
    unload(&l);
    stored_release(&s);
    buf_release(&text);
}
END_TEST

/* --- what is in it -------------------------------------------------------- */

START_TEST(holds_inputs_and_targets)
{
    /* The column c turns categorical in the third block. */
    static const char table[] = "c,x,y\n5,1,p\n6,2,q\n5,3,p\nz,4,r\n,,p\n";
    /* clang-format off */
    static const float x[] = {
        1, 0, 0, 1,
        0, 1, 0, 2,
        1, 0, 0, 3,
        0, 0, 1, 4,
        0, 0, 0, 2.5f,
    };
    /* clang-format on */
    static const float    t[] = { 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0 };
    struct dataset_source source;
    struct dataset_table *again = NULL;
    struct stored         s;
    struct loaded         l;
    struct errinfo        e;
    size_t                bytes;

    err_clear(&e);
    stored_csv(table, &s);
    ck_assert_int_eq(load(&s, 3, 0, 1, &l, &e), ERR_OK);
    ck_assert_uint_eq(l.table->n_rows, 5);
    ck_assert_uint_eq(l.table->n_in, 4);
    ck_assert_uint_eq(l.table->n_out, 3);
    ck_assert_mem_eq(l.table->t, t, sizeof(t));
    for (size_t i = 0; i < COUNT_OF(x); i++) {
        float expected = x[i];

        if (i % 4 == 3)
            expected = (expected - 2.5f) * l.enc->input[1].b[0];
        ck_assert_float_eq(l.table->x[i], expected);
    }
    /* Loaded once more without fitting: the same bytes. */
    source = stored_source(&s);
    ck_assert_int_eq(
        dataset_table_load(l.enc, false, &source, 0, 2, &again, &e), ERR_OK);
    ck_assert_mem_eq(again->x, l.table->x, sizeof(x));
    dataset_table_free(again);

    ck_assert_int_eq(dataset_table_bytes(l.enc, &s.meta, &bytes, &e), ERR_OK);
    ck_assert_uint_eq(bytes, 5 * ((4 + 3) * 4 + 18));
    s.meta.n_rows = DATASET_MAX_ROWS + 1;
    ck_assert_int_eq(dataset_table_bytes(l.enc, &s.meta, &bytes, &e),
                     ERR_INVALID);
    unload(&l);
    stored_release(&s);
}
END_TEST

START_TEST(one_output_takes_two_classes)
{
    static const float    half[] = { 0, 1, 1 }, whole[] = { -1, 1, 1 };
    struct dataset_source source;
    struct dataset_table *table = NULL;
    struct stored         s;
    struct loaded         l;
    struct errinfo        e;

    err_clear(&e);
    stored_csv("x,y\n1,no\n2,yes\n3,yes\n", &s);
    ck_assert_int_eq(load(&s, 1, 0, 1, &l, &e), ERR_OK);
    ck_assert_mem_eq(l.table->t, half, sizeof(half));
    l.enc->low = -1; /* as for tanh */
    source = stored_source(&s);
    ck_assert_int_eq(
        dataset_table_load(l.enc, false, &source, 0, 1, &table, &e), ERR_OK);
    ck_assert_mem_eq(table->t, whole, sizeof(whole));
    dataset_table_free(table);
    unload(&l);
    stored_release(&s);
}
END_TEST

/* Chunks of inputs and of targets lie side by side. */
START_TEST(takes_arrays)
{
    static const char  inputs[] = "\0\0\x08\2\0\0\0\3\0\0\0\2\1\2\3\4\5\6";
    static const char  targets[] = "\0\0\x08\2\0\0\0\3\0\0\0\2\1\2\3\4\5\6";
    static const float t[] = { 1, 2, 3, 4, 5, 6 };
    const struct part  parts[] = {
         { "targets", targets, sizeof(targets) - 1 },
         { "inputs", inputs, sizeof(inputs) - 1 },
    };
    struct body    body = { .options = { .format = DATASET_ARRAYS },
                            .chunk_floats = 2,
                            .n_parts = 2,
                            .part = { parts[0], parts[1] } };
    struct stored  s;
    struct loaded  l;
    struct errinfo e;

    err_clear(&e);
    stored_put(&body, (struct cut){ 0 }, &s);
    ck_assert_int_eq(s.rc, ERR_OK);
    ck_assert_int_eq(load(&s, 2, 0, 1, &l, &e), ERR_OK);
    ck_assert_mem_eq(l.table->t, t, sizeof(t));
    ck_assert_float_eq(l.enc->input[0].a[0], 3);
    ck_assert_float_eq(l.enc->input[0].a[1], 4);
    ck_assert_float_eq(l.table->x[2], 0);
    unload(&l);
    stored_release(&s);
}
END_TEST

/* --- other datasets ------------------------------------------------------- */

/* Encode `test` with an encoder fitted on `train`. */
static enum err
encode(const char *train, const char *test, size_t n_out, struct buf *out,
       struct errinfo *e)
{
    struct stored         a, b;
    struct loaded         l;
    struct dataset_table *table = NULL;
    struct dataset_source source;
    enum err              rc;

    stored_csv(train, &a);
    stored_csv(test, &b);
    ck_assert_int_eq(load(&a, n_out, 0, 1, &l, e), ERR_OK);
    source = stored_source(&b);
    rc = dataset_table_load(l.enc, false, &source, 0, 1, &table, e);
    for (size_t r = 0; rc == ERR_OK && r < table->n_rows; r++) {
        for (size_t k = 0; k < table->n_in; k++)
            buf_printf(out, "%g ", (double)table->x[r * table->n_in + k]);
        for (size_t k = 0; k < n_out; k++)
            buf_printf(out, "%g%c", (double)table->t[r * n_out + k],
                       k + 1 < n_out ? ' ' : ';');
    }
    dataset_table_free(table);
    unload(&l);
    stored_release(&a);
    stored_release(&b);
    return rc;
}

static const struct {
    const char *train, *test;
    size_t      n_out;
    const char *expected; /* the rows, or the sentence */
} others[] = {
    /* Columns, categories and classes in another order, and one more. */
    { "x,c,y\n0,a,p\n2,b,q\n", "y,c,x,more\nq,b,0,9\nq,a,2,9\np,d,,9\n", 2,
      "-1 0 1 0 1;1 1 0 0 1;0 0 0 1 0;" },
    /* Categories and classes that happen to look like numbers. */
    { "x,c,y\n0,1,7\n2,b,q\n0,2.5,8\n", "x,c,y\n2,2.50,8\n2,1,7\n", 3,
      "1.41421 0 0 1 0 1 0;1.41421 1 0 0 1 0 0;" },
    /* Numbers as classes, one of them missing here. */
    { "x,y\n0,3\n2,10\n0,3\n2,10\n", "x,y\n1,10\n0,10\n", 2, "0 0 1;-1 0 1;" },
    { "x,y\n0,0.5\n2,1\n", "y,x\n7,0\n8.5,2\n", 1, "-1 7;1 8.5;" },

    { "x,y\n0,a\n2,b\n", "x,y\n0,a\n2,c\n3,d\n", 2,
      "the network knows no class 'c'" },
    { "x,y\n0,3\n2,10\n0,3\n2,10\n", "x,y\n1,10\n0,4\n", 2,
      "the network knows no class 4, which column 'y' holds" },
    { "x,y\n0,a\n2,b\n", "z,y\n0,a\n2,b\n", 2,
      "the dataset has no column 'x', which is an input of the network" },
    { "x,y\n0,a\n2,b\n", "x,z\n0,a\n2,b\n", 2,
      "the dataset has no column 'y', which is a target of the network" },
    { "x,y\n0,a\n2,b\n", "x,y\nq,a\nr,b\n", 2,
      "column 'x' is categorical, the network was trained on numbers" },
    { "x,y\n0,0.5\n2,1\n", "x,y\n0,a\n2,b\n", 1,
      "column 'y' is categorical, the network gives numbers" },
    /* y is an input there, and may be missing. */
    { "x,y\n0,0.5\n2,1\n", "x,y,z\n0,1,1\n2,,2\n", 1,
      "row 2 has no value in column 'y', which is a target of the network" },
};

START_TEST(finds_columns_by_name)
{
    struct buf     rows = { 0 };
    struct errinfo e;
    enum err       rc;

    err_clear(&e);
    rc = encode(others[_i].train, others[_i].test, others[_i].n_out, &rows, &e);
    if (rc == ERR_OK) {
        ck_assert_str_eq(rows.data, others[_i].expected);
    } else {
        ck_assert_int_eq(rc, ERR_INVALID);
        ck_assert_str_eq(e.item[0].where, "/dataset");
        ck_assert_str_eq(e.item[0].what, others[_i].expected);
    }
    buf_release(&rows);
}
END_TEST

START_TEST(all_that_does_not_fit_is_told)
{
    struct buf     rows = { 0 };
    struct errinfo e;

    err_clear(&e);
    ck_assert_int_eq(
        encode("x,u,y\n0,1,a\n2,1,b\n", "x,z\nq,a\nr,b\n", 2, &rows, &e),
        ERR_INVALID);
    ck_assert_uint_eq(e.n, 3);
    ck_assert_str_eq(e.item[1].what,
                     "the dataset has no column 'u', which is an input of the "
                     "network");
    ck_assert_str_eq(e.item[2].what,
                     "the dataset has no column 'y', which is a target of the "
                     "network");
    buf_release(&rows);
}
END_TEST

START_TEST(widths_must_agree)
{
    static const char two[] = "{\"inputs\":[[1,2],[3,4]],\"targets\":[1.5,2]}";
    static const char one[] = "{\"inputs\":[[1],[3]],\"targets\":[1.5,2]}";
    static const char class[] = "{\"inputs\":[[1,2],[3,4]],\"targets\":[1,2]}";
    static const char out[] =
        "{\"inputs\":[[1,2],[3,4]],\"targets\":[[1,2],[2,3]]}";
    struct body           body = { .options = { .format = DATASET_JSON },
                                   .n_parts = 1,
                                   .part = { { "", two, sizeof(two) - 1 } } };
    struct dataset_source source;
    struct dataset_table *table = NULL;
    struct stored         a, b;
    struct loaded         l;
    struct errinfo        e;

    err_clear(&e);
    stored_put(&body, (struct cut){ 0 }, &a);
    ck_assert_int_eq(load(&a, 1, 0, 1, &l, &e), ERR_OK);
    body.part[0] = (struct part){ "", one, sizeof(one) - 1 };
    stored_put(&body, (struct cut){ 0 }, &b);
    source = stored_source(&b);
    ck_assert_int_eq(
        dataset_table_load(l.enc, false, &source, 0, 1, &table, &e),
        ERR_INVALID);
    ck_assert_str_eq(err_what(&e), "column 'inputs' has 1 numbers a row, the "
                                   "network takes 2");
    stored_release(&b);
    err_clear(&e);
    body.part[0] = (struct part){ "", out, sizeof(out) - 1 };
    stored_put(&body, (struct cut){ 0 }, &b);
    source = stored_source(&b);
    ck_assert_int_eq(
        dataset_table_load(l.enc, false, &source, 0, 1, &table, &e),
        ERR_INVALID);
    ck_assert_str_eq(err_what(&e), "the dataset has 2 targets a row, the "
                                   "network has 1 outputs");
    ck_assert_uint_eq(dataset_meta_input_width(&b.meta), 2);
    ck_assert_uint_eq(dataset_meta_target_width(&b.meta), 2);
    unload(&l);
    stored_release(&a);

    /* Two numbers are no class. */
    body.options.task = "classification";
    body.part[0] = (struct part){ "", class, sizeof(class) - 1 };
    stored_put(&body, (struct cut){ 0 }, &a);
    err_clear(&e);
    ck_assert_int_eq(load(&a, 2, 0, 1, &l, &e), ERR_OK);
    ck_assert_int_eq(
        dataset_table_load(l.enc, false, &source, 0, 1, &table, &e),
        ERR_INVALID);
    ck_assert_str_eq(err_what(&e), "column 'targets' has 2 numbers a row, "
                                   "expected one class");
    stored_release(&b);
    unload(&l);
    stored_release(&a);
}
END_TEST

/* A store that lost a chunk, or gives them in another order. */
START_TEST(notices_lost_chunks)
{
    struct stored  s;
    struct loaded  l;
    struct errinfo e;
    char          *chunk;
    size_t         len;

    err_clear(&e);
    stored_csv("x,y\n1,0.5\n2,1\n3,2\n4,3\n5,4\n6,5\n7,6\n8,7\n9,8\n", &s);
    ck_assert_uint_eq(s.n_chunks, 3);
    s.n_chunks = 2;
    ck_assert_int_eq(load(&s, 1, 0, 1, &l, &e), ERR_CORRUPT);
    unload(&l);
    s.n_chunks = 3;
    chunk = s.chunk[1];
    len = s.len[1];
    s.chunk[1] = s.chunk[2];
    s.len[1] = s.len[2];
    s.chunk[2] = chunk;
    s.len[2] = len;
    ck_assert_int_eq(load(&s, 1, 0, 1, &l, &e), ERR_CORRUPT);
    unload(&l);
    s.chunk[0][0] ^= 1;
    ck_assert_int_eq(load(&s, 1, 0, 1, &l, &e), ERR_CORRUPT);
    unload(&l);
    stored_release(&s);
}
END_TEST

/* --- columns that are no inputs ------------------------------------------- */

static void
aside(struct stored *s, const char *name)
{
    for (size_t i = 0; i < s->meta.n_columns; i++)
        if (strcmp(s->meta.column[i].name, name) == 0)
            s->meta.column[i].is_aside = true;
}

/* Load with columns "part" and "w". */
static enum err
load_aside(struct stored *s, struct loaded *out, struct errinfo *e)
{
    const struct dataset_split split = { .column = "part", .weight = "w" };
    struct dataset_source      source;
    enum err                   rc;

    *out = (struct loaded){ 0 };
    aside(s, "part");
    aside(s, "w");
    source = stored_source(s);
    rc = dataset_encoder_new(&s->meta, &min_max, 1, false, &out->enc, e);
    ck_assert_int_eq(rc, ERR_OK);
    return dataset_table_load_split(out->enc, true, &source, &split,
                                    &out->table, e);
}

START_TEST(columns_tell_parts_and_weights)
{
    struct stored  s;
    struct loaded  l;
    struct errinfo e;

    err_clear(&e);
    stored_csv("x,part,w,y\n2,train,1,0.5\n9,test,2,0.5\n4,val,0,0.5\n"
               "6,train,0.25,1.5\n-5,validation,3,0.5\n",
               &s);
    ck_assert_int_eq(load_aside(&s, &l, &e), ERR_OK);
    ck_assert_uint_eq(l.enc->n_in, 1);
    ck_assert_uint_eq(l.table->n_train, 2);
    ck_assert_uint_eq(l.table->train[0], 0);
    ck_assert_uint_eq(l.table->train[1], 3);
    ck_assert_uint_eq(l.table->n_validation, 2);
    ck_assert_uint_eq(l.table->validation[0], 2);
    ck_assert_uint_eq(l.table->validation[1], 4);
    ck_assert_float_eq(l.table->weight[1], 2);
    ck_assert_float_eq(l.table->weight[3], 0.25f);
    /* Fitted on rows 0 and 3 alone: 2 to 6. */
    ck_assert_float_eq(l.table->x[0], 0);
    ck_assert_float_eq(l.table->x[2], 0.5f);
    ck_assert_float_eq(l.table->x[3], 1);
    unload(&l);
    stored_release(&s);
}
END_TEST

static const struct {
    const char *text, *what;
} bad_asides[] = {
    { "x,part,w,y\n2,train,1,0.5\n9,tset,2,0.5\n", "row 2 has 'tset'" },
    { "x,part,w,y\n2,train,1,0.5\n9,,2,0.5\n", "row 2 has ''" },
    { "x,part,w,y\n2,train,1,0.5\n9,test,-2,0.5\n", "row 2 has a negative" },
    { "x,part,w,y\n2,train,,0.5\n9,test,2,0.5\n", "row 1 has no weight" },
    { "x,part,w,y\n2,train,a,0.5\n9,test,2,0.5\n", "no single numbers" },
    { "x,part,w,y\n2,1,1,0.5\n9,2,2,0.5\n", "holds no words" },
    { "x,w,y\n2,1,0.5\n9,2,0.5\n", "no column 'part'" },
};

START_TEST(parts_and_weights_that_are_none)
{
    struct stored  s;
    struct loaded  l;
    struct errinfo e;

    err_clear(&e);
    stored_csv(bad_asides[_i].text, &s);
    ck_assert_int_eq(load_aside(&s, &l, &e), ERR_INVALID);
    ck_assert_msg(strstr(err_what(&e), bad_asides[_i].what) != NULL, "%s",
                  err_what(&e));
    unload(&l);
    stored_release(&s);
}
END_TEST

Suite *
suite_dataset_table(void)
{
    Suite *s = suite_create("dataset table");
    TCase *t = tcase_create("table");

    tcase_add_test(t, each_class_gives_its_part);
    tcase_add_test(t, each_row_is_held_out_once);
    tcase_add_test(t, may_lie_in_a_file);
    tcase_add_test(t, a_seed_gives_one_split);
    tcase_add_test(t, is_fitted_on_training_rows);
    tcase_add_test(t, holds_inputs_and_targets);
    tcase_add_test(t, one_output_takes_two_classes);
    tcase_add_test(t, takes_arrays);
    tcase_add_loop_test(t, finds_columns_by_name, 0, (int)COUNT_OF(others));
    tcase_add_test(t, all_that_does_not_fit_is_told);
    tcase_add_test(t, widths_must_agree);
    tcase_add_test(t, notices_lost_chunks);
    tcase_add_test(t, columns_tell_parts_and_weights);
    tcase_add_loop_test(t, parts_and_weights_that_are_none, 0,
                        (int)COUNT_OF(bad_asides));
    suite_add_tcase(s, t);
    return s;
}
