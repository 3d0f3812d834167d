/*
 * dataset_oom.c - when memory runs out
 *
 * The program is linked with --wrap (see src/dataset/Makefile.inc): every call
 * of malloc() and its kin comes through here first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset_suites.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

/* The allocation that fails, counted down; 0: none. */
static const struct dataset_encoding standard = { .scale_inputs =
                                                      DATASET_SCALE_STANDARD };

static unsigned fail_at;

static bool
fails(void)
{
    return fail_at > 0 && --fail_at == 0;
}

void *
__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}

static const char csv[] = "id,x,c,y,t\n"
                          "1,1,7,no,\"a\nb\"\n2,2,8,yes,\n3,,x,yes,\n"
                          "4,+.5,8,no,q\n";
static const char csv_wrong[] = "x,z,y\n1,1,2\n3\n,a,4\n4,5,6,7\n";
static const char ndjson[] = "{\"x\":1,\"y\":2}\n{\"x\":\n{\"y\":5}\n";
static const char typed[] =
    "t,b,c,d,x,y\nthe cat,yes,1,2024-02-29,1,red\na dog,no,2,,2,blue\n"
    ",,1,2024-03-01,z,red\n";
static const char json[] = "{\"columns\":[\"a\",\"y\"],"
                           "\"rows\":[[1,\"p\"],[\"b\",\"q\"],[2,\"p\"]]}";
static const char objects[] = "[{\"x\":1,\"y\":\"p\"},{\"y\":\"q\",\"x\":2},"
                              "{\"x\":\"b\",\"y\":\"p\"}]";
static const char arrays[] = "{\"inputs\":[[[1,2]],[[3,4]],[[5,6]],[[7,8]]],"
                             "\"targets\":[1,2,1,2]}";
static const char images[] = "\0\0\x08\2\0\0\0\2\0\0\0\2\1\2\3\4";
static const char npy[] = "\x93NUMPY\1\0\x20\0"
                          "{'descr':'|u1','shape':(2,)}   \n\5\6";
/* "x,y\n1,2\n" */
static const char gz[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xd0\xa9\xe4"
    "\x32\xd4\x31\xe2\x02\x00\x23\xdf\x72\x00\x08\x00\x00\x00";

static const struct body bodies[] = {
    { { .format = DATASET_CSV,
        .header = true,
        .types = "t:ignored,id:categorical",
        .target = "y",
        .task = "classification" },
      8,
      1,
      { { "", csv, sizeof(csv) - 1 } },
      NULL },
    { { .format = DATASET_CSV,
        .types = "column_1:categorical",
        .target = "column_4" },
      8,
      1,
      { { "", csv + 11, sizeof(csv) - 12 } },
      NULL },
    { { .format = DATASET_CSV,
        .header = true,
        .on_error = "skip",
        .columns = "a,b,c",
        .delimiter = "," },
      2,
      1,
      { { "", csv_wrong, sizeof(csv_wrong) - 1 } },
      NULL },
    { { .format = DATASET_CSV,
        .header = true,
        .types = "t:text,c:class",
        .text_size = "4" },
      4,
      1,
      { { "", typed, sizeof(typed) - 1 } },
      NULL },
    { { .format = DATASET_NDJSON, .on_error = "skip" },
      2,
      1,
      { { "", ndjson, sizeof(ndjson) - 1 } },
      NULL },
    { { .format = DATASET_JSON },
      2,
      1,
      { { "", json, sizeof(json) - 1 } },
      NULL },
    { { .format = DATASET_JSON },
      2,
      1,
      { { "", objects, sizeof(objects) - 1 } },
      NULL },
    { { .format = DATASET_JSON },
      2,
      1,
      { { "", arrays, sizeof(arrays) - 1 } },
      NULL },
    { { .format = DATASET_ARRAYS },
      2,
      2,
      { { "inputs", images, sizeof(images) - 1 },
        { "targets", npy, sizeof(npy) - 1 } },
      NULL },
    { { .format = DATASET_CSV, .header = true },
      2,
      1,
      { { "", gz, sizeof(gz) - 1 } },
      NULL },
};

/* All of it: upload, encode, split, fit, load.  *out_rc says how it went. */
static void
run(const struct body *body, struct stored *s, enum err *out_rc)
{
    struct dataset_encoder *enc = NULL;
    struct dataset_table   *table = NULL;
    struct dataset_source   source = stored_source(s);
    size_t                  n_out;

    stored_put(body, (struct cut){ 3, 0 }, s);
    *out_rc = s->rc;
    n_out = s->meta.n_classes > 0 ? s->meta.n_classes : 1;
    if (*out_rc == ERR_OK)
        *out_rc =
            dataset_encoder_new(&s->meta, &standard, n_out, false, &enc, &s->e);
    if (*out_rc == ERR_OK)
        *out_rc =
            dataset_table_load(enc, true, &source, 0.25, 1, &table, &s->e);
    dataset_table_free(table);
    dataset_encoder_free(enc);
}

/* Run once for every allocation it makes, that one failing, until it
 * succeeds.  ASan sees what is leaked or touched. */
START_TEST(fails_cleanly)
{
    unsigned n = 0;
    enum err rc;

    do {
        struct stored s;

        fail_at = ++n;
        run(&bodies[_i], &s, &rc);
        fail_at = 0;
        ck_assert_msg(rc == ERR_OK || rc == ERR_NOMEM, "allocation %u: %s: %s",
                      n, s.e.item[0].where, err_what(&s.e));
        stored_release(&s);
        ck_assert_uint_lt(n, 10000);
    } while (rc != ERR_OK);
    ck_assert_uint_gt(n, 20); /* they did come through here */
}
END_TEST

Suite *
suite_dataset_oom(void)
{
    Suite *s = suite_create("dataset out of memory");
    TCase *t = tcase_create("oom");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, fails_cleanly, 0, (int)COUNT_OF(bodies));
    suite_add_tcase(s, t);
    return s;
}
