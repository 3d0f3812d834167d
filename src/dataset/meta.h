/*
 * meta.h - what is known of a dataset without reading its rows
 *
 * Model    A dataset is rows of columns.  A column holds, per row, `width`
 *          float32: 1 for a column of a table, 784 for images of 28 x 28.  A
 *          categorical cell holds the index of its category, a text's the index
 *          of a text that its chunk has; a missing cell is NaN.  Target columns come last in no particular place: is_target
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

#define DATASET_MAX_COLUMNS 16384 /* as the next two, unless set otherwise */
#define DATASET_MAX_WIDTH ((size_t)1 << 22) /* float32 in a row, all columns */
#define DATASET_MAX_CATEGORIES 10000        /* of one column                 */
#define DATASET_MAX_ROW_BYTES ((size_t)1 << 20) /* of text           */
#define DATASET_MAX_CATEGORY 256 /* bytes of its name            */
#define DATASET_MAX_TEXT ((size_t)16 << 20) /* bytes of all their names */
#define DATASET_MAX_CLASSES 1000
#define DATASET_MAX_ROWS ((uint64_t)1 << 31)
#define DATASET_MAX_NAME 256 /* bytes of a column's name */
#define DATASET_MAX_RANK 3

enum dataset_type {
    DATASET_NUMERIC,
    DATASET_CATEGORICAL,
    DATASET_BOOLEAN,  /* two words that say no and yes, in this order      */
    DATASET_CLASS,    /* integers that are codes: categories named by them */
    DATASET_DATETIME, /* a day, and mostly a time of it                    */
    DATASET_TEXT,     /* words                                             */
    DATASET_IGNORED,  /* kept out of the rows altogether: width 0          */
    DATASET_TYPE_COUNT
};

/* What a cell of a block is: a number; the index of a category; the index of
 * one of the block's texts. */
enum dataset_cells {
    DATASET_NUMBERS, /* numeric, class   */
    DATASET_NAMES,   /* categorical, boolean */
    DATASET_TEXTS,   /* datetime, text   */
    DATASET_NO_CELLS
};

enum dataset_task { DATASET_CLASSIFICATION, DATASET_REGRESSION };

const char *dataset_type_name(enum dataset_type t);
bool        dataset_type_find(const char *name, enum dataset_type *out);
enum dataset_cells dataset_type_cells(enum dataset_type t);
const char *dataset_task_name(enum dataset_task t);
bool        dataset_task_find(const char *name, enum dataset_task *out);

/* What of a text is counted: n-grams of words and of characters, n from min to
 * max (0: none), hashed to `size` numbers. */
#define DATASET_MAX_GRAM 8
#define DATASET_MAX_TEXT_SIZE 65536
struct dataset_grams {
    uint32_t size;
    uint8_t  word_min, word_max, char_min, char_max;
};

/* What is shown of a column besides; the quantiles and the histogram are of
 * the cells of a sample of rows, all of them where there are few. */
#define DATASET_QUANTILES 5 /* 5, 25, 50, 75 and 95 percent */
#define DATASET_BINS 20     /* of one width, from min to max */
#define DATASET_TOP 10
#define DATASET_UNCOUNTED UINT64_MAX
struct dataset_summary {
    uint64_t distinct; /* or DATASET_UNCOUNTED              */
    uint64_t sampled;  /* cells; 0: no quantiles, no bins   */
    float    quantile[DATASET_QUANTILES];
    uint64_t bin[DATASET_BINS];
    size_t   n_top; /* most frequent first            */
    char    *top[DATASET_TOP];
    uint64_t top_count[DATASET_TOP];
};

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
    /* numbers, over all present cells; 0 where none is present */
    double min, max, mean, std;
    /* categorical: names in order of first appearance; class: by value */
    size_t n_categories;
    char **categories;
    uint64_t n_most; /* cells of the most frequent one, as its text says from
                        which the meta was read; 0: that does not tell      */
    struct dataset_grams    grams;   /* text                             */
    struct dataset_summary *summary; /* NULL: not known any more         */
};

/* A row that an upload dropped, because it was asked to. */
#define DATASET_MAX_SKIPPED 10
struct dataset_skipped {
    char where[96];
    char what[480];
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
