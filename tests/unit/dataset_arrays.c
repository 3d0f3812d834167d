/*
 * dataset_arrays.c - files of numbers: npy, IDX, and gzip around them
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dataset_suites.h"

#define PART(name, bytes)                                                      \
    {                                                                          \
        name, bytes, sizeof(bytes) - 1                                         \
    }

/* 3 images of 2 x 2, and 3 labels. */
#define IDX_IMAGES                                                             \
    "\0\0\x08\x03"                                                             \
    "\0\0\0\x03\0\0\0\2\0\0\0\2"                                               \
    "\0\1\2\3"                                                                 \
    "\xff\xfe\xfd\xfc"                                                         \
    "\4\5\6\7"
#define IDX_LABELS "\0\0\x08\x01\0\0\0\3\7\0\7"
#define IDX_NUMBERS "targets* numeric 0..7 mean 4.66667 std 3.29983\n"
#define IDX_CLASS "targets* class 0..7 mean 4.66667 std 3.29983 <0> <7>\n"
#define IDX_TOLD(targets)                                                      \
    "inputs numeric 1x2x2 0..255 mean 86.8333 std 117.868\n" targets           \
    "0 1 2 3 7\n255 254 253 252 0\n4 5 6 7 7\n"

static struct body
arrays_body(struct part first, struct part second)
{
    return (struct body){ .options = { .format = DATASET_ARRAYS,
                                       .task = "regression" },
                          .n_parts = 2,
                          .part = { first, second } };
}

START_TEST(reads_idx)
{
    struct part inputs = PART("inputs", IDX_IMAGES);
    struct part targets = PART("targets", IDX_LABELS);
    struct body body = arrays_body(inputs, targets);

    expect(&body, "regression\n" IDX_TOLD(IDX_NUMBERS));
    body.options.task = NULL;
    body.options.target = "targets";
    expect(&body, "regression\n" IDX_TOLD(IDX_NUMBERS));
    body.options.task = "classification";
    expect(&body, "classification <0> <7>\n" IDX_TOLD(IDX_CLASS));
    body = arrays_body(targets, inputs);
    expect(&body, "regression\n" IDX_NUMBERS
                  "inputs numeric 1x2x2 0..255 mean 86.8333 std 117.868\n"
                  "7 0 1 2 3\n0 255 254 253 252\n7 4 5 6 7\n");
}
END_TEST

/* Every type; the inputs of rank 1 are a number a row, of 2 a row of numbers,
 * of 4 what they are. */
static const struct {
    const char *bytes;
    size_t      len;
    const char *row;
} idx_types[] = {
#define IDX(type, rank, dims, bytes, row)                                      \
    {                                                                          \
        "\0\0" type rank dims bytes, sizeof("\0\0" type rank dims bytes) - 1,  \
            row                                                                \
    }
    IDX("\x08", "\1", "\0\0\0\1", "\xff", " 255..255 mean 255 std 0\n"),
    IDX("\x09", "\1", "\0\0\0\1", "\xff", " -1..-1 mean -1 std 0\n"),
    IDX("\x0b", "\1", "\0\0\0\1", "\x80\0",
        " -32768..-32768 mean -32768 std 0\n"),
    IDX("\x0c", "\1", "\0\0\0\1", "\xff\xff\xff\xfe",
        " -2..-2 mean -2 std 0\n"),
    IDX("\x0d", "\1", "\0\0\0\1", "\x3f\xc0\0\0", " 1.5..1.5 mean 1.5 std 0\n"),
    IDX("\x0e", "\1", "\0\0\0\1", "\xc0\x04\0\0\0\0\0\0",
        " -2.5..-2.5 mean -2.5 std 0\n"),
    IDX("\x08", "\2", "\0\0\0\1\0\0\0\2", "\1\3", " 2 1..3 mean 2 std 1\n"),
    IDX("\x08", "\4", "\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1", "\1\3",
        " 1x2x1 1..3 mean 2 std 1\n"),
};

START_TEST(reads_idx_types)
{
    struct part inputs = { "inputs", idx_types[_i].bytes, idx_types[_i].len };
    struct part targets = PART("targets", "\0\0\x08\x01\0\0\0\1\2");
    struct body body = arrays_body(inputs, targets);
    struct buf  told = { 0 };

    buf_printf(&told, "regression\ninputs numeric%s*", idx_types[_i].row);
    expect(&body, told.data);
    buf_release(&told);
}
END_TEST

