/*
 * answer.h - the best classes of a prediction
 */
#ifndef CODEC_ANSWER_H
#define CODEC_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/predict.h"

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
