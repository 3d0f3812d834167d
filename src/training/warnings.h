/*
 * warnings.h - what is going wrong with a training, by rules
 *
 * Model    After every epoch the watch looks at the epoch's figures.  A rule has
 *          a threshold that must be crossed in so many epochs in a row; then its
 *          warning is raised, once a job (once a layer where it is about one).
 *          The rules and their thresholds are the table in warnings.c; README.md
 *          explains them.  A restart begins counting anew.  One warning is no
 *          rule's: that of the encoding, which is known before the first epoch.
 * Owner    Plain data, part of the state: a job that goes on raises what it
 *          would have raised.
 * Threads  The job's worker only.
 */
#ifndef TRAINING_WARNINGS_H
#define TRAINING_WARNINGS_H

#include "codec/job.h"
#include "nn/net.h"

enum training_warning {
    TRAINING_LOSS_DIVERGING,
    TRAINING_VANISHING_GRADIENT,
    TRAINING_EXPLODING_GRADIENT,
    TRAINING_DEAD_UNITS,
    TRAINING_OVERFITTING,
    TRAINING_NOT_LEARNING,
    TRAINING_WARNING_COUNT
};

struct training_watch {
    /* Of this restart. */
    double   first_loss; /* of its first epoch; 0: not over yet            */
    double   least_loss;
    double   loss_at_least_val; /* the training's, when validation was best */
    uint64_t diverging, overfitting; /* epochs in a row                    */
    uint64_t vanishing[NN_MAX_LAYERS], exploding[NN_MAX_LAYERS];
    /* Of the job: the epoch in which a warning was raised, 0: was not; [0] is
     * about no single layer, [1 + i] about layer i. */
    uint64_t raised[TRAINING_WARNING_COUNT][NN_MAX_LAYERS + 1];
};

/* What an epoch shows. */
struct training_signs {
    const struct store_epoch *row;
    uint64_t epoch, n_epochs; /* of the restart: the one just done, and all  */
    double   least_val_loss;  /* this epoch's included; infinite: none       */
    double   baseline; /* the loss of always answering the mean target       */
    const struct nn_net *net;
    const double        *gradient_norm; /* [n_layers], mean over the batches */
    const double        *dead; /* [n_layers], part of the units that answer 0
                                  to everything; NULL: not measured now      */
};

void training_watch_restart(struct training_watch *watch);
/* What was raised up to epoch `began` was raised by others. */
void training_watch_alone(struct training_watch *watch, uint64_t began);
void training_watch_epoch(struct training_watch       *watch,
                          const struct training_signs *signs);

/* Of a job that goes on from `version`, whose weights were trained behind
 * another encoding: the sentence that says so. */
#define TRAINING_CHANGED "encoding_changed"
#define TRAINING_CHANGED_SIZE 384
void training_changed_advice(int64_t                        version,
                             const struct dataset_encoding *was,
                             const struct dataset_encoding *now,
                             char out[TRAINING_CHANGED_SIZE]);

/* What was raised, in order of epochs.  Returns how many. */
#define TRAINING_MAX_WARNINGS (TRAINING_WARNING_COUNT * (NN_MAX_LAYERS + 1))
size_t training_watch_list(const struct training_watch *watch,
                           struct codec_warning         out[TRAINING_MAX_WARNINGS]);

#endif
