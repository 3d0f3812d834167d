/*
 * grams.h - a text as numbers: how often its words and letters occur
 *
 * Model    A word is a run of letters, digits and bytes beyond ASCII, in small
 *          letters.  Every n-gram of words, and of characters with runs of
 *          other bytes as one blank, is hashed to one of `size` numbers, which
 *          counts it ("the hashing trick"): no dictionary, and a new word is
 *          nothing special.  Number k is log(1 + count), and all of them
 *          together are scaled to length 1, so that long and short texts weigh
 *          the same.  The hash is fixed: what was trained stays true.
 * Threads  Pure functions.
 */
#ifndef DATASET_GRAMS_H
#define DATASET_GRAMS_H

#include "dataset/meta.h"

/* x [g->size] becomes the numbers of this text. */
void dataset_grams_count(const struct dataset_grams *g, const char *s,
                         size_t len, float *x);

#endif
