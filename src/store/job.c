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
    free(row->learning_rate_test);
    free(row->reason);
    memset(row, 0, sizeof(*row));
}

enum err
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
    row.priority = column_i64(c, id, 15);
    row.crashes = column_i64(c, id, 16);
    row.base_version = column_i64(c, id, 17);
    row.verifies = column_i64(c, id, 18);
    row.continues = column_i64(c, id, 19);
    row.reason = column_text(c, id, 20, &failed);
    row.learning_rate_test = column_text(c, id, 21, &failed);
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

/* --- submitting ----------------------------------------------------------- */

#define KEY_MS ((int64_t)24 * 3600 * 1000) /* a key is remembered so long */

struct insert {
    const struct store_job *row;
    struct store_submit    *how; /* NULL: no conditions */
    int64_t                 id;
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

/* The job that a request with this key has made already, which may have been
 * deleted: *out_id 0 where it is the first. */
static enum err
key_find(struct conn *c, const struct store_submit *how, int64_t now_ms,
         int64_t *out_id, struct errinfo *e)
{
    enum stmt_id id = STMT_IDEMPOTENCY_GET;
    const char  *sha256;
    enum err     rc;

    *out_id = 0;
    bind_text(c, id, 1, how->key);
    bind_i64(c, id, 2, now_ms - KEY_MS);
    rc = conn_row(c, id, e);
    if (rc == ERR_OK) {
        sha256 = (const char *)sqlite3_column_text(c->stmt[id], 0);
        *out_id = column_i64(c, id, 1);
        if (sha256 == NULL || strcmp(sha256, how->sha256) != 0)
            rc = err_named(e,
                           err_set(e, ERR_INVALID, "",
                                   "the Idempotency-Key was used for another "
                                   "request, which made job %lld: a new "
                                   "request needs a new key",
                                   (long long)*out_id),
                           "idempotency_key_reused");
    }
    conn_done(c, id);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static enum err
key_expire(struct conn *c, int64_t now_ms, struct errinfo *e)
{
    bind_i64(c, STMT_IDEMPOTENCY_EXPIRE, 1, now_ms - KEY_MS);
    return conn_run(c, STMT_IDEMPOTENCY_EXPIRE, e);
}

static enum err
key_insert(struct conn *c, const struct store_submit *how, int64_t job,
           int64_t now_ms, struct errinfo *e)
{
    bind_text(c, STMT_IDEMPOTENCY_INSERT, 1, how->key);
    bind_text(c, STMT_IDEMPOTENCY_INSERT, 2, how->sha256);
    bind_i64(c, STMT_IDEMPOTENCY_INSERT, 3, job);
    bind_i64(c, STMT_IDEMPOTENCY_INSERT, 4, now_ms);
    return conn_run(c, STMT_IDEMPOTENCY_INSERT, e);
}

static enum err
queue_check(struct conn *c, uint64_t max, struct errinfo *e)
{
    uint64_t n = 0;
    enum err rc;

    bind_i64(c, STMT_JOB_QUEUE_LENGTH, 1, (int64_t)max);
    rc = conn_row(c, STMT_JOB_QUEUE_LENGTH, e);
    if (rc == ERR_OK)
        n = (uint64_t)column_i64(c, STMT_JOB_QUEUE_LENGTH, 0);
    conn_done(c, STMT_JOB_QUEUE_LENGTH);
    if (rc == ERR_OK && n >= max)
        rc = err_named(e,
                       err_set(e, ERR_RATE, "",
                               "%llu jobs are waiting, which is the limit "
                               "(queue_max): try again when one has begun",
                               (unsigned long long)n),
                       "queue_full");
    return rc;
}

/* The new job begins where another one ended. */
static enum err
state_copy(struct conn *c, int64_t from, int64_t to, struct errinfo *e)
{
    uint64_t n_bytes = 0;
    enum err rc;

    bind_i64(c, STMT_CHECKPOINT_GET, 1, from);
    rc = conn_row(c, STMT_CHECKPOINT_GET, e);
    if (rc == ERR_OK)
        n_bytes = (uint64_t)column_i64(c, STMT_CHECKPOINT_GET, 1);
    conn_done(c, STMT_CHECKPOINT_GET);
    if (rc == ERR_OK || rc == ERR_NOTFOUND)
        rc = room_expect(c, n_bytes, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHECKPOINT_COPY, 1, from);
    bind_i64(c, STMT_CHECKPOINT_COPY, 2, to);
    rc = conn_run(c, STMT_CHECKPOINT_COPY, e);
    if (rc == ERR_OK && sqlite3_changes(c->db) != 1)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "the state of job %lld is not kept any more, "
                               "because a later job of its network ended: "
                               "submit a job with \"start_from\" instead",
                               (long long)from),
                       "state_gone");
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHECKPOINT_CHUNK_COPY, 1, from);
    bind_i64(c, STMT_CHECKPOINT_CHUNK_COPY, 2, to);
    return conn_run(c, STMT_CHECKPOINT_CHUNK_COPY, e);
}

