/* lifecycle.c - what can be asked of a job that was submitted */
#include <stdlib.h>

#include "api/internal.h"
#include "codec/job.h"
#include "codec/list.h"

enum err
api_jobs_log(void *ctx, const struct http_request *req, struct http_reply *rep,
             struct errinfo *e)
{
    struct api_ctx     *api = ctx;
    struct store_job    job = { 0 };
    struct store_event *row = NULL;
    size_t              limit, n = 0;
    int64_t             after = 0;
    int64_t             id;
    enum err            rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = api_query_number(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = store_job_get(api->store, id, &job, e); /* 404 where it is none */
    if (rc != ERR_OK)
        return rc;
    store_job_release(&job);
    rc = store_event_list(api->store, id, after, limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;

    codec_list_begin(&rep->body);
    for (size_t i = 0; i < n && i < limit; i++) {
        codec_list_next(&rep->body, i);
        codec_event_format(&row[i], &rep->body);
    }
    codec_list_end_number(&rep->body, n > limit ? row[limit - 1].id : -1);
    free(row);
    return ERR_OK;
}

/* --- from one status to another --------------------------------------------
 */

enum err
api_jobs_cancel(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    bool            keep = false;
    int64_t         id;
    enum err        rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = codec_cancel_parse(req->body, req->body_len, &keep, e);
    if (rc == ERR_OK)
        rc = training_pool_cancel(api->pool, id, keep, e);
    return rc == ERR_OK ? api_reply_job(api, id, rep, e) : rc;
}

enum err
api_jobs_pause(void *ctx, const struct http_request *req,
               struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    int64_t         id;
    enum err        rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = training_pool_pause(api->pool, id, e);
    return rc == ERR_OK ? api_reply_job(api, id, rep, e) : rc;
}

enum err
api_jobs_resume(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    int64_t         id;
    enum err        rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = training_pool_resume(api->pool, id, e);
    return rc == ERR_OK ? api_reply_job(api, id, rep, e) : rc;
}
