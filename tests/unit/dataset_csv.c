/*
 * dataset_csv.c - CSV: rows, types, classes, and where an error is
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset_suites.h"

struct csv_case {
    const char *text;
    const char *told;
    const char *target, *types, *task;
    bool        no_header;
};

/* Nothing is asked for. */
#define AS_IT_IS NULL, NULL, NULL, false

static void
expect_case(const struct csv_case *c)
{
    struct body body = csv_body(c->text);

    body.options.header = !c->no_header;
    body.options.target = c->target;
    body.options.types = c->types;
    body.options.task = c->task;
    expect(&body, c->told);
}

/* --- what is read --------------------------------------------------------- */

#define XY_1_2                                                                 \
    "regression\nx numeric 1..1 mean 1 std 0\n"                                \
    "y* numeric 2..2 mean 2 std 0\n1 2\n"

static const struct csv_case right[] = {
    /* Ends of lines, the last one or none, lines with nothing on them, and a
     * byte order mark. */
    { "x,y\n1,2\n", XY_1_2, AS_IT_IS },
    { "x,y\n1,2", XY_1_2, AS_IT_IS },
    { "x,y\r\n1,2\r\n", XY_1_2, AS_IT_IS },
    { "x,y\r\n1,2", XY_1_2, AS_IT_IS },
    { "\n\r\nx,y\n\n1,2\n\r\n\n", XY_1_2, AS_IT_IS },
    { "y,x\n1,2\n2,",
      "regression\ny* numeric 1..2 mean 1.5 std 0.5\n"
      "x numeric missing 1 2..2 mean 2 std 0\n1 2\n2 -\n",
      "y", NULL, NULL, false },
    { "\xef\xbb\xbfx,y\n1,2\n", XY_1_2, AS_IT_IS },
    { "\"x\",\"y\"\n\"1\",\"2\"", XY_1_2, AS_IT_IS },

    /* Numbers as JSON has them, +1 and .5 besides. */
    { "x,y\n+1,.5\n-.25,1e2\n-0,1E-2\n",
      "regression\nx numeric -0.25..1 mean 0.25 std 0.540062\n"
      "y* numeric 0.01..100 mean 33.5033 std 47.0207\n"
      "1 0.5\n-0.25 100\n-0 0.00999999978\n",
      AS_IT_IS },
    /* Nearest float32, and what is too small is zero. */
    { "x,y\n16777217,3.4028235e38\n1e-99,0.1\n",
      "regression\nx numeric 0..1.67772e+07 mean 8.38861e+06 "
      "std 8.38861e+06\n"
      "y* numeric 0.1..3.40282e+38 mean 1.70141e+38 std 1.70141e+38\n"
      "16777216 3.40282347e+38\n0 0.100000001\n",
      AS_IT_IS },

    /* Quotes: commas, quotes, both ends of lines inside. */
    { "\"a,\"\"b\"\"\nc\",y\n\"p\r\nq\",1\n\"\"\"\",2.5\nA\xc3\xa9,3\n",
      "regression\na,\"b\"\nc categorical <p\r\nq> <\"> <A\xc3\xa9>\n"
      "y* numeric 1..3 mean 2.16667 std 0.849837\n0 1\n1 2.5\n2 3\n",
      AS_IT_IS },

    /* Five ways to say nothing. */
    { "x,c,y\n,?,1.5\nNA,,2\nNaN,a,3\nnull,\"\",4\n?,NA,5\n7,null,6\n",
      "regression\nx numeric missing 5 7..7 mean 7 std 0\n"
      "c categorical missing 5 <a>\n"
      "y* numeric 1.5..6 mean 3.58333 std 1.59208\n"
      "- - 1.5\n- - 2\n- 0 3\n- - 4\n- - 5\n7 - 6\n",
      AS_IT_IS },
    /* And as pandas, numpy, spreadsheets and SQL say it. */
    { "x,c,y\nnan,NULL,1\nNAN,Null,2\n-nan,#N/A,3\n-NaN,#NA,4\n"
      "N/A,<NA>,5.5\nn/a,a,6\n<NA>,-nan,7\n-7,nan,8\n",
      "regression\nx numeric missing 7 -7..-7 mean -7 std 0\n"
      "c categorical missing 7 <a>\n"
      "y* numeric 1..8 mean 4.5625 std 2.31081\n"
      "- - 1\n- - 2\n- - 3\n- - 4\n- - 5.5\n- 0 6\n- - 7\n-7 - 8\n",
      AS_IT_IS },
    /* What may well be a category stays one, and so does another spelling. */
    { "c,y\nNone,1\n-,2\n.,3\nna,4\ninf,5.5\nNil,6\nnUll,7\n--,8\n",
      "regression\nc categorical <None> <-> <.> <na> <inf> <Nil> <nUll> <-->\n"
      "y* numeric 1..8 mean 4.5625 std 2.31081\n"
      "0 1\n1 2\n2 3\n3 4\n4 5.5\n5 6\n6 7\n7 8\n",
      AS_IT_IS },
    { "x,c,y\n,1,1.5\n,2,2\n",
      "regression\nx numeric missing 2 0..0 mean 0 std 0\n"
      "c numeric 1..2 mean 1.5 std 0.5\n"
      "y* numeric 1.5..2 mean 1.75 std 0.25\n- 1 1.5\n- 2 2\n",
      AS_IT_IS },

    /* A column turns categorical late: its numbers are names from then on,
     * one for each value however it is written. */
    { "x,y\n3,1.5\n1,2\n,2\n3.0,3\nabc,4\n1.0,5\n+3,6\n1e39,7\n4,8\n",
      "regression\nx categorical missing 1 <3> <1> <abc> <1e39> <4>\n"
      "y* numeric 1.5..8 mean 4.27778 std 2.225\n"
      "0 1.5\n1 2\n- 2\n0 3\n2 4\n1 5\n0 6\n3 7\n4 8\n",
      AS_IT_IS },
    { "x,y\n0,1.5\n-0,2\nz,3\n-0.0,4\n",
      "regression\nx categorical <0> <z>\n"
      "y* numeric 1.5..4 mean 2.625 std 0.960143\n0 1.5\n0 2\n1 3\n0 4\n",
      AS_IT_IS },
    /* What looks like a number and is none. */
    { "x,y\n0x1p3,1\ninf,2\n 5,3\n1_000,4\n01,5\n5.,6.5\nna,7\n--1,8\n",
      "regression\nx categorical <0x1p3> <inf> < 5> <1_000> <01> <5.> <na> "
      "<--1>\ny* numeric 1..8 mean 4.5625 std 2.3377\n"
      "0 1\n1 2\n2 3\n3 4\n4 5\n5 6.5\n6 7\n7 8\n",
      AS_IT_IS },

    /* Types as asked: identifiers keep their digits; an ignored column may
     * hold anything. */
    { "id,n,t,y\n123456789,1,free \"\"\n123456789,2,x,1\n", "invalid\n*", NULL,
      "id:categorical,t:ignored", NULL, false },
    { "id,n,t,y\n123456789,1,1e99,1\n123456788,2,,2\n1.0,3,x,3\n1,4,y,4.5\n",
      "regression\nid categorical <123456789> <123456788> <1>\n"
      "n numeric 1..4 mean 2.5 std 1.11803\nt ignored\n"
      "y* numeric 1..4.5 mean 2.625 std 1.29301\n"
      "0 1 1\n1 2 2\n2 3 3\n2 4 4.5\n",
      NULL, "id:categorical,t:ignored,n:numeric", NULL, false },
    /* The target is the last column that counts. */
    { "a:b,y,id\n1,2.5,x\n2,3,y\n",
      "regression\na:b numeric 1..2 mean 1.5 std 0.5\n"
      "y* numeric 2.5..3 mean 2.75 std 0.25\nid ignored\n1 2.5\n2 3\n",
      NULL, "id:ignored,a:b:numeric", NULL, false },

    /* Targets as asked. */
    { "a,b,c\n1,2,3\n4,5,6.5\n",
      "regression\na* numeric 1..4 mean 2.5 std 1.5\n"
      "b numeric 2..5 mean 3.5 std 1.5\n"
      "c* numeric 3..6.5 mean 4.75 std 1.75\n1 2 3\n4 5 6.5\n",
      "c,a", NULL, NULL, false },
    { "\"a,b\",c\n1,2\n",
      "regression\na,b* numeric 1..1 mean 1 std 0\n"
      "c numeric 2..2 mean 2 std 0\n1 2\n",
      "a,b", NULL, NULL, false },

    /* Without a header. */
    { "1,\"p\nq\"\n2,r\n",
      "classification <p\nq> <r>\ncolumn_1 numeric 1..2 mean 1.5 std 0.5\n"
      "column_2* categorical <p\nq> <r>\n1 0\n2 1\n",
      NULL, NULL, NULL, true },
    { "1,\n2,3\n",
      "regression\ncolumn_1* numeric 1..2 mean 1.5 std 0.5\n"
      "column_2 numeric missing 1 3..3 mean 3 std 0\n1 -\n2 3\n",
      "column_1", NULL, NULL, true },
};

