/*
 * texts.h - what dataset.c and encoder.c write and read alike
 */
#ifndef CODEC_TEXTS_H
#define CODEC_TEXTS_H

#include <jansson.h>

#include "base/buf.h"
#include "dataset/meta.h"

void codec_write_texts(struct buf *out, const char *name, char *const *text,
                       size_t n);
void codec_write_grams(const struct dataset_grams *g, struct buf *out);

/* New for the caller; NULL where it is no string, or memory is short. */
char *codec_text_of(json_t *value);
/* False where it is no such thing, or memory is short; *out is the caller's to
 * free in either case. */
bool codec_read_texts(json_t *value, char ***out, size_t *out_n);
bool codec_read_size(json_t *value, size_t *out);
bool codec_read_grams(json_t *value, struct dataset_grams *out);

#endif
