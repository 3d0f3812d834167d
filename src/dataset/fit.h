/*
 * fit.h - an encoder's numbers, from the rows it is fitted on
 *
 * Model    Mean, m2, minimum and maximum of each number of a column, gathered
 *          block by block in double.  The same blocks in the same order give
 *          the same bits.
 * Owner    The caller's storage: dataset_fit_init() and _release().
 */
#ifndef DATASET_FIT_H
#define DATASET_FIT_H

#include "base/err.h"
#include "dataset/encoder.h"

struct dataset_fit {
    size_t    width;
    uint64_t *n;                    /* [width], present                    */
    double   *mean, *m2, *min, *max; /* [width]                            */
    double   *sum;                  /* [width] of the block                */
    uint64_t *n_block;              /* [width]                             */
};

/* Nothing is held for a column of categories. */
enum err dataset_fit_init(struct dataset_fit *fit,
                          const struct dataset_input *in, struct errinfo *e);
void     dataset_fit_release(struct dataset_fit *fit);

/* Rows r of cell [n_rows][stride] where use[r] is true; a row's first number
 * is cell[r * stride]. */
void dataset_fit_add(struct dataset_fit *fit, const float *cell, size_t n_rows,
                     size_t stride, const bool *use);

void dataset_fit_finish(const struct dataset_fit *fit,
                        enum dataset_scaling scaling, struct dataset_input *in);

#endif
