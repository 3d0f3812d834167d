/* job.c - a claimed job, from its row to its end */
#include "training/job.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "training/blame.h"
#include "training/job_load.h"
#include "training/keep.h"
#include "training/origin.h"

/* A job's end that cannot be written is tried so often, first after this. */
#define END_TRIES 5
#define END_US 200000
/* One that cannot be given back is tried again this often. */
#define BACK_US 200000

/* Not the job's fault, and perhaps better soon. */
static bool
is_passing(enum err rc)
{
    return rc == ERR_BUSY || rc == ERR_FULL || rc == ERR_IO;
}

/* The same of a write.  There is memory again soon, unlike for a job that needs
 * more than there is. */
static bool
is_passing_write(enum err rc)
{
    return is_passing(rc) || rc == ERR_NOMEM;
}

/* --- end ------------------------------------------------------------------ */

/* Write the end; what cannot be written just now is tried again. */
static enum err
end_write(struct training_job *job, struct store_job_end *end,
          int64_t *out_version, struct errinfo *e)
{
    int64_t    us = END_US;
    struct buf warnings = { 0 };
    enum err   rc;

    training_checkpoint_settle(&job->checkpoint);
    end->id = job->row->id;
    end->finished_ms = clock_wall_ms();
    end->rows = job->checkpoint.rows;
    end->n_rows = job->checkpoint.n_rows;
    end->layers = job->checkpoint.layers;
    end->n_layers = job->checkpoint.n_layers;
    if (job->trainer != NULL) {
        training_warnings_format(job->trainer, &warnings);
        end->warnings = warnings.failed ? NULL : warnings.data;
        end->learning_rate_test = job->trainer->rate_test;
    }
    for (int i = 0;; i++, us *= 2) {
        err_clear(e);
        rc = store_job_finish(job->options->store, end, out_version, e);
        if (!is_passing_write(rc) || i + 1 == END_TRIES)
            break;
        log_write(LOG_WARN, "training", "job %lld: its end is not stored: %s",
                  (long long)job->row->id, err_what(e));
        training_run_sleep(job->run, us);
    }
    buf_release(&warnings);
    return rc;
}

/* The members of "result" behind "version". */
static void
result_format(const struct training_job *job, const char *reason,
              const char *sha256, struct buf *out)
{
    const struct training_trainer *t = job->trainer;
    const struct training_state   *s = &t->state;
    struct codec_outcome           outcome[CODEC_MAX_RESTARTS];
    struct codec_result            result = {
                   .best_epoch = s->best_epoch,
                   .stop_reason = reason,
                   .monitor = codec_monitor_name(job->spec.monitor),
                   .sha256 = sha256,
                   .outcome = outcome,
    };

    if (t->spec->restarts > 1) {
        result.restart = s->kept_restart;
        result.n_outcomes = s->restart;
    }
    if (t->spec->folds > 0) {
        result.folds = true;
        result.n_outcomes = training_is_final(t) ? t->spec->folds : s->restart;
    }
    for (size_t i = 0; i < result.n_outcomes; i++)
        outcome[i] = (struct codec_outcome){
            .epochs = s->outcome[i].epochs,
            .best_epoch = s->outcome[i].best_epoch,
            .figure = s->outcome[i].figure,
            .stop_reason = training_reason_name(
                (enum training_reason)s->outcome[i].reason),
            .row = s->outcome[i].row,
        };
    if (result.restart != 0)
        result.best_epoch = s->outcome[result.restart - 1].best_epoch;
    codec_result_format(&result, out);
}

/* Why the restart that is kept was over. */
static const char *
kept_reason(const struct training_state *s)
{
    uint64_t restart = s->kept_restart != 0 ? s->kept_restart : s->restart;

    return training_reason_name(
        (enum training_reason)s->outcome[restart - 1].reason);
}

static enum err
end_with_version(struct training_job *job, enum store_job_status status,
                 struct errinfo *e)
{
    struct training_trainer *t = job->trainer;
    const char              *reason = kept_reason(&t->state);
    bool                     cancelled = status == STORE_JOB_CANCELLED;
    struct training_saved    saved;
    struct training_offer    offer;
    struct buf               metrics = { 0 }, kept_metrics = { 0 };
    struct buf               result = { 0 }, origin = { 0 };
    bool                     verifies = job->row->verifies != 0;
    char        sha256[DIGEST_HEX_SIZE], dataset_sha256[DIGEST_HEX_SIZE];
    int64_t     number = 0;
    size_t      state_len;
    const void *state = training_trainer_end(t, &state_len);
    enum err    rc = training_saved_parse(state, state_len, &saved, e);

