/*
 * dataset_json.c - JSON: both forms, and where an error is
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset_suites.h"

struct json_case {
    const char *text;
    const char *told;
    const char *target, *types, *task;
};

/* Nothing is asked for. */
#define AS_IT_IS NULL, NULL, NULL

static void
expect_case(const struct json_case *c)
{
    struct body body = { .options = { .format = DATASET_JSON,
                                      .target = c->target,
                                      .types = c->types,
                                      .task = c->task },
                         .n_parts = 1,
                         .part = { { "", c->text, strlen(c->text) } } };

    expect(&body, c->told);
}

#define XOR_ROWS "0 0 0\n0 1 1\n1 0 1\n1 1 0\n"
#define XOR_INPUTS "inputs numeric 2 0..1 mean 0.5 std 0.5\n"
#define XOR_TARGETS "targets* class 0..1 mean 0.5 std 0.5 <0> <1>\n"
#define XOR_NUMBERS "targets* numeric 0..1 mean 0.5 std 0.5\n"

static const struct json_case right[] = {
    { "{\"inputs\":[[0,0],[0,1],[1,0],[1,1]],\"targets\":[[0],[1],[1],[0]]}",
      "classification <0> <1>\n" XOR_INPUTS XOR_TARGETS XOR_ROWS, AS_IT_IS },
    /* Targets first, without brackets, and in both ways. */
    { "{\"targets\":[0,[1],1,[0]],\"inputs\":[[0,0],[0,1],[1,0],[1,1]]}",
      "classification <0> <1>\n" XOR_TARGETS XOR_INPUTS
      "0 0 0\n1 0 1\n1 1 0\n0 1 1\n",
      AS_IT_IS },
    { "{\"inputs\":[[0,0],[0,1],[1,0],[1,1]],\"targets\":[[0],1,[1],0]}",
      "regression\n" XOR_INPUTS XOR_NUMBERS XOR_ROWS, "targets",
      "inputs:numeric", "regression" },
    /* Several targets, missing inputs. */
    { "{\"inputs\":[[null],[2]],\"targets\":[[1,2],[3,4]]}",
      "regression\ninputs numeric 1 missing 1 2..2 mean 2 std 0\n"
      "targets* numeric 2 1..4 mean 2.5 std 1.11803\n- 1 2\n2 3 4\n",
      AS_IT_IS },
    /* Images of two rows of three, and of one channel of those. */
    { "{\"inputs\":[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]],"
      "\"targets\":[0.5,1]}",
      "regression\ninputs numeric 2x3 1..12 mean 6.5 std 3.45205\n"
      "targets* numeric 0.5..1 mean 0.75 std 0.25\n"
      "1 2 3 4 5 6 0.5\n7 8 9 10 11 12 1\n",
      AS_IT_IS },
    { "{\"inputs\":[[[[1,2],[3,4]]]],\"targets\":[0.5]}",
      "regression\ninputs numeric 1x2x2 1..4 mean 2.5 std 1.11803\n"
      "targets* numeric 0.5..0.5 mean 0.5 std 0\n1 2 3 4 0.5\n",
      AS_IT_IS },

    { "{\"columns\":[\"a\",\"\xc3\xa9\",\"y\"],"
      "\"rows\":[[1,\"p\",true],[null,null,false],[2.5,\"q\",true]]}",
      "classification <false> <true>\n"
      "a numeric missing 1 1..2.5 mean 1.75 std 0.75\n"
      "\xc3\xa9 categorical missing 1 <p> <q>\n"
      "y* boolean <false> <true>\n1 0 1\n- - 0\n2.5 1 1\n",
      AS_IT_IS },
    /* What CSV takes for missing is a name here. */
    { "{\"columns\":[\"a\",\"y\"],"
      "\"rows\":[[\"NA\",0.5],[\"\",1],[7,1],[\"7.0\",2]]}",
      "regression\na categorical <NA> <> <7>\n"
      "y* numeric 0.5..2 mean 1.125 std 0.544862\n0 0.5\n1 1\n2 1\n2 2\n",
      AS_IT_IS },
    /* An array of objects, as data frames write them: on one line or many, the
     * members in any order, null or nothing for what is missing. */
    { "[{\"a\":1,\"b\":\"p\",\"y\":true},{\"y\":false,\"a\":null},"
      "{\"b\":\"q\",\"y\":true,\"a\":2.5}]",
      "classification <false> <true>\n"
      "a numeric missing 1 1..2.5 mean 1.75 std 0.75\n"
      "b categorical missing 1 <p> <q>\n"
      "y* boolean <false> <true>\n1 0 1\n- - 0\n2.5 1 1\n",
      AS_IT_IS },
    { " [\n {\"x\": 1,\n  \"y\": 0.5},\n {\"x\": 2, \"y\": 1}\n]\n",
      "regression\nx numeric 1..2 mean 1.5 std 0.5\n"
      "y* numeric 0.5..1 mean 0.75 std 0.25\n1 0.5\n2 1\n",
      AS_IT_IS },
    { "[{\"y\":1,\"id\":\"k\",\"x\":3},{\"y\":2.5,\"id\":\"l\",\"x\":4}]",
      "regression\ny* numeric 1..2.5 mean 1.75 std 0.75\nid ignored\n"
      "x categorical <3> <4>\n1 0\n2.5 1\n",
      "y", "id:ignored,x:categorical", NULL },

    { "{\"columns\":[\"a\",\"y\",\"t\"],\"rows\":[[1,0.5,\"x\"],[2,1,3]]}",
      "regression\na categorical <1> <2>\n"
      "y* numeric 0.5..1 mean 0.75 std 0.25\nt ignored\n0 0.5\n1 1\n",
      "y", "t:ignored,a:categorical", NULL },
};

