/* run.c - the face of a job under way */
#include "training/run.h"

#include <math.h>

#include "base/clock.h"
#include "base/thread.h"

/* A rate is measured over windows of this length and smoothed over a few. */
#define WINDOW_US 250000
#define SMOOTHING 0.3

void
training_run_init(struct training_run *run, int64_t id)
{
    *run = (struct training_run){ .id = id, .rate = NAN, .stop_seconds = NAN };
    run->progress.samples_per_second = NAN;
    run->progress.eta_seconds = NAN;
    atomic_init(&run->halt, false);
    atomic_init(&run->why, TRAINING_STOP);
    atomic_init(&run->stopping, false);
    pthread_mutex_init(&run->lock, NULL);
    thread_cond_init(&run->halted);
}

void
training_run_release(struct training_run *run)
{
    pthread_cond_destroy(&run->halted);
    pthread_mutex_destroy(&run->lock);
}

void
training_run_halt(struct training_run *run, enum training_halt why)
{
    pthread_mutex_lock(&run->lock);
    if ((int)why > atomic_load(&run->why))
        atomic_store(&run->why, why);
    if (why == TRAINING_STOP)
        atomic_store(&run->stopping, true);
    atomic_store(&run->halt, true);
    pthread_cond_broadcast(&run->halted);
    pthread_mutex_unlock(&run->lock);
}

bool
training_run_is_halted(const struct training_run *run)
{
    return atomic_load_explicit(&run->halt, memory_order_relaxed);
}

bool
training_run_is_stopping(const struct training_run *run)
{
    return atomic_load(&run->stopping);
}

enum training_halt
training_run_why(const struct training_run *run)
{
    return (enum training_halt)atomic_load(&run->why);
}

void
training_run_sleep(struct training_run *run, int64_t us)
{
    int64_t until = clock_mono_us() + us;

    pthread_mutex_lock(&run->lock);
    while (!atomic_load(&run->halt) && clock_mono_us() < until)
        thread_cond_wait_until(&run->halted, &run->lock, until);
    pthread_mutex_unlock(&run->lock);
}

void
training_run_begin(struct training_run *run, uint64_t epoch,
                   const struct codec_job *spec, uint64_t n_train)
{
    if (run->silent)
        return;
    pthread_mutex_lock(&run->lock);
    run->n_train = n_train;
    run->epochs = spec->epochs;
    run->stop_seconds = spec->stop_seconds;
    run->window_us = clock_mono_us();
    run->window_rows = epoch * n_train;
    run->progress.epoch = epoch;
    run->folds = spec->folds;
    run->progress.epochs = spec->epochs * codec_job_runs(spec);
    run->progress.restart = spec->restarts > 1 ? 1 : 0;
    run->progress.fraction = (double)epoch / (double)run->progress.epochs;
    pthread_mutex_unlock(&run->lock);
}

void
training_run_restart(struct training_run *run, uint64_t restart, uint64_t began,
                     uint64_t n_train)
{
    if (run->silent)
        return;
    pthread_mutex_lock(&run->lock);
    run->skipped = (restart - 1) * run->epochs - began;
    /* Folds differ by a row: the window counts in rows of this one. */
    run->n_train = n_train;
    run->window_us = clock_mono_us();
    run->window_rows = run->progress.epoch * n_train;
    if (run->progress.restart != 0)
        run->progress.restart = restart;
    run->progress.fold = restart <= run->folds ? restart : 0;
    pthread_mutex_unlock(&run->lock);
}

void
training_run_shorten(struct training_run *run, uint64_t epochs)
{
    if (run->silent)
        return;
    pthread_mutex_lock(&run->lock);
    run->skipped += run->epochs - epochs;
    pthread_mutex_unlock(&run->lock);
}

/* The smoothed rate, once a window is full. */
static void
rate_update(struct training_run *run, uint64_t rows)
{
    int64_t now = clock_mono_us();
    int64_t us = now - run->window_us;

    if (us < WINDOW_US)
        return;
    double rate = (double)(rows - run->window_rows) * 1e6 / (double)us;
    run->rate =
        isnan(run->rate) ? rate : run->rate + SMOOTHING * (rate - run->rate);
    run->window_us = now;
    run->window_rows = rows;
}

void
training_run_advance(struct training_run *run, uint64_t epoch, uint64_t rows,
                     double elapsed, const struct store_epoch *last)
{
    uint64_t done = epoch * run->n_train + rows;

    if (run->silent)
        return;
    rate_update(run, done);
    pthread_mutex_lock(&run->lock);
    struct codec_progress *p = &run->progress;
    double                 n = (double)run->n_train;
    double                 all = (double)p->epochs * n;
    double done_of_all = (double)run->skipped * n + (double)done;
    p->epoch = epoch;
    p->fraction = done_of_all / all;
    p->samples_per_second = run->rate;
    /* A job that is to stop after some time ends then at the latest. */
    p->eta_seconds = (all - done_of_all) / run->rate;
    if (isnan(run->rate))
        p->eta_seconds = NAN;
    else if (run->stop_seconds - elapsed < p->eta_seconds)
        p->eta_seconds = fmax(0, run->stop_seconds - elapsed);
    if (last != NULL)
        run->last = *last;
    pthread_mutex_unlock(&run->lock);
    if (last != NULL && run->counters != NULL) {
        atomic_fetch_add(&run->counters->n_epochs, 1);
        atomic_fetch_add(&run->counters->n_samples, run->n_train);
    }
}
