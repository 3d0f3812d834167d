#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

void
store_network_release(struct store_network *row)
{
    free(row->name);
    free(row->spec);
    memset(row, 0, sizeof(*row));
}

/* The row the statement stands on. */
static enum err
network_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_network row = { 0 };
    bool                 failed = false;

    row.id = column_i64(c, id, 0);
    row.name = column_text(c, id, 1, &failed);
    row.spec = column_text(c, id, 2, &failed);
    row.latest_version = column_i64(c, id, 3);
    row.serving_version = column_i64(c, id, 4);
    row.created_ms = column_i64(c, id, 5);
    row.keep_versions = column_i64(c, id, 6);
    if (failed) {
        store_network_release(&row);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    *(struct store_network *)out = row;
    return ERR_OK;
}

static void
network_release(void *row)
{
    store_network_release(row);
}

static const struct row_kind network_kind = {
    .size = sizeof(struct store_network),
    .read = network_column,
    .release = network_release,
};

enum err
network_id(struct conn *c, const char *name, int64_t *out, struct errinfo *e)
{
    enum err rc;

    bind_text(c, STMT_NETWORK_ID, 1, name);
    rc = conn_row(c, STMT_NETWORK_ID, e);
    if (rc == ERR_OK)
        *out = column_i64(c, STMT_NETWORK_ID, 0);
    else if (rc == ERR_NOTFOUND)
        err_set(e, rc, "/network", "there is no network '%.63s'", name);
    conn_done(c, STMT_NETWORK_ID);
    return rc;
}

/* --- inserting ------------------------------------------------------------ */

struct network_change {
    const struct store_network *row;
    const struct store_version *version;
    const char                 *name;
    int64_t                     id;
};

static enum err
network_insert(struct conn *c, void *arg, struct errinfo *e)
{
    struct network_change *change = arg;
    struct store_version   version = *change->version;
    enum err               rc;

    bind_text(c, STMT_NETWORK_INSERT, 1, change->row->name);
    bind_text(c, STMT_NETWORK_INSERT, 2, change->row->spec);
    bind_i64(c, STMT_NETWORK_INSERT, 3, change->row->serving_version);
    bind_i64(c, STMT_NETWORK_INSERT, 4, change->row->created_ms);
    bind_i64(c, STMT_NETWORK_INSERT, 5, change->row->keep_versions);
    rc = conn_run(c, STMT_NETWORK_INSERT, e);
    if (rc != ERR_OK &&
        sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_UNIQUE)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "/name",
                                 "there is a network '%.63s' already",
                                 change->row->name),
                         "name_taken");
    if (rc != ERR_OK)
        return rc;
    change->id = version.network_id = sqlite3_last_insert_rowid(c->db);
    return version_insert(c, &version, 0, e);
}

enum err
store_network_insert(struct store *db, const struct store_network *row,
                     const struct store_version *initial, int64_t *out_id,
                     struct errinfo *e)
{
    struct network_change change = { .row = row, .version = initial };
    enum err              rc = store_write(db, network_insert, &change, e);

    if (rc == ERR_OK)
        *out_id = change.id;
    return rc;
}

/* --- changing and deleting ------------------------------------------------ */

static enum err
network_delete(struct conn *c, void *arg, struct errinfo *e)
{
    struct network_change *change = arg;
    enum err               rc;

    rc = network_id(c, change->name, &change->id, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_NETWORK_BUSY, 1, change->id);
    rc = conn_row(c, STMT_NETWORK_BUSY, e);
    conn_done(c, STMT_NETWORK_BUSY);
    if (rc == ERR_OK)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "",
                                 "a job of this network has not ended: cancel "
                                 "it first"),
                         "network_busy");
    if (rc != ERR_NOTFOUND)
        return rc;
    bind_i64(c, STMT_NETWORK_STATE_DELETE, 1, change->id);
    rc = conn_run(c, STMT_NETWORK_STATE_DELETE, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_NETWORK_DELETE, 1, change->id);
    return conn_run(c, STMT_NETWORK_DELETE, e);
}

enum err
store_network_delete(struct store *db, const char *name, struct errinfo *e)
{
    struct network_change change = { .name = name };

    return store_write(db, network_delete, &change, e);
}

/* --- reading -------------------------------------------------------------- */

enum err
store_network_get(struct store *db, const char *name, struct store_network *out,
                  struct errinfo *e)
{
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_NETWORK_GET, 1, name);
    rc = row_read(c, STMT_NETWORK_GET, &network_kind, out, e);
    if (rc == ERR_NOTFOUND)
        err_set(e, rc, "/network", "there is no network '%.63s'", name);
    store_reader_give(db, c);
    return rc;
}

enum err
store_network_list(struct store *db, const char *after, size_t limit,
                   struct store_network **out, size_t *out_n, struct errinfo *e)
{
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_text(c, STMT_NETWORK_LIST, 1, after != NULL ? after : "");
    bind_i64(c, STMT_NETWORK_LIST, 2, (int64_t)limit);
    rc = rows_read(c, STMT_NETWORK_LIST, &network_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}
