/* codec_rows.c - rows read at once are what the reader of all forms makes of
 * them */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "codec/infer_columns.h"
#include "codec/infer_data.h"
#include "codec/rows.h"
#include "codec_suites.h"

#define WIDTH 3

static const struct random_at at = { .seed = 1, .purpose = RANDOM_TEST };
static const struct nn_spec spec = { .input = { .rank = 1, .dim = { WIDTH } } };

/* The text in a block of its size and a NUL, so that reading on is caught. */
static bool
read_text(const char *text, size_t len, struct codec_predict *out)
{
    char          *copy = mem_dup(text, len);
    struct errinfo e;
    bool           read = false;
    enum err       rc;

    err_clear(&e);
    rc = codec_rows_read(copy, len, "\"inputs\"", WIDTH, false, &read, out, &e);
    ck_assert(rc == ERR_OK || read);
    free(copy);
    return rc == ERR_OK && read;
}

/* What is read at once the other reader takes too, and makes the same of. */
static bool
assert_agrees(const char *text, size_t len)
{
    struct codec_predict quick = { 0 }, full = { 0 };
    struct errinfo       e;
    enum err             rc;

    if (!read_text(text, len, &quick))
        return false;
    err_clear(&e);
    rc = codec_predict_parse(text, len, &spec, NULL, &full, &e);
    ck_assert_msg(rc == ERR_OK, "%s: %s", text, err_what(&e));
    ck_assert_uint_eq(quick.n_rows, full.n_rows);
    ck_assert_uint_eq(quick.width, full.width);
    ck_assert_int_eq(quick.version, full.version);
    ck_assert_msg(
        memcmp(quick.raw, full.raw, full.n_rows * WIDTH * sizeof(float)) == 0,
        "%s", text);
    free(quick.raw);
    free(full.raw);
    return true;
}

/* clang-format off */
static const char *const usual[] = {
    "{\"inputs\":[[1,2,3]]}",
    "{\"inputs\": [[0.1, -2.5e-7, 3E5], [1, 2, -0.0]]}",
    " { \"inputs\" : [ [ 1 , 2 , 3 ] , [ 4 , 5 , 6 ] ] } ",
    "{\n\t\"inputs\": [\r\n[1,\n2,3]]\n}\n",
    "{\"inputs\":[[1,2,3]],\"version\":7}",
    "{\"inputs\":[[1,2,3]], \"version\" : 0 }",
    "{\"inputs\":[[1,2,3]],\"version\":9223372036854775807}",
    "{\"inputs\":[[0.30000000000000004,16777217,1e-45]]}",
};
static const char *const unusual[] = {
    "", "{", "{}", "[]", "{\"inputs\":[]}", "{\"inputs\":[[1,2]]}",
    "{\"inputs\":[[1,2,3,4]]}", "{\"inputs\":[[1,2,3],]}", "{\"inputs\":[[1,2,3]",
    "{\"inputs\":[[1,2,3]]", "{\"inputs\":[[1,2,3]]}}", "{\"inputs\":[[1,2,3]]} x",
    "{\"inputs\":[[1,2,]]}", "{\"inputs\":[[1,2,null]]}", "{\"inputs\":[[1,2,\"3\"]]}",
    "{\"inputs\":[[1,2,03]]}", "{\"inputs\":[[1,2,1e39]]}", "{\"inputs\":[[1,2,NaN]]}",
    "{\"inputs\":[[1 2,3]]}", "{\"inputs\":[[1,2,3] [1,2,3]]}", "{\"inputs\":[1,2,3]}",
    "{\"inputs\":[[[1,2,3]]]}", "{\"inputs\":[[1,2,3]],\"version\":null}",
    "{\"inputs\":[[1,2,3]],\"version\":-1}", "{\"inputs\":[[1,2,3]],\"version\":1.0}",
    "{\"inputs\":[[1,2,3]],\"version\":}", "{\"version\":1,\"inputs\":[[1,2,3]]}",
    "{\"inputs\":[[1,2,3]],\"other\":1}", "{\"input\":[[1,2,3]]}",
    "{\"inputs\":[[1,2,3]],\"version\":9223372036854775808}",
};
/* clang-format on */

START_TEST(usual_bodies_are_read)
{
    ck_assert(assert_agrees(usual[_i], strlen(usual[_i])));
}
END_TEST

START_TEST(others_are_left)
{
    struct codec_predict out;

    ck_assert_msg(!read_text(unusual[_i], strlen(unusual[_i]), &out), "%s",
                  unusual[_i]);
}
END_TEST

/* A byte changed, dropped or doubled: it is read as the other reader would, or
 * not at all. */
