/* version.c - the versions of a network's weights */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

void
store_version_release(struct store_version *row)
{
    free(row->dataset);
    free(row->dataset_sha256);
    free(row->metrics);
    free(row->encoder);
    free(row->sha256);
    free(row->origin);
    memset(row, 0, sizeof(*row));
}

/* The row the statement stands on. */
static enum err
version_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_version row = { 0 };
    bool                 failed = false;

    row.network_id = column_i64(c, id, 0);
    row.version = column_i64(c, id, 1);
    row.job_id = column_i64(c, id, 2);
    row.dataset = column_text(c, id, 3, &failed);
    row.dataset_sha256 = column_text(c, id, 4, &failed);
    row.metrics = column_text(c, id, 5, &failed);
    row.encoder = column_text(c, id, 6, &failed);
    row.sha256 = column_text(c, id, 7, &failed);
    row.n_bytes = (size_t)column_i64(c, id, 8);
    row.created_ms = column_i64(c, id, 9);
    row.origin = column_text(c, id, 11, &failed);
    if (failed) {
        store_version_release(&row);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    *(struct store_version *)out = row;
    return ERR_OK;
}

static void
version_release(void *row)
{
    store_version_release(row);
}

static const struct row_kind version_kind = {
    .size = sizeof(struct store_version),
    .read = version_column,
    .release = version_release,
};

/* --- inserting ------------------------------------------------------------ */

enum err
version_insert(struct conn *c, const struct store_version *row, int64_t version,
               struct errinfo *e)
{
    enum stmt_id id = STMT_VERSION_INSERT;
    char         encoder_sha256[DIGEST_HEX_SIZE];
    enum err     rc = room_expect(c, row->n_bytes, e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, id, 1, row->network_id);
    bind_i64(c, id, 2, version);
    bind_i64(c, id, 3, row->job_id);
    bind_text(c, id, 4, row->dataset);
    bind_text(c, id, 5, row->dataset_sha256);
    bind_text(c, id, 6, row->metrics);
    bind_text(c, id, 7, row->encoder);
    bind_text(c, id, 8, row->sha256);
    bind_i64(c, id, 9, (int64_t)row->n_bytes);
    bind_i64(c, id, 10, row->created_ms);
    bind_text(c, id, 11, row->origin);
    if (row->encoder != NULL) {
        digest_hex_of(row->encoder, strlen(row->encoder), encoder_sha256);
        bind_text(c, id, 12, encoder_sha256);
    }
    rc = conn_run(c, id, e);
    if (rc == ERR_OK)
        rc = chunks_write(c, STMT_WEIGHT_INSERT,
                          sqlite3_last_insert_rowid(c->db), row->weights,
                          row->n_bytes, e);
    if (rc == ERR_OK)
        rc = versions_retain(c, row->network_id, e);
    return rc;
}

enum err
version_number_next(struct conn *c, int64_t id, int64_t *out_version,
                    struct errinfo *e)
{
    enum err rc;

    bind_i64(c, STMT_NETWORK_NEXT_VERSION, 1, id);
    rc = conn_row(c, STMT_NETWORK_NEXT_VERSION, e);
    if (rc == ERR_OK) {
        *out_version = column_i64(c, STMT_NETWORK_NEXT_VERSION, 0);
        conn_row(c, STMT_NETWORK_NEXT_VERSION, NULL); /* to its end */
    } else if (rc == ERR_NOTFOUND) {
        err_set(e, rc, "/network", "the network is gone");
    }
    conn_done(c, STMT_NETWORK_NEXT_VERSION);
    return rc;
}

struct version_addition {
    const struct store_version *row;
    int64_t                     number;
};

static enum err
version_add(struct conn *c, void *arg, struct errinfo *e)
{
    struct version_addition *addition = arg;
    enum err                 rc;

    rc =
        version_number_next(c, addition->row->network_id, &addition->number, e);
    if (rc != ERR_OK)
        return rc;
    return version_insert(c, addition->row, addition->number, e);
}

enum err
store_version_insert(struct store *db, const struct store_version *row,
                     int64_t *out_version, struct errinfo *e)
{
    struct version_addition addition = { .row = row };
    enum err                rc = store_write(db, version_add, &addition, e);

    if (rc == ERR_OK)
        *out_version = addition.number;
    return rc;
}

/* --- reading -------------------------------------------------------------- */

/* Does the encoder of the version that the statement stands on fit its digest?
 * Another one would predict, but otherwise. */
static bool
encoder_fits(struct conn *c, const struct store_version *row)
{
    sqlite3_stmt *st = c->stmt[STMT_VERSION_GET];
    const char   *sha256 = (const char *)sqlite3_column_text(st, 12);
    char          hex[DIGEST_HEX_SIZE];

    if (sqlite3_column_type(st, 12) == SQLITE_NULL)
        return true; /* no encoder, or nothing to compare it with */
    if (row->encoder == NULL || sha256 == NULL)
        return false;
    digest_hex_of(row->encoder, strlen(row->encoder), hex);
    return strcmp(hex, sha256) == 0;
}

struct version_found {
    struct store_version row;
    int64_t              id;
    bool                 encoder_fits;
};

