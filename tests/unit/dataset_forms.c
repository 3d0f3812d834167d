/*
 * dataset_forms.c - delimiters, other names, rows that are dropped, an object a
 * line, a table in a part
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset_suites.h"

struct form_case {
    const char *text;
    const char *told;
    const char *columns, *delimiter, *types;
    bool        no_header;
};

#define AS_IT_IS NULL, NULL, NULL, false

static struct body
case_body(const struct form_case *c)
{
    struct body body = csv_body(c->text);

    body.options.columns = c->columns;
    body.options.delimiter = c->delimiter;
    body.options.types = c->types;
    body.options.header = !c->no_header;
    return body;
}

/* --- delimiters and names ------------------------------------------------- */

#define X_1 "x numeric 1..1 mean 1 std 0\n"
#define Y_2 "y* numeric 2..2 mean 2 std 0\n1 2\n"

static const struct form_case delimited[] = {
    { "x;y\n1;2\n", "regression\n" X_1 Y_2, AS_IT_IS },
    { "\xef\xbb\xbfx\ty\r\n1\t2", "regression\n" X_1 Y_2, AS_IT_IS },
    { "\n\nx|y\n1|2\n", "regression\n" X_1 Y_2, AS_IT_IS },
    { "x;y", "invalid\nline 2, column 1: there is a row of names*", AS_IT_IS },
    /* The most of them counts, and quotes hide what is between them. */
    { "\"x;;;\",y,z\n1,2,3\n", "regression\nx;;; numeric 1..1*", AS_IT_IS },
    { "a,b;y;z\n1;2;3\n", "regression\na,b numeric 1..1*", AS_IT_IS },
    { "a;b,y\n1,2\n", "regression\na;b numeric 1..1*", AS_IT_IS },
    { "a,b;y\n1;2\n", "regression\na,b numeric 1..1*", NULL, ";", NULL, false },
    { "x\ty\n1\t2\n", "regression\n" X_1 Y_2, NULL, "tab", NULL, false },
    { "x|y\n\"1\"|\"2\"\n", "regression\n" X_1 Y_2, NULL, "|", NULL, false },
    { "x;y\n\"1\"2;3\n",
      "invalid\nline 2, column 1: found more text behind the closing quote, "
      "expected a semicolon*",
      AS_IT_IS },
    { "x,y\n1,2\n", "malformed\n?delimiter: found ':', expected one of , ; |*",
      NULL, ":", NULL, false },
    { "x,y\n1,2\n", "malformed\n?delimiter: found ''*", NULL, "", NULL, false },

    { "1,2\n", "regression\n" X_1 Y_2, "x,y", NULL, NULL, true },
    { "a,y\n1,2\n", "regression\n" X_1 Y_2, "x,", NULL, NULL, false },
    { "a,b\n1,2\n", "regression\n" X_1 Y_2, "x,y", NULL, "x:numeric", false },
    { "a,b\n1,2\n", "invalid\n?columns: names 1 columns, the file has 2*", "x",
      NULL, NULL, false },
    { "a,b\n1,2\n", "invalid\nline 1, column 2: two columns are called 'x'*",
      "x,x", NULL, NULL, false },
    /* A column may be called as a missing value is. */
    { "NA,y\n1,2\n", "regression\nNA numeric 1..1*", AS_IT_IS },
};

START_TEST(finds_delimiters)
{
    struct body body = case_body(&delimited[_i]);

    expect(&body, delimited[_i].told);
}
END_TEST

/* --- rows that are dropped ------------------------------------------------ */

#define XY_1_2_3_4                                                             \
    "regression\nx numeric 1..3 mean 2 std 1\ny* numeric 2..4 mean 3 std 1\n"  \
    "1 2\n3 4\n"

static const struct form_case skipped[] = {
    { "x,y\n1,2\n3,4\n", XY_1_2_3_4, AS_IT_IS },
    { "x,y\n1,2\n9\n3,4\n",
      XY_1_2_3_4 "skipped 1\nline 3, column 2: found the end of the row*",
      AS_IT_IS },
    { "x,y\n9,9,\"\n\",9\n1,2\n3,4",
      XY_1_2_3_4 "skipped 1\nline 2, column 3: found '\n' as one more*",
      AS_IT_IS },
    { "x,y\r\n1,2\r\n9\"9,9\r\n3,4\r\n",
      XY_1_2_3_4 "skipped 1\nline 3, column 1: found a quote inside*",
      AS_IT_IS },
    { "x,y\n1,2\n\"9\"9,\"\n3,4\n\xff,1\n",
      XY_1_2_3_4 "skipped 2\nline 3, column 1: found more text*", AS_IT_IS },
    { "x,y\n1,2\n3,4\n5,\"6\n",
      XY_1_2_3_4 "skipped 1\nline 4, column 2: the quote that opens*",
      AS_IT_IS },
    { "x,y\n1,2\n3,4\n5,6\r",
      XY_1_2_3_4 "skipped 1\nline 4, column 2: found a CR alone*", AS_IT_IS },
    { "x,y\n1,2\n5\r6,7\n3,4\n",
      XY_1_2_3_4 "skipped 1\nline 3, column 1: found a CR alone*", AS_IT_IS },
    { "x,y\n,\n1,2\n3,4\n8,NA\n",
      XY_1_2_3_4 "skipped 2\nline 2, column 2: the target 'y' is missing*",
      AS_IT_IS },
    { "x,y\n1,2\n3,4\n1e39,5\n",
      XY_1_2_3_4 "skipped 1\nline 4, column 1: 1e39 is beyond*", AS_IT_IS },
    /* A row that is dropped leaves no trace: x stays a column of numbers. */
    { "x,y\n1,2\nabc,2,3\nabc\n3,4\n",
      XY_1_2_3_4 "skipped 2\nline 3, column 3: found '3' as one more*",
      AS_IT_IS },
    { "x,y\n1,2\nabc,9\n3,4\n",
      XY_1_2_3_4 "skipped 1\nline 3, column 1: found 'abc' in column 'x'*",
      NULL, NULL, "x:numeric", false },
    { "x,y\n1\n2\n",
      "invalid\nline 2, column 2: all 2 rows were skipped; the first one:*",
      AS_IT_IS },
    /* What the columns are must be right. */
    { "x,x\n1,2\n", "invalid\nline 1, column 2: two columns are called*",
      AS_IT_IS },
};

