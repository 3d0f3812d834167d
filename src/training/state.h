/*
 * state.h - all that a job needs to go on as if nothing had happened
 *
 * Model    The state between two batches: counters, what the epoch under way has
 *          added up, the parameters, the optimiser's vectors, the best
 *          parameters so far, and the encoder.  What is a function of (seed,
 *          epoch), such as the order of the rows, is not in it.
 * Owner    training_saved_parse() borrows from the bytes it reads.
 * Errors   ERR_CORRUPT for bytes that are no state, another version's, or do not
 *          fit the network.
 * Format   Little-endian.  "BPST", u32 version 6, then every field of struct
 *          training_state in its order as u64 or IEEE double, then the lengths
 *          of what follows: parameters, optimiser, best parameters (0: none, or
 *          the same as the parameters), the state in which the best restart
 *          ended, in this format (0: none), encoder (JSON with its NUL).
 */
#ifndef TRAINING_STATE_H
#define TRAINING_STATE_H

#include <stdint.h>

#include "codec/job.h"
#include "nn/net.h"
#include "nn/optimizer.h"
#include "nn/train.h"
#include "store/store.h"
#include "training/warnings.h"

/* Why a restart, or the job, is over. */
enum training_reason {
    TRAINING_GOES_ON,
    TRAINING_LOSS_BELOW,
    TRAINING_ACCURACY_ABOVE,
    TRAINING_EPOCHS,
    TRAINING_PATIENCE,
    TRAINING_GENERALIZATION_LOSS,
    TRAINING_PROGRESS,
    TRAINING_SECONDS,
    TRAINING_DIVERGED,
    TRAINING_CANCELLED,
    TRAINING_REASON_COUNT
};

/* A restart, or a fold, that is over. */
struct training_outcome {
    uint64_t epochs; /* it trained              */
    uint64_t best_epoch; /* by the monitor; 0: none */
    double   figure; /* the monitor's, of what it offers; NaN: none */
    uint64_t reason; /* enum training_reason */
    struct store_epoch row; /* of what it offers; NaN: nothing */
};

struct training_state {
    uint64_t epoch;   /* epochs done, over all restarts        */
    uint64_t restart; /* or fold under way, from 1; the final  */
                      /* model comes after the last fold       */
    uint64_t began;   /* epochs done before it began           */
    double   rate;    /* what "auto" chose; 0: not (yet)       */
    double   elapsed; /* seconds, over all runs of the job     */
    double   elapsed_before; /* it began                       */
    uint64_t seed; /* of its draws; folds have the job's       */
    /* How its rows are shuffled, which a job keeps though the memory that it
     * may take changes: within windows of so many; 0: all at once. */
    uint64_t window_rows;

    /* Of this restart. */
    uint64_t           best_epoch; /* by the monitor; 0: none yet           */
    double             best_figure;
    uint64_t           waited; /* figures of the monitor since the best one */
    double             least_val_loss; /* infinite: none yet                 */
    double             plateau;   /* the schedule's factor so far           */
    uint64_t           plateau_waited;
    double             strip[CODEC_MAX_STRIP]; /* the last training losses; that
                                                  of epoch n at n % its length */
    struct store_epoch last, best; /* rows of those epochs                  */

    /* Of the restarts that are over: each, and the best of them. */
    struct training_outcome outcome[CODEC_MAX_RESTARTS];
    uint64_t                kept_restart; /* 0: none yet */

    struct training_watch watch;

    /* Of the epoch under way; all zero between two. */
    struct nn_train_sums sums;    /* sums.n_rows of its rows are done */
    double               seconds; /* it has taken so far              */
};

/* The state before the first epoch. */
void training_state_init(struct training_state *state, uint64_t seed);
/* What a restart begins with; what is of the whole job stays. */
void training_state_restart(struct training_state *state, uint64_t seed);
/* The restart as a job of its own: no other came before it. */
void training_state_alone(struct training_state *state);

/* Are its parameters, as they stand, the best ones so far? */
bool training_state_is_best(const struct training_state *state);

/* Is there anything to keep: a restart that is over, or an epoch of this one?
 * Else the last row is that of another restart or fold. */
bool training_state_has_epoch(const struct training_state *s);

/* What the state's bytes are made from; best is NULL where it is not kept.  The
 * winner is the best of the restarts that are over, as the bytes of the state
 * it ended in, alone; there is no room for one where there are no restarts. */
struct training_parts {
    const struct nn_net       *net, *best;
    const struct nn_optimizer *opt;
    const void                *winner;
    size_t                     winner_len, winner_room;
    const char                *encoder;
    size_t                     encoder_len; /* with its NUL */
};

/* The most bytes a state of these parts takes. */
size_t training_state_bytes(const struct training_parts *parts);
/* Write it to p, which has room for those; returns the bytes written. */
size_t training_state_export(const struct training_state *state,
                             const struct training_parts *parts, void *p);

struct training_saved {
    struct training_state state;
    const uint8_t        *params, *opt, *best, *winner;
    size_t                params_len, opt_len, best_len, winner_len;
    const char           *encoder;
};

enum err training_saved_parse(const void *p, size_t len,
                              struct training_saved *out, struct errinfo *e);

/* Put the parameters back; best may be NULL. */
enum err training_saved_restore(const struct training_saved *saved,
                                struct nn_net *net, struct nn_net *best,
                                struct nn_optimizer *opt, struct errinfo *e);

/* What it offers as a version: the bytes of parameters are those of weights. */
struct training_offer {
    const uint8_t     *weights; /* borrowed from the state's bytes */
    size_t             len;
    struct store_epoch row; /* of their epoch */
};

enum err training_saved_offer(const struct training_saved *saved,
                              enum codec_keep keep, struct training_offer *out,
                              struct errinfo *e);

#endif