START_TEST(reads)
{
    expect_case(&right[_i]);
}
END_TEST

/* --- the task and its classes --------------------------------------------- */

#define X4 "x numeric 1..4 mean 2.5 std 1.11803\n"

static const struct csv_case tasks[] = {
    /* Names in the order of their bytes. */
    { "x,y\n1,b\n2,B\n3,a\n4,b\n",
      "classification <B> <a> <b>\n" X4 "y* categorical <b> <B> <a>\n"
      "1 0\n2 1\n3 2\n4 0\n",
      AS_IT_IS },
    /* Integers, each twice on the average, by value. */
    { "x,y\n1,10\n2,-2\n3,10.0\n4,-2\n",
      "classification <-2> <10>\n" X4 "y* class -2..10 mean 4 std 6 <-2> <10>\n"
      "1 10\n2 -2\n3 10\n4 -2\n",
      AS_IT_IS },
    /* One value is no class, three for four rows are too many, and halves are
     * quantities. */
    { "x,y\n1,1\n2,1\n3,1\n4,1\n",
      "regression\n" X4 "y* numeric 1..1 mean 1 std 0\n"
      "1 1\n2 1\n3 1\n4 1\n",
      AS_IT_IS },
    { "x,y\n1,1\n2,1\n3,2\n4,3\n",
      "regression\n" X4 "y* numeric 1..3 mean 1.75 std 0.829156\n"
      "1 1\n2 1\n3 2\n4 3\n",
      AS_IT_IS },
    { "x,y\n1,1.5\n2,1\n3,1.5\n4,1\n",
      "regression\n" X4 "y* numeric 1..1.5 mean 1.25 std 0.25\n"
      "1 1.5\n2 1\n3 1.5\n4 1\n",
      AS_IT_IS },
    { "x,y\n1,0\n2,1\n3,1\n4,0\n",
      "regression\n" X4 "y* numeric 0..1 mean 0.5 std 0.5\n"
      "1 0\n2 1\n3 1\n4 0\n",
      NULL, NULL, "regression", false },
    { "x,y\n1,7\n2,1\n3,30\n4,4\n",
      "classification <1> <4> <7> <30>\n" X4
      "y* class 1..30 mean 10.5 std 11.4564 <1> <4> <7> <30>\n"
      "1 7\n2 1\n3 30\n4 4\n",
      NULL, NULL, "classification", false },
    /* Names that are all numbers: by value too. */
    { "x,y\n1,10\n2,9.5\n3,9.5\n4,-1\n",
      "classification <-1> <9.5> <10>\n" X4 "y* categorical <10> <9.5> <-1>\n"
      "1 0\n2 1\n3 1\n4 2\n",
      NULL, "y:categorical", NULL, false },
    { "x,y\n1,123456789\n2,20\n3,+123456788\n4,-3\n",
      "classification <-3> <20> <+123456788> <123456789>\n" X4
      "y* categorical <123456789> <20> <+123456788> <-3>\n"
      "1 0\n2 1\n3 2\n4 3\n",
      NULL, "y:categorical", NULL, false },
    { "x,y\n1,10\n2,9.5\n3,9.5\n4,z\n",
      "classification <10> <9.5> <z>\n" X4 "y* categorical <10> <9.5> <z>\n"
      "1 0\n2 1\n3 1\n4 2\n",
      AS_IT_IS },

    { "x,y\n1,0.5\n2,1\n",
      "invalid\n?task: the target 'y' holds numbers that are no integers*",
      NULL, NULL, "classification", false },
    { "x,y,z\n1,0,1\n2,1,0\n",
      "invalid\n?task: there are 2 targets a row, and classification takes "
      "one column*",
      "y,z", NULL, "classification", false },
    { "x,y\n1,a\n2,b\n",
      "invalid\n?target: the target 'y' is categorical; regression needs "
      "numbers",
      NULL, NULL, "regression", false },
    { "x,y,z\n1,a,1\n2,b,2\n",
      "invalid\n?target: the target 'y' is categorical; several targets must "
      "be numbers",
      "y,z", NULL, NULL, false },
};

