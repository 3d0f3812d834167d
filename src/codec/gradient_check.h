/*
 * gradient_check.h - the body of a gradient check, and its answer
 *
 * Model    {"inputs": [row, …], "targets": [row, …], "version": v}: inputs as
 *          predict takes them, targets as codec/targets.h has them.
 * Limits   NN_CHECK_MAX_ROWS rows.
 * Errors   ERR_INVALID, every mistake with its pointer.
 */
#ifndef CODEC_GRADIENT_CHECK_H
#define CODEC_GRADIENT_CHECK_H

#include "codec/predict.h"
#include "nn/check.h"

struct codec_gradient_check {
    float *x, *t; /* [n][n_in], [n][n_out]; free() them */
    size_t n;
};

/* The rows as this version reads them; encoder may be NULL. */
enum err codec_gradient_check_parse(const void *body, size_t len,
                                    const struct nn_net          *net,
                                    const struct dataset_encoder *encoder,
                                    struct codec_gradient_check  *out,
                                    struct errinfo               *e);

void codec_gradient_check_format(const char *network, int64_t version,
                                 const struct nn_net   *net,
                                 const struct nn_check *check, size_t n,
                                 struct buf *out);

#endif
