/*
 * events_all.c - what is new with all jobs
 *
 * Changes of status are one sequence, and lead; the epochs of a job stand
 * between them.  A job has a place in the stream while it runs: its epochs are
 * told up to a change of status before that is told, and up to now where there
 * is none.  What a listener missed is found from the last change of status that
 * he has seen: a job that ran then has epochs to be told.
 */
#include <stdlib.h>

#include "api/events.h"

static struct api_place *
place_find(struct api_stream *s, int64_t job)
{
    for (size_t i = 0; i < s->n_places; i++)
        if (s->place[i].job == job)
            return &s->place[i];
    return NULL;
}

/* NULL: as many jobs run as have room.  The others' epochs are told when they
 * end. */
static struct api_place *
place_add(struct api_stream *s, int64_t job, uint64_t epoch)
{
    struct api_place *place = &s->place[s->n_places];

    if (s->n_places == API_EVENTS_MAX_PLACES)
        return NULL;
    s->n_places++;
    *place = (struct api_place){ .job = job, .epoch = epoch };
    return place;
}

static void
place_drop(struct api_stream *s, struct api_place *place)
{
    *place = s->place[--s->n_places];
}

/* --- epochs --------------------------------------------------------------- */

/* The epochs of a job from its place to `last`, a page of them; *out_more: it
 * was full.  The row is read after them: it has their warnings. */
static enum err
tell_epochs(struct api_stream *s, struct api_place *place, uint64_t last,
            bool *out_more, struct buf *out, struct errinfo *e)
{
    struct store_epoch *row = NULL;
    struct store_job    job = { 0 };
    size_t              n = 0, i = 0;
    bool                epochs = (s->types & API_EVENT_EPOCH) != 0;
    enum err            rc = ERR_OK;

    if (epochs)
        rc = store_epoch_list(s->api->store, place->job, place->epoch,
                              API_EVENTS_PAGE, &row, &n, e);
    if (rc == ERR_OK &&
        (n > 0 || (!epochs && (s->types & API_EVENT_WARNING) != 0)))
        rc = store_job_get(s->api->store, place->job, &job, e);
    if (rc == ERR_OK) {
        for (; i < n && row[i].epoch <= last; i++)
            api_tell_epoch(s, place, &row[i], job.warnings, out);
        if (!epochs && job.id != 0) {
            uint64_t to = job.epoch < last ? job.epoch : last;

            api_tell_warnings(s, place, job.warnings, to, out);
            place->epoch = to;
        }
        *out_more = i == API_EVENTS_PAGE;
    }
    free(row);
    store_job_release(&job);
    return rc;
}

/* Deleted: there is nothing to tell. */
static enum err
tell_new_epochs(struct api_stream *s, bool *out_more, struct buf *out,
                struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; i < s->n_places && rc == ERR_OK; i++) {
        bool more = false;

        rc = tell_epochs(s, &s->place[i], UINT64_MAX, &more, out, e);
        *out_more |= more;
        if (rc == ERR_NOTFOUND) {
            place_drop(s, &s->place[i--]);
            rc = ERR_OK;
        }
    }
    return rc;
}

/* --- changes of status ---------------------------------------------------- */

/* The place of a job that a change of status says something new of; NULL where
 * it did not run before. */
static enum err
place_before(struct api_stream *s, const struct store_event *row,
             struct api_place **out, struct errinfo *e)
{
    struct api_place  *place = place_find(s, row->job_id);
    struct store_event before;
    enum err           rc;

    if (place == NULL && row->status != STORE_JOB_RUNNING) {
        rc = store_event_before(s->api->store, row->job_id, s->event, &before,
                                e);
        if (rc != ERR_OK && rc != ERR_NOTFOUND)
            return rc;
        if (rc == ERR_OK && before.status == STORE_JOB_RUNNING)
            place = place_add(s, row->job_id, before.epoch);
    }
    *out = place;
    return ERR_OK;
}

/* A change of status, once the epochs before it have been; *out_more: they go
 * on on the next page, and it has not been told. */
static enum err
tell_change(struct api_stream *s, const struct store_event *row, bool *out_more,
            struct buf *out, struct errinfo *e)
{
    bool              final = row->status >= STORE_JOB_SUCCEEDED;
    uint64_t          last = final ? UINT64_MAX : row->epoch;
    struct api_place *place;
    enum err          rc = place_before(s, row, &place, e);

    if (rc == ERR_OK && place != NULL && row->status != STORE_JOB_RUNNING)
        rc = tell_epochs(s, place, last, out_more, out, e);
    if (rc != ERR_OK && rc != ERR_NOTFOUND)
        return rc;
    if (*out_more)
        return ERR_OK;
    if (row->status == STORE_JOB_RUNNING && place == NULL)
        place_add(s, row->job_id, row->epoch);
    /* One that got ahead of its status keeps its place, so that no epoch is
     * told again when the job runs again. */
    else if (row->status != STORE_JOB_RUNNING && place != NULL &&
             (final || place->epoch <= row->epoch))
        place_drop(s, place);
    if (final) /* who hears "succeeded" finds the new version serving */
        training_pool_settle(s->api->pool, row->job_id);
    api_tell_status(s, row, out);
    return ERR_OK;
}

static enum err
tell_all(struct api_stream *s, bool *out_more, struct buf *out,
         struct errinfo *e)
{
    struct store_event *row = NULL;
    size_t              n = 0;
    enum err            rc;

    rc = store_event_list(s->api->store, 0, s->event, API_EVENTS_PAGE, &row, &n,
                          e);
    for (size_t i = 0; i < n && rc == ERR_OK && !*out_more; i++)
        rc = tell_change(s, &row[i], out_more, out, e);
    free(row);
    if (rc == ERR_OK && n < API_EVENTS_PAGE && !*out_more)
        rc = tell_new_epochs(s, out_more, out, e);
    *out_more |= n == API_EVENTS_PAGE;
    return rc;
}

bool
api_events_pull_all(struct api_stream *s, struct buf *out,
                    unsigned *out_wait_ms)
{
    bool           more = false;
    struct errinfo e;

    err_clear(&e);
    enum err rc = tell_all(s, &more, out, &e);
    api_tell_running(s, out);
    *out_wait_ms = rc == ERR_OK && more ? 0
                   : out->len > 0       ? API_EVENTS_LOOK_MS
                                        : API_EVENTS_IDLE_MS;
    return true;
}

enum err
api_events_find_running(struct api_stream *s, bool from_now, struct errinfo *e)
{
    struct store_job *job = NULL;
    size_t            n = 0;
    enum err          rc;

    rc = store_job_list(s->api->store, STORE_JOB_RUNNING, NULL, 0,
                        API_EVENTS_MAX_PLACES, &job, &n, e);
    for (size_t i = 0; i < n; i++) {
        struct store_event before;

        if (rc == ERR_OK && place_find(s, job[i].id) == NULL) {
            if (from_now)
                place_add(s, job[i].id, job[i].epoch);
            else if (store_event_before(s->api->store, job[i].id, s->event,
                                        &before, e) == ERR_OK &&
                     before.status == STORE_JOB_RUNNING)
                place_add(s, job[i].id, before.epoch);
        }
        store_job_release(&job[i]);
    }
    free(job);
    return rc;
}
