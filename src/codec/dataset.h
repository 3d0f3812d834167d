/*
 * dataset.h - datasets and encoders to and from JSON
 *
 * Model    A meta is stored as the JSON that GET /v1/datasets/{name} answers,
 *          without name and created_at, which are columns of the row.  An
 *          encoder is stored with the version it belongs to; its float32 come
 *          back bit for bit.
 * Errors   Parsing what we stored: ERR_CORRUPT.
 */
#ifndef CODEC_DATASET_H
#define CODEC_DATASET_H

#include "base/buf.h"
#include "base/err.h"
#include "dataset/encoder.h"
#include "dataset/meta.h"
#include "store/store.h"

void     codec_meta_format(const struct dataset_meta *meta, struct buf *out);
enum err codec_meta_parse(const char *json, struct dataset_meta *out,
                          struct errinfo *e);

/* A dataset as API.md shows it. */
void codec_dataset_format(const struct store_dataset *row, struct buf *out);

void     codec_encoder_format(const struct dataset_encoder *enc,
                              struct buf *out);
enum err codec_encoder_parse(const char *json, struct dataset_encoder **out,
                             struct errinfo *e);

#endif
