/*
 * tfserving.h - bodies of TensorFlow Serving's REST API, and of KServe's V1
 *
 * Model    Rows      {"instances": [row, …]}: answered
 *                    {"predictions": [[…], …]}.
 *          Columns   {"inputs": rows}, or {"inputs": {"column": [value, …], …}}:
 *                    answered {"outputs": [[…], …]}.
 *          A row is what codec/predict.h takes, or a number where that is all
 *          of a row; an object with one member that is no column stands for it.
 *          "signature_name" is read over, and so are members of other servers.
 * Errors   As codec/predict.h, whose pointers these are.
 */
#ifndef CODEC_TFSERVING_H
#define CODEC_TFSERVING_H

#include "codec/predict.h"

/* *out_columns tells which form it was. */
enum err codec_tfserving_parse(const void *body, size_t len,
                               const struct nn_spec         *spec,
                               const struct dataset_encoder *encoder,
                               struct codec_predict *out, bool *out_columns,
                               struct errinfo *e);
void     codec_tfserving_format(const float *y, size_t n, size_t n_out,
                                bool columns, struct buf *out);
/* Shapes and types, as a signature. */
void codec_tfserving_metadata(const char *network, int64_t version,
                              const struct nn_spec *spec, size_t n_out,
                              struct buf *out);

#endif
