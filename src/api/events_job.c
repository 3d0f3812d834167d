/* events_job.c - what is new with one job */
#include <stdlib.h>

#include "api/events.h"

/* A page of what is new, in the order in which it happened: a change of status
 * knows after how many epochs it came. */
struct news {
    bool                ended;
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

/* Where the status, which is read first, says that the job has ended, what is
 * read after it is all there will be.  Epochs after changes of status: those
 * before one are then there when it is told.  The row's warnings last: they
 * are then those of the epochs, at least. */
static enum err
news_read(struct api_stream *s, struct news *news, struct errinfo *e)
{
    struct store           *db = s->api->store;
    const struct api_place *at = &s->place[0];
    struct store_job        row = { 0 };
    enum err                rc;

    rc = store_job_get(db, s->job, &row, e);
    if (rc == ERR_OK)
        news->ended = row.status >= STORE_JOB_SUCCEEDED;
    store_job_release(&row);
    if (rc == ERR_OK)
        rc = store_event_list(db, s->job, s->event, API_EVENTS_PAGE,
                              &news->event, &news->n_events, e);
    if (rc == ERR_OK && (s->types & API_EVENT_EPOCH) != 0)
        rc = store_epoch_list(db, s->job, at->epoch, API_EVENTS_PAGE,
                              &news->epoch, &news->n_epochs, e);
    if (rc == ERR_OK)
        rc = store_job_get(db, s->job, &news->row, e);
    return rc;
}

/* False: the job's end cannot be told yet. */
static bool
tell_news(struct api_stream *s, const struct news *news, struct buf *out)
{
    struct api_place *at = &s->place[0];
    size_t            i = 0, k = 0;

    for (;;) {
        bool have_event = i < news->n_events, have_epoch = k < news->n_epochs;

        if (have_epoch &&
            (!have_event || news->epoch[k].epoch <= news->event[i].epoch))
            api_tell_epoch(s, at, &news->epoch[k++], news->row.warnings, out);
        else if (!have_event ||
                 (k == API_EVENTS_PAGE && news->event[i].epoch > at->epoch))
            return true; /* all, or the epochs before it are on a later page */
        else if (!api_events_settled(s, &news->event[i]))
            return false;
        else
            api_tell_status(s, &news->event[i++], out);
    }
}

bool
api_events_pull_job(struct api_stream *s, struct buf *out,
                    unsigned *out_wait_ms)
{
    struct api_place *at = &s->place[0];
    struct news       news = { 0 };
    struct errinfo    e;
    bool              ended = false;

    err_clear(&e);
    enum err rc = news_read(s, &news, &e);
    if (rc == ERR_OK) {
        bool more = news.n_events == API_EVENTS_PAGE ||
                    news.n_epochs == API_EVENTS_PAGE;

        if ((s->types & API_EVENT_EPOCH) == 0) {
            api_tell_warnings(s, at, news.row.warnings, news.row.epoch, out);
            at->epoch = news.row.epoch;
        }
        if (!tell_news(s, &news, out))
            more = true;
        ended = news.ended && !more;
        api_tell_warnings(s, at, news.row.warnings, at->epoch, out);
        if (!ended) /* a listener that lags behind is told where it is */
            api_tell_running(s, out);
        *out_wait_ms = more ? 0 : API_EVENTS_LOOK_MS;
    } else {
        ended = rc != ERR_BUSY; /* deleted, or unreadable */
        *out_wait_ms = API_EVENTS_IDLE_MS;
    }
    news_release(&news);
    return !ended;
}
