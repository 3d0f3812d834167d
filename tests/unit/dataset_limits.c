/*
 * dataset_limits.c - how much a CSV may have of everything
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dataset_suites.h"

static void
expect_asked(struct buf *text, size_t every, const char *target,
             const char *types, const char *told)
{
    struct body   body = csv_body("");
    struct stored s;
    char         *is;

    ck_assert(!text->failed);
    body.options.target = target;
    body.options.types = types;
    body.part[0] = (struct part){ "", text->data, text->len };
    stored_put(&body, (struct cut){ every, 0 }, &s);
    is = stored_tell(&s);
    ck_assert_msg(strncmp(is, told, strlen(told)) == 0, "%.300s", is);
    free(is);
    stored_release(&s);
    buf_release(text);
}

static void
expect_once(struct buf *text, size_t every, const char *told)
{
    expect_asked(text, every, NULL, NULL, told);
}

/* 10001 numbers are too many categories, 10000 are not: what is more is text,
 * unless it must not be. */
START_TEST(categories_have_a_limit)
{
    struct buf text = { 0 };

    for (int i = 0; i < 10001; i++)
        buf_printf(&text, "%s%d,0.5\n", i == 0 ? "x,y\n" : "", i);
    buf_puts(&text, "abc,1\n");
    expect_once(&text, _i, "regression\nx text\ny* numeric 0.5..1");
    for (int i = 0; i < 9999; i++)
        buf_printf(&text, "%s%d,0.5\n", i == 0 ? "x,y\n" : "", i);
    buf_puts(&text, "abc,1\n9998,1\n9999,1\n");
    expect_once(&text, _i, "regression\nx text\ny* numeric 0.5..1");
    for (int i = 0; i < 10001; i++)
        buf_printf(&text, "%s%d,0.5\n", i == 0 ? "x,y\n" : "", i);
    buf_puts(&text, "abc,1\n");
    expect_asked(&text, _i, "x", NULL,
                 "invalid\nline 10003, column 1: 'abc' is no number, "
                 "and column 'x' has more than 10000 distinct values "
                 "(dataset_categories), too many to be categorical; mend it, "
                 "or say ?types=x:ignored");
}
END_TEST

START_TEST(classes_have_a_limit)
{
    struct buf text = { 0 };

    for (int i = 0; i < 1001; i++)
        buf_printf(&text, "%s%d,c%d\n", i == 0 ? "x,y\n" : "", i, i);
    expect_once(&text, _i,
                "invalid\n?target: the target 'y' has more than 1000 classes");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%s%d,c%d\n", i == 0 ? "x,y\n" : "", i, i);
    expect_once(&text, _i, "classification <c0> <c1> <c10>");
}
END_TEST

static void
repeat(struct buf *b, char c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(b, c);
}

START_TEST(rows_and_names_have_limits)
{
    struct buf text = { 0 };

    /* A row that never ends. */
    buf_puts(&text, "x,y\n1,2\n1,");
    repeat(&text, '7', (size_t)1 << 20);
    expect_once(&text, _i,
                "invalid\nline 3, column 2: the row has more than "
                "1048576 bytes");
    buf_puts(&text, "x,y\n1,\"");
    repeat(&text, '\n', (size_t)1 << 20);
    expect_once(&text, _i,
                "invalid\nline 2, column 2: the row has more than "
                "1048576 bytes");
    /* 2^20 bytes with the end of the row are allowed. */
    buf_puts(&text, "x,y\n1.");
    repeat(&text, '0', ((size_t)1 << 20) - 5);
    buf_puts(&text, ",2\n");
    expect_once(&text, _i, "regression\nx numeric 1..1 mean");

    repeat(&text, 'x', 257);
    buf_puts(&text, ",y\n1,2\n");
    expect_once(&text, _i,
                "invalid\nline 1, column 1: the column's name has "
                "257 bytes, the longest may have 256");
    buf_puts(&text, "x,y\n");
    repeat(&text, 'x', 257);
    buf_puts(&text, ",2\n");
    expect_asked(&text, _i, NULL, "x:categorical",
                 "invalid\nline 2, column 1: a category of column "
                 "'x' has 257 bytes, the longest may have 256");
    for (int i = 0; i <= 16384; i++)
        buf_printf(&text, "%s%d", i > 0 ? "," : "", i);
    buf_putc(&text, '\n');
    expect_once(&text, _i,
                "invalid\nline 1, column 16385: there are more than "
                "16384 columns");
}
END_TEST

/* 8 columns of 8200 names of 256 bytes are 16 MiB. */
START_TEST(names_have_a_limit_together)
{
    struct buf text = { 0 };

    for (int k = 0; k < 8; k++)
        buf_printf(&text, "c%d,", k);
    buf_puts(&text, "y\n");
    for (int i = 0; i < 8200; i++) {
        for (int k = 0; k < 8; k++)
            buf_printf(&text, "c%0255d,", i);
        buf_puts(&text, "0.5\n");
    }
    /* A name and its end are 257 bytes: 65281 of them are too many. */
    expect_asked(&text, 0, NULL,
                 "c0:categorical,c1:categorical,c2:categorical,"
                 "c3:categorical,c4:categorical,c5:categorical,"
                 "c6:categorical,c7:categorical",
                 "invalid\nline 8162, column 1: the names of all "
                 "categories take more than 16777216 bytes");
}
END_TEST

START_TEST(bytes_have_a_limit)
{
    struct body body = csv_body("x,y\n1,2\n");

    body.options.max_bytes = 8;
    expect(&body, "regression\nx numeric 1..1 mean 1 std 0\n"
                  "y* numeric 2..2 mean 2 std 0\n1 2\n");
    body.options.max_bytes = 7;
    expect(&body, "too_large\n: the dataset has more than 7 bytes*");
}
END_TEST

Suite *
suite_dataset_limits(void)
{
    Suite *s = suite_create("dataset limits");
    TCase *t = tcase_create("limits");

    tcase_set_timeout(t, 60);
    /* Whole, and byte by byte. */
    tcase_add_loop_test(t, categories_have_a_limit, 0, 2);
    tcase_add_loop_test(t, classes_have_a_limit, 0, 2);
    tcase_add_loop_test(t, rows_and_names_have_limits, 0, 2);
    tcase_add_test(t, names_have_a_limit_together);
    tcase_add_test(t, bytes_have_a_limit);
    suite_add_tcase(s, t);
    return s;
}
