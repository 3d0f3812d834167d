/* events.c - what happens to jobs, as it happens: streams are opened here */
#include <stdlib.h>

#include "api/events.h"

static bool
stream_pull(void *state, struct buf *out, unsigned *out_wait_ms)
{
    struct api_stream *s = state;

    if (!s->greeted && s->form == CODEC_EVENT_SSE)
        buf_puts(out, "retry: 1000\n\n");
    s->greeted = true;
    return s->job != 0 ? api_events_pull_job(s, out, out_wait_ms)
                       : api_events_pull_all(s, out, out_wait_ms);
}

static const struct http_feed sse_feed = {
    .idle = ": still here\n\n",
    .pull = stream_pull,
    .close = free,
};
static const struct http_feed lines_feed = {
    .idle = "{\"event\":\"heartbeat\",\"data\":{}}\n",
    .pull = stream_pull,
    .close = free,
};

/* From now on: the status a job has is told, and the epochs that come. */
static enum err
begin_now(struct api_stream *s, const struct store_job *job, struct errinfo *e)
{
    int64_t  last = 0;
    enum err rc = ERR_OK;

    if (job != NULL)
        s->place[0] = (struct api_place){ .job = s->job, .epoch = job->epoch };
    else /* first: one that ends meanwhile is not told from its beginning */
        rc = api_events_running_now(s, e);
    if (rc == ERR_OK)
        rc = store_event_last(s->api->store, s->job, &last, e);
    if (rc == ERR_OK)
        s->event = job != NULL && last > 0 ? last - 1 : last;
    return rc;
}

/* Where the client was: the id he saw last.  Nonsense: from now on. */
static enum err
begin(struct api_stream *s, const struct http_request *req,
      const struct store_job *job, struct errinfo *e)
{
    const char *last = http_request_header(req, "Last-Event-ID");
    enum err    rc = ERR_OK;

    if (last == NULL)
        last = http_request_query(req, "after");
    s->n_places = job != NULL;
    s->place[0].job = s->job;
    if (last == NULL || !api_events_parse(s, last))
        rc = begin_now(s, job, e);
    if (rc == ERR_OK && job == NULL)
        rc = api_events_running_then(s, e);
    return rc;
}

static enum err
stream_open(struct api_ctx *api, const struct http_request *req,
            const struct store_job *job, struct http_reply *rep,
            struct errinfo *e)
{
    static const char *const accepted[] = { "text/event-stream",
                                            "application/x-ndjson", NULL };
    const char              *types = http_request_query(req, "types");
    int                      form = http_request_prefers(req, accepted);
    struct api_stream       *s;
    enum err                 rc = ERR_OK;

    if (form < 0)
        return err_set(e, ERR_ACCEPT, "",
                       "events come as text/event-stream or "
                       "application/x-ndjson");
    s = mem_array(1, sizeof(*s), 0);
    if (s == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    s->api = api;
    s->job = job != NULL ? job->id : 0;
    s->form = form == 0 ? CODEC_EVENT_SSE : CODEC_EVENT_LINES;
    s->types = ~0u;
    if (types != NULL)
        rc = api_events_types(types, &s->types, e);
    if (rc == ERR_OK)
        rc = begin(s, req, job, e);
    if (rc != ERR_OK) {
        free(s);
        return rc;
    }
    rep->content_type = accepted[form];
    http_reply_header(rep, "Cache-Control", "no-store");
    http_reply_header(rep, "X-Accel-Buffering", "no");
    rep->feed = form == 0 ? &sse_feed : &lines_feed;
    rep->feed_state = s;
    return ERR_OK;
}

enum err
api_events(void *ctx, const struct http_request *req, struct http_reply *rep,
           struct errinfo *e)
{
    return stream_open(ctx, req, NULL, rep, e);
}

enum err
api_jobs_events(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx  *api = ctx;
    struct store_job row = { 0 };
    int64_t          id;
    enum err         rc;

    rc = api_number(req->arg[0], "job", &id, e);
    if (rc == ERR_OK)
        rc = store_job_get(api->store, id, &row, e);
    if (rc != ERR_OK)
        return rc;
    rc = stream_open(api, req, &row, rep, e);
    store_job_release(&row);
    return rc;
}
