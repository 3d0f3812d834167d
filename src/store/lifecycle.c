/*
 * lifecycle.c - a job from one status to the next, and the log of that
 *
 *   queued --claim--> running --finish (checkpoint.c)--> succeeded, failed,
 *     ^  ^               |  \                             cancelled
 *     |  '---requeue-----'   \
 *     '---resume---- paused <-'   and queued -> paused, and what waits, queued
 *                                 or paused, -> cancelled
 *
 * Events are written by triggers on job.status, so that none can be missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

enum err
job_status(struct conn *c, int64_t id, enum store_job_status *out,
           int64_t *out_network, struct errinfo *e)
{
    enum err rc;

    bind_i64(c, STMT_JOB_STATUS, 1, id);
    rc = conn_row(c, STMT_JOB_STATUS, e);
    if (rc == ERR_OK) {
        store_job_status_find(
            (const char *)sqlite3_column_text(c->stmt[STMT_JOB_STATUS], 0),
            out);
        *out_network = column_i64(c, STMT_JOB_STATUS, 1);
    } else if (rc == ERR_NOTFOUND) {
        err_set(e, rc, "", "there is no job %lld", (long long)id);
    }
    conn_done(c, STMT_JOB_STATUS);
    return rc;
}

/* --- claiming, and giving back ---------------------------------------------
 */

struct claim {
    int64_t          now_ms;
    struct store_job row;
};

static enum err
job_claim(struct conn *c, void *arg, struct errinfo *e)
{
    struct claim *claim = arg;
    enum err      rc;

    store_job_release(&claim->row); /* of a transaction that was lost */
    bind_i64(c, STMT_JOB_CLAIM, 1, claim->now_ms);
    rc = conn_row(c, STMT_JOB_CLAIM, e);
    if (rc == ERR_OK)
        rc = job_column(c, STMT_JOB_CLAIM, &claim->row, e);
    if (rc == ERR_OK)
        conn_row(c, STMT_JOB_CLAIM, NULL); /* to its end */
    conn_done(c, STMT_JOB_CLAIM);
    return rc;
}

enum err
store_job_claim(struct store *db, int64_t now_ms, struct store_job *out,
                struct errinfo *e)
{
    struct claim claim = { .now_ms = now_ms };
    enum err     rc = store_write(db, job_claim, &claim, e);

    if (rc == ERR_OK)
        *out = claim.row;
    else /* the commit failed: still queued */
        store_job_release(&claim.row);
    return rc;
}

struct change {
    int64_t               id, now_ms;
    enum store_job_status status;
    const char           *reason;
};

static enum err
job_release(struct conn *c, void *arg, struct errinfo *e)
{
    const struct change *change = arg;
    bool                 pause = change->status == STORE_JOB_PAUSED;
    enum stmt_id         id = pause ? STMT_JOB_PAUSE : STMT_JOB_REQUEUE;

    bind_i64(c, id, 1, change->id);
    bind_i64(c, id, 2, change->now_ms);
    if (!pause)
        bind_text(c, id, 3, change->reason);
    return conn_run(c, id, e);
}

enum err
store_job_release_claim(struct store *db, int64_t id, enum store_job_status to,
                        const char *reason, struct errinfo *e)
{
    struct change change = {
        .id = id, .now_ms = clock_wall_ms(), .status = to, .reason = reason
    };

    return store_write(db, job_release, &change, e);
}

/* --- what clients ask for ---------------------------------------------------
 */

static enum err
is_not(struct errinfo *e, enum store_job_status status, const char *wanted)
{
    return err_set(e, ERR_CONFLICT, "", "the job is %s, not %s",
                   store_job_status_name(status), wanted);
}

static enum err
job_pause(struct conn *c, void *arg, struct errinfo *e)
{
    const struct change  *change = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, change->id, &status, &network, e);
    if (rc != ERR_OK || status == STORE_JOB_PAUSED)
        return rc;
    if (status != STORE_JOB_QUEUED)
        return is_not(e, status, "queued");
    bind_i64(c, STMT_JOB_PAUSE, 1, change->id);
    bind_i64(c, STMT_JOB_PAUSE, 2, change->now_ms);
    return conn_run(c, STMT_JOB_PAUSE, e);
}

enum err
store_job_pause(struct store *db, int64_t id, struct errinfo *e)
{
    struct change change = { .id = id, .now_ms = clock_wall_ms() };

    return store_write(db, job_pause, &change, e);
}

static enum err
job_resume(struct conn *c, void *arg, struct errinfo *e)
{
    const struct change  *change = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, change->id, &status, &network, e);
    if (rc != ERR_OK || status == STORE_JOB_QUEUED ||
        status == STORE_JOB_RUNNING)
        return rc;
    if (status != STORE_JOB_PAUSED)
        return is_not(e, status, "paused");
    bind_i64(c, STMT_JOB_RESUME, 1, change->id);
    bind_i64(c, STMT_JOB_RESUME, 2, change->now_ms);
    return conn_run(c, STMT_JOB_RESUME, e);
}

