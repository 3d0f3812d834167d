/*
 * encoder.h - raw columns to network inputs, classes to targets, and back
 *
 * Model    What an input column gives, and `n_parts` numbers of it each (x - a) b
 *          with a and b fitted on the training rows:
 *            numeric   its `width` numbers
 *            boolean   0 or 1
 *            datetime  the parts of dataset/date.h
 *          none: (0, 1); standard: (mean, 1 / std; std over n, a constant column:
 *          b = 1); min_max: (min, 1 / (max - min)); robust: (median, 1 / (q75 -
 *          q25)).  A missing one becomes the training mean or median, or a
 *          value given, first; with an indicator, there is one more input a
 *          part that is 1 where it was missing and 0 elsewhere, for the columns
 *          in which the dataset lacks something.
 *            categorical, class  C inputs for C categories, one-hot; one that
 *                      training never saw, or a missing one, gives zeros
 *            text      the numbers of dataset/grams.h; missing: zeros
 *          Targets: a class is one-hot over n_out outputs, or with one output
 *          and two classes low or high (0 and 1; -1 and 1 where the output is
 *          tanh); numbers are (t - a) b, and outputs are turned back.
 *          A raw row, as predictions bring it, has per input column, in their
 *          order, one float32 a number, one for a category or boolean (its
 *          index), two for a date (days, seconds), and the numbers of a text.
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
    DATASET_SCALE_ROBUST,
    DATASET_SCALE_COUNT
};

/* What stands for a missing number. */
enum dataset_missing {
    DATASET_MISSING_MEAN,
    DATASET_MISSING_MEDIAN,
    DATASET_MISSING_INDICATOR, /* the mean, and it is told */
    DATASET_MISSING_VALUE,
    DATASET_MISSING_COUNT
};

/* How to encode; all zero: numbers as they are, means for missing ones. */
struct dataset_encoding {
    enum dataset_scaling scale_inputs, scale_targets;
    enum dataset_missing missing;
    float                missing_value; /* DATASET_MISSING_VALUE */
};

bool dataset_encoding_equal(const struct dataset_encoding *a,
                            const struct dataset_encoding *b);

const char *dataset_scaling_name(enum dataset_scaling s);
bool        dataset_scaling_find(const char *name, enum dataset_scaling *out);
const char *dataset_missing_name(enum dataset_missing m);
bool        dataset_missing_find(const char *name, enum dataset_missing *out);

struct dataset_category {
    const char *name; /* borrowed from the input's categories */
    size_t      index;
};

struct dataset_input {
    char             *name;
    enum dataset_type type;
    size_t            width;      /* float32 in a raw row                    */
    size_t            raw_offset; /* of its first float32 in a raw row       */
    size_t            n_in;       /* inputs it gives                         */
    size_t            offset;     /* of its first input                      */
    size_t            n_categories;
    char            **categories; /* those of the training dataset           */
    struct dataset_category *by_name;  /* the same, in the order of their names */
    bool              indicator;  /* n_parts more inputs say what is missing */
    size_t            n_parts;
    float            *a, *b, *fill; /* [n_parts]                             */
    struct dataset_grams grams;     /* text                                  */
};

struct dataset_encoder {
    struct dataset_encoding encoding;
    size_t                n_inputs; /* columns */
    struct dataset_input *input;
    size_t                raw_width; /* float32 in a raw row         */
    size_t                n_in;      /* inputs of the network        */
    bool                  only_numbers; /* no column of words        */
    enum dataset_task     task;
    size_t                n_targets; /* target columns               */
    char                **target;    /* their names                  */
    size_t                n_out;     /* outputs of the network       */
    size_t                n_classes;
    char                **classes;
    float                 low, high; /* one output, two classes      */
    float                *target_a, *target_b; /* [n_out] regression */
};

/* Once all else of the inputs is known, place them behind each other: their
 * widths, parts and offsets, and what the encoder has of all of them; and have
 * their categories sorted, to be found by name.  False: out of memory. */
bool dataset_encoder_layout(struct dataset_encoder *enc);

/*
 * An encoder for the columns of meta (but those aside), not fitted yet (a = 0, b = 1).  n_out is
 * the network's; symmetric: its output is tanh.  ERR_INVALID with pointer
 * "/dataset" where targets do not fit n_out; both numbers are in the sentence.
 */
enum err dataset_encoder_new(const struct dataset_meta *meta,
                             const struct dataset_encoding *encoding,
                             size_t n_out, bool symmetric, struct dataset_encoder **out,
                             struct errinfo *e);
void     dataset_encoder_free(struct dataset_encoder *enc); /* NULL is fine */

/* Halfway between low and high: what parts the classes of a single output. */
float dataset_encoder_middle(const struct dataset_encoder *enc);

/* How many outputs a network for this dataset has: one a class, or one for two
 * of them; one a number. */
size_t dataset_meta_outputs(const struct dataset_meta *meta);

/* The shape of its inputs, encoded so (NULL: all zero): that of the only input
 * where it is an array, else all of them in one row.  Returns the rank. */
size_t dataset_meta_input_shape(const struct dataset_meta     *meta,
                                const struct dataset_encoding *encoding,
                                size_t dim[DATASET_MAX_RANK]);

/* The raw values of a text in column `in`, a date or a text; false: no date. */
bool dataset_input_read(const struct dataset_input *in, const char *s,
                        size_t len, float *raw);

/* The raw value of a category's name in input column i: its index, or NaN. */
float dataset_encoder_category(const struct dataset_encoder *enc, size_t i,
                               const char *name);

/* Raw rows [n][raw_width] to inputs [n][n_in]; x may be raw where the encoder
 * changes nothing but numbers in place (raw_width == n_in). */
void dataset_encoder_apply(const struct dataset_encoder *enc, const float *raw,
                           size_t n, float *x);

/* Targets that are numbers, t [n][n_out], as the network learns them. */
void dataset_encoder_scale_targets(const struct dataset_encoder *enc, float *t,
                                   size_t n);

/* Outputs y [n][n_out] as the numbers that the targets were. */
void dataset_encoder_restore(const struct dataset_encoder *enc, float *y,
                             size_t n);

/* Are rows numbers only, no words among them?  NULL, no encoder at all, takes
 * nothing else. */
bool dataset_encoder_takes_numbers(const struct dataset_encoder *enc);

/* The class of an output row y [n_out]; classification only. */
size_t dataset_encoder_class(const struct dataset_encoder *enc, const float *y);

#endif
