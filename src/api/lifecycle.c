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
    rc = store_event_list(api->store, id, (int64_t)after, limit + 1, &row, &n,
                          e);
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
