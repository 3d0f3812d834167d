/*
 * dataset_types.c - what columns are found to be, or told to be; dates, texts
 * as numbers; what is told of a column
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset/date.h"
#include "dataset/grams.h"
#include "dataset_suites.h"

struct type_case {
    const char *text, *told, *types;
};

/* --- types ---------------------------------------------------------------- */

static const struct type_case cases[] = {
    /* Two words that say no and yes, in this order whichever came first. */
    { "b,y\nYes,0.5\nNo,1\n,2\n",
      "regression\nb boolean missing 1 <No> <Yes>\n"
      "y* numeric 0.5..2 mean 1.16667 std 0.62361\n1 0.5\n0 1\n- 2\n",
      NULL },
    { "x,y\n1,t\n2,f\n",
      "classification <f> <t>\nx numeric 1..2 mean 1.5 std 0.5\n"
      "y* boolean <f> <t>\n1 1\n2 0\n",
      NULL },
    { "b,y\nyes,0.5\nfalse,1\n", "regression\nb categorical <yes> <false>\n*",
      NULL },
    { "b,y\nyes,0.5\n", "regression\nb categorical <yes>\n*", NULL },
    { "b,y\nyes,0.5\nno,1\nNo,2\n", "regression\nb categorical*", NULL },
    { "b,y\nyes,0.5\nYES,1\n",
      "regression\nb boolean <no> <yes>\n"
      "y* numeric 0.5..1 mean 0.75 std 0.25\n1 0.5\n1 1\n",
      "b:boolean" },
    { "b,y\n0,0.5\n1,1\n", "regression\nb boolean <0> <1>\n*", "b:boolean" },
    { "b,y\n,0.5\n,1\n", "regression\nb boolean missing 2 <false> <true>\n*",
      "b:boolean" },
    { "b,y\nyes,0.5\ntrue,1\n",
      "invalid\nline 3, column 1: found 'true' in column 'b', expected true or "
      "false, or one other such pair of words: ?types= says that it is boolean",
      "b:boolean" },

    /* Codes. */
    { "z,y\n20,0.5\n3,1\n20,2\n",
      "regression\nz class 3..20 mean 14.3333 std 8.01388 <3> <20>\n"
      "y* numeric 0.5..2 mean 1.16667 std 0.62361\n20 0.5\n3 1\n20 2\n",
      "z:class" },
    { "z,y\n20,0.5\n3.5,1\n",
      "invalid\nline 3, column 1: found '3.5' in column 'z', expected a whole "
      "number*",
      "z:class" },
    { "z,y\n20,0.5\n16777217,1\n16777220,1\n",
      "invalid\nline 4, column 1: found '16777220' in*", "z:class" },

    /* Dates: all of them are, or they are names. */
    { "d,y\n2024-02-29,0.5\n,1\n29.02.2024 17:30,2\n",
      "regression\nd datetime missing 1\n"
      "y* numeric 0.5..2 mean 1.16667 std 0.62361\n"
      "'2024-02-29' 0.5\n- 1\n'29.02.2024 17:30' 2\n",
      NULL },
    { "d,y\n2024-02-29,0.5\nsoon,1\n",
      "regression\nd categorical <2024-02-29> <soon>\n*", NULL },
    { "x,d\n1,2024-02-29\n2,2024-02-28\n",
      "classification <2024-02-28> <2024-02-29>\nx*", NULL },
    { "d,y\n2024-02-29,0.5\n2023-02-29,1\n",
      "invalid\nline 3, column 1: found '2023-02-29' in column 'd', expected a "
      "date*",
      "d:datetime" },
    { "d,y\n2024-02-29,0.5\n2024-02-28,1\n",
      "regression\nd categorical <2024-02-29> <2024-02-28>\n*",
      "d:categorical" },

    /* Texts, also where a row is under way while a block leaves. */
    { "t,c,y\na b,1,0.5\n\"\",1,1\n7,z,2\nlast one,2,3\n",
      "regression\nt text missing 1\nc categorical <1> <z> <2>\n"
      "y* numeric 0.5..3 mean 1.625 std 0.960143\n"
      "'a b' 0 0.5\n- 0 1\n'7' 1 2\n'last one' 2 3\n",
      "t:text" },
    { "x,t\n1,a\n2,b\n", "invalid\n?target: the target 't' is text by ?types=*",
      "t:text" },
};

