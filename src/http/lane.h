/*
 * lane.h - the slow lane: a few threads, and a queue with an end to it
 *
 * Model    A job is reserved first, then pushed: who holds a place can suspend
 *          his connection knowing that somebody will resume it.  After _close()
 *          there are no places; jobs that still wait are run canceled.
 * Owner    A job is the caller's storage until its run() is called, and what
 *          happens to it then is run()'s business.
 * Threads  Any thread reserves and pushes.  _close() and _free() are for the
 *          thread that called _new().
 */
#ifndef HTTP_LANE_H
#define HTTP_LANE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct http_lane;

struct http_job {
    struct http_job *next;
    void (*run)(struct http_job *job, bool canceled);
};

enum err http_lane_new(unsigned n_threads, size_t max_jobs,
                       struct http_lane **out, struct errinfo *e);

/* A place in the queue: false where it is full or closed.  `under_way` is for
 * a request that was let in before and must not be thrown out half done: only
 * a closed lane refuses it. */
bool http_lane_reserve(struct http_lane *lane, bool under_way);

/* Run a job for which a place is held. */
void http_lane_push(struct http_lane *lane, struct http_job *job);

/* Run a job without a place, for cleaning up; on a closed lane _free() runs
 * it. */
void http_lane_push_late(struct http_lane *lane, struct http_job *job);

/* Wait for the threads: jobs they have begun end, others are canceled. */
void http_lane_close(struct http_lane *lane);
void http_lane_free(struct http_lane *lane); /* NULL is fine; closes */

#endif
