/*
 * encoder.h - raw columns to network inputs, classes to targets, and back
 *
 * Model    An input column of numbers gives its `width` inputs, each (x - a) b
 *          with a and b fitted on the training rows: none (0, 1), standard
 *          (mean, 1 / std; std over n, a constant column: b = 1), min_max (min,
 *          1 / (max - min)).  A missing number becomes the training mean.  A
 *          categorical column of C categories gives C inputs, one-hot; one that
 *          training never saw, or a missing one, gives zeros.  Targets: a class
 *          is one-hot over n_out outputs, or with one output and two classes
 *          low or high (0 and 1; -1 and 1 where the output is tanh); numbers
 *          are themselves.
 *          A raw row, as predictions bring it, has one float32 per number and
 *          per category of the input columns, in the order of the columns.
 * Owner    _new() gives an encoder to the caller; it borrows nothing.  Every
 *          array and every string in it is a block of its own, for free().
 * Threads  Immutable once fitted.
 */
#ifndef DATASET_ENCODER_H
#define DATASET_ENCODER_H

#include "base/err.h"
#include "dataset/chunk.h"
#include "dataset/meta.h"

enum dataset_scaling {
    DATASET_SCALE_NONE,
    DATASET_SCALE_STANDARD,
    DATASET_SCALE_MIN_MAX,
    DATASET_SCALE_COUNT
};

const char *dataset_scaling_name(enum dataset_scaling s);
bool        dataset_scaling_find(const char *name, enum dataset_scaling *out);

struct dataset_input {
    char             *name;
    enum dataset_type type;
    size_t            width;      /* float32 in a raw row                    */
    size_t            raw_offset; /* of its first float32 in a raw row       */
    size_t            offset;     /* of its first input                      */
    size_t            n_categories;
    char            **categories; /* those of the training dataset           */
    float            *a, *b, *fill; /* [width], numeric only                 */
};

struct dataset_encoder {
    enum dataset_scaling  scaling;
    size_t                n_inputs; /* columns */
    struct dataset_input *input;
    size_t                raw_width; /* float32 in a raw row         */
    size_t                n_in;      /* inputs of the network        */
    enum dataset_task     task;
    size_t                n_targets; /* target columns               */
    char                **target;    /* their names                  */
    size_t                n_out;     /* outputs of the network       */
    size_t                n_classes;
    char                **classes;
    float                 low, high; /* one output, two classes      */
};

/*
 * An encoder for the columns of meta (but those aside), not fitted yet (a = 0, b = 1).  n_out is
 * the network's; symmetric: its output is tanh.  ERR_INVALID with pointer
 * "/dataset" where targets do not fit n_out; both numbers are in the sentence.
 */
enum err dataset_encoder_new(const struct dataset_meta *meta,
                             enum dataset_scaling scaling, size_t n_out,
                             bool symmetric, struct dataset_encoder **out,
                             struct errinfo *e);
void     dataset_encoder_free(struct dataset_encoder *enc); /* NULL is fine */

/* Halfway between low and high: what parts the classes of a single output. */
float dataset_encoder_middle(const struct dataset_encoder *enc);

/* The raw value of a category's name in input column i: its index, or NaN. */
float dataset_encoder_category(const struct dataset_encoder *enc, size_t i,
                               const char *name);

/* Raw rows [n][raw_width] to inputs [n][n_in]; x may be raw where the encoder
 * changes nothing but numbers in place (raw_width == n_in). */
void dataset_encoder_apply(const struct dataset_encoder *enc, const float *raw,
                           size_t n, float *x);

/* The class of an output row y [n_out]; classification only. */
size_t dataset_encoder_class(const struct dataset_encoder *enc, const float *y);

#endif
