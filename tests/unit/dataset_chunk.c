/*
 * dataset_chunk.c - chunks: back and forth, and bytes that are none
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/chunk.h"
#include "dataset_suites.h"

/* Three blocks: numbers as bytes, numbers as floats, categories. */
static const char table[] = "x,c,y\n"
                            "1,7,0.5\n2,8,1\n"
                            "3,7,1\n"
                            "4,z,0.25\n,,2\n";

START_TEST(says_what_its_cells_are)
{
    struct stored s;
    float        *cell;

    stored_csv(table, &s);
    /* The block of 2 rows fills up, z ends one of 1, 2 rows are left. */
    ck_assert_uint_eq(s.n_chunks, 3);
    ck_assert_mem_eq(s.chunk[0],
                     "BPC1\0\0\0\0\3\0\0\0\2\0\0\0" /* columns, rows */
                     "\0\0\0\0\0\0\0\0"             /* first row     */
                     "\1\0\0\0\0\0\0\0"             /* floats, texts */
                     "\0\0\0\0\0\0\0\0"             /* numbers       */
                     "\0\0\x80\x3f",
                     44);
    ck_assert_mem_eq(s.chunk[1],
                     "BPC1\0\0\0\0\3\0\0\0\1\0\0\0"
                     "\2\0\0\0\0\0\0\0"
                     "\0\0\0\0\0\0\0\0"
                     "\0\0\0\0\0\0\0\0"
                     "\3\7\1",
                     43);
    ck_assert_uint_eq(s.len[1], 43);
    ck_assert_mem_eq(s.chunk[2] + 28,
                     "\1\0\0\0"          /* a text: z  */
                     "\0\1\0\0\0\0\0\0", /* in column 2 */
                     12);
    ck_assert_mem_eq(s.chunk[2] + s.len[2] - 5, "\1\0\0\0z", 5);
    cell = stored_cells(&s);
    ck_assert_float_eq(cell[1], 0); /* 7 */
    ck_assert_float_eq(cell[4], 1); /* 8 */
    ck_assert_float_eq(cell[7], 0);
    ck_assert_float_eq(cell[10], 2); /* z */
    ck_assert(isnan(cell[13]));
    free(cell);
    stored_release(&s);
}
END_TEST

/* Decode from a block of exactly this size; whatever comes out must fit what
 * meta says. */
static void
decode(const struct stored *s, const char *p, size_t len, bool may_pass)
{
    struct dataset_block block = { 0 };
    struct errinfo       e;
    char                *copy = malloc(len > 0 ? len : 1);
    enum err             rc;

    err_clear(&e);
    memcpy(copy, p, len);
    rc = dataset_chunk_decode(&s->meta, copy, len, &block, &e);
    ck_assert(rc == ERR_CORRUPT || (rc == ERR_OK && may_pass));
    if (rc == ERR_OK) {
        size_t last = block.first_column + block.n_columns;
        size_t offset = 0;

        ck_assert_uint_le(last, s->meta.n_columns);
        ck_assert_uint_le(block.first_row + block.n_rows, s->meta.n_rows);
        for (size_t i = block.first_column; i < last; i++) {
            const struct dataset_column *col = &s->meta.column[i];

            for (size_t r = 0; r < block.n_rows; r++) {
                float x = block.cell[r * block.width + offset];

                ck_assert(!isinf(x));
                ck_assert(
                    col->type != DATASET_CATEGORICAL || isnan(x) ||
                    (x >= 0 && x < (float)col->n_categories && x == floorf(x)));
            }
            offset += col->width;
        }
        ck_assert_uint_eq(offset, block.width);
    }
    dataset_block_release(&block);
    free(copy);
}

START_TEST(refuses_what_is_cut_short)
{
    struct stored s;

    stored_csv(table, &s);
    for (size_t i = 0; i < s.n_chunks; i++)
        for (size_t len = 0; len < s.len[i]; len++)
            decode(&s, s.chunk[i], len, false);
    stored_release(&s);
}
END_TEST

/* Other cells may be as good as the ones that were; another head is not. */
START_TEST(survives_every_changed_byte)
{
    struct stored s;

    stored_csv(table, &s);
    for (size_t i = 0; i < s.n_chunks; i++) {
        for (size_t at = 0; at < s.len[i]; at++) {
            char was = s.chunk[i][at];

            for (int c = 0; c < 256; c++) {
                if (c == (unsigned char)was)
                    continue;
                s.chunk[i][at] = (char)c;
                decode(&s, s.chunk[i], s.len[i],
                       at >= 32 || (at >= 16 && at < 24));
            }
            s.chunk[i][at] = was;
        }
    }
    stored_release(&s);
}
END_TEST

START_TEST(refuses_cells_that_make_no_sense)
{
    struct stored s;

    stored_csv(table, &s);
    s.chunk[1][41] = 9; /* no category is called 9 */
    decode(&s, s.chunk[1], s.len[1], false);
    s.chunk[1][41] = 7;
    s.chunk[1][32] = 1; /* x is no text at all */
    decode(&s, s.chunk[1], s.len[1], false);
    s.chunk[1][32] = 0;
    s.chunk[1][35] = 1; /* there is no fourth column */
    decode(&s, s.chunk[1], s.len[1], false);
    s.chunk[1][35] = 0;
    s.chunk[1][33] = 1; /* text 7 of none */
    decode(&s, s.chunk[1], s.len[1], false);
    memcpy(s.chunk[2] + 44, "\0\0\0\x3f", 4); /* text 0.5 */
    decode(&s, s.chunk[2], s.len[2], false);
    memcpy(s.chunk[2] + 44, "\0\0\0\0", 4);
    decode(&s, s.chunk[2], s.len[2], true);
    s.chunk[2][s.len[2] - 1] = 'q'; /* no category is called q */
    decode(&s, s.chunk[2], s.len[2], false);
    s.chunk[2][s.len[2] - 1] = 'z';
    s.chunk[2][s.len[2] - 5] = 2; /* it ends behind the chunk */
    decode(&s, s.chunk[2], s.len[2], false);
    s.chunk[2][s.len[2] - 5] = 1;
    memcpy(s.chunk[2] + 40, "\0\0\x80\x7f", 4); /* infinity */
    decode(&s, s.chunk[2], s.len[2], false);
    stored_release(&s);
}
END_TEST

START_TEST(names_are_found)
{
    enum dataset_type type;
    enum dataset_task task;

    ck_assert(dataset_type_find("categorical", &type));
    ck_assert_int_eq(type, DATASET_CATEGORICAL);
    ck_assert(!dataset_type_find("Categorical", &type));
    ck_assert(dataset_task_find("regression", &task));
    ck_assert_int_eq(task, DATASET_REGRESSION);
    ck_assert(!dataset_task_find("", &task));
    for (enum dataset_type i = 0; i < DATASET_TYPE_COUNT; i++) {
        ck_assert(dataset_type_find(dataset_type_name(i), &type));
        ck_assert_int_eq(type, i);
    }
}
END_TEST

Suite *
suite_dataset_chunk(void)
{
    Suite *s = suite_create("dataset chunk");
    TCase *t = tcase_create("chunk");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, says_what_its_cells_are);
    tcase_add_test(t, refuses_what_is_cut_short);
    tcase_add_test(t, survives_every_changed_byte);
    tcase_add_test(t, refuses_cells_that_make_no_sense);
    tcase_add_test(t, names_are_found);
    suite_add_tcase(s, t);
    return s;
}
