/*
 * cell.h - the text of a cell: a number, a name, or nothing
 *
 * Model    Numbers are JSON's, and may have a leading + or begin with a point.
 *          A number's name is the shortest text that reads back as the same
 *          float32; so "1", "1.0" and "+1" are one category, called "1".
 * Threads  Pure functions.
 */
#ifndef DATASET_CELL_H
#define DATASET_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum dataset_cell {
    DATASET_CELL_NUMBER,
    DATASET_CELL_TEXT,
    DATASET_CELL_TOO_LARGE /* a number that no float32 holds */
};

/* An empty field, ?, or one of these words, written so and no other way: NA,
 * N/A, n/a, #NA, #N/A, <NA>, NaN, nan, NAN, -nan, -NaN, null, NULL, Null. */
bool dataset_cell_is_missing(const char *s, size_t len);

/* Is it a word that says yes or no?  *pair: which two words it is one of. */
bool dataset_cell_truth(const char *s, size_t len, unsigned *pair, bool *out);
/* How the other words of this pair are written. */
const char *dataset_cell_word(unsigned pair, bool truth);

/* *out is written for DATASET_CELL_NUMBER only. */
enum dataset_cell dataset_cell_parse(const char *s, size_t len, float *out);

/* The same number in double; false where it is none, or too large. */
bool dataset_cell_value(const char *s, size_t len, double *out);

/* Make *out the name of x; it has failed where memory is short. */
void dataset_cell_name(float x, struct buf *out);

/* Does x say all that this number says?  1 does for "1.0", but 123456792
 * does not for "123456789". */
bool dataset_cell_is_exact(const char *s, size_t len, const struct buf *name);

/* A list of names, to be asked which of them is the name of a number. */
struct dataset_label {
    float    value;
    uint32_t index; /* in the list of names */
};

struct dataset_labels {
    struct dataset_label *at; /* ascending */
    size_t                n;
};

enum err dataset_labels_new(char *const *names, size_t n,
                            struct dataset_labels *out, struct errinfo *e);
void     dataset_labels_release(struct dataset_labels *labels);

/* The index of x's name, or NaN. */
float dataset_labels_find(const struct dataset_labels *labels, float x);

#endif
