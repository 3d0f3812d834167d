/*
 * event.h - what happens to jobs, as lines of a stream
 *
 * Format   Server-sent events, "id: 7\nevent: epoch\ndata: {…}\n\n", or the
 *          same as one JSON object a line, {"id":7,"event":"epoch","data":{…}};
 *          an event without an id is a passing one, not replayed.
 */
#ifndef CODEC_EVENT_H
#define CODEC_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/job.h"

/* How the client wants them. */
enum codec_event_form { CODEC_EVENT_SSE, CODEC_EVENT_LINES };

/* What is appended between _begin and _end is the event's data, JSON.  id 0:
 * none. */
void codec_event_begin(struct buf *out, enum codec_event_form form,
                       const char *name, uint64_t id);
/* The same with an id that is no number. */
void codec_event_begin_at(struct buf *out, enum codec_event_form form,
                          const char *name, const char *id);
void codec_event_end(struct buf *out, enum codec_event_form form);

/* {"job": 3, "epoch": 1, "loss": …}; what does not apply is left out. */
void codec_epoch_format(int64_t job, const struct store_epoch *row,
                        struct buf *out);
/* {"job": 3, "progress": {…}, "metrics": {…}} */
void codec_progress_format(int64_t job, const struct codec_progress *progress,
                           const struct store_epoch *last, struct buf *out);

/* Elements `from` and up of a JSON array of warnings whose epoch is at most
 * `epoch`, each as an event of job; returns how many the array's beginning has
 * up to there. */
size_t codec_warnings_events(const char *warnings, int64_t job, size_t from,
                             uint64_t epoch, enum codec_event_form form,
                             struct buf *out);

#endif
