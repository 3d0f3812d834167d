/* events_tell.c - one event after the other, and where that leaves the reader
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/events.h"
#include "base/clock.h"
#include "base/num.h"

#define EPOCH_BITS 27      /* of a job's id: epochs are less than this many */
#define PROGRESS_US 400000 /* between two reports of progress               */
#define HELD_US 30000000   /* an end is held back at most               */

/* --- where the reader is -------------------------------------------------- */

/* A job's ids are numbers, both halves of which only grow; those of all jobs
 * have a place for each that runs. */
static void
event_begin(const struct api_stream *s, const char *name, struct buf *out)
{
    struct buf place = { 0 };

    if (s->job != 0) {
        codec_event_begin(out, s->form, name,
                          (uint64_t)s->event << EPOCH_BITS | s->place[0].epoch);
        return;
    }
    buf_printf(&place, "%" PRId64, s->event);
    for (size_t i = 0; i < s->n_places; i++)
        buf_printf(&place, ".%" PRId64 "-%" PRIu64, s->place[i].job,
                   s->place[i].epoch);
    codec_event_begin_at(out, s->form, name, place.failed ? "" : place.data);
    if (place.failed)
        out->failed = true;
    buf_release(&place);
}

/* A number up to one of the ends, which is skipped. */
static bool
take_number(const char **text, const char *ends, uint64_t *out)
{
    size_t len = strcspn(*text, ends);

    if (!num_parse_u64(*text, len, out) || *out > INT64_MAX)
        return false;
    *text += len;
    return true;
}

static bool
parse_places(struct api_stream *s, const char *text)
{
    size_t   n = 0;
    uint64_t job, epoch;

    for (; *text == '.'; n++) {
        text++;
        if (n == API_EVENTS_MAX_PLACES || !take_number(&text, "-", &job) ||
            *text++ != '-' || !take_number(&text, ".", &epoch))
            return false;
        s->place[n] = (struct api_place){ .job = (int64_t)job, .epoch = epoch };
    }
    s->n_places = n;
    return *text == '\0';
}

bool
api_events_parse(struct api_stream *s, const char *text)
{
    uint64_t at;

    if (!take_number(&text, s->job != 0 ? "" : ".", &at))
        return false;
    if (s->job == 0) {
        s->event = (int64_t)at;
        return parse_places(s, text);
    }
    s->event = (int64_t)(at >> EPOCH_BITS);
    s->place[0].epoch = at & ((UINT64_C(1) << EPOCH_BITS) - 1);
    return true;
}

enum err
api_events_types(const char *list, unsigned *out, struct errinfo *e)
{
    static const struct {
        const char         *name;
        enum api_event_type type;
    } types[] = {
        { "status", API_EVENT_STATUS },
        { "progress", API_EVENT_PROGRESS },
        { "epoch", API_EVENT_EPOCH },
        { "warning", API_EVENT_WARNING },
    };
    unsigned found = 0;

    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ","), i = 0;

        while (i < COUNT_OF(types) && (strlen(types[i].name) != len ||
                                       memcmp(types[i].name, p, len) != 0))
            i++;
        if (i == COUNT_OF(types))
            return err_set(e, ERR_MALFORMED, "",
                           "query parameter \"types\" must be some of status, "
                           "progress, epoch and warning, with commas between, "
                           "got \"%.64s\"",
                           list);
        found |= types[i].type;
        p += len;
        if (*p == '\0')
            break;
    }
    *out = found;
    return ERR_OK;
}

/* --- telling -------------------------------------------------------------- */

bool
api_events_settled(struct api_stream *s, const struct store_event *row)
{
    if (row->status < STORE_JOB_SUCCEEDED ||
        !training_pool_has(s->api->pool, row->job_id))
        return true;
    if (s->held_job != row->job_id) {
        s->held_job = row->job_id;
        s->held_us = clock_mono_us();
    }
    return clock_mono_us() - s->held_us >= HELD_US;
}

void
api_tell_status(struct api_stream *s, const struct store_event *row,
                struct buf *out)
{
    s->event = row->id;
    if ((s->types & API_EVENT_STATUS) == 0)
        return;
    event_begin(s, "status", out);
    codec_event_format(row, out);
    codec_event_end(out, s->form);
}

void
api_tell_warnings(struct api_stream *s, struct api_place *place,
                  const char *warnings, uint64_t epoch, struct buf *out)
{
    if (!place->counted)
        place->n_warnings = codec_warnings_events(
            warnings, place->job, SIZE_MAX, place->epoch, s->form, NULL);
    place->counted = true;
    if ((s->types & API_EVENT_WARNING) != 0)
        place->n_warnings = codec_warnings_events(
            warnings, place->job, place->n_warnings, epoch, s->form, out);
}

void
api_tell_epoch(struct api_stream *s, struct api_place *place,
               const struct store_epoch *row, const char *warnings,
               struct buf *out)
{
    api_tell_warnings(s, place, warnings, row->epoch, out);
    place->epoch = row->epoch;
    event_begin(s, "epoch", out);
    codec_epoch_format(place->job, row, out);
    codec_event_end(out, s->form);
}

static void
tell_progress(struct api_stream *s, const struct training_running *job,
              struct buf *out)
{
    codec_event_begin(out, s->form, "progress", 0);
    codec_progress_format(job->id, &job->progress, &job->last, out);
    codec_event_end(out, s->form);
}

void
api_tell_running(struct api_stream *s, struct buf *out)
{
    static const size_t      max = API_EVENTS_MAX_PLACES;
    int64_t                  now = clock_mono_us();
    struct training_running *job;
    size_t                   n;

    if ((s->types & API_EVENT_PROGRESS) == 0 ||
        now - s->progress_us < PROGRESS_US)
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
        tell_progress(s, &job[i], out);
    }
    free(job);
}
