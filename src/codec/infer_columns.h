/*
 * infer_columns.h - an inference request with a tensor a column
 *
 * Model    As KServe's and MLServer's clients send a table: every column of the
 *          dataset is a tensor by its name, in any order, [n] or [n, 1] (an
 *          array: [n, …]).  Numbers take any type of number; words, dates and
 *          texts are BYTES; classes and booleans take either.  In JSON null is
 *          a missing value, in a binary tensor of FP32 or FP64 NaN is.
 *          A number in JSON is rounded to a double first: where that is just
 *          the middle of two floats, by name it may be the other one.
 * Owner    out->raw is the caller's, for free().
 * Errors   ERR_INVALID at the tensor ("/inputs/2/data/7"), which names the
 *          column; ERR_LIMIT as codec/predict.h.
 * Limits   JSON becomes a tree: 100,000 values a request (codec/walk.h).  Binary
 *          tensors have only the limits of codec/predict.h.
 * Format   A binary BYTES tensor is, an element, a little-endian length of 4
 *          bytes and as many of UTF-8; binary tensors stand in the order of the
 *          inputs, with nothing between or behind them.
 */
#ifndef CODEC_INFER_COLUMNS_H
#define CODEC_INFER_COLUMNS_H

#include <jansson.h>

#include "codec/infer.h"

/* What metadata says of a column: its type, and numbers a row. */
const char *infer_column_datatype(const struct dataset_input *column);
size_t      infer_column_width(const struct dataset_input *column);

enum err infer_columns_read(json_t *inputs, const void *rest, size_t rest_len,
                            const struct dataset_encoder *encoder,
                            struct codec_predict *out, struct errinfo *e);

/* Take the next element of a binary BYTES tensor off the `len` bytes at *p:
 * false, and nothing taken, where it does not fit into them or is no text. */
bool infer_bytes_take(const char **p, size_t *len, const char **out,
                      size_t *out_len);

#endif
