/*
 * table.h - a dataset in memory, encoded: what training and evaluation run on
 *
 * Model    x [n_rows][n_in], t [n_rows][n_out], row-major float32.  Which rows
 *          train and which validate is a list of row numbers each (a test row
 *          is in neither), decided
 *          before the encoder is fitted, because it is fitted on training rows
 *          only.  Chunks are read three times (targets, fit, encode), so that
 *          no second copy of the rows is ever held; what needs the values in
 *          order is fitted on x itself.
 * Owner    _load() gives a table to the caller, _free() takes it back.
 * Threads  Immutable once loaded.
 * Limits   dataset_table_bytes() says what it takes; the caller asks its budget.
 */
#ifndef DATASET_TABLE_H
#define DATASET_TABLE_H

#include "base/err.h"
#include "dataset/encoder.h"
#include "dataset/meta.h"
#include "dataset/upload.h"

struct dataset_table {
    size_t    n_rows, n_in, n_out;
    float    *x;         /* [n_rows][n_in]  */
    float    *t;         /* [n_rows][n_out] */
    float    *weight;    /* [n_rows], at least 0; NULL: none were asked for */
    size_t    n_train, n_validation;
    uint32_t *train;      /* row numbers, ascending */
    uint32_t *validation; /* row numbers, ascending */
    /* Where all of these lie in a file: the mapping, and room there for one
     * number of 4 bytes a row and one more, the owner's to use.  NULL: not. */
    void     *mapped;
    size_t    n_mapped;
    uint32_t *order; /* [n_rows] */
    float    *scale; /* [n_rows] */
};

/* Of a table in a file, what is in memory still. */
size_t dataset_table_file_bytes(const struct dataset_meta *meta);
enum err dataset_table_bytes(const struct dataset_encoder *enc,
                             const struct dataset_meta *meta, size_t *out,
                             struct errinfo *e);

/*
 * Split, fit enc on the training rows (where fit is true) and encode.
 * fraction of the rows, 0 to below 1, validate; for classification each class
 * gives that part of its rows (to the nearest row, but one stays to train), by
 * random draws of seed.  ERR_INVALID ("/dataset") where a column of enc is
 * unknown to the source, or a class of the source is unknown to enc.  A source
 * whose columns stand in another order, or with more columns, is fine: they are
 * found by name.  After an error a fitted enc is of no use.
 */
enum err dataset_table_load(struct dataset_encoder *enc, bool fit,
                            const struct dataset_source *source,
                            double fraction, uint64_t seed,
                            struct dataset_table **out, struct errinfo *e);
void     dataset_table_free(struct dataset_table *table); /* NULL is fine */

/* What a word says of its row in a column that tells which rows train. */
enum dataset_part {
    DATASET_PART_NONE, /* no word for it */
    DATASET_PART_TRAIN,
    DATASET_PART_VALIDATION,
    DATASET_PART_TEST, /* does neither */
    DATASET_PART_COUNT
};
/* "train"; "validation", "val" or "valid"; "test". */
enum dataset_part dataset_part_of(const char *word);

/* Which rows train, and how much each counts. */
struct dataset_split {
    double   fraction; /* as above; 0 where column is given */
    uint64_t seed;
    /* Fold `fold`, from 1, of so many validates: each row is in one fold, and
     * each class is spread evenly over them.  0: none is held out. */
    size_t fold, n_folds;
    /* A column of words (dataset_part_of()); NULL: none. */
    const char *column;
    const char *weight; /* a column of numbers, at least 0; NULL: none */
    /* Keep the rows in a file, which open_file gives, instead of memory. */
    bool in_file;
    enum err (*open_file)(void *arg, int *out, struct errinfo *e);
    void *arg;
};
/* Of n rows, of one class where there are classes, so many validate: the
 * nearest number to that part of them. */
size_t dataset_split_drawn(size_t n, double fraction);
/* Can enc read the rows of a source with these columns, as far as these tell?
 * Adds every mistake to e, with pointer "/dataset". */
enum err dataset_table_fits(const struct dataset_encoder *enc,
                            const struct dataset_meta *meta, struct errinfo *e);
enum err dataset_table_load_split(struct dataset_encoder *enc, bool fit,
                                  const struct dataset_source *source,
                                  const struct dataset_split  *split,
                                  struct dataset_table       **out,
                                  struct errinfo              *e);

#endif