START_TEST(reads)
{
    expect_case(&right[_i]);
}
END_TEST

static const struct json_case wrong[] = {
    { "", "malformed\n*", AS_IT_IS },
    { "{\"inputs\":[[1]", "malformed\n*", AS_IT_IS },
    { "[]",
      "invalid\nline 1, column 2: found the end, expected an object: a row*",
      AS_IT_IS },
    { "\"a\"", "invalid\nline 1, column 1: found a string, expected an object*",
      AS_IT_IS },
    /* Objects in an array. */
    { "[1]", "invalid\nline 1, column 2: found a number, expected an object*",
      AS_IT_IS },
    { "[[1,2]]",
      "invalid\nline 1, column 2: found an array, expected an object*",
      AS_IT_IS },
    { "[{\"x\":1,\"y\":2},\n 3]",
      "invalid\nline 2, column 2: found a number, expected an object*",
      AS_IT_IS },
    { "[{\"x\":1,\"y\":2},\n {\"z\":3}]",
      "invalid\nline 2, column 3: found 'z', a member that the first object "
      "has "
      "not*",
      AS_IT_IS },
    { "[{\"x\":1,\"y\":2},\n {\"x\":3,\"x\":4}]",
      "invalid\nline 2, column 9: found 'x' twice in one object", AS_IT_IS },
    { "[{\"x\":1,\"y\":2},\n {\"x\":[3],\"y\":4}]",
      "invalid\nline 2, column 7: found an array in 'x'*", AS_IT_IS },
    { "[{\"x\":1,\"y\":2},\n\n {\"x\":3}]",
      "invalid\nline 3, column 1: the target 'y' is missing*", AS_IT_IS },
    { "[{}]", "invalid\n*", AS_IT_IS },
    { "[{\"x\":1,\"y\":2}", "malformed\n*", AS_IT_IS },
    { "[{\"x\":1,\"y\":2}] 1", "malformed\n*", AS_IT_IS },
    { "[{\"x\":1,\"y\":2},]", "malformed\n*", AS_IT_IS },
    { "{}", "invalid\n/inputs: is missing*", AS_IT_IS },
    { "{\"inputs\":[[1]]}", "invalid\n/targets: is missing*", AS_IT_IS },
    { "{\"targets\":[[1]]}", "invalid\n/inputs: is missing*", AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"]}", "invalid\n/rows: is missing", AS_IT_IS },
    { "{\"rows\":[]}", "invalid\n/rows: columns must come before rows",
      AS_IT_IS },
    { "{\"inputz\":[]}", "invalid\n/inputz: there is no such member*",
      AS_IT_IS },
    { "{\"inputs\":[[1]],\"inputs\":[[1]]}", "invalid\n/inputs: is there twice",
      AS_IT_IS },
    { "{\"inputs\":[[1]],\"rows\":[[1]]}", "invalid\n/rows: a dataset has*",
      AS_IT_IS },
    { "{\"inputs\":{}}",
      "invalid\nline 1, column 11: found an object, expected an array",
      AS_IT_IS },
    { "{\"inputs\":[]}",
      "invalid\nline 1, column 12: found the end, expected a row", AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[]}",
      "invalid\nline 1, column 30: found the end, expected a row", AS_IT_IS },
    { "{\"inputs\":[[1],\n[1],[2]],\"targets\":[1,2]}",
      "invalid\n/targets: there are 2 targets for 3 rows of inputs", AS_IT_IS },

    /* Shapes. */
    { "{\"inputs\":[1]}",
      "invalid\nline 1, column 12: found a number, expected a row: an array of "
      "numbers",
      AS_IT_IS },
    { "{\"inputs\":[[]]}",
      "invalid\nline 1, column 13: found the end, expected a number or an "
      "array",
      AS_IT_IS },
    { "{\"inputs\":[[1,2],\n [3]]}",
      "invalid\nline 2, column 4: found 1 element, expected 2 as in the first "
      "row",
      AS_IT_IS },
    { "{\"inputs\":[[1,2],\n [3,4,5]]}",
      "invalid\nline 2, column 7: found one more element, expected 2 of them "
      "as in the first row",
      AS_IT_IS },
    { "{\"inputs\":[[[1,2],[3]]]}",
      "invalid\nline 1, column 21: found 1 element, expected 2*", AS_IT_IS },
    { "{\"inputs\":[[1,[2]]]}",
      "invalid\nline 1, column 15: found an array, expected a number",
      AS_IT_IS },
    { "{\"inputs\":[[[1],2]]}",
      "invalid\nline 1, column 17: found a number, expected an array, as in "
      "the first row",
      AS_IT_IS },
    { "{\"inputs\":[[[[[1]]]]]}",
      "invalid\nline 1, column 15: found an array, expected a number",
      AS_IT_IS },
    { "{\"targets\":[[[1]]]}",
      "invalid\nline 1, column 14: found an array, expected a number",
      AS_IT_IS },
    { "{\"targets\":[[1,2],3]}",
      "invalid\nline 1, column 19: found one number, expected a row of 2 as "
      "the first one",
      AS_IT_IS },
    { "{\"targets\":[1,[2,3]]}",
      "invalid\nline 1, column 18: found one more element, expected 1*",
      AS_IT_IS },

    /* Cells. */
    { "{\"inputs\":[[1,\"a\"]]}",
      "invalid\nline 1, column 15: found a string, expected a number; rows "
      "with text go into \"columns\" and \"rows\"",
      AS_IT_IS },
    { "{\"inputs\":[[true]]}",
      "invalid\nline 1, column 13: found true, expected a number*", AS_IT_IS },
    { "{\"inputs\":[[1],[1e39]]}",
      "invalid\nline 1, column 17: 1e39 is beyond the range of float32*",
      AS_IT_IS },
    { "{\"targets\":[1,null]}",
      "invalid\nline 1, column 15: the target is missing*", AS_IT_IS },
    { "{\"targets\":[[1],[null]]}",
      "invalid\nline 1, column 18: the target is missing*", AS_IT_IS },
    { "{\"columns\":[1]}",
      "invalid\nline 1, column 13: found a number, expected a column's name",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"a\"]}",
      "invalid\nline 1, column 17: two columns are called 'a'*", AS_IT_IS },
    { "{\"columns\":[\"a\"]}", "invalid\n: found 1 column, and none*",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[1]}",
      "invalid\nline 1, column 30: found a number, expected a row: an array "
      "of cells",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[[1,2],[1]]}",
      "invalid\nline 1, column 38: found the end of the row after 1 cell, "
      "expected 2",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[[1,2,3]]}",
      "invalid\nline 1, column 35: found one more cell, expected the end*",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[[1,[]]]}",
      "invalid\nline 1, column 33: found an array, expected a cell*",
      AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[[1,null]]}",
      "invalid\nline 1, column 33: the target 'b' is missing*", AS_IT_IS },
    { "{\"columns\":[\"a\",\"b\"],\"rows\":[[1e40,1]]}",
      "invalid\nline 1, column 31: 1e40 is beyond the range*", AS_IT_IS },

    /* The query. */
    { "{\"inputs\":[[1]]", "invalid\n?target: found 'y'; the target of this*",
      "y", NULL, NULL },
    { "{\"inputs\":[[1]]", "invalid\n?types: there is no column 'x'*", NULL,
      "x:numeric", NULL },
    { "{\"inputs\":[[1]]",
      "invalid\n?types: 'targets' is an array and can only be numeric", NULL,
      "targets:categorical", NULL },
    { "{\"inputs\":[[1]],\"targets\":[[1,2]]}",
      "invalid\n?task: there are 2 targets a row*", NULL, NULL,
      "classification" },
};

