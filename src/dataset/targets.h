/*
 * targets.h - what a dataset's targets make of it: task and classes
 */
#ifndef DATASET_TARGETS_H
#define DATASET_TARGETS_H

#include "base/err.h"
#include "dataset/choices.h"
#include "dataset/meta.h"
#include "dataset/rows.h"

/* All rows are read: fill *out, except bytes and sha256, with what is known.
 * The columns move from rows to *out. */
enum err dataset_targets_settle(struct dataset_rows          *rows,
                                const struct dataset_choices *choices,
                                uint64_t n_rows, struct dataset_meta *out,
                                struct errinfo *e);

/* The names of distinct numbers, in their order; new for the caller. */
enum err dataset_names_of_numbers(const struct dataset_floats *seen,
                                  char ***out, size_t *out_n,
                                  struct errinfo *e);

/* --- settle.c ------------------------------------------------------------- */

/* All cells of a column are seen: what is it?  is_class: the numeric target of
 * a classification. */
enum err dataset_column_settle(struct dataset_draft *col, bool is_class,
                               const struct dataset_grams *grams,
                               struct errinfo             *e);

#endif