    if (rc == ERR_OK)
        rc = training_saved_offer(&saved, job->spec.keep, &offer, e);
    if (rc != ERR_OK)
        goto out;
    codec_metrics_format(&t->state.last, &metrics);
    codec_metrics_format(&offer.row, &kept_metrics);
    digest_hex_of(offer.weights, offer.len, sha256);
    result_format(job, reason, sha256, &result);
    training_origin_format(job->row, &origin);
    if (verifies)
        rc = training_verdict_format(job->options->store, job->row, sha256,
                                     &result, e);
    if (rc != ERR_OK)
        goto out;
    if (metrics.failed || kept_metrics.failed || origin.failed ||
        result.failed) {
        rc = err_set(e, ERR_NOMEM, "", "no memory for the job's end");
        goto out;
    }
    digest_hex(job->plan.dataset->meta.sha256, dataset_sha256);

    const struct store_version version = {
        .job_id = job->row->id,
        .dataset = job->spec.dataset,
        .dataset_sha256 = dataset_sha256,
        .metrics = kept_metrics.data,
        .encoder = t->encoder,
        .sha256 = sha256,
        .origin = origin.data,
        .weights = offer.weights,
        .n_bytes = offer.len,
        .created_ms = clock_wall_ms(),
    };
    struct store_job_end end = {
        .status = status,
        .epoch = t->state.epoch,
        /* What is kept may have come to its own end long before. */
        .reason = cancelled ? training_reason_name(TRAINING_CANCELLED) : reason,
        .metrics = metrics.data,
        .result_rest = result.data,
        .version = verifies ? NULL : &version,
    };
    if (!verifies) { /* to be continued, perhaps */
        end.state = state;
        end.state_len = state_len;
        end.state_epoch = saved.state.epoch;
    }
    rc = end_write(job, &end, &number, e);
    if (rc == ERR_OK)
        log_write(LOG_INFO, "training",
                  "job %lld %s: version %lld of %s after %llu epochs (%s)",
                  (long long)job->row->id, store_job_status_name(status),
                  (long long)number, job->spec.network,
                  (unsigned long long)t->state.epoch, reason);
out:
    buf_release(&origin);
    buf_release(&result);
    buf_release(&kept_metrics);
    buf_release(&metrics);
    return rc;
}

/* Cancelled or failed: no version, and the history stays. */
static enum err
end_without_version(struct training_job *job, enum store_job_status status,
                    const struct errinfo *why, struct errinfo *e)
{
    struct buf           metrics = { 0 }, error = { 0 };
    int64_t              number = 0;
    struct store_job_end end = {
        .status = status,
        .epoch = job->row->epoch,
        .reason = why != NULL ? err_slug(why) : "requested",
        .metrics = job->row->metrics,
    };

    if (job->trainer != NULL && job->trainer->state.epoch != 0) {
        end.epoch = job->trainer->state.epoch;
        codec_metrics_format(&job->trainer->state.last, &metrics);
        if (!metrics.failed)
            end.metrics = metrics.data;
    }
    if (why != NULL) {
        codec_error_format(why, &error);
        end.error = error.failed ? NULL : error.data;
    }
    enum err rc = end_write(job, &end, &number, e);
    if (rc == ERR_OK)
        log_write(LOG_INFO, "training", "job %lld %s%s%s",
                  (long long)job->row->id, store_job_status_name(status),
                  why != NULL ? ": " : "", why != NULL ? err_what(why) : "");
    buf_release(&error);
    buf_release(&metrics);
    return rc;
}

static void
pause_us(long us)
{
    const struct timespec time = { .tv_nsec = us * 1000 };

    nanosleep(&time, NULL);
}

/* Back into the queue, or aside; whoever has it next goes on from the last
 * checkpoint.  Where that cannot be written, for a full disk say, the worker
 * stays with the job until it can: nobody else could claim anything either. */