enum err
store_job_resume(struct store *db, int64_t id, struct errinfo *e)
{
    struct change change = { .id = id, .now_ms = clock_wall_ms() };

    return store_write(db, job_resume, &change, e);
}

static enum err
job_cancel(struct conn *c, void *arg, struct errinfo *e)
{
    const struct change  *change = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, change->id, &status, &network, e);
    if (rc != ERR_OK)
        return rc;
    if (status != STORE_JOB_QUEUED && status != STORE_JOB_PAUSED)
        return is_not(e, status, "queued or paused");
    bind_i64(c, STMT_JOB_CANCEL, 1, change->id);
    bind_i64(c, STMT_JOB_CANCEL, 2, change->now_ms);
    rc = conn_run(c, STMT_JOB_CANCEL, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHECKPOINT_DELETE, 1, change->id);
    return conn_run(c, STMT_CHECKPOINT_DELETE, e);
}

enum err
store_job_cancel(struct store *db, int64_t id, int64_t now_ms,
                 struct errinfo *e)
{
    struct change change = { .id = id, .now_ms = now_ms };

    return store_write(db, job_cancel, &change, e);
}

/* --- at start ----------------------------------------------------------------
 */

static enum err
job_requeue_all(struct conn *c, void *arg, struct errinfo *e)
{
    const struct change *change = arg;

    bind_i64(c, STMT_JOB_REQUEUE_ALL, 1, change->now_ms);
    bind_i64(c, STMT_JOB_REQUEUE_ALL, 2, change->id);
    return conn_run(c, STMT_JOB_REQUEUE_ALL, e);
}

enum err
store_jobs_requeue(struct store *db, int64_t blamed, struct errinfo *e)
{
    struct change change = { .id = blamed, .now_ms = clock_wall_ms() };

    return store_write(db, job_requeue_all, &change, e);
}

/* --- the log -------------------------------------------------------------- */

static enum err
event_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_event *row = out;

    (void)e;
    memset(row, 0, sizeof(*row));
    row->id = column_i64(c, id, 0);
    row->job_id = column_i64(c, id, 1);
    store_job_status_find((const char *)sqlite3_column_text(c->stmt[id], 2),
                          &row->status);
    snprintf(row->reason, sizeof(row->reason), "%s",
             (const char *)sqlite3_column_text(c->stmt[id], 3));
    row->epoch = (uint64_t)column_i64(c, id, 4);
    row->at_ms = column_i64(c, id, 5);
    return ERR_OK;
}

static void
event_release(void *row)
{
    (void)row; /* holds nothing */
}

static const struct row_kind event_kind = {
    .size = sizeof(struct store_event),
    .read = event_column,
    .release = event_release,
};

enum err
store_event_list(struct store *db, int64_t job_id, int64_t after, size_t limit,
                 struct store_event **out, size_t *out_n, struct errinfo *e)
{
    enum stmt_id id = job_id != 0 ? STMT_EVENT_LIST_JOB : STMT_EVENT_LIST;
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, id, 1, after);
    bind_i64(c, id, 2, (int64_t)limit);
    if (job_id != 0)
        bind_i64(c, id, 3, job_id);
    rc = rows_read(c, id, &event_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}

enum err
store_event_before(struct store *db, int64_t job_id, int64_t last,
                   struct store_event *out, struct errinfo *e)
{
    struct store_event *row;
    void               *rows;
    size_t              n;
    struct conn        *c;
    enum err            rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_EVENT_BEFORE, 1, job_id);
    bind_i64(c, STMT_EVENT_BEFORE, 2, last);
    rc = rows_read(c, STMT_EVENT_BEFORE, &event_kind, 1, &rows, &n, e);
    store_reader_give(db, c);
    if (rc != ERR_OK)
        return rc;
    row = rows;
    if (n == 1)
        *out = row[0];
    free(rows);
    return n == 1 ? ERR_OK
                  : err_set(e, ERR_NOTFOUND, "", "nothing has happened to it");
}

enum err
event_last(struct conn *c, int64_t job_id, int64_t *out, struct errinfo *e)
{
    enum stmt_id id = job_id != 0 ? STMT_EVENT_LAST_JOB : STMT_EVENT_LAST;
    enum err     rc;

    if (job_id != 0)
        bind_i64(c, id, 1, job_id);
    rc = conn_row(c, id, e);
    if (rc == ERR_OK)
        *out = column_i64(c, id, 0);
    conn_done(c, id);
    return rc;
}

enum err
store_event_last(struct store *db, int64_t job_id, int64_t *out,
                 struct errinfo *e)
{
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    rc = event_last(c, job_id, out, e);
    store_reader_give(db, c);
    return rc;
}
