#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

void
store_dataset_release(struct store_dataset *row)
{
    free(row->name);
    free(row->meta);
    memset(row, 0, sizeof(*row));
}

static enum err
dataset_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_dataset row = { 0 };
    bool                 failed = false;

    row.id = column_i64(c, id, 0);
    row.name = column_text(c, id, 1, &failed);
    row.meta = column_text(c, id, 2, &failed);
    row.created_ms = column_i64(c, id, 3);
    row.revision = column_i64(c, id, 4);
    row.n_chunks = column_i64(c, id, 5);
    if (failed) {
        store_dataset_release(&row);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    *(struct store_dataset *)out = row;
    return ERR_OK;
}

static void
dataset_release(void *row)
{
    store_dataset_release(row);
}

static const struct row_kind dataset_kind = {
    .size = sizeof(struct store_dataset),
    .read = dataset_column,
    .release = dataset_release,
};

/* --- an upload ------------------------------------------------------------ */

struct dataset_change {
    const char *name, *meta;
    int64_t     id, created_ms;
    uint64_t    number, max;
    int         n_changed;
};

static enum err
count_check(struct conn *c, uint64_t max, struct errinfo *e)
{
    uint64_t n = 0;
    enum err rc = conn_row(c, STMT_DATASET_COUNT, e);

    if (rc == ERR_OK)
        n = (uint64_t)column_i64(c, STMT_DATASET_COUNT, 0);
    conn_done(c, STMT_DATASET_COUNT);
    if (rc == ERR_OK && n >= max)
        rc = err_named(e,
                       err_set(e, ERR_FULL, "",
                               "there are %llu datasets, the most this "
                               "server keeps (datasets); delete one",
                               (unsigned long long)max),
                       "too_many_datasets");
    return rc;
}

static enum err
dataset_begin(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;
    enum err rc = change->max > 0 ? count_check(c, change->max, e) : ERR_OK;

    if (rc == ERR_OK)
        rc = room_expect(c, 0, e);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_DATASET_INSERT, 1, change->name);
    bind_i64(c, STMT_DATASET_INSERT, 2, change->created_ms);
    rc = conn_run(c, STMT_DATASET_INSERT, e);
    if (rc == ERR_OK)
        change->id = sqlite3_last_insert_rowid(c->db);
    else if (sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_UNIQUE)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "/name",
                               "there is a dataset '%.63s' already, or it is "
                               "being uploaded",
                               change->name),
                       "name_taken");
    return rc;
}

enum err
store_dataset_begin(struct store *db, const char *name, int64_t created_ms,
                    uint64_t max, int64_t *out_id, struct errinfo *e)
{
    struct dataset_change change = { .name = name,
                                     .created_ms = created_ms,
                                     .max = max };
    int64_t               left = atomic_exchange(&db->abandoned, 0);
    enum err              rc;

    if (left != 0)
        store_dataset_abandon(db, left);
    rc = store_write(db, dataset_begin, &change, e);

    if (rc == ERR_OK)
        *out_id = change.id;
    return rc;
}

static enum err
dataset_finish(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;
    enum err               rc = room_expect(c, strlen(change->meta), e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_DATASET_READY, 1, change->id);
    bind_text(c, STMT_DATASET_READY, 2, change->meta);
    bind_i64(c, STMT_DATASET_READY, 3, (int64_t)change->number);
    rc = conn_run(c, STMT_DATASET_READY, e);
    if (rc == ERR_OK && sqlite3_changes(c->db) != 1)
        rc = err_set(e, ERR_NOTFOUND, "", "the upload is gone");
    return rc;
}

enum err
store_dataset_finish(struct store *db, int64_t id, const char *meta,
                     uint64_t n_chunks, struct errinfo *e)
{
    struct dataset_change change = { .id = id,
                                     .meta = meta,
                                     .number = n_chunks };

    return store_write(db, dataset_finish, &change, e);
}

/* --- deleting: hidden at once, removed in slices -------------------------- */

static enum err
dataset_hide(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;

    bind_i64(c, STMT_DATASET_HIDE, 1, change->id);
    return conn_run(c, STMT_DATASET_HIDE, e);
}

static enum err
dataset_delete_slice(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;
    enum err               rc;

    bind_i64(c, STMT_CHUNK_DELETE, 1, change->id);
    rc = conn_run(c, STMT_CHUNK_DELETE, e);
    if (rc != ERR_OK)
        return rc;
    change->n_changed = sqlite3_changes(c->db);
    if (change->n_changed > 0)
        return ERR_OK;
    bind_i64(c, STMT_DATASET_DELETE, 1, change->id);
    return conn_run(c, STMT_DATASET_DELETE, e);
}

/* Remove a hidden dataset.  A slice is a transaction, so that other writes get
 * in between; what a crash leaves is removed at the next start. */
static enum err
dataset_remove(struct store *db, int64_t id, struct errinfo *e)
{
    struct dataset_change change = { .id = id };
    enum err              rc;

    do
        rc = store_write(db, dataset_delete_slice, &change, e);
    while (rc == ERR_OK && change.n_changed > 0);
    return rc;
}

