/*
 * encoding.h - how columns become inputs, as members of a job or a network
 *
 * Model    "scale_inputs", "scale_targets": a word; "missing": "mean", "median",
 *          "indicator", or {"value": 0}.
 */
#ifndef CODEC_ENCODING_H
#define CODEC_ENCODING_H

#include "base/buf.h"
#include "codec/walk.h"
#include "dataset/encoder.h"

/* *out has the defaults already. */
void codec_encoding_read(struct walk *w, struct dataset_encoding *out);
void codec_missing_read(struct walk *w, struct dataset_encoding *out);
void codec_encoding_write(const struct dataset_encoding *encoding,
                          struct buf                    *out);

#endif