START_TEST(finds_the_task)
{
    expect_case(&tasks[_i]);
}
END_TEST

/* --- what is refused ------------------------------------------------------ */

static const struct csv_case wrong[] = {
    { "", "invalid\nline 1, column 1: the body is empty*", AS_IT_IS },
    { "\xef\xbb\xbf\n", "invalid\nline 1, column 1: the body is empty*",
      AS_IT_IS },
    { "\xef\xbb", "invalid\nline 1, column 1: the text is not UTF-8",
      AS_IT_IS },
    { "x,y\n", "invalid\nline 2, column 1: there is a row of names and no*",
      AS_IT_IS },
    { "x,y", "invalid\nline 2, column 1: there is a row of names and no*",
      AS_IT_IS },

    /* Rows of another length. */
    { "x,y\n1,2\n3\n",
      "invalid\nline 3, column 2: found the end of the row after 1 field, "
      "expected 2",
      AS_IT_IS },
    { "x,y\n\"\n\n\",2\n3",
      "invalid\nline 5, column 2: found the end of the row after 1 field, "
      "expected 2",
      AS_IT_IS },
    { "x,y\n1,2,\n",
      "invalid\nline 2, column 3: found '' as one more field, expected the "
      "end of the row after 2 fields",
      AS_IT_IS },
    { "x,y\r\n1,2\r\n1,2,abc\r\n",
      "invalid\nline 3, column 3: found 'abc' as one more field*", AS_IT_IS },

    /* Quotes and ends of lines. */
    { "x,y\n1,a\"b\n", "invalid\nline 2, column 2: found a quote inside a*",
      AS_IT_IS },
    { "x,y\n\"a\"b,1\n",
      "invalid\nline 2, column 1: found more text behind the closing quote*",
      AS_IT_IS },
    { "x,y\n1,\"a\n\n",
      "invalid\nline 2, column 2: the quote that opens this field is never "
      "closed",
      AS_IT_IS },
    { "x,y\r1,2\r", "invalid\nline 1, column 2: found a CR alone*", AS_IT_IS },
    { "x,y\n1,2\r", "invalid\nline 2, column 2: found a CR alone*", AS_IT_IS },
    { "x,y\n\r1", "invalid\nline 2, column 1: found a CR alone*", AS_IT_IS },

    /* Bytes that are no text. */
    { "x,y\n1,a\xff\n", "invalid\nline 2, column 2: the text is not UTF-8",
      AS_IT_IS },
    { "x,y\n1,\"\xc3\"\n", "invalid\nline 2, column 2: the text is not UTF-8",
      AS_IT_IS },
    { "\xff\xfe", "invalid\nline 1, column 1: the text is not UTF-8",
      AS_IT_IS },

    /* Names. */
    { "x,y,x\n1,2,3\n",
      "invalid\nline 1, column 3: two columns are called 'x'; names must "
      "differ",
      AS_IT_IS },
    { "x,,y\n1,2,3\n", "invalid\nline 1, column 2: the column's name is empty*",
      AS_IT_IS },
    { "x y\n1 2\n",
      "invalid\n: found 1 column, and none is left to be an input*", AS_IT_IS },

    /* Cells. */
    { "x,y\n1,2\n2,\n",
      "invalid\nline 3, column 2: the target 'y' is missing; every row needs "
      "one",
      AS_IT_IS },
    { "x,y\n1,2\n1e39,2\n",
      "invalid\nline 3, column 1: 1e39 is beyond the range of float32, "
      "3.4e38",
      AS_IT_IS },
    { "x,y\n-1e999,2\n",
      "invalid\nline 2, column 1: -1e999 is beyond the range*", AS_IT_IS },
    { "x,y\n1,2\nabc,2\n",
      "invalid\nline 3, column 1: found 'abc' in column 'x', expected a "
      "number: ?types= says that it is numeric",
      NULL, "x:numeric", NULL, false },

    /* The query. */
    { "x,y\n1,2\n",
      "invalid\n?target: there is no column 'q'; the columns are x, y\n"
      "?target: there is no column 'z'; the columns are x, y",
      "q,y,z", NULL, NULL, false },
    { "x,y\n1,2\n",
      "invalid\n?types: there is no column 'z'; the columns are x, y", NULL,
      "z:ignored", NULL, false },
    { "x,y\n1,2\n", "invalid\n?types: names 'x' twice", NULL,
      "x:numeric,x:categorical", NULL, false },
    { "x,y\n1,2\n", "invalid\n?target: the target 'y' is ignored by ?types=",
      "y", "y:ignored", NULL, false },
    { "x,y\n1,2\n", "invalid\n: found 2 columns, and none is left to be an*",
      "x,y", NULL, NULL, false },
    { "", "malformed\n?types: found 'x:words', expected a type: numeric,*",
      NULL, "x:words", NULL, false },
    { "", "malformed\n?types: found 'x', expected NAME:TYPE", NULL, "x", NULL,
      false },
    { "", "malformed\n?types: found '', expected NAME:TYPE", NULL, "x:numeric,",
      NULL, false },
    { "",
      "malformed\n?task: found 'Regression', expected classification or "
      "regression",
      NULL, NULL, "Regression", false },
};