/* --- npy ------------------------------------------------------------------ */

/* An .npy file of this version, dictionary and data. */
static void
make_npy(struct buf *b, int version, const char *dict, const void *data,
         size_t len)
{
    size_t n = strlen(dict) + 1;

    buf_append(b, "\x93NUMPY", 6);
    buf_putc(b, (char)version);
    buf_putc(b, 0);
    buf_putc(b, (char)(n & 0xff));
    buf_putc(b, (char)(n >> 8));
    if (version > 1)
        buf_append(b, "\0", 2);
    buf_puts(b, dict);
    buf_putc(b, '\n');
    buf_append(b, data, len);
    ck_assert(!b->failed);
}

static void
expect_npy(int version, const char *dict, const void *data, size_t len,
           const char *told)
{
    struct buf  file = { 0 };
    struct part targets = PART("targets", "\0\0\x08\x01\0\0\0\1\2");
    struct part inputs;
    struct body body;

    make_npy(&file, version, dict, data, len);
    inputs = (struct part){ "inputs", file.data, file.len };
    body = arrays_body(inputs, targets);
    expect(&body, told);
    buf_release(&file);
}

static const struct {
    const char *descr, *bytes;
    size_t      len;
    const char *row;
} npy_types[] = {
    { "|u1", "\xff", 1, "255..255 mean 255 std 0" },
    { "|i1", "\xff", 1, "-1..-1 mean -1 std 0" },
    { "|b1", "\1", 1, "1..1 mean 1 std 0" },
    { "<u2", "\1\2", 2, "513..513 mean 513 std 0" },
    { ">u2", "\2\1", 2, "513..513 mean 513 std 0" },
    { "<i2", "\xfe\xff", 2, "-2..-2 mean -2 std 0" },
    { ">i2", "\xff\xfe", 2, "-2..-2 mean -2 std 0" },
    { "<u4", "\0\0\0\x80", 4, "2.14748e+09..2.14748e+09 mean 2.14748e+09*" },
    { ">i4", "\xff\xff\xff\xfd", 4, "-3..-3 mean -3 std 0" },
    { "<i4", "\xfd\xff\xff\xff", 4, "-3..-3 mean -3 std 0" },
    { "<u8", "\0\0\0\0\0\0\0\x80", 8, "9.22337e+18..9.22337e+18*" },
    { "<i8", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "-1..-1 mean -1 std 0" },
    { ">i8", "\0\0\0\0\0\0\1\0", 8, "256..256 mean 256 std 0" },
    { "<f4", "\0\0\xc0\x3f", 4, "1.5..1.5 mean 1.5 std 0" },
    { ">f4", "\x3f\xc0\0\0", 4, "1.5..1.5 mean 1.5 std 0" },
    { "<f8", "\0\0\0\0\0\0\x04\xc0", 8, "-2.5..-2.5 mean -2.5 std 0" },
    { ">f8", "\xc0\x04\0\0\0\0\0\0", 8, "-2.5..-2.5 mean -2.5 std 0" },
};

START_TEST(reads_npy_types)
{
    struct buf dict = { 0 }, told = { 0 };

    buf_printf(&dict,
               "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }   ",
               npy_types[_i].descr);
    buf_printf(&told, "regression\ninputs numeric %s*", npy_types[_i].row);
    if (strstr(npy_types[_i].row, "*") != NULL)
        told.data[--told.len] = '\0';
    expect_npy(1 + _i % 3, dict.data, npy_types[_i].bytes, npy_types[_i].len,
               told.data);
    buf_release(&dict);
    buf_release(&told);
}
END_TEST

START_TEST(reads_npy_shapes)
{
    static const char nan_and_2[] = "\0\0\xc0\x7f\0\0\0\x40";

    expect_npy(1, "{\"shape\":(1,1,2),\"descr\":\"<f4\"}", nan_and_2, 8,
               "regression\ninputs numeric 1x2 missing 1 2..2 mean 2 std 0\n"
               "targets* numeric 2..2 mean 2 std 0\n- 2 2\n");
    expect_npy(2, "{'descr': '|u1', 'shape': (1, 2, 1, 3)}", "\1\2\3\4\5\6", 6,
               "regression\ninputs numeric 2x1x3 1..6 mean 3.5 std 1.70783\n*");
    expect_npy(1, "{'descr': '|u1', 'shape': (1, 1)}", "\1", 1,
               "regression\ninputs numeric 1 1..1 mean 1 std 0\n*");
}
END_TEST

