/*
 * training.h - jobs run by a pool of workers
 *
 * Model    queue -> worker -> trainer.  A worker claims the oldest queued job,
 *          loads its dataset and start weights, and trains its own copy; after
 *          each epoch it hands a checkpoint to the store without waiting for
 *          the disk (at most one under way; rows that have to wait go with the
 *          next).  Flags for cancel and stop are read between batches.  The job
 *          ends in one transaction with its version; then on_version is told.
 *          A job that was running when the process ended goes on from its
 *          checkpoint and ends with the same bytes.
 * Owner    training_pool_start() gives a pool to the caller, _stop() takes it.
 * Threads  Any thread may call what is here.  Workers run at a lower priority.
 * Errors   What is wrong with a job is told by the job: status failed, error.
 */
#ifndef TRAINING_TRAINING_H
#define TRAINING_TRAINING_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/job.h"
#include "store/store.h"

struct training_options {
    struct store      *store;  /* borrowed */
    struct mem_budget *budget; /* borrowed */
    unsigned           n_workers; /* 0: one a core */
    unsigned           n_threads; /* of one job at most; 0: one a core */
    unsigned           nice;      /* of all threads that train         */
    /* After a job's version is committed; on a worker's thread, or on that of
     * who cancels and keeps. */
    void (*on_version)(void *arg, const char *network);
    /* A job waits for so much memory: give back what you can spare.  On a
     * worker's thread.  NULL: nobody has any. */
    void (*on_short)(void *arg, size_t n_bytes);
    void *arg;
};

struct training_pool;

/* What a job will take, before it is submitted. */
struct training_estimate {
    size_t memory_bytes;
    double seconds; /* of all its epochs; NaN: cannot be told just now */
};

/* What all jobs together have done since the start; any thread may read. */
struct training_counters {
    atomic_uint_least64_t n_epochs, n_samples;
};

enum err training_pool_start(const struct training_options *options,
                             struct training_pool **out, struct errinfo *e);
/* Running jobs checkpoint and go back into the queue; waits for all workers. */
void training_pool_stop(struct training_pool *pool);

/* A job was submitted: somebody look. */
void training_pool_wake(struct training_pool *pool);

/* Cancel a job, and wait until it is (a few batches at most); keep: what it has
 * learnt so far becomes a version.  ERR_CONFLICT where it has ended otherwise;
 * ERR_OK where it is cancelled already. */
enum err training_pool_cancel(struct training_pool *pool, int64_t job_id,
                              bool keep, struct errinfo *e);
/* Take a job from its worker, or out of the queue, until it is resumed; its
 * memory is given back.  ERR_CONFLICT where it has ended; ERR_OK where it is so
 * already. */
enum err training_pool_pause(struct training_pool *pool, int64_t job_id,
                             struct errinfo *e);
enum err training_pool_resume(struct training_pool *pool, int64_t job_id,
                              struct errinfo *e);

/* Where a running job is: false where no worker has it.  metrics (JSON of the
 * last epoch) is appended where there are any. */
bool training_pool_progress(struct training_pool *pool, int64_t job_id,
                            struct codec_progress *out, struct buf *metrics);

const struct training_counters *
training_pool_counters(const struct training_pool *pool);

/* A job that a worker has, as it is now. */
struct training_running {
    int64_t               id;
    struct codec_progress progress;
    struct store_epoch    last; /* epoch 0: none yet */
};

/* Up to max of them into out; returns how many. */
size_t training_pool_running(struct training_pool    *pool,
                             struct training_running *out, size_t max);

/* Wait until on_version has been told of a job that has ended, so that who
 * has seen "succeeded" sees the new version too.  Returns at once where no
 * worker has the job; call it only for a job whose row says that it ended. */
void training_pool_settle(struct training_pool *pool, int64_t job_id);
/* The same for who cannot wait: does a worker still have the job? */
bool training_pool_has(struct training_pool *pool, int64_t job_id);

/*
 * Would this job run?  What can be told of a spec before it is queued: the
 * network and datasets exist, they fit together, there are rows to train on and
 * to validate with, the memory is within the whole budget.  ERR_INVALID with
 * all pointers.  Reads the store.
 */
enum err training_check(struct store *db, const struct mem_budget *budget,
                        const struct codec_job *spec, struct errinfo *e);

/* Of a spec that is wrong already: is what it names there?  A name of "" is
 * passed over. */
enum err training_check_names(struct store *db, const struct codec_job *spec,
                              struct errinfo *e);

/* As training_check(), and the time is measured: a few batches of the network
 * itself, on zeros. */
enum err training_estimate(struct store *db, struct mem_budget *budget,
                           const struct codec_job   *spec,
                           struct training_estimate *out, struct errinfo *e);

#endif