START_TEST(refuses)
{
    expect_case(&wrong[_i]);
}
END_TEST

START_TEST(refuses_zero_bytes)
{
    struct body body = csv_body("");

    body.part[0] = (struct part){ "", "x,y\n1,2\0\n", 9 };
    expect(&body, "invalid\nline 2, column 2: found a zero byte*");
    body.part[0] = (struct part){ "", "x,y\n1,\"\0\"\n", 9 };
    expect(&body, "invalid\nline 2, column 2: found a zero byte*");
}
END_TEST

/* --- the meta ------------------------------------------------------------- */

/* Numbers far from zero: the plain sum of squares would lose it all. */
START_TEST(statistics_are_stable)
{
    struct buf    text = { 0 };
    struct stored s;

    buf_puts(&text, "x,y\n");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%d,0.5\n", 16000000 + i % 4);
    stored_csv(text.data, &s);
    buf_release(&text);
    /* Exact but for the last bits of a double: 0, 1, 2, 3 have variance 5/4. */
    ck_assert_double_eq_tol(s.meta.column[0].mean, 16000001.5, 1e-7);
    ck_assert_double_eq_tol(s.meta.column[0].std * s.meta.column[0].std, 1.25,
                            1e-9);
    stored_release(&s);
}
END_TEST

/* Rows of plain numbers are read at a stretch where the piece has them whole,
 * and byte by byte where it has not: the same comes of both. */