/* In memory the first dimension runs fastest; in the rows the last one. */
START_TEST(reads_fortran_order)
{
    struct part targets = PART("targets", "\0\0\x08\x01\0\0\0\2\1\2");
    struct buf  file = { 0 };
    struct body body;

    make_npy(&file, 1,
             "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3)}",
             "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc", 12);
    body = arrays_body((struct part){ "inputs", file.data, file.len }, targets);
    expect(&body, "regression\ninputs numeric 2x3 1..12 mean 6.5 std 3.45205\n"
                  "targets* numeric 1..2 mean 1.5 std 0.5\n"
                  "1 5 9 3 7 11 1\n2 6 10 4 8 12 2\n");
    buf_release(&file);
    /* A vector has one order. */
    expect_npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (1,)}",
               "\1", 1, "regression\ninputs numeric 1..1*");
}
END_TEST

static const struct {
    const char *dict, *told;
} npy_wrong[] = {
    { "{'descr': '|u1', 'fortran_order': True, 'shape': (1048576, 128)}",
      "invalid\ninputs, byte 10: found an .npy file in Fortran order of "
      "more*" },
    { "{'descr': '<f2', 'shape': (1,)}",
      "invalid\ninputs, byte 10: found an .npy file whose elements are not*" },
    { "{'descr': '|O', 'shape': (1,)}",
      "invalid\ninputs, byte 10: found an .npy file whose elements are not*" },
    { "{'descr': [('x', '<f4')], 'shape': (1,)}",
      "invalid\ninputs, byte 20: the head of the .npy file makes no sense*" },
    { "{'descr': '<f4', 'shape': ()}",
      "invalid\ninputs, byte 10: found an .npy file without dimensions*" },
    { "{'descr': '<f4', 'shape': (1, 1, 1, 1, 1)}",
      "invalid\ninputs, byte 10: found an .npy file without dimensions, or*" },
    { "{'descr': '<f4', 'shape': (-1,)}",
      "invalid\ninputs, byte 37: the head*" },
    { "{'descr': '<f4', 'shape': (99999999999999999999,)}",
      "invalid\ninputs, byte 57: the head*" },
    { "{'descr': '<f4', 'shape': (1,)", "invalid\ninputs, byte 41: the head*" },
    { "{'descr': '<f4'}", "invalid\ninputs, byte 26: the head*" },
    { "{'shape': (1,)}", "invalid\ninputs, byte 25: the head*" },
    { "{'other': 1}", "invalid\ninputs, byte 19: the head*" },
    { "[]", "invalid\ninputs, byte 10: the head*" },
    { "{'descr': '<f4, 'shape': (1,)}", "invalid\ninputs, byte 27: the head*" },
    { "{'descr': '<f4", "invalid\ninputs, byte 21: the head*" },
    { "{'descr': '<f4', 'shape': [1]}", "invalid\ninputs, byte 36: the head*" },
    { "{'descr': '<f4', 'shape': (1 1)}",
      "invalid\ninputs, byte 39: the head*" },
    { "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
      "invalid\ninputs, byte 44: the head*" },
    { "{'descr': 'f4', 'shape': (1,)}",
      "invalid\ninputs, byte 10: found an .npy file whose elements are not*" },
    { "{'descr': '<f4', 'shape': (0,)}",
      "invalid\ninputs, byte 0: the array is empty: a dimension is 0" },
    { "{'descr': '<f4', 'shape': (2147483649,)}",
      "invalid\ninputs, byte 0: there are more rows than a dataset may have (dataset_rows)" },
    { "{'descr': '<f4', 'shape': (1, 4194305)}",
      "invalid\ninputs: a row has more than 4194304 numbers*" },
    { "{'descr': '<f4', 'shape': (1, 4294967296, 4294967296)}",
      "invalid\ninputs: a row has more than 4194304 numbers*" },
};

START_TEST(refuses_npy)
{
    expect_npy(1, npy_wrong[_i].dict, "\0\0\xc0\x3f", 4, npy_wrong[_i].told);
}
END_TEST

