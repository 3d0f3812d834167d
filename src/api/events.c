/*
 * events.c - what happens to jobs, as it happens
 *
 * Nothing is told that is not in the store: an epoch is an event once its
 * checkpoint is on the disk.  So a stream that is taken up again, by the same
 * or by the next process, goes on exactly where it broke off.  Where the reader
 * is, is two numbers: the last status change and the last epoch he has seen,
 * and an event's id is both of them in one (see position_id()).
 */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/num.h"
#include "codec/event.h"

#define PAGE 256           /* events and epochs of one look             */
#define EPOCH_BITS 27      /* of an id: epochs are less than this many  */
#define LOOK_MS 150        /* while there is something going on         */
#define IDLE_MS 500        /* while there is not                        */
#define PROGRESS_US 400000 /* between two reports of progress           */
#define MAX_RUNNING 256

struct stream {
    struct api_ctx       *api;
    enum codec_event_form form;
    int64_t               job; /* 0: all of them */
    int64_t               event;
    uint64_t              epoch;      /* of one job                    */
    size_t                n_warnings; /* told                          */
    bool                  greeted;
    int64_t               progress_us; /* when it was last reported    */
    struct codec_progress progress;    /* what was reported of one job */
};

/* Both halves only grow, so ids do. */
static uint64_t
position_id(const struct stream *s)
{
    if (s->job == 0)
        return (uint64_t)s->event;
    return (uint64_t)s->event << EPOCH_BITS | s->epoch;
}

/* --- telling -------------------------------------------------------------- */

static void
tell_status(struct stream *s, const struct store_event *row, struct buf *out)
{
    s->event = row->id;
    codec_event_begin(out, s->form, "status", position_id(s));
    codec_event_format(row, out);
    codec_event_end(out, s->form);
}

static void
tell_epoch(struct stream *s, const struct store_epoch *row,
           const char *warnings, struct buf *out)
{
    s->n_warnings = codec_warnings_events(warnings, s->job, s->n_warnings,
                                          row->epoch, s->form, out);
    s->epoch = row->epoch;
    codec_event_begin(out, s->form, "epoch", position_id(s));
    codec_epoch_format(s->job, row, out);
    codec_event_end(out, s->form);
}

static void
tell_progress(struct stream *s, int64_t job,
              const struct codec_progress *progress,
              const struct store_epoch *last, struct buf *out)
{
    codec_event_begin(out, s->form, "progress", 0);
    codec_progress_format(job, progress, last, out);
    codec_event_end(out, s->form);
}

/* Where the running jobs are, not too often. */
static void
tell_running(struct stream *s, struct buf *out)
{
    static const size_t      max = MAX_RUNNING;
    int64_t                  now = clock_mono_us();
    struct training_running *job;
    size_t                   n;

    if (now - s->progress_us < PROGRESS_US)
        return;
    job = mem_array(max, sizeof(*job), 0);
    n = job != NULL ? training_pool_running(s->api->pool, job, max) : 0;
    for (size_t i = 0; i < n; i++) {
        if (s->job != 0 &&
            (job[i].id != s->job ||
             /* NOLINTNEXTLINE: any other bits are news */
             memcmp(&s->progress, &job[i].progress, sizeof(s->progress)) == 0))
            continue;
        s->progress = job[i].progress;
        s->progress_us = now;
        tell_progress(s, job[i].id, &job[i].progress, &job[i].last, out);
    }
    free(job);
}

/* --- one job -------------------------------------------------------------- */

/* A page of what is new, in the order in which it happened: a change of status
 * knows after how many epochs it came. */
struct news {
    struct store_job    row;
    struct store_event *event;
    struct store_epoch *epoch;
    size_t              n_events, n_epochs;
};

static void
news_release(struct news *news)
{
    free(news->event);
    free(news->epoch);
    store_job_release(&news->row);
}

/* The row first: where it says that the job has ended, what is read after it
 * is all there will be.  Epochs last: those before a change of status are then
 * there when it is told. */
static enum err
news_read(struct stream *s, struct news *news, struct errinfo *e)
{
    struct store *db = s->api->store;
    enum err      rc;

    rc = store_job_get(db, s->job, &news->row, e);
    if (rc == ERR_OK)
        rc = store_event_list(db, s->job, s->event, PAGE, &news->event,
                              &news->n_events, e);
    if (rc == ERR_OK)
        rc = store_epoch_list(db, s->job, s->epoch, PAGE, &news->epoch,
                              &news->n_epochs, e);
    return rc;
}

static void
tell_news(struct stream *s, const struct news *news, struct buf *out)
{
    size_t i = 0, k = 0;

    for (;;) {
        bool have_event = i < news->n_events, have_epoch = k < news->n_epochs;

        if (have_epoch &&
            (!have_event || news->epoch[k].epoch <= news->event[i].epoch))
            tell_epoch(s, &news->epoch[k++], news->row.warnings, out);
        else if (have_event && (k < PAGE || news->event[i].epoch <= s->epoch))
            tell_status(s, &news->event[i++], out);
        else
            return; /* all told, or the epochs before it are on a later page */
    }
}

