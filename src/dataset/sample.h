/*
 * sample.h - some rows of a dataset, which tell how its numbers are spread
 *
 * Model    Algorithm R (Vitter, "Random sampling with a reservoir", 1985) with
 *          draws that depend on the row's number alone: however the bytes of
 *          an upload are cut, the same rows are kept.  All of them, where they
 *          are few.
 * Owner    The caller's storage: start with { 0 }, end with _release().
 * Limits   DATASET_SAMPLE_ROWS rows, DATASET_SAMPLE_FLOATS numbers.
 */
#ifndef DATASET_SAMPLE_H
#define DATASET_SAMPLE_H

#include "base/err.h"
#include "dataset/meta.h"

#define DATASET_SAMPLE_ROWS 4096
#define DATASET_SAMPLE_FLOATS ((size_t)1 << 19)
/* Columns that have a summary: the first ones. */
#define DATASET_MAX_SUMMARIES 1000

struct dataset_sample {
    size_t   width, capacity; /* rows it may have  */
    size_t   n, n_room;       /* has; has room for */
    uint64_t n_seen;
    float   *row; /* [n][width] */
};

void dataset_sample_release(struct dataset_sample *sample);
/* Rows of this width come now.  False: out of memory; here and below. */
bool dataset_sample_begin(struct dataset_sample *sample, size_t width);
bool dataset_sample_take(struct dataset_sample *sample, const float *cell,
                         size_t n_rows);

/* A new summary for col, whose first number stands at `at` in a row; its
 * quantiles and bins where its cells are numbers. */
enum err dataset_sample_summary(const struct dataset_sample *sample, size_t at,
                                struct dataset_column *col, struct errinfo *e);

/* The q-quantile of ascending x, between two of them as NumPy has it. */
float dataset_quantile(const float *x, size_t n, double q);

#endif
