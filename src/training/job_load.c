/* job_load.c - a claimed job, with all that it needs to train */
#include "training/job_load.h"

#include <stdlib.h>

#include "base/log.h"

/* While others hold the memory we need, ask again this often. */
#define MEMORY_US 1000000

/* Take the memory of the plan, or wait until somebody gives some back. */
static enum err
take_memory(struct training_job *job, struct errinfo *e)
{
    const struct training_options *o = job->options;
    size_t                         n = job->plan.bytes;
    enum err rc = mem_budget_take(o->budget, n, "the job", e);

    if (rc == ERR_BUSY)
        log_write(LOG_INFO, "training", "job %lld waits for %zu bytes",
                  (long long)job->row->id, n);
    while (rc == ERR_BUSY) {
        if (o->on_short != NULL)
            o->on_short(o->arg, n);
        err_clear(e);
        rc = mem_budget_take(o->budget, n, "the job", e);
        if (rc == ERR_BUSY)
            training_run_sleep(job->run, MEMORY_US);
        if (training_run_is_halted(job->run))
            break;
    }
    if (rc == ERR_OK)
        job->taken = n;
    return rc == ERR_BUSY ? ERR_CANCELED : rc;
}

/* "latest" means what it meant when the job first ran. */
enum err
training_job_spec(struct training_job *job, struct errinfo *e)
{
    enum err rc = codec_job_spec_parse(job->row->spec, &job->spec, e);

    if (rc != ERR_OK)
        return rc;
    if (job->spec.start_from == CODEC_START_LATEST &&
        job->row->base_version >= 0) {
        job->spec.start_from = CODEC_START_VERSION;
        job->spec.start_version = job->row->base_version;
    }
    return ERR_OK;
}

/* Is it trained behind another encoding than its start weights were?  One that
 * goes on has been told, and how it started is not looked at again. */
static void
note_change(const struct training_job *job, bool resumes)
{
    const struct training_plan *plan = &job->plan;
    char                       *advice = job->trainer->changed;

    if (resumes)
        codec_warning_advice(job->row->warnings, TRAINING_CHANGED, advice,
                             TRAINING_CHANGED_SIZE);
    else if (plan->start != NULL &&
             !dataset_encoding_equal(&plan->start->encoding,
                                     &job->spec.encoding))
        training_changed_advice(plan->start_version, &plan->start->encoding,
                                &job->spec.encoding, advice);
}

enum err
training_job_begin(struct training_job *job, const void *bytes, size_t len,
                   struct errinfo *e)
{
    struct store         *db = job->options->store;
    struct training_saved saved;
    enum err              rc = ERR_OK;

    if (bytes != NULL)
        rc = training_saved_parse(bytes, len, &saved, e);
    if (rc == ERR_OK)
        rc = training_plan_init(&job->plan, db, &job->spec,
                                bytes != NULL ? saved.encoder : NULL, e);
    if (rc == ERR_OK) {
        training_plan_limit(&job->plan, job->options->budget->limit,
                            bytes != NULL ? &saved.state : NULL);
        rc = take_memory(job, e);
    }
    if (rc == ERR_OK)
        rc = training_trainer_new(db, &job->spec, &job->plan,
                                  bytes != NULL ? &saved : NULL, job->run,
                                  &job->trainer, e);
    if (rc == ERR_OK)
        note_change(job, bytes != NULL);
    return rc;
}

/* The state that the job which this one verifies began with; none where it
 * continued nothing. */
static enum err
state_to_verify(const struct training_job *job, void **out, size_t *out_len,
                struct errinfo *e)
{
    struct store_job origin = { 0 };
    enum err         rc =
        store_job_get(job->options->store, job->row->verifies, &origin, e);

    if (rc == ERR_OK && origin.continues != 0)
        rc = training_ancestors_state(job, origin.continues, out, out_len, e);
    else if (rc == ERR_NOTFOUND) {
        err_clear(e); /* told in the end, with its verdict */
        rc = ERR_OK;
    }
    store_job_release(&origin);
    return rc;
}

enum err
training_job_load(struct training_job *job, struct errinfo *e)
{
    void    *bytes = NULL;
    size_t   len = 0;
    uint64_t epoch = 0;
    enum err rc = store_job_checkpoint_get(job->options->store, job->row->id,
                                           &bytes, &len, &epoch, e);

    if (rc != ERR_OK)
        return rc;
    training_checkpoint_init(&job->checkpoint, job->options->store,
                             job->row->id, epoch);
    rc = training_job_spec(job, e);
    if (rc == ERR_OK) /* So much is known while it waits for memory. */
        training_run_begin(job->run, epoch, &job->spec, 0);
    if (rc == ERR_OK && bytes == NULL && job->row->verifies != 0)
        rc = state_to_verify(job, &bytes, &len, e);
    if (rc == ERR_OK)
        rc = training_job_begin(job, bytes, len, e);
    free(bytes);
    return rc;
}

void
training_job_unload(struct training_job *job)
{
    training_checkpoint_release(&job->checkpoint);
    training_trainer_free(job->trainer);
    training_plan_release(&job->plan);
    codec_job_release(&job->spec);
    mem_budget_give(job->options->budget, job->taken);
}
