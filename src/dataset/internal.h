/*
 * internal.h - small things that several files of this floor share
 */
#ifndef DATASET_INTERNAL_H
#define DATASET_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/chunk.h"
#include "dataset/encoder.h"
#include "dataset/meta.h"
#include "dataset/table.h"
#include "dataset/upload.h"

#define DATASET_NOMEM(e) err_set(e, ERR_NOMEM, "", "out of memory")

/* Every string and the list itself; NULL is fine, in either place. */
void dataset_strings_free(char **strings, size_t n);
void dataset_column_release(struct dataset_column *col);

/* A copy of n strings, the caller's; NULL where memory is short. */
char **dataset_strings_copy(char *const *strings, size_t n);

/* --- chunk.c -------------------------------------------------------------- */

/* Make *out the bytes of this block, whose columns are of these types
 * (DATASET_…) now; it has failed where memory is short. */
void dataset_chunk_encode(const struct dataset_block *block,
                          const uint8_t *types, struct buf *out);

/* Where a chunk lies: all of the block but its cells.  Its length is checked
 * against meta. */
enum err dataset_chunk_place(const struct dataset_meta *meta, const void *p,
                             size_t len, struct dataset_block *out,
                             struct errinfo *e);

/* --- block.c -------------------------------------------------------------- */

void dataset_block_forget(struct dataset_block *block);

/* --- encoder.c ------------------------------------------------------------ */

/* The index of the category that is called just so, or NaN. */
float dataset_input_category(const struct dataset_input *in, const char *name);

/* The inputs that the numbers of a column [n_parts] give; NaN: missing. */
void dataset_input_scale(const struct dataset_input *in, const float *part,
                         float *x);

/* The inputs that one column's raw values give. */
void dataset_input_apply(const struct dataset_input *in, const float *raw,
                         float *x);

/* --- split.c -------------------------------------------------------------- */

/* Fill the table's lists by its targets t, and is_train [n_rows]. */
enum err dataset_table_split(const struct dataset_encoder *enc,
                             struct dataset_table *table,
                             const struct dataset_split *split, bool *is_train,
                             struct errinfo *e);
/* The same where it is decided already: rows that do neither are left_out. */
enum err dataset_table_list(struct dataset_table *table, const bool *is_train,
                            const bool *left_out, struct errinfo *e);

/* --- upload.c ------------------------------------------------------------- */

/* Make blocks of n floats, at least a row, instead of DATASET_CHUNK_FLOATS:
 * for tests, before the first byte. */
void dataset_upload_chunk_floats(struct dataset_upload *up, size_t n);

#endif
