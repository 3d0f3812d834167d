/*
 * events.h - a listener's stream of events, and what it has been told
 *
 * Model    Nothing is told that is not in the store: an epoch is an event once
 *          its checkpoint is on the disk.  So a stream that is taken up again,
 *          by the same or by the next process, goes on exactly where it broke
 *          off.  Where the reader is, is the last status change he has seen
 *          (of all jobs: they are one sequence) and, for each job that runs,
 *          the last epoch; an event's id is all of that.
 * Owner    A stream belongs to its connection (http_feed).
 * Threads  The feed's.
 */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/internal.h"
#include "codec/event.h"

#define API_EVENTS_PAGE 256 /* rows of one look                       */
#define API_EVENTS_LOOK_BYTES (256 * 1024) /* after so many it ends         */
#define API_EVENTS_LOOK_MS 150    /* while there is something going on      */
#define API_EVENTS_IDLE_MS 500    /* while there is not                     */
#define API_EVENTS_MAX_PLACES 256 /* of one stream: as many workers may be  */

/* What a listener wants to hear of: bits. */
enum api_event_type {
    API_EVENT_STATUS = 1,
    API_EVENT_PROGRESS = 2,
    API_EVENT_EPOCH = 4,
    API_EVENT_WARNING = 8,
};

/* How far a job has been told. */
struct api_place {
    int64_t  job;
    uint64_t epoch;
    size_t   n_warnings; /* told                                      */
    bool     counted;    /* n_warnings is; else: those up to epoch    */
};

struct api_stream {
    struct api_ctx       *api;
    enum codec_event_form form;
    unsigned              types;    /* enum api_event_type                  */
    int64_t               job;      /* 0: all of them                       */
    int64_t               event;    /* the last change of status told       */
    size_t                n_places; /* one job: 1; all: those that run   */
    size_t                next;     /* all: the place to be looked at next  */
    struct api_place      place[API_EVENTS_MAX_PLACES];
    int64_t               held_job; /* whose end a worker holds back       */
    int64_t               held_us;  /* since when                          */
    bool                  greeted;
    int64_t               progress_us; /* when it was last reported      */
    struct codec_progress progress;    /* what was reported of one job   */
};

/* Where a client says that he is: "7", or "7.3-120.4-9", the last change of
 * status and (job, epoch) of those that ran then.  false: nonsense. */
bool api_events_parse(struct api_stream *s, const char *text);
/* The types in a list such as "status,epoch". */
enum err api_events_types(const char *list, unsigned *out, struct errinfo *e);

/* May a change of status be told?  Who hears "succeeded" finds the new version
 * serving: an end is held back while a worker has the job, but not for ever.
 * Nobody waits here, since all streams share a thread: ask again. */
bool api_events_settled(struct api_stream *s, const struct store_event *row);

/* One event, where it is wanted; the place moves on in any case. */
void api_tell_status(struct api_stream *s, const struct store_event *row,
                     struct buf *out);
void api_tell_epoch(struct api_stream *s, struct api_place *place,
                    const struct store_epoch *row, const char *warnings,
                    struct buf *out);
/* The warnings of a job up to an epoch that have not been told. */
void api_tell_warnings(struct api_stream *s, struct api_place *place,
                       const char *warnings, uint64_t epoch, struct buf *out);
/* Where the running jobs are, not too often. */
void api_tell_running(struct api_stream *s, struct buf *out);

/* What is new, as http_feed.pull has it. */
bool api_events_pull_job(struct api_stream *s, struct buf *out,
                         unsigned *out_wait_ms);
bool api_events_pull_all(struct api_stream *s, struct buf *out,
                         unsigned *out_wait_ms);
/* Places for the jobs that run now, where they are now. */
enum err api_events_running_now(struct api_stream *s, struct errinfo *e);
/* Places for the jobs that ran when s->event was the last, and none but those:
 * a place whose job had ended by then, or is gone, is dropped. */
enum err api_events_running_then(struct api_stream *s, struct errinfo *e);

#endif
