#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/internal.h"

static const char *const status_names[] = {
    [STORE_JOB_QUEUED] = "queued", [STORE_JOB_RUNNING] = "running",
    [STORE_JOB_PAUSED] = "paused", [STORE_JOB_SUCCEEDED] = "succeeded",
    [STORE_JOB_FAILED] = "failed", [STORE_JOB_CANCELLED] = "cancelled",
};

const char *
store_job_status_name(enum store_job_status s)
{
    return status_names[s];
}

bool
store_job_status_find(const char *name, enum store_job_status *out)
{
    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (strcmp(name, status_names[i]) == 0) {
            *out = (enum store_job_status)i;
            return true;
        }
    return false;
}

void
store_job_release(struct store_job *row)
{
    free(row->network);
    free(row->dataset);
    free(row->validation);
    free(row->spec);
    free(row->metrics);
    free(row->result);
    free(row->error);
    free(row->warnings);
    memset(row, 0, sizeof(*row));
}

static enum err
job_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_job row = { 0 };
    bool             failed = false;

    row.id = column_i64(c, id, 0);
    store_job_status_find((const char *)sqlite3_column_text(c->stmt[id], 1),
                          &row.status);
    row.network = column_text(c, id, 2, &failed);
    row.dataset = column_text(c, id, 3, &failed);
    row.validation = column_text(c, id, 4, &failed);
    row.spec = column_text(c, id, 5, &failed);
    row.epoch = (uint64_t)column_i64(c, id, 6);
    row.metrics = column_text(c, id, 7, &failed);
    row.result = column_text(c, id, 8, &failed);
    row.error = column_text(c, id, 9, &failed);
    row.warnings = column_text(c, id, 10, &failed);
    row.resumes = column_i64(c, id, 11);
    row.created_ms = column_i64(c, id, 12);
    row.started_ms = column_i64(c, id, 13);
    row.finished_ms = column_i64(c, id, 14);
    if (failed) {
        store_job_release(&row);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    *(struct store_job *)out = row;
    return ERR_OK;
}

static void
job_release(void *row)
{
    store_job_release(row);
}

static const struct row_kind job_kind = {
    .size = sizeof(struct store_job),
    .read = job_column,
    .release = job_release,
};

/* --- submitting
 * ------------------------------------------------------------------- */

struct job_change {
    const struct store_job     *row;
    const struct store_job_end *end;
    struct store_job            claimed;
    int64_t                     id, now_ms, version;
};

/* The id behind a name in a job; NULL for no name. */
static enum err
id_of(struct conn *c, enum stmt_id stmt, const char *what, const char *where,
      const char *name, int64_t *out, struct errinfo *e)
{
    enum err rc;

    *out = 0;
    if (name == NULL)
        return ERR_OK;
    bind_text(c, stmt, 1, name);
    rc = conn_row(c, stmt, e);
    if (rc == ERR_OK)
        *out = column_i64(c, stmt, 0);
    else if (rc == ERR_NOTFOUND)
        err_set(e, rc, where, "there is no %s '%.63s'", what, name);
    conn_done(c, stmt);
    return rc;
}

static enum err
job_insert(struct conn *c, void *arg, struct errinfo *e)
{
    struct job_change      *change = arg;
    const struct store_job *row = change->row;
    enum stmt_id            id = STMT_JOB_INSERT;
    int64_t                 network, dataset, validation;
    enum err                rc;

    rc = id_of(c, STMT_NETWORK_ID, "network", "/network", row->network,
               &network, e);
    if (rc == ERR_OK)
        rc = id_of(c, STMT_DATASET_ID, "dataset", "/dataset", row->dataset,
                   &dataset, e);
    if (rc == ERR_OK)
        rc = id_of(c, STMT_DATASET_ID, "dataset", "/validation/dataset",
                   row->validation, &validation, e);
    if (rc != ERR_OK)
        return rc;

    bind_text(c, id, 1, row->network);
    bind_i64(c, id, 2, network);
    bind_text(c, id, 3, row->dataset);
    bind_i64(c, id, 4, dataset);
    bind_text(c, id, 5, row->validation);
    if (row->validation != NULL)
        bind_i64(c, id, 6, validation);
    bind_text(c, id, 7, row->spec);
    bind_i64(c, id, 8, row->created_ms);
    rc = conn_run(c, id, e);
    change->id = sqlite3_last_insert_rowid(c->db);
    return rc;
}

