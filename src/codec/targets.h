/*
 * targets.h - targets in a body, as the network learns them
 *
 * Model    A target is an array with a number an output, a number where there
 *          is one output, or a class by its name where the version knows
 *          classes.  Numbers are those of the dataset; where the version scales
 *          its targets, what is written is scaled.
 */
#ifndef CODEC_TARGETS_H
#define CODEC_TARGETS_H

#include <jansson.h>

#include "base/err.h"
#include "dataset/encoder.h"

/* The n elements of the array `targets` to out [n][n_out]; encoder may be NULL.
 * Every mistake is added to e, at "/targets/3/0"; with any in e, out is not to
 * be used. */
void codec_targets_read(json_t *targets, const struct dataset_encoder *encoder,
                        size_t n_out, float *out, struct errinfo *e);

#endif
