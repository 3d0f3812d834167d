/*
 * dataset_resume.c - rows appended to a dataset
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset_suites.h"

#define HEAD "x,c,b,z,d,t,i,y\n"
static const char *const rows[] = {
    "1,red,yes,7,2024-02-29,the cat,0,0.5\n",
    "2.5,,no,8,,a dog,1,1\n",
    ",blue,,7,2024-03-01,,2,1\n",
    "300,red,yes,9,2024-03-02,the mat,3,2\n",
    "-4,7,no,7,2024-03-02 12:00,a mat,4,2.5\n",
    "5,green,yes,10,2024-03-03,dogs,5,3\n",
};

static struct body
typed_body(const char *text)
{
    struct body body = csv_body(text);

    body.options.types =
        "c:categorical,b:boolean,z:class,d:datetime,t:text,i:ignored";
    return body;
}

static void
put_rows(struct buf *out, size_t from, size_t to)
{
    buf_reset(out);
    buf_puts(out, HEAD);
    for (size_t i = from; i < to; i++)
        buf_puts(out, rows[i]);
}

/* Cut anywhere, what is known of all rows is what it would be had they come
 * at once. */
START_TEST(two_halves_are_a_whole)
{
    struct buf    first = { 0 }, rest = { 0 }, all = { 0 };
    struct body   body;
    struct stored whole, halves;
    char         *expected, *told;

    put_rows(&all, 0, COUNT_OF(rows));
    put_rows(&first, 0, (size_t)_i);
    put_rows(&rest, (size_t)_i, COUNT_OF(rows));
    body = typed_body(all.data);
    stored_put(&body, (struct cut){ 0 }, &whole);
    ck_assert_msg(whole.rc == ERR_OK, "%s", err_what(&whole.e));
    body = typed_body(first.data);
    stored_put(&body, (struct cut){ 0 }, &halves);
    ck_assert_msg(halves.rc == ERR_OK, "%s", err_what(&halves.e));
    body = csv_body(rest.data);
    stored_append(&halves, &body);
    ck_assert_msg(halves.rc == ERR_OK, "%s", err_what(&halves.e));

    expected = stored_tell(&whole);
    told = stored_tell(&halves);
    ck_assert_str_eq(told, expected);
    for (size_t i = 0; i < whole.meta.n_columns; i++) {
        const struct dataset_summary *a = whole.meta.column[i].summary;
        const struct dataset_summary *b = halves.meta.column[i].summary;

        ck_assert_int_eq(a == NULL, b == NULL);
        if (a == NULL)
            continue;
        ck_assert_uint_eq(a->distinct, b->distinct);
        ck_assert_mem_eq(a->quantile, b->quantile, sizeof(a->quantile));
        ck_assert_mem_eq(a->bin, b->bin, sizeof(a->bin));
        ck_assert_mem_eq(a->top_count, b->top_count, sizeof(a->top_count));
    }
    free(expected);
    free(told);
    stored_release(&whole);
    stored_release(&halves);
    buf_release(&all);
    buf_release(&first);
    buf_release(&rest);
}
END_TEST

