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

#endif