enum err
store_job_insert(struct store *db, const struct store_job *row, int64_t *out_id,
                 struct errinfo *e)
{
    struct job_change change = { .row = row };
    enum err          rc = store_write(db, job_insert, &change, e);

    if (rc == ERR_OK)
        *out_id = change.id;
    return rc;
}

/* --- states
 * ------------------------------------------------------------------------- */

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

static enum err
job_claim(struct conn *c, void *arg, struct errinfo *e)
{
    struct job_change *change = arg;
    enum err           rc;

    bind_i64(c, STMT_JOB_CLAIM, 1, change->now_ms);
    rc = conn_row(c, STMT_JOB_CLAIM, e);
    if (rc == ERR_OK)
        rc = job_column(c, STMT_JOB_CLAIM, &change->claimed, e);
    if (rc == ERR_OK)
        conn_row(c, STMT_JOB_CLAIM, NULL); /* to its end */
    conn_done(c, STMT_JOB_CLAIM);
    return rc;
}

enum err
store_job_claim(struct store *db, int64_t now_ms, struct store_job *out,
                struct errinfo *e)
{
    struct job_change change = { .now_ms = now_ms };
    enum err          rc = store_write(db, job_claim, &change, e);

    if (rc == ERR_OK)
        *out = change.claimed;
    else /* the commit failed: still queued */
        store_job_release(&change.claimed);
    return rc;
}

static enum err
job_cancel(struct conn *c, void *arg, struct errinfo *e)
{
    struct job_change    *change = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, change->id, &status, &network, e);
    if (rc != ERR_OK)
        return rc;
    if (status != STORE_JOB_QUEUED)
        return err_set(e, ERR_CONFLICT, "", "the job is %s, not queued",
                       status_names[status]);
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
    struct job_change change = { .id = id, .now_ms = now_ms };

    return store_write(db, job_cancel, &change, e);
}

static enum err
job_requeue(struct conn *c, void *arg, struct errinfo *e)
{
    struct job_change *change = arg;

    bind_i64(c, STMT_JOB_REQUEUE, 1, change->id);
    return conn_run(c, STMT_JOB_REQUEUE, e);
}

enum err
store_job_release_claim(struct store *db, int64_t id, struct errinfo *e)
{
    struct job_change change = { .id = id };

    return store_write(db, job_requeue, &change, e);
}

static enum err
job_requeue_all(struct conn *c, void *arg, struct errinfo *e)
{
    (void)arg;
    return conn_run(c, STMT_JOB_REQUEUE_ALL, e);
}

enum err
store_jobs_requeue(struct store *db, struct errinfo *e)
{
    return store_write(db, job_requeue_all, NULL, e);
}

static enum err
job_delete(struct conn *c, void *arg, struct errinfo *e)
{
    struct job_change    *change = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, change->id, &status, &network, e);
    if (rc != ERR_OK)
        return rc;
    if (status < STORE_JOB_SUCCEEDED)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "",
                                 "the job is %s: cancel it first",
                                 status_names[status]),
                         "job_active");
    bind_i64(c, STMT_JOB_DELETE, 1, change->id);
    return conn_run(c, STMT_JOB_DELETE, e);
}

enum err
store_job_delete(struct store *db, int64_t id, struct errinfo *e)
{
    struct job_change change = { .id = id };

    return store_write(db, job_delete, &change, e);
}

/* --- reading
 * -------------------------------------------------------------------------- */

enum err
store_job_get(struct store *db, int64_t id, struct store_job *out,
              struct errinfo *e)
{
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_JOB_GET, 1, id);
    rc = row_read(c, STMT_JOB_GET, &job_kind, out, e);
    if (rc == ERR_NOTFOUND)
        err_set(e, rc, "", "there is no job %lld", (long long)id);
    store_reader_give(db, c);
    return rc;
}

enum err
store_job_list(struct store *db, enum store_job_status status,
               const char *network, int64_t after, size_t limit,
               struct store_job **out, size_t *out_n, struct errinfo *e)
{
    bool         by_status = status != STORE_JOB_STATUS_COUNT;
    enum stmt_id id =
        by_status ? (network != NULL ? STMT_JOB_LIST_STATUS_NETWORK
                                     : STMT_JOB_LIST_STATUS)
                  : (network != NULL ? STMT_JOB_LIST_NETWORK : STMT_JOB_LIST);
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, id, 1, after);
    bind_i64(c, id, 2, (int64_t)limit);
    if (by_status)
        bind_text(c, id, 3, status_names[status]);
    if (network != NULL)
        bind_text(c, id, 4, network);
    rc = rows_read(c, id, &job_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}
