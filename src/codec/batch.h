/*
 * batch.h - the body of train_on_batch
 *
 * Model    {"inputs": rows as codec/predict.h has them, or {"b64"}, "targets":
 *          as codec/targets.h has them, "sample_weights": [w, …], "optimizer":
 *          {…}}.  A weight may be negative: it multiplies the row's loss.
 * Owner    codec_batch_release() frees the arrays.
 * Errors   As codec/predict.h; all mistakes of targets and weights at once.
 * Limits   Those of codec/walk.h.
 */
#ifndef CODEC_BATCH_H
#define CODEC_BATCH_H

#include "codec/predict.h"
#include "nn/optimizer.h"

struct codec_batch {
    struct codec_predict     rows;
    float                   *target; /* [n_rows][n_out], to be learnt */
    float                   *weight; /* [n_rows], or NULL          */
    bool                     has_optimizer;
    struct nn_optimizer_spec optimizer; /* where the body has one  */
};

enum err codec_batch_parse(const void *body, size_t len,
                           const struct nn_spec         *spec,
                           const struct dataset_encoder *encoder, size_t n_out,
                           struct codec_batch *out, struct errinfo *e);
void     codec_batch_release(struct codec_batch *batch);

/* An optimiser as it is stored beside its state. */
void     codec_optimizer_format(const struct nn_optimizer_spec *spec,
                                struct buf                     *out);
enum err codec_optimizer_parse(const char *json, struct nn_optimizer_spec *out,
                               struct errinfo *e);

#endif
