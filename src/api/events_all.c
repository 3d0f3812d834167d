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

/* Where nothing but status and progress is wanted, nobody has a place. */
static bool
wants_places(const struct api_stream *s)
{
    return (s->types & (API_EVENT_EPOCH | API_EVENT_WARNING)) != 0;
}

/* NULL: there is no room, or no use. */
static struct api_place *
place_add(struct api_stream *s, int64_t job, uint64_t epoch)
{
    struct api_place *place = &s->place[s->n_places];

    if (s->n_places == API_EVENTS_MAX_PLACES || !wants_places(s))
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
 * was full, or the look is.  The row is read after them: it has their warnings,
 * and tells a job that waits for its next epoch from one that is deleted. */
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
    if (rc == ERR_OK)
        rc = store_job_get(s->api->store, place->job, &job, e);
    if (rc == ERR_OK) {
        while (i < n && row[i].epoch <= last &&
               out->len < API_EVENTS_LOOK_BYTES)
            api_tell_epoch(s, place, &row[i++], job.warnings, out);
        if (!epochs) {
            uint64_t to = job.epoch < last ? job.epoch : last;

            api_tell_warnings(s, place, job.warnings, to, out);
            place->epoch = to;
        }
        *out_more = i == API_EVENTS_PAGE || (i < n && row[i].epoch <= last);
    }
    free(row);
    store_job_release(&job);
    return rc;
}

/* Of all places, in turn: the next look goes on where this one was full.  A job
 * that is deleted has none any more. */
static enum err
tell_new_epochs(struct api_stream *s, bool *out_more, struct buf *out,
                struct errinfo *e)
{
    size_t   left = s->n_places;
    enum err rc = ERR_OK;

    for (; left > 0 && rc == ERR_OK && out->len < API_EVENTS_LOOK_BYTES;
         left--) {
        bool more = false;

        if (s->next >= s->n_places)
            s->next = 0;
        rc = tell_epochs(s, &s->place[s->next], UINT64_MAX, &more, out, e);
        *out_more |= more;
        if (rc == ERR_NOTFOUND) {
            place_drop(s, &s->place[s->next]);
            rc = ERR_OK;
        } else
            s->next++;
    }
    *out_more |= left > 0;
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

    if (place == NULL && row->status != STORE_JOB_RUNNING && wants_places(s)) {
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
 * on on the next page, or it is held back, and it has not been told. */
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
    *out_more |= !api_events_settled(s, row);
    if (*out_more)
        return ERR_OK;
    if (row->status == STORE_JOB_RUNNING && place == NULL)
        place_add(s, row->job_id, row->epoch);
    /* One that got ahead of its status keeps its place, so that no epoch is
     * told again when the job runs again. */
    else if (row->status != STORE_JOB_RUNNING && place != NULL &&
             (final || place->epoch <= row->epoch))
        place_drop(s, place);
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
    for (size_t i = 0; i < n && rc == ERR_OK && !*out_more; i++) {
        rc = tell_change(s, &row[i], out_more, out, e);
        *out_more |= out->len >= API_EVENTS_LOOK_BYTES;
    }
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

/* --- where it begins ------------------------------------------------------ */

static enum err
running(struct api_stream *s, struct store_job **out, size_t *out_n,
        struct errinfo *e)
{
    return store_job_list(s->api->store, STORE_JOB_RUNNING, NULL, 0,
                          API_EVENTS_MAX_PLACES, out, out_n, e);
}

enum err
api_events_running_now(struct api_stream *s, struct errinfo *e)
{
    struct store_job *job = NULL;
    size_t            n = 0;
    enum err          rc = running(s, &job, &n, e);

    s->n_places = 0;
    for (size_t i = 0; i < n; i++) {
        place_add(s, job[i].id, job[i].epoch);
        store_job_release(&job[i]);
    }
    free(job);
    return rc;
}

/* What a job was when s->event was the last; false: it was not, or is gone. */
static enum err
status_then(struct api_stream *s, int64_t job, struct store_event *out,
            bool *out_was, struct errinfo *e)
{
    enum err rc = store_event_before(s->api->store, job, s->event, out, e);

    *out_was = rc == ERR_OK;
    if (rc == ERR_NOTFOUND) {
        err_clear(e);
        rc = ERR_OK;
    }
    return rc;
}

enum err
api_events_running_then(struct api_stream *s, struct errinfo *e)
{
    struct store_job  *job = NULL;
    struct store_event then;
    size_t             n = 0;
    bool               was;
    enum err           rc = ERR_OK;

    if (!wants_places(s))
        s->n_places = 0;
    for (size_t i = s->n_places; i-- > 0 && rc == ERR_OK;) {
        rc = status_then(s, s->place[i].job, &then, &was, e);
        if (rc == ERR_OK && (!was || then.status >= STORE_JOB_SUCCEEDED))
            place_drop(s, &s->place[i]);
    }
    if (rc == ERR_OK && wants_places(s))
        rc = running(s, &job, &n, e);
    for (size_t i = 0; i < n; i++) {
        if (rc == ERR_OK && place_find(s, job[i].id) == NULL) {
            rc = status_then(s, job[i].id, &then, &was, e);
            if (rc == ERR_OK && was && then.status == STORE_JOB_RUNNING)
                place_add(s, job[i].id, then.epoch);
        }
        store_job_release(&job[i]);
    }
    free(job);
    return rc;
}
