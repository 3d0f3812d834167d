/*
 * run.h - the face of a job under way: flags in, progress out
 *
 * Model    A worker keeps one on its stack for as long as it has the job, and
 *          the pool lists it.  `halt` is what the batch loop reads; it is set
 *          for every reason to stop early, and `why` tells which.
 * Owner    The worker.  Others reach it through the pool's list, under the
 *          pool's lock.
 * Threads  The flags are atomic; everything else is guarded by `lock`, which is
 *          taken after the pool's lock where both are held.
 */
#ifndef TRAINING_RUN_H
#define TRAINING_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "codec/job.h"
#include "store/store.h"
#include "training/team.h"
#include "training/training.h"

/* Why a job is to leave its worker; a larger one wins over those before it. */
enum training_halt {
    TRAINING_STOP,        /* the process ends: back into the queue */
    TRAINING_PAUSE,       /* until somebody resumes it             */
    TRAINING_CANCEL,      /* for good                              */
    TRAINING_CANCEL_KEEP, /* for good, and what it has is kept     */
};

struct training_run {
    int64_t              id;
    struct training_cores *cores; /* the pool's; NULL: one thread */
    struct training_counters *counters; /* the pool's; NULL: nobody counts */
    atomic_bool          halt;
    atomic_int           why; /* enum training_halt */
    atomic_bool          stopping; /* halted for TRAINING_STOP, too */
    struct training_run *next; /* the pool's list */

    pthread_mutex_t       lock;
    pthread_cond_t        halted;
    struct codec_progress progress;
    struct store_epoch    last; /* the last epoch done; epoch 0: none yet */

    /* Only the worker's, to smooth the rate. */
    bool     silent; /* what it does is not this job's to tell */
    uint64_t n_train;
    uint64_t epochs;  /* of one restart, at most                        */
    uint64_t folds;   /* 0: none                                        */
    uint64_t skipped; /* epochs that earlier restarts did not need      */
    double   stop_seconds; /* NaN: not asked */
    int64_t  window_us;
    uint64_t window_rows; /* rows done when the window began */
    double   rate;        /* rows a second; NaN: not known   */
};

void training_run_init(struct training_run *run, int64_t id);
void training_run_release(struct training_run *run);

/* Ask the worker to leave the job. */
void training_run_halt(struct training_run *run, enum training_halt why);
bool training_run_is_halted(const struct training_run *run);
bool training_run_is_stopping(const struct training_run *run);
enum training_halt training_run_why(const struct training_run *run);

/* Sleep this long, or until halted. */
void training_run_sleep(struct training_run *run, int64_t us);

/* Training goes on after `epoch` epochs of n_train rows each. */
void training_run_begin(struct training_run *run, uint64_t epoch,
                        const struct codec_job *spec, uint64_t n_train);
/* This restart or fold, from 1, is under way, of n_train rows; before it
 * `began` epochs were done. */
void training_run_restart(struct training_run *run, uint64_t restart,
                          uint64_t began, uint64_t n_train);
/* It will do no more epochs than so many. */
void training_run_shorten(struct training_run *run, uint64_t epochs);

/* `rows` rows of the epoch after `epoch` are done, `elapsed` seconds of the
 * job are over.  last is the epoch just finished, or NULL inside of one. */
void training_run_advance(struct training_run *run, uint64_t epoch,
                          uint64_t rows, double elapsed,
                          const struct store_epoch *last);

#endif
