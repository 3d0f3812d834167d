/*
 * append.c - more rows for a dataset: a new revision of it
 */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

struct append {
    const char          *name, *meta;
    int64_t              id, n_chunks, created_ms;
    int                  n_changed;
    struct store_dataset row;
};

static enum err
append_begin(struct conn *c, void *arg, struct errinfo *e)
{
    struct append *append = arg;
    enum err       rc;

    store_dataset_release(&append->row); /* of a transaction that was lost */
    bind_text(c, STMT_DATASET_GET, 1, append->name);
    rc = row_read(c, STMT_DATASET_GET, store_dataset_kind(), &append->row, e);
    if (rc == ERR_NOTFOUND)
        err_set(e, rc, "/dataset", "there is no dataset '%.63s'", append->name);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_DATASET_APPEND, 1, append->name);
    rc = conn_run(c, STMT_DATASET_APPEND, e);
    if (rc == ERR_OK && sqlite3_changes(c->db) != 1)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "rows are being appended to this dataset; try "
                               "again when that has ended"),
                       "dataset_busy");
    if (rc != ERR_OK)
        store_dataset_release(&append->row);
    return rc;
}

enum err
store_dataset_append(struct store *db, const char *name,
                     struct store_dataset *out, struct errinfo *e)
{
    struct append append = { .name = name };
    enum err      rc;

    store_append_retry(db);
    rc = store_write(db, append_begin, &append, e);
    if (rc == ERR_OK)
        *out = append.row;
    else /* the commit failed */
        store_dataset_release(&append.row);
    return rc;
}

static enum err
append_finish(struct conn *c, void *arg, struct errinfo *e)
{
    struct append *append = arg;
    enum err       rc = room_expect(c, 2 * strlen(append->meta), e);

    if (rc != ERR_OK) /* both revisions have one */
        return rc;
    bind_i64(c, STMT_DATASET_KEEP_REVISION, 1, append->id);
    rc = conn_run(c, STMT_DATASET_KEEP_REVISION, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_DATASET_APPENDED, 1, append->id);
    bind_text(c, STMT_DATASET_APPENDED, 2, append->meta);
    bind_i64(c, STMT_DATASET_APPENDED, 3, append->n_chunks);
    bind_i64(c, STMT_DATASET_APPENDED, 4, append->created_ms);
    rc = conn_run(c, STMT_DATASET_APPENDED, e);
    if (rc == ERR_OK && sqlite3_changes(c->db) != 1)
        rc = err_set(e, ERR_NOTFOUND, "", "the dataset is gone");
    return rc;
}

enum err
store_dataset_appended(struct store *db, int64_t id, const char *meta,
                       uint64_t n_chunks, int64_t created_ms, struct errinfo *e)
{
    struct append append = { .id = id,
                             .meta = meta,
                             .n_chunks = (int64_t)n_chunks,
                             .created_ms = created_ms };

    return store_write(db, append_finish, &append, e);
}

static enum err
append_forget(struct conn *c, void *arg, struct errinfo *e)
{
    struct append *append = arg;
    enum err       rc;

    bind_i64(c, STMT_CHUNK_DELETE_BEYOND, 1, append->id);
    rc = conn_run(c, STMT_CHUNK_DELETE_BEYOND, e);
    if (rc != ERR_OK)
        return rc;
    append->n_changed = sqlite3_changes(c->db);
    if (append->n_changed > 0)
        return ERR_OK;
    bind_i64(c, STMT_CHUNK_PLACE_DELETE_BEYOND, 1, append->id);
    rc = conn_run(c, STMT_CHUNK_PLACE_DELETE_BEYOND, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_DATASET_APPEND_END, 1, append->id);
    return conn_run(c, STMT_DATASET_APPEND_END, e);
}

/* In slices, as datasets are deleted. */
static enum err
forget_chunks(struct store *db, int64_t id, struct errinfo *e)
{
    struct append append = { .id = id };
    enum err      rc;

    do
        rc = store_write(db, append_forget, &append, e);
    while (rc == ERR_OK && append.n_changed > 0);
    return rc;
}

void
store_dataset_append_abandon(struct store *db, int64_t id)
{
    /* Where this fails the next append or deletion does it, or a start. */
    if (forget_chunks(db, id, NULL) != ERR_OK)
        atomic_store(&db->append_abandoned, id);
}

void
store_append_retry(struct store *db)
{
    int64_t left = atomic_exchange(&db->append_abandoned, 0);

    if (left != 0)
        store_dataset_append_abandon(db, left);
}

static enum err
find_appending(struct conn *c, void *arg, struct errinfo *e)
{
    struct append *append = arg;
    enum err       rc = conn_row(c, STMT_DATASET_APPENDING, e);

    append->id = rc == ERR_OK ? column_i64(c, STMT_DATASET_APPENDING, 0) : 0;
    conn_done(c, STMT_DATASET_APPENDING);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
store_appends_purge(struct store *db, struct errinfo *e)
{
    struct append append = { 0 };
    enum err      rc;

    do {
        rc = store_write(db, find_appending, &append, e);
        if (rc == ERR_OK && append.id != 0)
            rc = forget_chunks(db, append.id, e);
    } while (rc == ERR_OK && append.id != 0);
    return rc;
}
