#include <stdlib.h>

#include "api/internal.h"
#include "base/clock.h"
#include "codec/job.h"
#include "codec/list.h"

/* A job as its row and, where one runs it, its worker know it. */
static enum err
format_job(struct api_ctx *api, const struct store_job *row, struct buf *out,
           struct errinfo *e)
{
    struct codec_progress progress;
    struct buf            metrics = { 0 };
    enum err              rc;

    /* Who sees "succeeded" must find the new version serving. */
    if (row->status >= STORE_JOB_SUCCEEDED)
        training_pool_settle(api->pool, row->id);
    if (row->status == STORE_JOB_RUNNING &&
        training_pool_progress(api->pool, row->id, &progress, &metrics))
        rc = codec_job_format(row, &progress, metrics.data, out, e);
    else
        rc = codec_job_format(row, NULL, NULL, out, e);
    buf_release(&metrics);
    return rc;
}

static enum err
reply_job(struct api_ctx *api, int64_t id, struct http_reply *rep,
          struct errinfo *e)
{
    struct store_job row = { 0 };
    enum err         rc;

    rc = store_job_get(api->store, id, &row, e);
    if (rc != ERR_OK)
        return rc;
    rc = format_job(api, &row, &rep->body, e);
    store_job_release(&row);
    return rc;
}

/* A job trains on the rows that were there when it was submitted, whatever is
 * appended before it starts. */
static enum err
fix_revision(struct api_ctx *api, struct codec_job *job, struct errinfo *e)
{
    struct store_dataset row = { 0 };
    enum err             rc;

    if (job->dataset_revision > 0)
        return ERR_OK;
    rc = store_dataset_get(api->store, job->dataset, &row, e);
    if (rc == ERR_NOTFOUND)
        return ERR_OK; /* the check tells, with the body's pointer */
    if (rc == ERR_OK)
        job->dataset_revision = row.revision;
    store_dataset_release(&row);
    return rc;
}

enum err
api_jobs_create(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx  *api = ctx;
    struct codec_job asked;
    struct store_job row = { 0 };
    struct buf       spec = { 0 };
    int64_t          id;
    enum err         rc;

    rc = codec_job_parse(req->body, req->body_len, &asked, e);
    if (rc == ERR_OK)
        rc = fix_revision(api, &asked, e);
    if (rc == ERR_OK)
        rc = training_check(api->store, api->budget, &asked, e);
    if (rc != ERR_OK)
        return rc;

    codec_job_spec_format(&asked, &spec);
    if (spec.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    row.network = asked.network;
    row.dataset = asked.dataset;
    row.validation =
        asked.validation_dataset[0] != '\0' ? asked.validation_dataset : NULL;
    row.spec = spec.data;
    row.created_ms = clock_wall_ms();
    rc = store_job_insert(api->store, &row, NULL, &id, e);
    if (rc != ERR_OK)
        goto out;
    training_pool_wake(api->pool);

    rep->status = 202;
    http_reply_header(rep, "Location", "/v1/jobs/%lld", (long long)id);
    rc = reply_job(api, id, rep, e);
out:
    buf_release(&spec);
    return rc;
}

enum err
api_jobs_list(void *ctx, const struct http_request *req, struct http_reply *rep,
              struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    enum store_job_status status = STORE_JOB_STATUS_COUNT; /* all */
    const char           *word = http_request_query(req, "status");
    struct store_job     *row = NULL;
    size_t                limit, n = 0;
    uint64_t              after = 0;
    enum err              rc;

    if (word != NULL && !store_job_status_find(word, &status))
        return err_set(e, ERR_MALFORMED, "status",
                       "must be queued, running, paused, succeeded, failed or "
                       "cancelled");
    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = http_request_query_u64(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = store_job_list(api->store, status,
                            http_request_query(req, "network"), (int64_t)after,
                            limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;

    codec_list_begin(&rep->body);
    for (size_t i = 0; rc == ERR_OK && i < n && i < limit; i++) {
        codec_list_next(&rep->body, i);
        rc = format_job(api, &row[i], &rep->body, e);
    }
    codec_list_end_number(&rep->body, n > limit ? row[limit - 1].id : -1);

    for (size_t i = 0; i < n; i++)
        store_job_release(&row[i]);
    free(row);
    return rc;
}

enum err
api_jobs_get(void *ctx, const struct http_request *req, struct http_reply *rep,
             struct errinfo *e)
{
    int64_t  id;
    enum err rc = api_number(req->arg[0], "job", &id, e);

    return rc == ERR_OK ? reply_job(ctx, id, rep, e) : rc;
}

enum err
api_jobs_delete(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    int64_t         id;
    enum err        rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = store_job_delete(api->store, id, e);
    if (rc == ERR_OK)
        rep->status = 204;
    return rc;
}

enum err
api_jobs_cancel(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    int64_t         id;
    enum err        rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = training_pool_cancel(api->pool, id, e);
    return rc == ERR_OK ? reply_job(api, id, rep, e) : rc;
}

enum err
api_jobs_history(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx     *api = ctx;
    struct store_job    job = { 0 };
    struct store_epoch *row = NULL;
    size_t              limit, n = 0;
    uint64_t            after = 0;
    int64_t             id;
    enum err            rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = http_request_query_u64(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = store_job_get(api->store, id, &job, e); /* 404 where it is none */
    if (rc != ERR_OK)
        return rc;
    store_job_release(&job);
    rc = store_epoch_list(api->store, id, after, limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;
    codec_history_format(row, n > limit ? limit : n, n > limit, &rep->body);
    free(row);
    return ERR_OK;
}
