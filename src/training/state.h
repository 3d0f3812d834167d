/*
 * state.h - all that a job needs to go on as if nothing had happened
 *
 * Model    The state between two epochs: counters, the parameters, the
 *          optimiser's vectors, the best parameters so far, and the encoder.
 *          What is a function of (seed, epoch), such as the order of the rows,
 *          is not in it.
 * Owner    training_saved_parse() borrows from the bytes it reads.
 * Errors   ERR_CORRUPT for bytes that are no state, another version's, or do not
 *          fit the network.
 * Format   Little-endian.  "BPST", u32 version 1, then as u64 or IEEE double:
 *          epoch, best epoch, best figure, epochs waited, seconds; the rows of
 *          the last and the best epoch (epoch and eight doubles each); the
 *          lengths of what follows: parameters, optimiser, best parameters (0:
 *          none, or the same as the parameters), encoder (JSON with its NUL).
 */
#ifndef TRAINING_STATE_H
#define TRAINING_STATE_H

#include <stdint.h>

#include "nn/net.h"
#include "nn/optimizer.h"
#include "store/store.h"

struct training_state {
    uint64_t           epoch;      /* epochs done                           */
    uint64_t           best_epoch; /* by the monitor; 0: none yet           */
    double             best_figure;
    uint64_t           waited; /* figures of the monitor since the best one */
    double             elapsed; /* seconds, over all runs of the job        */
    struct store_epoch last, best; /* rows of those epochs                  */
};

/* What the state's bytes are made from; best is NULL where it is not kept. */
struct training_parts {
    const struct nn_net       *net, *best;
    const struct nn_optimizer *opt;
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
    const uint8_t        *params, *opt, *best;
    size_t                params_len, opt_len, best_len;
    const char           *encoder;
};

enum err training_saved_parse(const void *p, size_t len,
                              struct training_saved *out, struct errinfo *e);

/* Put the parameters back; best may be NULL. */
enum err training_saved_restore(const struct training_saved *saved,
                                struct nn_net *net, struct nn_net *best,
                                struct nn_optimizer *opt, struct errinfo *e);

#endif
