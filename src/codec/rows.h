/*
 * rows.h - rows of a prediction in the forms that need no tree and no reader
 *
 * Model    JSON       {"inputs": [[n, n, …], …]}: rows of numbers, flat, each
 *                     of `width`; "version" may follow.  Nearly every request
 *                     is this, so it is read in one pass over the text without
 *                     looking for anything else.  Whatever differs in any way,
 *                     mistakes above all, is left to codec_predict_parse(),
 *                     which takes all that this takes and gives the same.
 *                     Other protocols call "inputs" otherwise: `member`, with
 *                     its quotes.
 *          base64     {"inputs": {"b64": "…"}}, likewise with "version": the
 *                     bytes of the next.
 *          binary     float32, little-endian, row by row; nothing else.
 *          .npy       an array [rows][…] of any number type; a single row may
 *                     come without the dimension of rows.
 *          In all but the first a NaN is a missing number where `may_lack`, and
 *          a mistake otherwise, as infinity always is.
 * Owner    out->raw is the caller's, for free().
 * Errors   ERR_INVALID with the pointer of the element ("/inputs/3/0").
 */
#ifndef CODEC_ROWS_H
#define CODEC_ROWS_H

#include "codec/predict.h"

/* body is NUL-terminated.  *out_read false, and *out untouched: parse it. */
enum err codec_rows_read(const char *body, size_t len, const char *member,
                         size_t width, bool may_lack, bool *out_read,
                         struct codec_predict *out, struct errinfo *e);
enum err codec_rows_binary(const void *p, size_t len, size_t width,
                           bool may_lack, struct codec_predict *out,
                           struct errinfo *e);
enum err codec_rows_npy(const void *p, size_t len, size_t width, bool may_lack,
                        struct codec_predict *out, struct errinfo *e);

/* The refusal of more than CODEC_MAX_PREDICT_ROWS rows. */
enum err codec_rows_too_many(struct errinfo *e);

/* An element type by its name in the Open Inference Protocol ("FP32"), and rows
 * of it, which len is a whole number of. */
bool     codec_rows_type(const char *name, size_t *out, size_t *out_size);
enum err codec_rows_typed(size_t type, const void *p, size_t len, size_t width,
                          bool may_lack, struct codec_predict *out,
                          struct errinfo *e);

/* Append outputs y [n][n_out] in these forms. */
void codec_rows_put_binary(const float *y, size_t n, size_t n_out,
                           struct buf *out);
void codec_rows_put_npy(const float *y, size_t n, size_t n_out,
                        struct buf *out);

#endif