static enum err
row_insert(struct conn *c, const struct store_job *row, int64_t *out_id,
           struct errinfo *e)
{
    enum stmt_id id = STMT_JOB_INSERT;
    int64_t      network, dataset, validation;
    enum err     rc;

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
    bind_i64(c, id, 9, row->priority);
    bind_i64(c, id, 10, (int64_t)row->epoch);
    bind_text(c, id, 11, row->metrics);
    bind_i64(c, id, 12, row->base_version);
    bind_i64(c, id, 13, row->verifies);
    bind_i64(c, id, 14, row->continues);
    bind_text(c, id, 15, row->reason != NULL ? row->reason : "submitted");
    rc = conn_run(c, id, e);
    *out_id = sqlite3_last_insert_rowid(c->db);
    return rc;
}

static enum err
job_insert(struct conn *c, void *arg, struct errinfo *e)
{
    struct insert          *insert = arg;
    const struct store_job *row = insert->row;
    struct store_submit    *how = insert->how;
    enum err                rc = ERR_OK;

    insert->id = 0;
    if (how != NULL && how->key != NULL) {
        rc = key_expire(c, row->created_ms, e);
        if (rc == ERR_OK)
            rc = key_find(c, how, row->created_ms, &insert->id, e);
        how->again = insert->id != 0;
        if (rc != ERR_OK || how->again)
            return rc;
    }
    if (how != NULL)
        rc = queue_check(c, how->queue_max, e);
    if (rc == ERR_OK)
        rc = room_expect(c, strlen(row->spec), e);
    if (rc == ERR_OK)
        rc = row_insert(c, row, &insert->id, e);
    if (rc == ERR_OK && row->continues != 0)
        rc = state_copy(c, row->continues, insert->id, e);
    if (rc == ERR_OK && how != NULL && how->key != NULL)
        rc = key_insert(c, how, insert->id, row->created_ms, e);
    return rc;
}

enum err
store_job_insert(struct store *db, const struct store_job *row,
                 struct store_submit *how, int64_t *out_id, struct errinfo *e)
{
    struct insert insert = { .row = row, .how = how };
    enum err      rc = store_write(db, job_insert, &insert, e);

    if (rc == ERR_OK)
        *out_id = insert.id;
    return rc;
}

enum err
store_job_of_key(struct store *db, struct store_submit *how, int64_t now_ms,
                 int64_t *out_id, struct errinfo *e)
{
    struct conn *c;
    int64_t      id;
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    rc = key_find(c, how, now_ms, &id, e);
    store_reader_give(db, c);
    how->again = rc == ERR_OK && id != 0;
    if (how->again)
        *out_id = id;
    return rc;
}

/* --- deleting ------------------------------------------------------------- */

static enum err
job_delete(struct conn *c, void *arg, struct errinfo *e)
{
    const int64_t        *job = arg;
    enum store_job_status status;
    int64_t               network;
    enum err              rc;

    rc = job_status(c, *job, &status, &network, e);
    if (rc != ERR_OK)
        return rc;
    if (status < STORE_JOB_SUCCEEDED)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "",
                                 "the job is %s: cancel it first",
                                 status_names[status]),
                         "job_active");
    bind_i64(c, STMT_JOB_DELETE, 1, *job);
    return conn_run(c, STMT_JOB_DELETE, e);
}

enum err
store_job_delete(struct store *db, int64_t id, struct errinfo *e)
{
    return store_write(db, job_delete, &id, e);
}

/* --- reading -------------------------------------------------------------- */

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