static const struct {
    enum dataset_format format;
    bool                no_header;
    const char         *text, *told;
} more[] = {
    { DATASET_CSV, false, "x,y\n3,b\n",
      "classification <a> <b>\nx numeric 1..3 mean 2 std 0.816497\n"
      "y* categorical <a> <b>\n1 0\n2 0\n3 1\n" },
    { DATASET_CSV, true, "3,b\n", "classification <a> <b>\n*" },
    { DATASET_NDJSON, false, "{\"y\":\"b\",\"x\":3}",
      "classification <a> <b>\n*" },
    { DATASET_JSON, false, "{\"columns\":[\"x\",\"y\"],\"rows\":[[3,\"b\"]]}",
      "classification <a> <b>\n*" },
    { DATASET_JSON, false, "[{\"y\":\"b\",\"x\":3}]",
      "classification <a> <b>\nx numeric 1..3 mean 2 std 0.816497\n"
      "y* categorical <a> <b>\n1 0\n2 0\n3 1\n" },
    { DATASET_JSON, false, "[{\"x\":3,\"q\":1}]",
      "invalid\nline 1, column 9: found 'q', a member that the dataset has "
      "not*" },
    { DATASET_JSON, false, "[]", "invalid\nline 1, column 2: found the end*" },
    { DATASET_CSV, false, "y,x\nb,3\n",
      "invalid\nline 1, column 1: found column 'y', expected 'x': the "
      "dataset's columns in their order" },
    { DATASET_CSV, false, "x\n3\n",
      "invalid\nline 1, column 2: found 1 columns, the dataset has 2" },
    { DATASET_CSV, false, "x,y,z\n3,b,1\n",
      "invalid\nline 1, column 3: found column 'z', the dataset has only 2" },
    { DATASET_CSV, false, "x,y\n",
      "invalid\nline 2, column 1: there is a row of names and no row*" },
    { DATASET_CSV, false, "x,y\nabc,b\n",
      "invalid\nline 2, column 1: found 'abc' in column 'x', expected a "
      "number*" },
    { DATASET_NDJSON, false, "{\"x\":3,\"q\":1}",
      "invalid\nline 1, column 8: found 'q', a member that the dataset has "
      "not*" },
    { DATASET_JSON, false, "{\"columns\":[\"x\"],\"rows\":[[3]]}",
      "invalid\nline 1, column 16: found 1 columns, the dataset has 2" },
    { DATASET_JSON, false, "{\"inputs\":[[1]],\"targets\":[1]}",
      "invalid\n/inputs: rows for a table come as columns and rows" },
};

START_TEST(rows_fit_what_is_there)
{
    struct body   body = csv_body("x,y\n1,a\n2,a\n");
    struct stored s;
    size_t        len = strlen(more[_i].told);
    char         *told;

    stored_put(&body, (struct cut){ 0 }, &s);
    ck_assert_int_eq(s.rc, ERR_OK);
    body.options.format = more[_i].format;
    body.options.header = !more[_i].no_header;
    body.part[0].p = more[_i].text;
    body.part[0].len = strlen(more[_i].text);
    stored_append(&s, &body);
    told = stored_tell(&s);
    if (more[_i].told[len - 1] == '*')
        ck_assert_msg(strncmp(told, more[_i].told, len - 1) == 0, "%s", told);
    else
        ck_assert_str_eq(told, more[_i].told);
    free(told);
    stored_release(&s);
}
END_TEST

/* The digest of a revision is that of the one before and the new bytes. */
START_TEST(the_digest_is_a_chain)
{
    static const char more_rows[] = "x,y\n3,b\n";
    struct body       body = csv_body("x,y\n1,a\n2,a\n");
    struct stored     s;
    struct digest     digest;
    uint8_t           expected[DIGEST_SIZE];

    stored_put(&body, (struct cut){ 0 }, &s);
    digest_init(&digest);
    digest_update(&digest, s.meta.sha256, DIGEST_SIZE);
    digest_update(&digest, more_rows, strlen(more_rows));
    digest_final(&digest, expected);
    body = csv_body(more_rows);
    stored_append(&s, &body);
    ck_assert_int_eq(s.rc, ERR_OK);
    ck_assert_mem_eq(s.meta.sha256, expected, DIGEST_SIZE);
    ck_assert_uint_eq(s.meta.bytes, 12 + strlen(more_rows));
    stored_release(&s);
}
END_TEST

Suite *
suite_dataset_resume(void)
{
    Suite *s = suite_create("dataset resume");
    TCase *t = tcase_create("resume");

    tcase_add_loop_test(t, two_halves_are_a_whole, 1, (int)COUNT_OF(rows));
    tcase_add_loop_test(t, rows_fit_what_is_there, 0, (int)COUNT_OF(more));
    tcase_add_test(t, the_digest_is_a_chain);
    suite_add_tcase(s, t);
    return s;
}