void
store_dataset_abandon(struct store *db, int64_t id)
{
    struct dataset_change change = { .id = id };

    /* Where this fails the next upload does it, or the next start. */
    if (store_write(db, dataset_hide, &change, NULL) == ERR_OK)
        dataset_remove(db, id, NULL);
    else
        atomic_store(&db->abandoned, id);
}

/* ERR_CONFLICT where a statement about the dataset finds a row. */
static enum err
expect_none(struct conn *c, enum stmt_id id, int64_t dataset, const char *what,
            struct errinfo *e)
{
    enum err rc;

    bind_i64(c, id, 1, dataset);
    rc = conn_row(c, id, e);
    conn_done(c, id);
    if (rc == ERR_OK)
        return err_named(e, err_set(e, ERR_CONFLICT, "", "%s", what),
                         "dataset_busy");
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static enum err
dataset_hide_unused(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;
    enum err               rc;

    bind_text(c, STMT_DATASET_ID, 1, change->name);
    rc = conn_row(c, STMT_DATASET_ID, e);
    if (rc == ERR_OK)
        change->id = column_i64(c, STMT_DATASET_ID, 0);
    else if (rc == ERR_NOTFOUND)
        err_set(e, rc, "/dataset", "there is no dataset '%.63s'", change->name);
    conn_done(c, STMT_DATASET_ID);
    if (rc != ERR_OK)
        return rc;

    rc = expect_none(c, STMT_DATASET_BUSY, change->id,
                     "a job that needs this dataset has not ended: cancel it "
                     "first",
                     e);
    if (rc == ERR_OK)
        rc = expect_none(c, STMT_DATASET_IS_APPENDING, change->id,
                         "rows are being appended to this dataset; try again "
                         "when that has ended",
                         e);
    return rc == ERR_OK ? dataset_hide(c, arg, e) : rc;
}

enum err
store_dataset_delete(struct store *db, const char *name, struct errinfo *e)
{
    struct dataset_change change = { .name = name };
    enum err              rc;

    store_append_retry(db);
    rc = store_write(db, dataset_hide_unused, &change, e);
    if (rc == ERR_OK) /* it is gone for everybody; the rest may wait */
        dataset_remove(db, change.id, NULL);
    return rc;
}

static enum err
dataset_hide_loading(struct conn *c, void *arg, struct errinfo *e)
{
    (void)arg;
    return conn_run(c, STMT_DATASET_HIDE_LOADING, e);
}

static enum err
dataset_find_deleting(struct conn *c, void *arg, struct errinfo *e)
{
    struct dataset_change *change = arg;
    enum err               rc = conn_row(c, STMT_DATASET_DELETING, e);

    change->id = rc == ERR_OK ? column_i64(c, STMT_DATASET_DELETING, 0) : 0;
    conn_done(c, STMT_DATASET_DELETING);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
store_datasets_purge(struct store *db, struct errinfo *e)
{
    struct dataset_change change = { 0 };
    enum err              rc;

    rc = store_appends_purge(db, e);
    if (rc == ERR_OK)
        rc = store_write(db, dataset_hide_loading, NULL, e);
    if (rc == ERR_OK)
        rc = store_write(db, dataset_find_deleting, &change, e);
    while (rc == ERR_OK && change.id != 0) {
        rc = dataset_remove(db, change.id, e);
        if (rc == ERR_OK)
            rc = store_write(db, dataset_find_deleting, &change, e);
    }
    return rc;
}

/* --- reading -------------------------------------------------------------- */

const struct row_kind *
store_dataset_kind(void)
{
    return &dataset_kind;
}

enum err
store_dataset_get_revision(struct store *db, const char *name, int64_t revision,
                           struct store_dataset *out, struct errinfo *e)
{
    struct store_dataset row = { 0 };
    struct conn         *c;
    enum err             rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_DATASET_GET, 1, name);
    rc = row_read(c, STMT_DATASET_GET, &dataset_kind, &row, e);
    if (rc == ERR_NOTFOUND) {
        err_set(e, rc, "/dataset", "there is no dataset '%.63s'", name);
    } else if (rc == ERR_OK && revision != 0 && revision != row.revision) {
        int64_t latest = row.revision;

        store_dataset_release(&row);
        bind_text(c, STMT_DATASET_GET_REVISION, 1, name);
        bind_i64(c, STMT_DATASET_GET_REVISION, 2, revision);
        rc = row_read(c, STMT_DATASET_GET_REVISION, &dataset_kind, &row, e);
        if (rc == ERR_NOTFOUND)
            err_set(e, rc, "/dataset_revision",
                    "dataset '%.63s' has revisions 1 to %lld", name,
                    (long long)latest);
    }
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = row;
    return rc;
}

enum err
store_dataset_get(struct store *db, const char *name, struct store_dataset *out,
                  struct errinfo *e)
{
    return store_dataset_get_revision(db, name, 0, out, e);
}

enum err
store_dataset_list(struct store *db, const char *after, size_t limit,
                   struct store_dataset **out, size_t *out_n, struct errinfo *e)
{
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_DATASET_LIST, 1, after != NULL ? after : "");
    bind_i64(c, STMT_DATASET_LIST, 2, (int64_t)limit);
    rc = rows_read(c, STMT_DATASET_LIST, &dataset_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}