START_TEST(finds_types)
{
    struct body body = csv_body(cases[_i].text);

    body.options.types = cases[_i].types;
    expect(&body, cases[_i].told);
}
END_TEST

static void
put_words(struct buf *out, int i)
{
    buf_printf(out, "word %d again", i);
}

static void
put_word(struct buf *out, int i)
{
    buf_printf(out, "word%d", i);
}

static void
put_number(struct buf *out, int i)
{
    buf_printf(out, "%d.5", i);
}

static void
put_date(struct buf *out, int i)
{
    buf_printf(out, "2024-02-29T%02d:%02d:%02d", i / 3600, i / 60 % 60, i % 60);
}

/* n cells and a last one in column x. */
static struct buf
many_rows(void (*put)(struct buf *out, int i), int n, const char *last)
{
    struct buf text = { 0 };

    buf_puts(&text, "x,y\n");
    for (int i = 0; i < n; i++) {
        put(&text, i);
        buf_puts(&text, ",0.5\n");
    }
    buf_printf(&text, "%s,1\n", last);
    return text;
}

static void
expect_type(struct buf *text, enum dataset_type type, size_t floats)
{
    struct body   body = csv_body("");
    struct stored s;
    float        *cells;

    body.part[0].p = text->data;
    body.part[0].len = text->len;
    body.chunk_floats = floats;
    stored_put(&body, (struct cut){ 0 }, &s);
    ck_assert_msg(s.rc == ERR_OK, "%s", err_what(&s.e));
    ck_assert_str_eq(dataset_type_name(s.meta.column[0].type),
                     dataset_type_name(type));
    cells = stored_cells(&s);
    if (dataset_type_cells(type) == DATASET_TEXTS) {
        ck_assert_ptr_nonnull(s.text[0]);
        ck_assert_ptr_nonnull(s.text[2 * (s.meta.n_rows - 1)]);
    }
    free(cells);
    stored_release(&s);
    buf_release(text);
}

/* Names become texts, and dates stay dates, when there are too many. */
START_TEST(many_names_are_texts)
{
    static const size_t floats[] = { 0, 64 }; /* of a block */
    struct buf          text;

    text = many_rows(put_words, 19, "one more word");
    expect_type(&text, DATASET_TEXT, floats[_i]);
    text = many_rows(put_word, 19, "more");
    expect_type(&text, DATASET_CATEGORICAL, floats[_i]);
    text = many_rows(put_words, 18, "one more word");
    expect_type(&text, DATASET_CATEGORICAL, floats[_i]);
    text = many_rows(put_number, 10001, "n.a.");
    expect_type(&text, DATASET_TEXT, floats[_i]);
    text = many_rows(put_date, 10001, "2024-02-01");
    expect_type(&text, DATASET_DATETIME, floats[_i]);
    text = many_rows(put_date, 10001, "soon");
    expect_type(&text, DATASET_TEXT, floats[_i]);
}
END_TEST

/* --- dates ---------------------------------------------------------------- */

static const struct {
    const char *text;
    float       days, seconds;
    float       parts[DATASET_DATE_PARTS];
} dates[] = {
    { "1970-01-01", 0, 0, { 0, 1, 1, 3, 0 } },
    { "2024-02-29", 19782, 0, { 19782, 2, 29, 3, 0 } },
    { "2024/12/31", 20088, 0, { 20088, 12, 31, 1, 0 } },
    { "31.12.1969", -1, 0, { -1, 12, 31, 2, 0 } },
    { "1900-03-01 12:00", -25508, 43200, { -25507.5f, 3, 1, 3, 12 } },
    { "2000-01-01T06:30:15.5Z",
      10957,
      23415.5f,
      { 10957.271f, 1, 1, 5, 6.5043054f } },
    { "2000-01-01T01:00:00+02:00",
      10956,
      82800,
      { 10956.958f, 12, 31, 4, 23 } },
    { "2000-01-01T23:00-0200", 10958, 3600, { 10958.042f, 1, 2, 6, 1 } },
    { "0001-01-01", -719162, 0, { -719162, 1, 1, 0, 0 } },
};

