/* submit.c - how a job comes into the queue, and out of a body */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/submit.h"
#include "base/clock.h"
#include "base/digest.h"
#include "codec/job.h"

#define MAX_KEY 255

/* What a job that continues `from` has done before it begins.  Of several
 * restarts it is what the one did that was kept; the metrics may be another's.
 */
void
api_begin_from(const struct store_job *from, struct store_job *row)
{
    uint64_t kept = codec_result_epochs(from->result);

    row->epoch = kept != 0 ? kept : from->epoch;
    row->metrics = kept != 0 ? NULL : from->metrics;
}

/* The same where that job has been deleted: its epochs are in the log of the
 * one that continues it, and its metrics are gone. */
static enum err
begin_from_log(struct api_ctx *api, struct store_job *row, struct errinfo *e)
{
    struct store_event *first;
    size_t              n;
    enum err rc = store_event_list(api->store, row->id, 0, 1, &first, &n, e);

    if (rc != ERR_OK)
        return rc;
    row->epoch = n > 0 ? first[0].epoch : 0;
    row->metrics = NULL;
    free(first);
    return ERR_OK;
}

static enum err
begin(struct api_ctx *api, struct store_job *row, struct store_job *from,
      struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (row->continues != 0)
        rc = store_job_get(api->store, row->continues, from, e);
    if (rc == ERR_NOTFOUND) {
        err_clear(e);
        return begin_from_log(api, row, e);
    }
    if (rc == ERR_OK)
        api_begin_from(from, row);
    return rc;
}

/* A job as it was when it was submitted, whatever has become of it: a request
 * that is sent twice gets the same answer twice. */
static enum err
reply_submitted(struct api_ctx *api, int64_t id, struct http_reply *rep,
                struct errinfo *e)
{
    struct store_job row = { 0 }, from = { 0 }, shown;
    enum err         rc = store_job_get(api->store, id, &row, e);

    if (rc == ERR_NOTFOUND)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "",
                                 "this request made job %lld, which has been "
                                 "deleted since: to train again, send it with "
                                 "a new Idempotency-Key",
                                 (long long)id),
                         "job_deleted");
    if (rc != ERR_OK)
        return rc;
    shown = row;
    rc = begin(api, &shown, &from, e);
    if (rc != ERR_OK)
        goto out;
    shown.status = STORE_JOB_QUEUED;
    shown.reason = "submitted";
    shown.started_ms = shown.finished_ms = 0;
    shown.resumes = 0;
    shown.result = shown.error = shown.warnings = NULL;
    shown.learning_rate_test = NULL;
    rep->status = 202;
    http_reply_header(rep, "Location", "/v1/jobs/%lld", (long long)id);
    rc = codec_job_format(&shown, NULL, NULL, &rep->body, e);
out:
    store_job_release(&row);
    store_job_release(&from);
    return rc;
}

/* The client's name for this request, which it may have to send again. */
static enum err
read_key(const struct http_request *req, struct api_submission *sub,
         struct errinfo *e)
{
    const char   *key = http_request_header(req, "Idempotency-Key");
    struct digest all;
    uint8_t       digest[DIGEST_SIZE];

    if (key == NULL)
        return ERR_OK;
    sub->how.key = key;
    for (const char *p = key; *p != '\0'; p++)
        if (*p < 0x21 || *p > 0x7e)
            key = "";
    if (key[0] == '\0' || strlen(key) > MAX_KEY)
        return err_set(e, ERR_MALFORMED, "",
                       "Idempotency-Key must be 1 to %d printable characters "
                       "without blanks",
                       MAX_KEY);
    digest_init(&all);
    digest_update(&all, req->route->path, strlen(req->route->path));
    if (req->arg[0] != NULL)
        digest_update(&all, req->arg[0], strlen(req->arg[0]));
    digest_update(&all, req->body, req->body_len);
    digest_final(&all, digest);
    digest_hex(digest, sub->sha256);
    return ERR_OK;
}

/* A request that was sent before (sub->how.again) is answered at once: what it
 * asks for need not be there any more. */
enum err
api_submission_begin(struct api_ctx *api, const struct http_request *req,
                     struct api_submission *sub, struct http_reply *rep,
                     struct errinfo *e)
{
    int64_t  id;
    enum err rc;

    memset(sub, 0, sizeof(*sub));
    sub->how.sha256 = sub->sha256;
    sub->how.queue_max = api->queue_max;
    rc = read_key(req, sub, e);
    if (rc != ERR_OK || sub->how.key == NULL)
        return rc;
    rc = store_job_of_key(api->store, &sub->how, clock_wall_ms(), &id, e);
    if (rc == ERR_OK && sub->how.again)
        rc = reply_submitted(api, id, rep, e);
    return rc;
}

/* How long a history may become. */
static enum err
check_history(struct api_ctx *api, const struct codec_job *asked,
              struct errinfo *e)
{
    uint64_t most = api->history_max;

    if (most == 0 || asked->epochs <= most / codec_job_runs(asked))
        return ERR_OK;
    return err_named(e,
                     err_set(e, ERR_INVALID, "/epochs",
                             "must be at most %llu here (history_max), over "
                             "all restarts",
                             (unsigned long long)most),
                     "too_many_epochs");
}

/* Add what else is wrong to what was found, which ends where it is not the
 * client's. */
