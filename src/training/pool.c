/* pool.c - workers that take jobs from the queue */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "training/job.h"
#include "training/keep.h"
#include "training/run.h"
#include "training/training.h"

/* A worker with nothing to do looks into the queue this often unasked: a wake
 * that was lost costs this much and no job. */
#define IDLE_US 1000000
/* The moments between a claim and its place in the list, and between a job's
 * end and its leaving: a cancel that falls there asks again. */
#define LEAVE_RETRY_US 20000
#define LEAVE_LIMIT_US 30000000

struct training_pool {
    struct training_options  options;
    pthread_t               *worker;
    unsigned                 n_workers; /* started */
    struct training_cores    cores;
    pthread_mutex_t          lock;    /* guards what follows */
    pthread_cond_t           wake;    /* for workers                  */
    pthread_cond_t           changed; /* a run came into runs or left */
    uint64_t                 n_wakes;
    bool                     stopping;
    struct training_run     *runs;
    struct training_counters counters;
};

/* --- the list of runs ----------------------------------------------------- */

static struct training_run *
run_find_locked(struct training_pool *pool, int64_t id)
{
    struct training_run *run = pool->runs;

    while (run != NULL && run->id != id)
        run = run->next;
    return run;
}

static void
run_enter(struct training_pool *pool, struct training_run *run)
{
    pthread_mutex_lock(&pool->lock);
    run->next = pool->runs;
    pool->runs = run;
    if (pool->stopping)
        training_run_halt(run, TRAINING_STOP);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void
run_leave(struct training_pool *pool, struct training_run *run)
{
    struct training_run **link = &pool->runs;

    pthread_mutex_lock(&pool->lock);
    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* --- workers -------------------------------------------------------------- */

/* Wait until woken after `seen`, for IDLE_US at most. */
static void
pool_idle(struct training_pool *pool, uint64_t seen)
{
    int64_t until = clock_mono_us() + IDLE_US;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && pool->n_wakes == seen && clock_mono_us() < until)
        thread_cond_wait_until(&pool->wake, &pool->lock, until);
    pthread_mutex_unlock(&pool->lock);
}

/* Is there more to do?  The number of wakes so far is taken before the queue is
 * looked at: one that comes in between is then not slept through. */
static bool
pool_goes_on(struct training_pool *pool, uint64_t *out_wakes)
{
    pthread_mutex_lock(&pool->lock);
    bool goes_on = !pool->stopping;
    *out_wakes = pool->n_wakes;
    pthread_mutex_unlock(&pool->lock);
    return goes_on;
}

/* Claim a job and see it through; false: wait before the next. */
static bool
work(struct training_pool *pool)
{
    struct store_job    row = { 0 };
    struct training_run run;
    struct errinfo      e;

    err_clear(&e);
    enum err rc =
        store_job_claim(pool->options.store, clock_wall_ms(), &row, &e);
    if (rc != ERR_OK) {
        if (rc != ERR_NOTFOUND)
            log_write(LOG_ERROR, "training", "cannot claim a job: %s",
                      err_what(&e));
        return false;
    }
    training_run_init(&run, row.id);
    run.counters = &pool->counters;
    run.cores = &pool->cores;
    run_enter(pool, &run);
    atomic_fetch_add(&pool->cores.n_jobs, 1);
    bool done = training_job_run(&pool->options, &run, &row);
    atomic_fetch_sub(&pool->cores.n_jobs, 1);
    run_leave(pool, &run);
    training_run_release(&run);
    store_job_release(&row);
    return done;
}

static void *
worker_main(void *arg)
{
    struct training_pool *pool = arg;
    uint64_t              wakes;

    thread_be_nice(pool->options.nice);
    while (pool_goes_on(pool, &wakes))
        if (!work(pool))
            pool_idle(pool, wakes);
    return NULL;
}

/* --- what others call ----------------------------------------------------- */

static void
pool_free(struct training_pool *pool)
{
    pthread_cond_destroy(&pool->changed);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->worker);
    free(pool);
}

enum err
training_pool_start(const struct training_options *options,
                    struct training_pool **out, struct errinfo *e)
{
    unsigned n =
        options->n_workers != 0 ? options->n_workers : thread_n_cores();
    struct training_pool *pool = mem_array(1, sizeof(*pool), 0);

    if (pool != NULL)
        pool->worker = mem_array(n, sizeof(*pool->worker), 0);
    if (pool == NULL || pool->worker == NULL) {
        free(pool);
        return err_set(e, ERR_NOMEM, "", "no memory for %u workers", n);
    }
    pool->options = *options;
    pool->cores.most =
        options->n_threads != 0 ? options->n_threads : thread_n_cores();
    pthread_mutex_init(&pool->lock, NULL);
    thread_cond_init(&pool->wake);
    thread_cond_init(&pool->changed);
    for (unsigned i = 0; i < n; i++) {
        enum err rc =
            thread_start(&pool->worker[i], "trainer", worker_main, pool, e);
        if (rc != ERR_OK) {
            training_pool_stop(pool);
            return rc;
        }
        pool->n_workers++;
    }
    *out = pool;
    return ERR_OK;
}

void
training_pool_stop(struct training_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (struct training_run *run = pool->runs; run != NULL; run = run->next)
        training_run_halt(run, TRAINING_STOP);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_workers; i++)
        pthread_join(pool->worker[i], NULL);
    pool_free(pool);
}