START_TEST(reads_dates)
{
    struct dataset_date date;
    float               part[DATASET_DATE_PARTS];

    ck_assert(
        dataset_date_parse(dates[_i].text, strlen(dates[_i].text), &date));
    ck_assert_float_eq(date.days, dates[_i].days);
    ck_assert_float_eq(date.seconds, dates[_i].seconds);
    dataset_date_parts(&date, part);
    for (size_t k = 0; k < DATASET_DATE_PARTS; k++)
        /* Written with 8 digits, which a float32 of this size has. */
        ck_assert_float_eq_tol(part[k], dates[_i].parts[k],
                               1e-7f * fabsf(part[k]) + 1e-9f);
}
END_TEST

static const char *const no_dates[] = {
    "",
    "2024",
    "2024-2-29",
    "2024-02-30",
    "2024-13-01",
    "2024-00-01",
    "2024-01-00",
    "2100-02-29",
    "2024-02/29",
    "2024-02-29 ",
    "2024-02-29x",
    "2024-02-29T24:00",
    "2024-02-29T12:60",
    "2024-02-29T12",
    "2024-02-29T12:00 UTC",
    "2024-02-29T12:00+2",
    "29.02.24xx",
    "20240229xx",
};

START_TEST(refuses_what_is_no_date)
{
    for (size_t i = 0; i < COUNT_OF(no_dates); i++) {
        struct dataset_date date;
        size_t              len = strlen(no_dates[i]);
        char               *exact = mem_dup(no_dates[i], len);

        exact = realloc(exact, len > 0 ? len : 1); /* reading on is caught */
        ck_assert_msg(!dataset_date_parse(exact, len, &date), "%s",
                      no_dates[i]);
        free(exact);
    }
}
END_TEST

/* --- texts ---------------------------------------------------------------- */

static void
count(const struct dataset_grams *g, const char *s, float *x)
{
    dataset_grams_count(g, s, strlen(s), x);
}

static bool
same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof(*a)) == 0;
}

START_TEST(texts_become_numbers)
{
    const struct dataset_grams words = { 64, 1, 1, 0, 0 };
    const struct dataset_grams pairs = { 64, 1, 2, 0, 0 };
    const struct dataset_grams letters = { 64, 0, 0, 1, 3 };
    float                      a[64], b[64];
    double                     squares = 0;

    /* Words, whatever stands between them, and in either case; not their
     * order. */
    count(&words, "The cat, the mat!", a);
    count(&words, "\n mat the CAT--the", b);
    ck_assert(same(a, b, 64));
    count(&words, "the cat the hat", b);
    ck_assert(!same(a, b, 64));
    for (size_t i = 0; i < 64; i++)
        squares += (double)a[i] * (double)a[i];
    ck_assert_double_eq_tol(squares, 1, 1e-6);
    count(&words, " ,.! ", a);
    for (size_t i = 0; i < 64; i++)
        ck_assert_float_eq(a[i], 0);

    /* Pairs know the order. */
    count(&pairs, "dog bites man", a);
    count(&pairs, "man bites dog", b);
    ck_assert(!same(a, b, 64));

    /* Letters; those beyond ASCII are whole. */
    count(&letters, "gr\xc3\xbc\xc3\x9f", a);
    count(&letters, "GR\xc3\xbc\xc3\x9f!", b);
    ck_assert(same(a, b, 64));
    count(&letters, "gruss", b);
    ck_assert(!same(a, b, 64));
}
END_TEST

/* What was trained on stays true: these places never change. */
START_TEST(the_hash_is_fixed)
{
    const struct dataset_grams g = { 1024, 1, 1, 0, 0 };
    float                      x[1024];
    size_t                     at = 0;

    count(&g, "backpropagation", x);
    while (x[at] == 0)
        at++;
    ck_assert_uint_eq(at, 908);
    ck_assert_float_eq(x[at], 1);
}
END_TEST