START_TEST(a_number_is_the_same_at_a_stretch)
{
    static const char *const spelt[] = {
        "0",        "7",
        "42",       "255",
        "999",      "1000",
        "65536",    "00",
        "01",       "007",
        "1.5",      "12.5",
        "123.5",    "0.5",
        ".5",       "5.",
        "1e2",      "12e-3",
        "123E1",    "0e0",
        "-0",       "-1",
        "-12.75",   "+3",
        "-",        "1.2.3",
        "12a",      "1 ",
        " 1",       "",
        "NA",       "\"4\"",
        "nan",      "-nan",
        "N/A",      "1e39",
        "16777217", "0.1234567890123456789",
        "1e",       "--1",
        "1-2",
    };

    for (size_t i = 0; i < COUNT_OF(spelt); i++) {
        for (int end = 0; end < 2; end++) {
            const char   *nl = end ? "\r\n" : "\n";
            struct buf    text = { 0 };
            struct body   body;
            struct stored at_once, by_bytes;

            buf_printf(&text, "x,y,z%s1,2,3%s%s,5,6%s7,8,%s%s9,%s,1%s", nl, nl,
                       spelt[i], nl, i % 3 ? "1" : spelt[i], nl,
                       i % 2 ? "2" : spelt[i], nl);
            ck_assert(!text.failed);
            body = csv_body(text.data);
            stored_put(&body, (struct cut){ 0 }, &at_once);
            stored_put(&body, (struct cut){ 1, 0 }, &by_bytes);
            ck_assert_int_eq(at_once.rc, by_bytes.rc);
            if (at_once.rc == ERR_OK) {
                char *a = stored_tell(&at_once), *b = stored_tell(&by_bytes);

                ck_assert_str_eq(a, b);
                free(a);
                free(b);
            } else {
                ck_assert_str_eq(at_once.e.item[0].where,
                                 by_bytes.e.item[0].where);
                ck_assert_str_eq(at_once.e.item[0].what,
                                 by_bytes.e.item[0].what);
            }
            stored_release(&at_once);
            stored_release(&by_bytes);
            buf_release(&text);
        }
    }
}
END_TEST

START_TEST(the_digest_is_of_the_bytes)
{
    static const char text[] = "x,y\n1,2\n";
    uint8_t           sum[DIGEST_SIZE];
    struct stored     s;

    stored_csv(text, &s);
    digest_bytes(text, strlen(text), sum);
    ck_assert_mem_eq(s.meta.sha256, sum, sizeof(sum));
    ck_assert_uint_eq(s.meta.bytes, strlen(text));
    stored_release(&s);
}
END_TEST

Suite *
suite_dataset_csv(void)
{
    Suite *s = suite_create("dataset csv");
    TCase *t = tcase_create("rows");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, reads, 0, (int)COUNT_OF(right));
    tcase_add_loop_test(t, finds_the_task, 0, (int)COUNT_OF(tasks));
    tcase_add_loop_test(t, refuses, 0, (int)COUNT_OF(wrong));
    tcase_add_test(t, refuses_zero_bytes);
    tcase_add_test(t, statistics_are_stable);
    tcase_add_test(t, a_number_is_the_same_at_a_stretch);
    tcase_add_test(t, the_digest_is_of_the_bytes);
    suite_add_tcase(s, t);
    return s;
}