START_TEST(damaged_bodies_agree)
{
    static const char letters[] = "0123456789+-.eE,[]{}\": \n\tnvx\\";
    uint32_t          draw = 0;
    size_t            n_read = 0;

    for (int round = 0; round < 40000; round++) {
        const char *from = usual[random_u32(&at, draw++) % COUNT_OF(usual)];
        char        text[128];
        size_t      len = strlen(from), place;

        memcpy(text, from, len + 1);
        for (uint32_t k = random_u32(&at, draw++) % 3; k > 0; k--) {
            place = random_u32(&at, draw++) % len;
            switch (random_u32(&at, draw++) % 3) {
            case 0:
                text[place] =
                    letters[random_u32(&at, draw++) % (sizeof(letters) - 1)];
                break;
            case 1:
                memmove(text + place, text + place + 1, len - place);
                len--;
                break;
            default:
                memmove(text + place + 1, text + place, len - place + 1);
                len++;
            }
        }
        n_read += assert_agrees(text, len);
    }
    ck_assert_uint_gt(n_read, 10000);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
    static const char    text[] = "{\"inputs\":[[1,2,3]]}\0 ";
    struct codec_predict out;

    ck_assert(!read_text(text, sizeof(text) - 1, &out));
}
END_TEST

START_TEST(numbers_that_are_none)
{
    const float          bad[2 * WIDTH] = { 1, 2, 3, 4, NAN, 6 };
    struct codec_predict out = { 0 };
    struct errinfo       e;

    err_clear(&e);
    ck_assert_int_eq(
        codec_rows_binary(bad, sizeof(bad), WIDTH, false, &out, &e),
        ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/inputs/1/1");
    ck_assert_ptr_null(out.raw);
    ck_assert_int_eq(codec_rows_binary(bad, sizeof(bad), WIDTH, true, &out, &e),
                     ERR_OK);
    ck_assert(out.n_rows == 2 && isnan(out.raw[4]));
    free(out.raw);
}
END_TEST

/* --- a tensor's numbers --------------------------------------------------- */

static const struct {
    const char *text, *rest; /* NULL: left where it is */
    size_t      n;
    float       last;
} tensors[] = {
    { "{\"inputs\":[{\"data\":[1,2,3]}]}", "{\"inputs\":[{\"data\":[]}]}", 3,
      3 },
    { "{\"id\":\"data\",\"inputs\" : [ {\"name\":\"]{\\\"\", \"data\" : [ [1] "
      ", "
      "[[-2.5e1],\n4] ] , \"shape\":[1]}]} ",
      "{\"id\":\"data\",\"inputs\" : [ {\"name\":\"]{\\\"\", \"data\" : [] , "
      "\"shape\":[1]}]} ",
      3, 4 },
    { "{\"outputs\":[{\"data\":[1]}],\"inputs\":[{\"data\":[7]}]}",
      "{\"outputs\":[{\"data\":[1]}],\"inputs\":[{\"data\":[]}]}", 1, 7 },
    { "{\"inputs\":[{\"data\":[]}]}", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\":[1,true]}]}", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\":[1,[]]}]}", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\":[1,2", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\":[1 2]}]}", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\":[1e99]}]}", NULL, 0, 0 },
    { "{\"inputs\":{\"data\":[1]}}", NULL, 0, 0 },
    { "{\"inputs\":[[{\"data\":[1]}]]}", NULL, 0, 0 },
    { "{\"outputs\":[{\"data\":[1]}]}", NULL, 0, 0 },
    { "]\"data\":[1]", NULL, 0, 0 },
    { "{\"inputs\":[{\"data", NULL, 0, 0 },
    { "{\"inputs\":[{\"data\\", NULL, 0, 0 },
};

START_TEST(a_tensors_numbers_are_taken_out)
{
    const char       *text = tensors[_i].text, *rest = tensors[_i].rest;
    char             *copy = mem_dup(text, strlen(text));
    struct infer_data data;

    ck_assert_int_eq(infer_data_read(copy, strlen(text), &data, NULL), ERR_OK);
    free(copy);
    ck_assert_uint_eq(data.n, tensors[_i].n);
    ck_assert((data.x != NULL) == (rest != NULL));
    if (rest != NULL) {
        ck_assert_str_eq(data.rest.data, rest);
        ck_assert(data.x[data.n - 1] == tensors[_i].last);
    }
    infer_data_release(&data);
}
END_TEST

/* --- elements of a binary BYTES tensor ------------------------------------ */

/* clang-format off */
static const struct {
    const char *bytes;
    size_t      len;
    const char *text; /* of the first element; NULL: there is none */
    size_t      text_len;
} elements[] = {
    { "\x03\0\0\0red",      7, "red",      3 },
    { "\x03\0\0\0redx",     8, "red",      3 },
    { "\0\0\0\0",           4, "",         0 },
    { "\x02\0\0\0\xc3\xa9", 6, "\xc3\xa9", 2 },
    { "",                      0, NULL,       0 }, /* no length        */
    { "\0\0\0",              3, NULL,       0 },
    { "\x03\0\0\0re",       6, NULL,       0 }, /* cut short        */
    { "\x04\0\0\0red",      7, NULL,       0 },
    { "\xff\xff\xff\xffred", 7, NULL,       0 },
    { "\0\0\0\x03red",      7, NULL,       0 }, /* the other endian */
    { "\x02\0\0\0\xc3(",   6, NULL,       0 }, /* no UTF-8         */
    { "\x01\0\0\0\xc3\xa9", 6, NULL,       0 },
    { "\x02\0\0\0\xff\xff", 6, NULL,       0 },
    { "\x03\0\0\0r\0d",    7, NULL,       0 }, /* a NUL            */
};
/* clang-format on */

/* In a block of its size, so that reading on is caught. */
START_TEST(an_element_is_taken_whole_or_not)
{
    size_t      len = elements[_i].len, left = len, text_len = 0;
    char       *copy = mem_array(len, 1, 0);
    const char *p = copy, *text = NULL;
    bool        is_one = elements[_i].text != NULL;

    memcpy(copy, elements[_i].bytes, len);
    ck_assert(infer_bytes_take(&p, &left, &text, &text_len) == is_one);
    if (is_one) {
        ck_assert_uint_eq(text_len, elements[_i].text_len);
        ck_assert(memcmp(text, elements[_i].text, text_len) == 0);
        ck_assert(p == copy + 4 + text_len && left == len - 4 - text_len);
    } else {
        ck_assert(p == copy && left == len && text == NULL);
    }
    free(copy);
}
END_TEST

/* --- a tensor a column ---------------------------------------------------- */

static char *colours[] = { (char[]){ "red" }, (char[]){ "blue" } };
static struct dataset_category by_name[] = { { "blue", 1 }, { "red", 0 } };
static struct dataset_input inputs[] = {
    { .name = (char[]){ "pair" }, .type = DATASET_NUMERIC, .width = 2 },
    { .name = (char[]){ "colour" },
      .type = DATASET_CATEGORICAL,
      .width = 1,
      .raw_offset = 2,
      .n_categories = COUNT_OF(colours),
      .categories = colours,
      .by_name = by_name },
};
static const struct dataset_encoder encoder = { .n_inputs = COUNT_OF(inputs),
                                                .input = inputs,
                                                .raw_width = WIDTH };

/* A column may be an array; every digit counts: the first number lies just
 * above the middle of two float32. */
START_TEST(columns_are_rows_by_name)
{
    static const char by_column[] =
        "{\"inputs\":[{\"name\":\"colour\",\"datatype\":\"BYTES\","
        "\"shape\":[3],\"data\":[\"blue\",null,\"pink\"]},"
        "{\"name\":\"pair\",\"datatype\":\"FP64\",\"shape\":[3,2],"
        "\"data\":[[1.0000000596046448,-0.0],[null,1e-45],[16777217,4]]}]}";
    static const char rows[] =
        "{\"inputs\":[{\"pair\":[1.0000000596046448,-0.0],"
        "\"colour\":\"blue\"},{\"pair\":[null,1e-45],\"colour\":null},"
        "{\"pair\":[16777217,4],\"colour\":\"pink\"}]}";
    struct codec_infer   infer = { 0 };
    struct codec_predict named = { 0 };
    struct errinfo       e;

    err_clear(&e);
    ck_assert_msg(codec_infer_parse(by_column, strlen(by_column),
                                    strlen(by_column), WIDTH, &encoder, &infer,
                                    &e) == ERR_OK,
                  "%s", err_what(&e));
    ck_assert_int_eq(
        codec_predict_parse(rows, strlen(rows), &spec, &encoder, &named, &e),
        ERR_OK);
    ck_assert_uint_eq(infer.rows.n_rows, 3);
    ck_assert_uint_eq(infer.rows.n_unseen, 1);
    ck_assert_uint_eq(named.n_unseen, 1);
    ck_assert(infer.rows.raw[0] > 1);
    ck_assert(memcmp(infer.rows.raw, named.raw,
                     (size_t)3 * WIDTH * sizeof(float)) == 0);
    codec_infer_release(&infer);
    free(named.raw);
}
END_TEST

Suite *
suite_codec_rows(void)
{
    Suite *s = suite_create("codec/rows");
    TCase *t = tcase_create("rows");

    suite_add_tcase(s, t);
    tcase_add_loop_test(t, usual_bodies_are_read, 0, COUNT_OF(usual));
    tcase_add_loop_test(t, others_are_left, 0, COUNT_OF(unusual));
    tcase_add_test(t, damaged_bodies_agree);
    tcase_add_test(t, a_nul_is_no_end);
    tcase_add_test(t, numbers_that_are_none);
    tcase_add_loop_test(t, a_tensors_numbers_are_taken_out, 0,
                        COUNT_OF(tensors));
    tcase_add_loop_test(t, an_element_is_taken_whole_or_not, 0,
                        COUNT_OF(elements));
    tcase_add_test(t, columns_are_rows_by_name);
    return s;
}