/* --- what is told of a column --------------------------------------------- */

START_TEST(columns_are_summed_up)
{
    const struct dataset_summary *sum;
    struct stored                 s;

    stored_csv("x,c,y\n1,a,0.5\n2,b,1\n3,a,2\n4,b,3\n5,a,4\n,7,5\n", &s);
    sum = s.meta.column[0].summary;
    ck_assert_uint_eq(sum->distinct, 5);
    ck_assert_uint_eq(sum->sampled, 5);
    ck_assert_float_eq(sum->quantile[0], 1.2f);
    ck_assert_float_eq(sum->quantile[1], 2);
    ck_assert_float_eq(sum->quantile[2], 3);
    ck_assert_float_eq(sum->quantile[4], 4.8f);
    ck_assert_uint_eq(sum->bin[0], 1);
    ck_assert_uint_eq(sum->bin[5], 1);
    ck_assert_uint_eq(sum->bin[DATASET_BINS - 1], 1);
    sum = s.meta.column[1].summary;
    ck_assert_uint_eq(sum->distinct, 3);
    ck_assert_uint_eq(sum->n_top, 3);
    ck_assert_str_eq(sum->top[0], "a");
    ck_assert_uint_eq(sum->top_count[0], 3);
    ck_assert_str_eq(sum->top[2], "7");
    stored_release(&s);
}
END_TEST

/* Numbers are counted before the column turns out to hold names. */
START_TEST(counts_survive_a_change_of_type)
{
    const struct dataset_summary *sum;
    struct stored                 s;

    stored_csv("c,y\n7,1\n7,2\n300,2\n7,1\n300,1\nz,1\nz,2\n7,2\n", &s);
    sum = s.meta.column[0].summary;
    ck_assert_str_eq(sum->top[0], "7");
    ck_assert_uint_eq(sum->top_count[0], 4);
    ck_assert_uint_eq(sum->top_count[1], 2);
    ck_assert_uint_eq(sum->top_count[2], 2);
    sum = s.meta.column[1].summary;
    ck_assert_uint_eq(sum->top_count[0], 4); /* a class */
    stored_release(&s);
}
END_TEST

/* Of 20000 rows a sample tells: the median of 0 to 19999 to 3 % or so. */
START_TEST(many_rows_are_sampled)
{
    struct buf    text = { 0 };
    struct stored s[2];

    buf_puts(&text, "x,y\n");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%d,0.5\n", i * 7919 % 20000);
    for (int i = 0; i < 2; i++) {
        struct body body = csv_body("");

        body.part[0].p = text.data;
        body.part[0].len = text.len;
        stored_put(&body, (struct cut){ i == 0 ? 0 : 7, 0 }, &s[i]);
        ck_assert_int_eq(s[i].rc, ERR_OK);
    }
    ck_assert_uint_eq(s[0].meta.column[0].summary->sampled, 4096);
    ck_assert_float_eq_tol(s[0].meta.column[0].summary->quantile[2], 10000,
                           600);
    ck_assert_uint_eq(s[0].meta.column[0].summary->distinct, DATASET_UNCOUNTED);
    ck_assert_mem_eq(s[0].meta.column[0].summary, s[1].meta.column[0].summary,
                     sizeof(struct dataset_summary));
    stored_release(&s[0]);
    stored_release(&s[1]);
    buf_release(&text);
}
END_TEST

Suite *
suite_dataset_types(void)
{
    Suite *s = suite_create("dataset types");
    TCase *t = tcase_create("types");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, finds_types, 0, (int)COUNT_OF(cases));
    tcase_add_loop_test(t, many_names_are_texts, 0, 2);
    tcase_add_loop_test(t, reads_dates, 0, (int)COUNT_OF(dates));
    tcase_add_test(t, refuses_what_is_no_date);
    tcase_add_test(t, texts_become_numbers);
    tcase_add_test(t, the_hash_is_fixed);
    tcase_add_test(t, columns_are_summed_up);
    tcase_add_test(t, counts_survive_a_change_of_type);
    tcase_add_test(t, many_rows_are_sampled);
    suite_add_tcase(s, t);
    return s;
}