void
training_pool_wake(struct training_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->n_wakes++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Wait until no worker has this job, or until then; it is asked to leave where
 * *why says so.  False: nobody had it. */
static bool
wait_gone(struct training_pool *pool, int64_t id, const enum training_halt *why,
          int64_t until)
{
    struct training_run *run;
    bool                 had = false;

    pthread_mutex_lock(&pool->lock);
    while ((run = run_find_locked(pool, id)) != NULL &&
           clock_mono_us() < until) {
        had = true;
        if (why != NULL)
            training_run_halt(run, *why);
        thread_cond_wait_until(&pool->changed, &pool->lock, until);
    }
    pthread_mutex_unlock(&pool->lock);
    return had;
}

static enum err
status_get(struct store *db, int64_t id, enum store_job_status *out,
           struct errinfo *e)
{
    struct store_job row = { 0 };
    enum err         rc = store_job_get(db, id, &row, e);

    if (rc == ERR_OK)
        *out = row.status;
    store_job_release(&row);
    return rc;
}

/* What waits in the queue changes its row; what runs is asked to leave, and its
 * worker changes it. */
static enum err
row_change(const struct training_options *o, int64_t id, enum training_halt why,
           struct errinfo *e)
{
    if (why == TRAINING_PAUSE)
        return store_job_pause(o->store, id, e);
    if (why == TRAINING_CANCEL_KEEP)
        return training_keep(o, id, false, e);
    return store_job_cancel(o->store, id, clock_wall_ms(), e);
}

static enum err
leave(struct training_pool *pool, int64_t id, enum training_halt why,
      struct errinfo *e)
{
    struct store         *db = pool->options.store;
    int64_t               until = clock_mono_us() + LEAVE_LIMIT_US;
    enum store_job_status status,
        wanted = why == TRAINING_PAUSE ? STORE_JOB_PAUSED : STORE_JOB_CANCELLED;

    do {
        if (!wait_gone(pool, id, &why, until)) {
            enum err rc = row_change(&pool->options, id, why, e);
            if (rc != ERR_CONFLICT)
                return rc;
            err_clear(e);
        }
        enum err rc = status_get(db, id, &status, e);
        if (rc != ERR_OK || status == wanted)
            return rc;
        if (status >= STORE_JOB_SUCCEEDED)
            return err_named(e,
                             err_set(e, ERR_CONFLICT, "",
                                     "job %lld has already %s", (long long)id,
                                     status == STORE_JOB_CANCELLED
                                         ? "been cancelled"
                                         : store_job_status_name(status)),
                             "job_ended");
        /* Claimed and not in the list yet, or back in the queue. */
        pthread_mutex_lock(&pool->lock);
        thread_cond_wait_until(&pool->changed, &pool->lock,
                               clock_mono_us() + LEAVE_RETRY_US);
        pthread_mutex_unlock(&pool->lock);
    } while (clock_mono_us() < until);
    return err_set(e, ERR_BUSY, "", "job %lld does not stop; try again",
                   (long long)id);
}

enum err
training_pool_cancel(struct training_pool *pool, int64_t job_id, bool keep,
                     struct errinfo *e)
{
    return leave(pool, job_id, keep ? TRAINING_CANCEL_KEEP : TRAINING_CANCEL,
                 e);
}

enum err
training_pool_pause(struct training_pool *pool, int64_t job_id,
                    struct errinfo *e)
{
    return leave(pool, job_id, TRAINING_PAUSE, e);
}

enum err
training_pool_resume(struct training_pool *pool, int64_t job_id,
                     struct errinfo *e)
{
    enum err rc = store_job_resume(pool->options.store, job_id, e);

    if (rc == ERR_OK)
        training_pool_wake(pool);
    return rc;
}

void
training_pool_settle(struct training_pool *pool, int64_t job_id)
{
    wait_gone(pool, job_id, NULL, clock_mono_us() + LEAVE_LIMIT_US);
}

bool
training_pool_has(struct training_pool *pool, int64_t job_id)
{
    pthread_mutex_lock(&pool->lock);
    bool has = run_find_locked(pool, job_id) != NULL;
    pthread_mutex_unlock(&pool->lock);
    return has;
}

/* Has its worker read what the job is?  run->lock is held here. */
static bool
run_is_known(const struct training_run *run)
{
    return run->progress.epochs != 0;
}

bool
training_pool_progress(struct training_pool *pool, int64_t job_id,
                       struct codec_progress *out, struct buf *metrics)
{
    struct store_epoch last = { 0 };
    bool               known = false;

    pthread_mutex_lock(&pool->lock);
    struct training_run *run = run_find_locked(pool, job_id);
    if (run != NULL) {
        pthread_mutex_lock(&run->lock);
        known = run_is_known(run);
        *out = run->progress;
        last = run->last;
        pthread_mutex_unlock(&run->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    if (known && last.epoch != 0)
        codec_metrics_format(&last, metrics);
    return known;
}

const struct training_counters *
training_pool_counters(const struct training_pool *pool)
{
    return &pool->counters;
}

size_t
training_pool_running(struct training_pool *pool, struct training_running *out,
                      size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&pool->lock);
    for (struct training_run *run = pool->runs; run != NULL && n < max;
         run = run->next) {
        pthread_mutex_lock(&run->lock);
        if (run_is_known(run))
            out[n++] = (struct training_running){
                .id = run->id,
                .progress = run->progress,
                .last = run->last,
            };
        pthread_mutex_unlock(&run->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return n;
}
