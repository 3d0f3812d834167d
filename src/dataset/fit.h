/*
 * fit.h - an encoder's numbers, from the rows it is fitted on
 *
 * Model    Mean, m2, minimum and maximum of each part of a column, gathered
 *          block by block in double.  The same blocks in the same order give
 *          the same bits.  Medians and quartiles need all values at once:
 *          dataset_fit_order().
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

/* Nothing is held for a column without parts. */
enum err dataset_fit_init(struct dataset_fit *fit,
                          const struct dataset_input *in, struct errinfo *e);
void     dataset_fit_release(struct dataset_fit *fit);

/* Rows r of cell [n_rows][stride] where use[r] is true; a row's first number
 * is cell[r * stride]. */
void dataset_fit_add(struct dataset_fit *fit, const float *cell, size_t n_rows,
                     size_t stride, const bool *use);

void dataset_fit_finish(const struct dataset_fit      *fit,
                        const struct dataset_encoding *encoding,
                        struct dataset_input          *in);

/* Must values be seen together? */
bool dataset_fit_needs_order(const struct dataset_encoding *encoding);
/* Part k from all values that are there, which are sorted on the way. */
void dataset_fit_order(float *x, size_t n,
                       const struct dataset_encoding *encoding, size_t k,
                       struct dataset_input *in);

/* a and b of one number, whose n values (sorted on the way) these are. */
void dataset_fit_values(float *x, size_t n, enum dataset_scaling scaling,
                        float *a, float *b);

#endif