static enum err
version_find(struct conn *c, int64_t network, int64_t version,
             struct version_found *out, struct errinfo *e)
{
    enum err rc;

    bind_i64(c, STMT_VERSION_GET, 1, network);
    bind_i64(c, STMT_VERSION_GET, 2, version);
    rc = conn_row(c, STMT_VERSION_GET, e);
    if (rc == ERR_OK) {
        out->id = column_i64(c, STMT_VERSION_GET, 10);
        rc = version_column(c, STMT_VERSION_GET, &out->row, e);
        if (rc == ERR_OK)
            out->encoder_fits = encoder_fits(c, &out->row);
    } else if (rc == ERR_NOTFOUND) {
        err_set(e, rc, "/version", "there is no version %lld of this network",
                (long long)version);
    }
    conn_done(c, STMT_VERSION_GET);
    return rc;
}

/* What a search that ended with rc found, to the caller; its encoder fits. */
static enum err
hand_over(struct version_found *found, enum err rc, struct store_version *out,
          struct errinfo *e)
{
    if (rc == ERR_OK && !found->encoder_fits)
        rc = err_set(e, ERR_CORRUPT, "/version",
                     "the encoder of version %lld does not fit its digest",
                     (long long)found->row.version);
    if (rc == ERR_OK)
        *out = found->row;
    else
        store_version_release(&found->row);
    return rc;
}

enum err
store_version_get(struct store *db, int64_t network, int64_t version,
                  struct store_version *out, struct errinfo *e)
{
    struct version_found found = { 0 };
    struct conn         *c;
    enum err             rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    rc = version_find(c, network, version, &found, e);
    store_reader_give(db, c);
    return hand_over(&found, rc, out, e);
}

enum err
store_version_list(struct store *db, int64_t network, int64_t after,
                   size_t limit, struct store_version **out, size_t *out_n,
                   struct errinfo *e)
{
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_VERSION_LIST, 1, network);
    bind_i64(c, STMT_VERSION_LIST, 2, after);
    bind_i64(c, STMT_VERSION_LIST, 3, (int64_t)limit);
    rc = rows_read(c, STMT_VERSION_LIST, &version_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}

/* STORE_SERVING or STORE_LATEST by its number. */
static enum err
version_number(struct conn *c, int64_t network, int64_t which, int64_t *out,
               struct errinfo *e)
{
    enum err rc;

    bind_i64(c, STMT_NETWORK_VERSIONS, 1, network);
    rc = conn_row(c, STMT_NETWORK_VERSIONS, e);
    if (rc == ERR_OK) {
        int64_t pinned = column_i64(c, STMT_NETWORK_VERSIONS, 1);

        *out = pinned >= 0 && which == STORE_SERVING
                   ? pinned
                   : column_i64(c, STMT_NETWORK_VERSIONS, 0);
    } else if (rc == ERR_NOTFOUND) {
        err_set(e, rc, "/network", "the network is gone");
    }
    conn_done(c, STMT_NETWORK_VERSIONS);
    return rc;
}

static enum err
version_read(struct conn *c, int64_t network, int64_t version, void *p,
             size_t len, struct version_found *out, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (version < 0)
        rc = version_number(c, network, version, &version, e);
    if (rc == ERR_OK)
        rc = version_find(c, network, version, out, e);
    if (rc == ERR_OK && out->row.n_bytes != len)
        rc = err_set(e, ERR_CORRUPT, "/version",
                     "version %lld has %zu bytes of weights, expected %zu",
                     (long long)version, out->row.n_bytes, len);
    if (rc == ERR_OK)
        rc = chunks_read(c, STMT_WEIGHT_LIST, out->id, p, len, e);
    return rc;
}

/* One snapshot for all of it: a version is never rewritten, but it may be
 * replaced by the next and deleted in between. */
static enum err
version_snapshot(struct store *db, int64_t network, int64_t version, void *p,
                 size_t len, struct version_found *out, struct errinfo *e)
{
    struct conn *c;
    char         hex[DIGEST_HEX_SIZE];
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    rc = store_reader_hold(c, e);
    if (rc == ERR_OK)
        rc = version_read(c, network, version, p, len, out, e);
    store_reader_let_go(c);
    store_reader_give(db, c);
    if (rc != ERR_OK)
        return rc;
    digest_hex_of(p, len, hex);
    if (strcmp(hex, out->row.sha256) != 0)
        rc = err_set(e, ERR_CORRUPT, "/version",
                     "the weights of version %lld do not fit their digest",
                     (long long)out->row.version);
    return rc;
}

enum err
store_version_load(struct store *db, int64_t network, int64_t version, void *p,
                   size_t len, struct store_version *out, struct errinfo *e)
{
    struct version_found found = { 0 };
    enum err             rc;

    rc = version_snapshot(db, network, version, p, len, &found, e);
    return hand_over(&found, rc, out, e);
}

enum err
store_version_weights(struct store *db, int64_t network, int64_t version,
                      void *p, size_t len, struct errinfo *e)
{
    struct version_found found = { 0 };
    enum err             rc;

    rc = version_snapshot(db, network, version, p, len, &found, e);
    store_version_release(&found.row);
    return rc;
}
