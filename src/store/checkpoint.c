/* checkpoint.c - where a job stands, and its end */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/internal.h"

/* --- checkpoints ---------------------------------------------------------- */

/* A checkpoint on its way: the write, and copies of all it needs. */
struct store_ticket {
    struct store           *db;
    struct write            write;
    struct store_checkpoint cp;
    void                   *state;
    struct store_epoch     *rows;
    struct store_layer     *layers;
    char                   *metrics, *warnings, *learning_rate_test;
};

static void
ticket_free(struct store_ticket *t)
{
    free(t->state);
    free(t->rows);
    free(t->layers);
    free(t->metrics);
    free(t->warnings);
    free(t->learning_rate_test);
    free(t);
}

/* The state replaces the one before. */
static enum err
state_put(struct conn *c, int64_t job, uint64_t epoch, const void *state,
          size_t len, struct errinfo *e)
{
    char     sha256[DIGEST_HEX_SIZE];
    enum err rc = room_expect(c, len, e);

    if (rc != ERR_OK)
        return rc;
    digest_hex_of(state, len, sha256);
    bind_i64(c, STMT_CHECKPOINT_PUT, 1, job);
    bind_i64(c, STMT_CHECKPOINT_PUT, 2, (int64_t)epoch);
    bind_i64(c, STMT_CHECKPOINT_PUT, 3, (int64_t)len);
    bind_text(c, STMT_CHECKPOINT_PUT, 4, sha256);
    rc = conn_run(c, STMT_CHECKPOINT_PUT, e);
    if (rc == ERR_OK)
        rc = chunks_write(c, STMT_CHECKPOINT_CHUNK_PUT, job, state, len, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHECKPOINT_CHUNK_TAIL, 1, job);
    bind_i64(c, STMT_CHECKPOINT_CHUNK_TAIL, 2,
             (int64_t)((len + STORE_CHUNK - 1) / STORE_CHUNK));
    return conn_run(c, STMT_CHECKPOINT_CHUNK_TAIL, e);
}

static enum err
checkpoint_write(struct conn *c, void *arg, struct errinfo *e)
{
    const struct store_checkpoint *cp = arg;
    size_t                         n =
        cp->n_rows * sizeof(*cp->rows) + cp->n_layers * sizeof(*cp->layers);
    enum err rc;

    rc = room_expect(c, n, e);
    if (rc == ERR_OK)
        rc = epochs_insert(c, cp->job_id, cp->rows, cp->n_rows, e);
    if (rc == ERR_OK)
        rc = layers_insert(c, cp->job_id, cp->layers, cp->n_layers, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_JOB_PROGRESS, 1, cp->job_id);
    bind_i64(c, STMT_JOB_PROGRESS, 2, (int64_t)cp->epoch);
    bind_text(c, STMT_JOB_PROGRESS, 3, cp->metrics);
    bind_text(c, STMT_JOB_PROGRESS, 4, cp->warnings);
    bind_text(c, STMT_JOB_PROGRESS, 5, cp->learning_rate_test);
    rc = conn_run(c, STMT_JOB_PROGRESS, e);
    if (rc != ERR_OK || cp->state == NULL)
        return rc;

    return state_put(c, cp->job_id, cp->epoch, cp->state, cp->state_len, e);
}

/* p[0..n) copied, NULL for NULL; *failed where memory is short. */
static void *
copy_of(const void *p, size_t n, bool *failed)
{
    void *copy = p != NULL ? mem_dup(p, n) : NULL;

    if (p != NULL && copy == NULL)
        *failed = true;
    return copy;
}

static char *
text_of(const char *text, bool *failed)
{
    return copy_of(text, text != NULL ? strlen(text) : 0, failed);
}

enum err
store_job_checkpoint_start(struct store *db, const struct store_checkpoint *cp,
                           struct store_ticket **out, struct errinfo *e)
{
    struct store_ticket *t = mem_array(1, sizeof(*t), 0);
    bool                 failed = false;