static void
job_give_back(struct training_job *job, enum store_job_status to,
              const char *reason)
{
    struct store  *db = job->options->store;
    struct errinfo e;
    enum err       rc;
    int            n_tries = 0;

    training_checkpoint_settle(&job->checkpoint);
    for (;;) {
        err_clear(&e);
        rc = store_job_release_claim(db, job->row->id, to, reason, &e);
        if (!is_passing_write(rc) || store_is_failed(db) ||
            training_run_is_stopping(job->run))
            break;
        if (n_tries++ == 0)
            log_write(LOG_WARN, "training", "job %lld cannot be given back: %s",
                      (long long)job->row->id, err_what(&e));
        pause_us(BACK_US);
    }
    if (rc != ERR_OK)
        log_write(LOG_ERROR, "training",
                  "job %lld stays claimed until the next start: %s",
                  (long long)job->row->id, err_what(&e));
}

/* --- the whole ------------------------------------------------------------ */

/* Is there something to keep of a job that is cancelled?  One that keeps the
 * last weights has those of the last batch, which may have gone astray. */
static bool
keeps_what_it_has(const struct training_job *job)
{
    const struct training_state *s = &job->trainer->state;

    return training_run_why(job->run) == TRAINING_CANCEL_KEEP &&
           training_state_has_epoch(s) &&
           (s->kept_restart != 0 ||
            training_is_finite(training_trainer_kept(job->trainer)));
}

/* What it had when it was not loaded yet is what its checkpoint has. */
static enum err
end_cancelled(struct training_job *job, struct errinfo *e)
{
    if (training_run_why(job->run) == TRAINING_CANCEL_KEEP &&
        job->trainer == NULL)
        return training_keep(job->options, job->row->id, true, e);
    return end_without_version(job, STORE_JOB_CANCELLED, NULL, e);
}

static enum err
job_train(struct training_job *job, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (job->row->crashes >= TRAINING_MAX_CRASHES)
        rc = err_named(e,
                       err_set(e, ERR_INVALID, "",
                               "the job brought the daemon down %lld times in "
                               "a row, and is not tried again",
                               (long long)job->row->crashes),
                       "crash_loop");
    if (rc == ERR_OK)
        rc = training_job_load(job, e);
    if (rc != ERR_OK)
        return rc;
    log_write(LOG_INFO, "training", "job %lld trains %s on %s from epoch %llu",
              (long long)job->row->id, job->spec.network, job->spec.dataset,
              (unsigned long long)job->trainer->state.epoch + 1);
    rc = training_trainer_run(job->trainer, &job->checkpoint, e);
    if (rc == ERR_OK)
        rc = end_with_version(job, STORE_JOB_SUCCEEDED, e);
    else if (rc == ERR_CANCELED && keeps_what_it_has(job)) {
        const struct training_state *s = &job->trainer->state;

        /* One that has ended may be waiting for the next fold's rows. */
        if (s->outcome[s->restart - 1].reason == TRAINING_GOES_ON)
            training_restart_end(job->trainer, TRAINING_CANCELLED);
        rc = end_with_version(job, STORE_JOB_CANCELLED, e);
    }
    if (rc == ERR_OK && job->row->verifies == 0 &&
        job->options->on_version != NULL)
        job->options->on_version(job->options->arg, job->spec.network);
    return rc;
}

bool
training_job_run(const struct training_options *options,
                 struct training_run *run, const struct store_job *row)
{
    struct training_job job = { .options = options, .run = run, .row = row };
    struct errinfo      why, e;

    err_clear(&why);
    err_clear(&e);
    training_blame_set(row->id);
    enum err rc = job_train(&job, &why);
    enum err ended = ERR_OK;

    if (rc == ERR_OK)
        ;
    else if (rc == ERR_CANCELED && training_run_why(run) >= TRAINING_CANCEL)
        ended = end_cancelled(&job, &e);
    else if (rc == ERR_CANCELED && training_run_why(run) == TRAINING_PAUSE)
        job_give_back(&job, STORE_JOB_PAUSED, "requested");
    else if (rc == ERR_CANCELED)
        job_give_back(&job, STORE_JOB_QUEUED, "stopped");
    else if (is_passing(rc)) {
        ended = rc;
        e = why;
    } else
        ended = end_without_version(&job, STORE_JOB_FAILED, &why, &e);

    if (ended != ERR_OK) {
        log_write(LOG_ERROR, "training", "job %lld goes back: %s",
                  (long long)row->id, err_what(&e));
        job_give_back(&job, STORE_JOB_QUEUED, "try_again");
    }
    training_job_unload(&job);
    training_blame_set(0);
    return ended == ERR_OK;
}