START_TEST(refuses)
{
    expect_case(&wrong[_i]);
}
END_TEST

/* Of a first row whose shape nobody knows yet, no more is kept than a row may
 * have. */
START_TEST(rows_have_a_limit)
{
    struct buf  text = { 0 };
    struct body body = { .options = { .format = DATASET_JSON }, .n_parts = 1 };
    struct stored s;

    buf_puts(&text, "{\"inputs\":[[");
    for (size_t i = 0; i < DATASET_MAX_WIDTH; i++)
        buf_puts(&text, "0,");
    buf_puts(&text, "0]");
    ck_assert(!text.failed);
    body.part[0] = (struct part){ "", text.data, text.len };
    stored_put(&body, (struct cut){ 0 }, &s);
    ck_assert_int_eq(s.rc, ERR_INVALID);
    ck_assert_str_eq(err_what(&s.e), "a row has more than 4194304 numbers, the "
                                     "most it may have");
    stored_release(&s);
    buf_release(&text);
}
END_TEST

Suite *
suite_dataset_json(void)
{
    Suite *s = suite_create("dataset json");
    TCase *t = tcase_create("json");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, reads, 0, (int)COUNT_OF(right));
    tcase_add_loop_test(t, refuses, 0, (int)COUNT_OF(wrong));
    tcase_add_test(t, rows_have_a_limit);
    suite_add_tcase(s, t);
    return s;
}