    if (t == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    t->db = db;
    t->cp = *cp;
    t->cp.state = t->state = copy_of(cp->state, cp->state_len, &failed);
    if (cp->n_rows > 0)
        t->cp.rows = t->rows =
            copy_of(cp->rows, cp->n_rows * sizeof(*cp->rows), &failed);
    if (cp->n_layers > 0)
        t->cp.layers = t->layers =
            copy_of(cp->layers, cp->n_layers * sizeof(*cp->layers), &failed);
    t->cp.metrics = t->metrics = text_of(cp->metrics, &failed);
    t->cp.warnings = t->warnings = text_of(cp->warnings, &failed);
    t->cp.learning_rate_test = t->learning_rate_test =
        text_of(cp->learning_rate_test, &failed);
    if (failed) {
        ticket_free(t);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    t->write.fn = checkpoint_write;
    t->write.arg = &t->cp;
    store_write_start(db, &t->write);
    *out = t;
    return ERR_OK;
}

bool
store_ticket_is_done(const struct store_ticket *ticket)
{
    return atomic_load(&ticket->write.done);
}

enum err
store_ticket_wait(struct store_ticket *ticket, struct errinfo *e)
{
    struct store_stats *stats = &ticket->db->stats;
    enum err            rc = store_write_wait(ticket->db, &ticket->write, e);

    if (rc == ERR_OK) {
        atomic_store(&stats->checkpoint_ms, clock_wall_ms());
        atomic_store(&stats->checkpoint_bytes, ticket->cp.state_len);
    }
    ticket_free(ticket);
    return rc;
}

struct checkpoint_get {
    int64_t  id;
    void    *state;
    size_t   len;
    uint64_t epoch;
};

/* The row and its pieces must be of one checkpoint. */
static enum err
checkpoint_read(struct conn *c, void *arg, struct errinfo *e)
{
    struct checkpoint_get *get = arg;
    char                  *sha256 = NULL;
    bool                   failed = false;
    char                   hex[DIGEST_HEX_SIZE];
    enum err               rc;

    free(get->state); /* of a transaction that was lost */
    get->state = NULL;
    bind_i64(c, STMT_CHECKPOINT_GET, 1, get->id);
    rc = conn_row(c, STMT_CHECKPOINT_GET, e);
    if (rc == ERR_OK) {
        get->epoch = (uint64_t)column_i64(c, STMT_CHECKPOINT_GET, 0);
        get->len = (size_t)column_i64(c, STMT_CHECKPOINT_GET, 1);
        sha256 = column_text(c, STMT_CHECKPOINT_GET, 2, &failed);
    }
    conn_done(c, STMT_CHECKPOINT_GET);
    if (rc != ERR_OK)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    get->state = mem_array(get->len, 1, 0);
    if (get->state == NULL || failed)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = chunks_read(c, STMT_CHECKPOINT_CHUNK_LIST, get->id, get->state,
                         get->len, e);
    if (rc == ERR_OK && sha256 != NULL) {
        digest_hex_of(get->state, get->len, hex);
        if (strcmp(hex, sha256) != 0)
            rc = err_set(e, ERR_CORRUPT, "checkpoint",
                         "the checkpoint of job %lld does not fit its digest",
                         (long long)get->id);
    }
    free(sha256);
    return rc;
}

enum err
store_job_checkpoint_get(struct store *db, int64_t id, void **out,
                         size_t *out_len, uint64_t *out_epoch,
                         struct errinfo *e)
{
    struct checkpoint_get get = { .id = id };
    enum err              rc;

    /* On the writer's connection nothing can change in between. */
    rc = store_write(db, checkpoint_read, &get, e);
    if (rc != ERR_OK) {
        free(get.state);
        return rc;
    }
    *out = get.state;
    *out_len = get.len;
    *out_epoch = get.epoch;
    return ERR_OK;
}

/* --- the end -------------------------------------------------------------- */

static enum err
checkpoint_delete(struct conn *c, int64_t job, struct errinfo *e)
{
    bind_i64(c, STMT_CHECKPOINT_DELETE, 1, job);
    return conn_run(c, STMT_CHECKPOINT_DELETE, e);
}

/* The job's last state stays, and that of the network's job before it goes. */
static enum err
state_keep(struct conn *c, const struct store_job_end *end, struct errinfo *e)
{
    enum store_job_status status;
    int64_t               network, before = 0;
    enum err              rc = job_status(c, end->id, &status, &network, e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_NETWORK_STATE_JOB, 1, network);
    rc = conn_row(c, STMT_NETWORK_STATE_JOB, e);
    if (rc == ERR_OK)
        before = column_i64(c, STMT_NETWORK_STATE_JOB, 0);
    conn_done(c, STMT_NETWORK_STATE_JOB);
    if (rc == ERR_OK && before != 0)
        rc = checkpoint_delete(c, before, e);
    if (rc == ERR_OK)
        rc = state_put(c, end->id, end->state_epoch, end->state, end->state_len,
                       e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_NETWORK_STATE_JOB_SET, 1, network);
    bind_i64(c, STMT_NETWORK_STATE_JOB_SET, 2, end->id);
    return conn_run(c, STMT_NETWORK_STATE_JOB_SET, e);
}

struct end_change {
    const struct store_job_end *end;
    int64_t                     version;
};

static enum err
job_finish(struct conn *c, void *arg, struct errinfo *e)
{
    struct end_change          *change = arg;
    const struct store_job_end *end = change->end;
    struct buf                  result = { 0 };
    enum stmt_id                id = STMT_JOB_END;
    enum store_job_status       status;
    int64_t                     network, last_event;
    enum err                    rc;

    rc = job_status(c, end->id, &status, &network, e);
    if (rc == ERR_OK && end->last_event != NULL) {
        rc = event_last(c, end->id, &last_event, e);
        if (rc == ERR_OK && last_event != *end->last_event)
            rc = err_set(e, ERR_CONFLICT, "", "the job is %s by now",
                         store_job_status_name(status));
    }
    if (rc != ERR_OK)
        return rc;
    rc = epochs_insert(c, end->id, end->rows, end->n_rows, e);
    if (rc == ERR_OK)
        rc = layers_insert(c, end->id, end->layers, end->n_layers, e);
    if (rc == ERR_OK && end->version != NULL) {
        struct store_version version = *end->version;

        /* The job's own network, not one that has taken its name since. */
        version.job_id = end->id;
        version.network_id = network;
        rc = version_number_next(c, network, &change->version, e);
        if (rc == ERR_OK)
            rc = version_insert(c, &version, change->version, e);
    }
    if (rc != ERR_OK)
        return rc;
    if (end->result_rest != NULL) {
        if (end->version != NULL)
            buf_printf(&result, "{\"version\":%lld,%s}",
                       (long long)change->version, end->result_rest);
        else
            buf_printf(&result, "{\"version\":null,%s}", end->result_rest);
        if (result.failed) {
            rc = err_set(e, ERR_NOMEM, "", "out of memory");
            goto out;
        }
    }
    bind_i64(c, id, 1, end->id);
    bind_text(c, id, 2, store_job_status_name(end->status));
    bind_i64(c, id, 3, (int64_t)end->epoch);
    bind_i64(c, id, 4, end->finished_ms);
    bind_text(c, id, 5, end->metrics);
    bind_text(c, id, 6, end->error);
    bind_text(c, id, 7, end->warnings);
    bind_text(c, id, 8, result.data);
    bind_text(c, id, 9, end->reason != NULL ? end->reason : "ended");
    bind_text(c, id, 10, end->learning_rate_test);
    rc = conn_run(c, id, e);
    if (rc != ERR_OK)
        goto out;
    rc = end->state != NULL ? state_keep(c, end, e)
                            : checkpoint_delete(c, end->id, e);
out:
    buf_release(&result);
    return rc;
}

enum err
store_job_finish(struct store *db, const struct store_job_end *end,
                 int64_t *out_version, struct errinfo *e)
{
    struct end_change change = { .end = end };
    enum err          rc = store_write(db, job_finish, &change, e);

    if (rc == ERR_OK)
        *out_version = change.version;
    return rc;
}
