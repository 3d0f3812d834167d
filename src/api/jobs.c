#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
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

enum err
api_reply_job(struct api_ctx *api, int64_t id, struct http_reply *rep,
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

enum err
api_jobs_list(void *ctx, const struct http_request *req, struct http_reply *rep,
              struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    enum store_job_status status = STORE_JOB_STATUS_COUNT; /* all */
    const char           *word = http_request_query(req, "status");
    struct store_job     *row = NULL;
    size_t                limit, n = 0;
    int64_t               after = 0;
    enum err              rc;

    if (word != NULL && !store_job_status_find(word, &status))
        return err_set(e, ERR_MALFORMED, "status",
                       "must be queued, running, paused, succeeded, failed or "
                       "cancelled");
    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = api_query_number(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = store_job_list(api->store, status,
                            http_request_query(req, "network"), after,
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

    return rc == ERR_OK ? api_reply_job(ctx, id, rep, e) : rc;
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

#define MIN_POINTS 4
#define MAX_POINTS 10000

/* ?points=500: a long history in few of its epochs. */
static enum err
reply_points(struct api_ctx *api, const struct http_request *req, int64_t id,
             struct http_reply *rep, struct errinfo *e)
{
    struct store_epoch *row = NULL;
    uint64_t            n_points = 0;
    size_t              n = 0;
    enum err rc = http_request_query_u64(req, "points", &n_points, e);

    if (rc == ERR_OK && (n_points < MIN_POINTS || n_points > MAX_POINTS))
        rc = err_set(e, ERR_MALFORMED, "points", "must be %d to %d", MIN_POINTS,
                     MAX_POINTS);
    if (rc == ERR_OK && (http_request_query(req, "after") != NULL ||
                         http_request_query(req, "limit") != NULL ||
                         http_request_query(req, "detail") != NULL))
        rc = err_set(e, ERR_MALFORMED, "points",
                     "is of the whole history: it stands alone");
    if (rc == ERR_OK)
        rc = store_epoch_points(api->store, id, (size_t)n_points, &row, &n, e);
    if (rc == ERR_OK)
        codec_history_format(row, n, NULL, 0, false, &rep->body);
    free(row);
    return rc;
}

enum err
api_jobs_history(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx     *api = ctx;
    struct store_job    job = { 0 };
    struct store_epoch *row = NULL;
    struct store_layer *layer = NULL;
    const char         *detail = http_request_query(req, "detail");
    size_t              limit, n = 0, n_shown, n_layers = 0;
    uint64_t            after = 0;
    int64_t             id;
    enum err            rc;

    if (detail != NULL && strcmp(detail, "layers") != 0)
        return err_set(e, ERR_MALFORMED, "detail", "must be layers");
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
    if (http_request_query(req, "points") != NULL)
        return reply_points(api, req, id, rep, e);
    rc = store_epoch_list(api->store, id, after, limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;
    n_shown = n > limit ? limit : n;
    if (detail != NULL && n_shown > 0)
        rc = store_layer_list(api->store, id, after, row[n_shown - 1].epoch,
                              n_shown * NN_MAX_LAYERS, &layer, &n_layers, e);
    if (rc == ERR_OK)
        codec_history_format(row, n_shown, layer, n_layers, n > limit,
                             &rep->body);
    free(layer);
    free(row);
    return rc;
}
