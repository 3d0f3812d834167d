/*
 * answer.h - the answers of a prediction: its outputs, or its best classes
 */
#ifndef CODEC_ANSWER_H
#define CODEC_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "dataset/encoder.h"

/* Whose answer it is: a version's, or that of a running job at an epoch. */
struct codec_source {
    const char *network;
    int64_t     version;
    int64_t     job; /* 0: a version */
    uint64_t    epoch;
};

/* Its first members: "network" and "version", or "network", "job", "epoch". */
void codec_source_format(const struct codec_source *source, struct buf *out);

/* The answer; label [n] holds classes' names or is NULL. */
void codec_predict_format(const struct codec_source *source, const float *y,
                          size_t n, size_t n_out, const char *const *label,
                          struct buf *out);

/*
 * {"network", "version" (or "job", "epoch"), "top": [[{"index", "label",
 * "probability"}, …], …]}: of each row of y [n][n_out] the k classes (all,
 * where there are fewer) with the largest outputs, the best first, equal ones
 * in their order.  encoder NULL: outputs are classes without names. ERR_INVALID
 * where they are no classes.
 */
enum err codec_answer_top(const struct codec_source *source, const float *y,
                          size_t n, size_t n_out,
                          const struct dataset_encoder *encoder, uint64_t k,
                          struct buf *out, struct errinfo *e);

#endif
