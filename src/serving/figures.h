/*
 * figures.h - what outputs and targets say of each other
 *
 * Model    Classification: the confusion matrix; where outputs are
 *          probabilities, log loss; for two classes the area under the ROC
 *          curve and its points.  Regression: errors, R squared, quantiles of
 *          what is left over.  And the rows that the model is worst at.
 */
#ifndef SERVING_FIGURES_H
#define SERVING_FIGURES_H

#include "codec/predict.h"
#include "dataset/table.h"

/* Bytes a row that are needed on the way. */
size_t serving_figures_bytes(size_t n_out);

/* y [n_rows][n_out] and the table's targets, both as they were before scaling.
 * Fills *ev, which the caller releases. */
enum err serving_figures(const struct dataset_encoder *enc,
                         const struct dataset_table *table, const float *y,
                         struct codec_evaluation *ev, struct errinfo *e);

#endif