static bool
pull_job(struct stream *s, struct buf *out, unsigned *out_wait_ms)
{
    struct news    news = { 0 };
    struct errinfo e;
    bool           ended = false;

    err_clear(&e);
    enum err rc = news_read(s, &news, &e);
    if (rc == ERR_OK) {
        bool more = news.n_events == PAGE || news.n_epochs == PAGE;

        ended = news.row.status >= STORE_JOB_SUCCEEDED && !more;
        if (ended) /* who hears "succeeded" finds the new version serving */
            training_pool_settle(s->api->pool, s->job);
        tell_news(s, &news, out);
        s->n_warnings = codec_warnings_events(
            news.row.warnings, s->job, s->n_warnings, s->epoch, s->form, out);
        if (!ended && !more)
            tell_running(s, out);
        *out_wait_ms = more ? 0 : LOOK_MS;
    } else {
        ended = rc != ERR_BUSY; /* deleted, or unreadable */
        *out_wait_ms = IDLE_MS;
    }
    news_release(&news);
    return !ended;
}

/* --- all jobs ------------------------------------------------------------- */

static bool
pull_all(struct stream *s, struct buf *out, unsigned *out_wait_ms)
{
    struct store_event *row = NULL;
    size_t              n = 0;
    struct errinfo      e;

    err_clear(&e);
    *out_wait_ms = LOOK_MS;
    if (store_event_list(s->api->store, 0, s->event, PAGE, &row, &n, &e) !=
        ERR_OK)
        return true;
    for (size_t i = 0; i < n; i++)
        tell_status(s, &row[i], out);
    free(row);
    tell_running(s, out);
    if (n == PAGE)
        *out_wait_ms = 0;
    else if (out->len == 0)
        *out_wait_ms = IDLE_MS;
    return true;
}

/* --- the feed ------------------------------------------------------------- */

static bool
stream_pull(void *state, struct buf *out, unsigned *out_wait_ms)
{
    struct stream *s = state;

    if (!s->greeted && s->form == CODEC_EVENT_SSE)
        buf_puts(out, "retry: 1000\n\n");
    s->greeted = true;
    return s->job != 0 ? pull_job(s, out, out_wait_ms)
                       : pull_all(s, out, out_wait_ms);
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

/* Where to begin: the id the client saw last; false: from now on. */
static bool
asked_position(const struct http_request *req, uint64_t *out)
{
    const char *last = http_request_header(req, "Last-Event-ID");

    if (last == NULL)
        last = http_request_query(req, "after");
    return last != NULL && num_parse_u64(last, strlen(last), out) &&
           *out <= INT64_MAX;
}

/* From now on: the status a job has is told, and the epochs that come. */
static enum err
begin_now(struct stream *s, const struct store_job *job, struct errinfo *e)
{
    int64_t  last = 0;
    enum err rc = store_event_last(s->api->store, s->job, &last, e);

    if (rc != ERR_OK)
        return rc;
    s->event = job != NULL && last > 0 ? last - 1 : last;
    s->epoch = job != NULL ? job->epoch : 0;
    return ERR_OK;
}

static enum err
stream_open(struct api_ctx *api, const struct http_request *req, int64_t job,
            const struct store_job *row, struct http_reply *rep,
            struct errinfo *e)
{
    static const char *const types[] = { "text/event-stream",
                                         "application/x-ndjson", NULL };
    int                      form = http_request_prefers(req, types);
    struct stream           *s;
    uint64_t                 at = 0;
    enum err                 rc = ERR_OK;

    if (form < 0)
        return err_set(e, ERR_ACCEPT, "",
                       "events come as text/event-stream or "
                       "application/x-ndjson");
    s = mem_array(1, sizeof(*s), 0);
    if (s == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    s->api = api;
    s->job = job;
    s->form = form == 0 ? CODEC_EVENT_SSE : CODEC_EVENT_LINES;
    if (!asked_position(req, &at)) {
        rc = begin_now(s, row, e);
    } else if (job != 0) {
        s->event = (int64_t)(at >> EPOCH_BITS);
        s->epoch = at & ((UINT64_C(1) << EPOCH_BITS) - 1);
    } else {
        s->event = (int64_t)at;
    }
    /* Of the warnings, those of epochs before the last one seen. */
    if (rc == ERR_OK && row != NULL && s->epoch > 0)
        s->n_warnings = codec_warnings_events(row->warnings, job, SIZE_MAX,
                                              s->epoch - 1, s->form, NULL);
    if (rc != ERR_OK) {
        free(s);
        return rc;
    }
    rep->content_type = types[form];
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
    return stream_open(ctx, req, 0, NULL, rep, e);
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
    rc = stream_open(api, req, id, &row, rep, e);
    store_job_release(&row);
    return rc;
}
