/*
 * texts.h - a list of texts, one behind the other
 *
 * Owner    The caller's storage: start with { 0 }, end with _release().
 */
#ifndef DATASET_TEXTS_H
#define DATASET_TEXTS_H

#include "base/buf.h"

struct dataset_texts {
    struct buf bytes;
    struct buf ends; /* uint32_t: where in bytes each one ends */
};

void dataset_texts_release(struct dataset_texts *texts);
void dataset_texts_reset(struct dataset_texts *texts);

size_t dataset_texts_count(const struct dataset_texts *texts);
/* The text of this number, borrowed; there is no NUL behind it. */
const char *dataset_texts_at(const struct dataset_texts *texts, size_t i,
                             size_t *len);
/* False: out of memory. */
bool dataset_texts_add(struct dataset_texts *texts, const char *s, size_t len);

#endif
