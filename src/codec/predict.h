/*
 * predict.h - the bodies of predict and evaluate
 *
 * Model    {"inputs": [row, …], "version": v}: a row is flat or nested as the
 *          network's input_shape, or, where the version has an encoder, an array
 *          with an element per number of its input columns (a string where the
 *          column is categorical, a date or a text, true or false where it is
 *          boolean, null where missing), or an object by column name.  Numbers go straight into float32.
 * Limits   CODEC_MAX_PREDICT_ROWS rows, CODEC_MAX_PREDICT_FLOATS numbers.
 * Errors   ERR_INVALID with the pointer of the element ("/inputs/3/0").
 */
#ifndef CODEC_PREDICT_H
#define CODEC_PREDICT_H

#include "base/buf.h"
#include "base/err.h"
#include "dataset/encoder.h"
#include "nn/net.h"

#define CODEC_MAX_PREDICT_ROWS 100000u
#define CODEC_MAX_PREDICT_FLOATS ((size_t)64 << 20) /* of all its rows */

struct codec_predict {
    float  *raw;     /* [n_rows][width], free() it: encoder's raw rows, or the
                        network's inputs where there is no encoder           */
    size_t  n_rows, width;
    int64_t version; /* -1: not given */
    size_t  n_unseen; /* categories that training never saw */
};

/* encoder NULL: rows are the network's inputs. */
enum err codec_predict_parse(const void *body, size_t len,
                             const struct nn_spec *spec,
                             const struct dataset_encoder *encoder,
                             struct codec_predict *out, struct errinfo *e);

/* One value of a column, as JSON has it in an object by column name, into row
 * out->n_rows of out->raw: a string, or a number in its digits; text NULL:
 * null.  part: which number of an array column. */
enum err codec_predict_cell(const struct dataset_encoder *encoder,
                            const struct dataset_input *column, size_t part,
                            const char *text, size_t len, bool is_string,
                            struct codec_predict *out, struct errinfo *e);

/* The version that a body like this asks for, without its rows; -1: none. */
enum err codec_predict_version(const void *body, size_t len, int64_t *out,
                               struct errinfo *e);

/* {"dataset": NAME, "version": v or absent} */
struct codec_evaluate {
    char    dataset[64];
    int64_t version; /* -1: not given */
};
enum err codec_evaluate_parse(const void *body, size_t len,
                              struct codec_evaluate *out, struct errinfo *e);

#define CODEC_MAX_WORST 10
#define CODEC_MAX_ROC 101
#define CODEC_QUANTILES 5 /* 5, 25, 50, 75 and 95 percent */

/* A row that the model is bad at, from 0: the more, the worse. */
struct codec_worst {
    uint64_t     row;
    double       badness;
    size_t       actual, said; /* classes */
    double       probability;  /* of the actual one; NaN: outputs are none */
    const float *t, *y;        /* [n_out] regression; borrowed             */
};

/* Of a score above the threshold (NaN: none is) it says the second class. */
struct codec_roc {
    double false_positive_rate, true_positive_rate, threshold;
};

/* What an evaluation found.  Sums over rows; the formatter derives the rest. */
struct codec_evaluation {
    const char              *network, *dataset;
    int64_t                  version;
    enum dataset_task        task;
    uint64_t                 n_rows;
    double                   loss;      /* mean                              */
    size_t                   n_classes; /* classification                    */
    char                   **classes;   /* borrowed                          */
    uint64_t                *confusion; /* [n_classes actual][n_classes said] */
    double                   log_loss;  /* NaN: outputs are no probabilities */
    double                   auc;       /* two classes; NaN: not defined     */
    size_t                   n_roc;
    struct codec_roc        *roc; /* [CODEC_MAX_ROC]                         */
    double                   mse, mae, r2; /* regression; over all outputs   */
    double                   residual[CODEC_QUANTILES]; /* target - output   */
    size_t                   n_out;
    size_t                   n_worst;
    struct codec_worst       worst[CODEC_MAX_WORST];
};
void codec_evaluation_release(struct codec_evaluation *ev);
void codec_evaluation_format(const struct codec_evaluation *ev,
                             struct buf *out);

#endif
