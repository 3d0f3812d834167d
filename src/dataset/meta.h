/*
 * meta.h - what is known of a dataset without reading its rows
 *
 * Model    A dataset is rows of columns.  A column holds, per row, `width`
 *          float32: 1 for a column of a table, 784 for images of 28 x 28.  A
 *          categorical cell holds the index of its category; a missing cell is
 *          NaN.  Target columns come last in no particular place: is_target
 *          tells.
 * Owner    struct dataset_meta is the caller's storage; dataset_meta_release()
 *          frees its contents: every array and every string is a block of
 *          its own, for free().
 * Limits   DATASET_MAX_…; each is told in the 422 that hits it.
 */
#ifndef DATASET_META_H
#define DATASET_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

#define DATASET_MAX_COLUMNS 16384
#define DATASET_MAX_WIDTH ((size_t)1 << 22) /* float32 in a row, all columns */
#define DATASET_MAX_CATEGORIES 10000        /* of one column                 */
#define DATASET_MAX_CATEGORY 256 /* bytes of its name            */
#define DATASET_MAX_TEXT ((size_t)16 << 20) /* bytes of all their names */
#define DATASET_MAX_CLASSES 1000
#define DATASET_MAX_ROWS ((uint64_t)1 << 31)
#define DATASET_MAX_NAME 256 /* bytes of a column's name */
#define DATASET_MAX_RANK 3

enum dataset_type {
    DATASET_NUMERIC,
    DATASET_CATEGORICAL,
    DATASET_IGNORED, /* kept out of the rows altogether: width 0 */
    DATASET_TYPE_COUNT
};

enum dataset_task { DATASET_CLASSIFICATION, DATASET_REGRESSION };

const char *dataset_type_name(enum dataset_type t);
bool        dataset_type_find(const char *name, enum dataset_type *out);
const char *dataset_task_name(enum dataset_task t);
bool        dataset_task_find(const char *name, enum dataset_task *out);

struct dataset_column {
    char             *name;
    enum dataset_type type;
    bool              is_target;
    bool is_aside; /* no input: a job reads it for a purpose of its own; not
                      stored, who reads the meta sets it                    */
    size_t            rank; /* 0: a number a row; else dim[] is the shape */
    size_t            dim[DATASET_MAX_RANK];
    size_t            width;   /* product of dim, 1 for rank 0, 0: ignored */
    size_t            offset;  /* of its first float32 in a row            */
    uint64_t          missing; /* cells                                    */
    /* numeric, over all present cells; 0 where none is present */
    double min, max, mean, std;
    /* categorical: names in order of first appearance */
    size_t n_categories;
    char **categories;
};

/* A row that an upload dropped, because it was asked to. */
#define DATASET_MAX_SKIPPED 10
struct dataset_skipped {
    char where[96];
    char what[224];
};

struct dataset_meta {
    size_t                 n_columns;
    struct dataset_column *column;
    uint64_t               n_rows;
    size_t                 row_width; /* float32 in a row */
    enum dataset_task      task;
    /* classification: what the classes are called, in the order of their
     * numbers: by value where all are numbers, else by bytes */
    size_t   n_classes;
    char   **classes;
    uint64_t bytes; /* as uploaded */
    uint8_t  sha256[DIGEST_SIZE]; /* of the bytes uploaded; of multipart, of
                                     the files one after the other          */
    uint64_t                n_skipped; /* rows dropped…                      */
    struct dataset_skipped *skipped;   /* …and why: the first ones, or NULL  */
};

void dataset_meta_release(struct dataset_meta *meta);

/* float32 of a row's input columns, and of its target columns. */
size_t dataset_meta_input_width(const struct dataset_meta *meta);
size_t dataset_meta_target_width(const struct dataset_meta *meta);

#endif