START_TEST(refuses_npy_numbers)
{
    expect_npy(1, "{'descr': '<f4', 'shape': (1, 2)}", "\0\0\0\0\0\0\x80\x7f",
               8,
               "invalid\ninputs, byte 48: found a number beyond the range of "
               "float32, 3.4e38");
    /* The least double that rounds to infinity. */
    expect_npy(1, "{'descr': '<f8', 'shape': (1,)}",
               "\0\0\0\xf0\xff\xff\xef\xc7", 8,
               "invalid\ninputs, byte 42: found a number beyond*");
    expect_npy(1, "{'descr': '<f8', 'shape': (1,)}",
               "\xff\xff\xff\xef\xff\xff\xef\xc7", 8,
               "regression\ninputs numeric -3.40282e+38..*");
    expect_npy(4, "{}", "", 0,
               "invalid\ninputs, byte 6: found an .npy file of a version*");
}
END_TEST

/* --- parts ---------------------------------------------------------------- */

static const struct {
    struct part first, second;
    const char *told;
} wrong[] = {
    { PART("inputs", IDX_IMAGES), PART("targets", "\0\0\x08\1\0\0\0\1\0"),
      "invalid\ntargets: there are 1 targets for 3 rows of inputs" },
    { PART("inputs", IDX_IMAGES), PART("inputs", IDX_IMAGES),
      "invalid\ninputs: is there twice" },
    { PART("inputs", IDX_IMAGES), PART("labels", IDX_LABELS),
      "invalid\nlabels: there is no such part; expected inputs and targets, "
      "or file" },
    { PART("inputs", IDX_IMAGES "x"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 28: found more bytes than the head of the file "
      "says" },
    { PART("targets", "\0\0\x08\1\0\0\0\3\7\0"), PART("inputs", IDX_IMAGES),
      "invalid\ntargets, byte 10: the file ends before all rows are there" },
    { PART("inputs", IDX_IMAGES), PART("targets", "\0\0\x08\1\0\0\0\3\7\0"),
      "invalid\ntargets, byte 10: the file ends before all rows are there" },
    { PART("inputs", "\0\0\x0d\1\0\0\0\1\0\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 10: the file ends before all rows are there" },
    { PART("inputs", "\0\0\x08\2\0\0\0\1\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 9: the file ends inside its head" },
    { PART("inputs", ""), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 0: the file ends inside its head" },
    { PART("inputs", "1,2\n"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 0: found neither an .npy file nor an IDX file" },
    { PART("inputs", "\x93NUMQY\1\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 0: found neither an .npy file nor an IDX file" },
    { PART("inputs", "\x93NUMPY\2\0\1\0\1\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 8: the head of the .npy file is longer than 64*" },
    { PART("inputs", "\0\0\x0a\1\0\0\0\1"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 2: found an IDX file of an unknown type*" },
    { PART("inputs", "\0\0\x08\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 3: found an IDX file without dimensions*" },
    { PART("inputs", "\0\0\x08\1\0\0\0\0"), PART("targets", IDX_LABELS),
      "invalid\ninputs, byte 0: the array is empty: a dimension is 0" },
    { PART("targets", IDX_IMAGES), PART("inputs", IDX_IMAGES),
      "invalid\ntargets, byte 0: found an array of more than two dimensions*" },
    { PART("targets", "\0\0\x0d\1\0\0\0\2\0\0\0\0\x7f\xc0\0\0"),
      PART("inputs", IDX_IMAGES),
      "invalid\ntargets, byte 12: the target is missing (NaN)*" },
};

START_TEST(refuses)
{
    struct body body = arrays_body(wrong[_i].first, wrong[_i].second);

    expect(&body, wrong[_i].told);
}
END_TEST

START_TEST(needs_both_parts)
{
    struct part            inputs = PART("inputs", IDX_IMAGES);
    struct body            body = arrays_body(inputs, inputs);
    struct dataset_upload *up = NULL;
    struct errinfo         e;

    err_clear(&e);
    body.n_parts = 1;
    expect(&body, "invalid\ntargets: is missing; expected the files inputs*");
    /* What comes before the first part, or with no byte in it. */
    ck_assert_int_eq(dataset_upload_new(&body.options, NULL, NULL, &up, &e),
                     ERR_OK);
    ck_assert_int_eq(dataset_upload_feed(up, NULL, 0, &e), ERR_OK);
    ck_assert_int_eq(dataset_upload_feed(up, "x", 1, &e), ERR_INVALID);
    dataset_upload_free(up);
    body.n_parts = 0;
    expect(&body, "invalid\ninputs: is missing; expected the files inputs*");
    body.n_parts = 1;
    body.options.types = "inputs:categorical";
    expect(&body, "invalid\n?types: 'inputs' is an array and can only*");
}
END_TEST

/* A target of width 1 is a number a row; several are a row of numbers. */
START_TEST(targets_have_a_width)
{
    struct part inputs = PART("inputs", "\0\0\x08\1\0\0\0\2\1\2");
    struct part one = PART("targets", "\0\0\x08\2\0\0\0\2\0\0\0\1\3\4");
    struct part two = PART("targets", "\0\0\x08\2\0\0\0\2\0\0\0\2\3\4\5\6");
    struct body body = arrays_body(inputs, one);

    expect(&body, "regression\ninputs numeric 1..2 mean 1.5 std 0.5\n"
                  "targets* numeric 3..4 mean 3.5 std 0.5\n1 3\n2 4\n");
    body = arrays_body(inputs, two);
    expect(&body, "regression\ninputs numeric 1..2 mean 1.5 std 0.5\n"
                  "targets* numeric 2 3..6 mean 4.5 std 1.11803\n"
                  "1 3 4\n2 5 6\n");
}
END_TEST

/* --- gzip ----------------------------------------------------------------- */

static void
compress_to(struct buf *out, const char *p, size_t len)
{
    z_stream z = { 0 };

    /* 16: a gzip head and tail. */
    ck_assert_int_eq(
        deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)p;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)buf_reserve(out, len + 100);
    z.avail_out = (uInt)(len + 100);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += len + 100 - z.avail_out;
    deflateEnd(&z);
}

/* Each part by itself, noticed by its first two bytes; the digest is of the
 * bytes as they came. */
START_TEST(undoes_gzip)
{
    struct buf    images = { 0 }, csv = { 0 };
    struct part   targets = PART("targets", IDX_LABELS);
    struct body   body;
    struct stored s;
    uint8_t       sum[DIGEST_SIZE];
    struct digest d;

    compress_to(&images, IDX_IMAGES, sizeof(IDX_IMAGES) - 1);
    body = arrays_body((struct part){ "inputs", images.data, images.len },
                       targets);
    expect(&body, "regression\n" IDX_TOLD(IDX_NUMBERS));
    stored_put(&body, (struct cut){ 0 }, &s);
    digest_init(&d);
    digest_update(&d, images.data, images.len);
    digest_update(&d, targets.p, targets.len);
    digest_final(&d, sum);
    ck_assert_mem_eq(s.meta.sha256, sum, sizeof(sum));
    ck_assert_uint_eq(s.meta.bytes, images.len + targets.len);
    stored_release(&s);

    body.part[0].len -= 3;
    expect(&body, "malformed\n*");

    compress_to(&csv, "x,y\n1,0.5\n", 10);
    body = csv_body("");
    body.part[0] = (struct part){ "", csv.data, csv.len };
    expect(&body, "regression\nx numeric 1..1 mean 1 std 0\n"
                  "y* numeric 0.5..0.5 mean 0.5 std 0\n1 0.5\n");
    body.options.max_bytes = 9; /* plain ones count */
    expect(&body, "too_large\n: the dataset has more than 9 bytes*");
    /* The first byte of gzip, and no more. */
    body = csv_body("\x1f");
    expect(&body, "invalid\n: found 1 column, and none is left to be an*");
    buf_release(&images);
    buf_release(&csv);
}
END_TEST

Suite *
suite_dataset_arrays(void)
{
    Suite *s = suite_create("dataset arrays");
    TCase *t = tcase_create("arrays");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, reads_idx);
    tcase_add_loop_test(t, reads_idx_types, 0, (int)COUNT_OF(idx_types));
    tcase_add_loop_test(t, reads_npy_types, 0, (int)COUNT_OF(npy_types));
    tcase_add_test(t, reads_npy_shapes);
    tcase_add_test(t, reads_fortran_order);
    tcase_add_loop_test(t, refuses_npy, 0, (int)COUNT_OF(npy_wrong));
    tcase_add_test(t, refuses_npy_numbers);
    tcase_add_loop_test(t, refuses, 0, (int)COUNT_OF(wrong));
    tcase_add_test(t, needs_both_parts);
    tcase_add_test(t, targets_have_a_width);
    tcase_add_test(t, undoes_gzip);
    suite_add_tcase(s, t);
    return s;
}