START_TEST(drops_rows)
{
    struct body body = case_body(&skipped[_i]);

    body.options.on_error = "skip";
    expect(&body, skipped[_i].told);
}
END_TEST

/* --- an object a line ----------------------------------------------------- */

static const struct form_case objects[] = {
    { "{\"x\":1,\"y\":2}\n{\"x\":3,\"y\":4}\n", XY_1_2_3_4, AS_IT_IS },
    { "\n {\"x\": 1, \"y\": 2} \r\n\r\n{\"y\": 4, \"x\": 3}", XY_1_2_3_4,
      AS_IT_IS },
    { "{\"x\":1,\"c\":\"\",\"y\":0.5}\n{\"c\":null,\"y\":2}\n"
      "{\"c\":true,\"x\":\"7\",\"y\":3}",
      "regression\nx numeric missing 1 1..7 mean 4 std 3\n"
      "c categorical missing 1 <> <true>\n"
      "y* numeric 0.5..3 mean 1.83333 std 1.0274\n1 0 0.5\n- - 2\n7 1 3\n",
      AS_IT_IS },
    /* Columns as told, whatever the first line has. */
    { "{\"y\":2}\n{\"y\":4,\"x\":3}",
      "regression\nx numeric missing 1 3..3 mean 3 std 0\n"
      "y* numeric 2..4 mean 3 std 1\n- 2\n3 4\n",
      "x,y", NULL, NULL, false },
    { "", "invalid\nline 1, column 1: the body is empty*", AS_IT_IS },
    { "{\"x\":1,\"y\":2}\n{\"x\":1,\"z\":2}",
      "invalid\nline 2, column 8: found 'z', a member that the first object*",
      AS_IT_IS },
    { "{\"x\":1,\"y\":2}\n{\"z\":2}",
      "invalid\nline 1, column 8: found 'y', a member that ?columns= does*",
      "x,q", NULL, NULL, false },
    { "{\"x\":1,\"x\":2}",
      "invalid\nline 1, column 8: found 'x' twice in one object", AS_IT_IS },
    { "{\"x\":1,\"y\":{}}",
      "invalid\nline 1, column 12: found an object in 'y', expected a*",
      AS_IT_IS },
    { "{\"x\":1,\"y\":2}\n[1]",
      "invalid\nline 2, column 1: found something else*", AS_IT_IS },
    { "{\"x\":1,\"y\":2}\n{\"x\":1,\"y\":\n2}",
      "malformed\nline 2, column 12:*", AS_IT_IS },
    { "{\"x\":1,\"y\":2} 1\n", "malformed\nline 1, column 15:*", AS_IT_IS },
    { "{\"x\":1,\"y\":2}\n{\"x\":1}",
      "invalid\nline 2, column 1: the target 'y' is missing*", AS_IT_IS },
};

START_TEST(reads_objects)
{
    struct body body = case_body(&objects[_i]);

    body.options.format = DATASET_NDJSON;
    expect(&body, objects[_i].told);
}
END_TEST

START_TEST(drops_lines)
{
    struct body body =
        csv_body("{\"x\":1,\"y\":2}\n{\"x\":\n{\"y\":5,\"q\":1}\n"
                 "[]\n{\"x\":\"a\"}\n{\"x\":3,\"y\":4}\n");

    body.options.format = DATASET_NDJSON;
    body.options.on_error = "skip";
    expect(&body, XY_1_2_3_4 "skipped 4\nline 2, column 6:*");
}
END_TEST

/* --- a table in a part ---------------------------------------------------- */

START_TEST(reads_a_file_in_a_part)
{
    static const struct {
        const char *filename, *text;
    } files[] = {
        { "a.csv", "x;y\n1;2\n3;4\n" },
        { NULL, "x,y\n1,2\n3,4\n" },
        { "a.jsonl", "{\"x\":1,\"y\":2}\n{\"x\":3,\"y\":4}" },
        { "b.json", "{\"columns\":[\"x\",\"y\"],\"rows\":[[1,2],[3,4]]}" },
    };
    struct body body = {
        .options = { .format = DATASET_ARRAYS, .header = true }, .n_parts = 1
    };

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        body.filename = files[i].filename;
        body.part[0].name = "file";
        body.part[0].p = files[i].text;
        body.part[0].len = strlen(files[i].text);
        expect(&body, XY_1_2_3_4);
    }
    body.part[1] = body.part[0];
    body.n_parts = 2;
    expect(&body, "invalid\nfile: stands beside other parts*");
    body.part[1].name = "inputs";
    expect(&body, "invalid\nfile: stands beside other parts*");
}
END_TEST

Suite *
suite_dataset_forms(void)
{
    Suite *s = suite_create("dataset forms");
    TCase *t = tcase_create("rows");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, finds_delimiters, 0, (int)COUNT_OF(delimited));
    tcase_add_loop_test(t, drops_rows, 0, (int)COUNT_OF(skipped));
    tcase_add_loop_test(t, reads_objects, 0, (int)COUNT_OF(objects));
    tcase_add_test(t, drops_lines);
    tcase_add_test(t, reads_a_file_in_a_part);
    suite_add_tcase(s, t);
    return s;
}