static enum err
also(enum err rc, enum err more_rc, const struct errinfo *more,
     struct errinfo *e)
{
    if (rc != ERR_OK && rc != ERR_INVALID)
        return rc;
    if (more_rc == ERR_INVALID)
        return err_append(e, more);
    if (more_rc != ERR_OK)
        *e = *more;
    return more_rc != ERR_OK ? more_rc : rc;
}

static enum err
also_history(struct api_ctx *api, const struct codec_job *asked, enum err rc,
             struct errinfo *e)
{
    struct errinfo more;

    err_clear(&more);
    return also(rc, check_history(api, asked, &more), &more, e);
}

/* All that is wrong with a job. */
enum err
api_submission_check(struct api_ctx *api, const struct codec_job *asked,
                     struct errinfo *e)
{
    enum err rc = training_check(api->store, api->budget, asked, e);

    return also_history(api, asked, rc, e);
}

/* Insert row, whose spec this is, and answer it. */
enum err
api_submission_insert(struct api_ctx *api, struct api_submission *sub,
                      const struct codec_job *asked, struct store_job *row,
                      struct http_reply *rep, struct errinfo *e)
{
    struct buf spec = { 0 };
    int64_t    id;
    enum err   rc;

    codec_job_spec_format(asked, &spec);
    if (spec.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    row->network = (char *)asked->network;
    row->dataset = (char *)asked->dataset;
    if (asked->validation_dataset[0] != '\0')
        row->validation = (char *)asked->validation_dataset;
    row->spec = spec.data;
    row->priority = (int64_t)asked->priority;
    row->created_ms = clock_wall_ms();
    rc = store_job_insert(api->store, row, &sub->how, &id, e);
    if (rc != ERR_OK)
        goto out;
    training_pool_wake(api->pool);
    rc = reply_submitted(api, id, rep, e);
out:
    buf_release(&spec);
    return rc;
}

static enum err
fix_revision(struct api_ctx *api, const char *dataset, int64_t *revision,
             struct errinfo *e)
{
    struct store_dataset row = { 0 };
    enum err             rc;

    if (dataset[0] == '\0' || *revision > 0)
        return ERR_OK;
    rc = store_dataset_get(api->store, dataset, &row, e);
    if (rc == ERR_NOTFOUND) {
        err_clear(e); /* the check tells, with the body's pointer */
        return ERR_OK;
    }
    if (rc == ERR_OK)
        *revision = row.revision;
    store_dataset_release(&row);
    return rc;
}

/* A job trains on the rows, and validates with those, that were there when it
 * was submitted, whatever is appended before it starts, or while it is paused.
 */
enum err
api_fix_revisions(struct api_ctx *api, struct codec_job *job, struct errinfo *e)
{
    enum err rc = fix_revision(api, job->dataset, &job->dataset_revision, e);

    if (rc == ERR_OK)
        rc = fix_revision(api, job->validation_dataset,
                          &job->validation_revision, e);
    return rc;
}

/* Read a job, and tell what of it is wrong or not there. */
static enum err
read_asked(struct api_ctx *api, const struct http_request *req,
           struct codec_job *out, struct errinfo *e)
{
    struct errinfo more;
    enum err       rc = codec_job_read(req->body, req->body_len, out, e);

    if (rc == ERR_OK) {
        rc = api_fix_revisions(api, out, e);
        if (rc != ERR_OK)
            codec_job_release(out);
        return rc;
    }
    if (rc != ERR_INVALID)
        return rc;
    err_clear(&more);
    rc = also(rc, training_check_names(api->store, out, &more), &more, e);
    rc = also_history(api, out, rc, e);
    codec_job_release(out);
    return rc;
}

/* What a job would cost, or what is wrong with it. */
static enum err
dry_run(struct api_ctx *api, const struct http_request *req,
        struct http_reply *rep, struct errinfo *e)
{
    struct training_estimate estimate;
    struct codec_job         asked;
    enum err                 rc = read_asked(api, req, &asked, e);

    if (rc == ERR_OK) {
        rc = training_estimate(api->store, api->budget, &asked, &estimate, e);
        rc = also_history(api, &asked, rc, e);
        codec_job_release(&asked);
    }
    if (rc != ERR_OK && rc != ERR_INVALID)
        return rc;
    codec_dry_run_format(rc == ERR_OK ? &estimate.memory_bytes : NULL,
                         rc == ERR_OK ? estimate.seconds : NAN, e, &rep->body);
    return ERR_OK;
}

enum err
api_jobs_create(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct api_submission sub;
    struct codec_job      asked;
    struct store_job      row = { .base_version = -1 };
    bool                  dry = false;
    enum err              rc;

    rc = http_request_query_bool(req, "dry_run", &dry, e);
    if (rc == ERR_OK && dry)
        return dry_run(api, req, rep, e);
    if (rc == ERR_OK)
        rc = api_submission_begin(api, req, &sub, rep, e);
    if (rc != ERR_OK || sub.how.again)
        return rc;
    rc = read_asked(api, req, &asked, e);
    if (rc != ERR_OK)
        return rc;
    if (asked.start_from == CODEC_START_VERSION) /* it is kept until then */
        row.base_version = asked.start_version;
    else if (asked.start_from == CODEC_START_INITIAL)
        row.base_version = 0;
    rc = api_submission_check(api, &asked, e);
    if (rc == ERR_OK)
        rc = api_submission_insert(api, &sub, &asked, &row, rep, e);
    codec_job_release(&asked);
    return rc;
}
