/*
 * schedule.h - how the learning rate moves over the epochs of a job
 *
 * Model    A row in a table, as optimisers are: type, members with ranges and
 *          defaults.  With eta the optimiser's rate, w = warmup_epochs, N the
 *          job's epochs, and k = epoch - w - 1 from 0:
 *            warm-up      eta epoch / (w + 1)                for epoch <= w
 *            constant     eta
 *            step         eta factor^floor(k / every_epochs)
 *            exponential  eta factor^k
 *            cosine       min + (eta - min) (1 + cos(pi (k mod P) / P)) / 2,
 *                         P = restart_epochs, or N - w where that is 0
 *                         (Loshchilov & Hutter 2017)
 *            plateau      eta times a factor for every `patience` figures of
 *                         the monitor in a row that were not better
 *          never below min_rate where there is one.
 * Threads  Pure functions.
 */
#ifndef CODEC_SCHEDULE_H
#define CODEC_SCHEDULE_H

#include <stdint.h>

#include "nn/spec.h"

enum codec_schedule_type {
    CODEC_SCHEDULE_CONSTANT,
    CODEC_SCHEDULE_STEP,
    CODEC_SCHEDULE_EXPONENTIAL,
    CODEC_SCHEDULE_COSINE,
    CODEC_SCHEDULE_PLATEAU,
    CODEC_SCHEDULE_COUNT
};

struct codec_schedule {
    enum codec_schedule_type type;
    size_t                   warmup_epochs;
    size_t                   every_epochs;   /* step                    */
    size_t                   restart_epochs; /* cosine; 0: never        */
    size_t                   patience;       /* plateau                 */
    float                    factor;         /* step, exponential, plateau */
    float                    min_rate;       /* cosine, plateau         */
};

const char *codec_schedule_name(enum codec_schedule_type type);
/* Members of this type, offsets in struct codec_schedule. */
const struct nn_member *codec_schedule_members(enum codec_schedule_type type);
void codec_schedule_init(struct codec_schedule *s,
                         enum codec_schedule_type type);

/* The rate of this epoch (from 1) of a job of n_epochs; plateau is the product
 * of the factors so far, 1 at the start. */
double codec_schedule_rate(const struct codec_schedule *s, double rate,
                           uint64_t epoch, uint64_t n_epochs, double plateau);

#endif
