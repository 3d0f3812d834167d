/* live.c - networks that learn while they serve */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

void
store_live_release(struct store_live *live)
{
    free(live->optimizer);
    free(live->state);
    *live = (struct store_live){ 0 };
}

/* Another state would train, but otherwise. */
static enum err
compare(const struct store_live *live, const char *network, const char *sha256,
        struct errinfo *e)
{
    char hex[DIGEST_HEX_SIZE];

    if (sha256 == NULL) /* written by an older program */
        return ERR_OK;
    digest_hex_of(live->state, live->state_len, hex);
    if (strcmp(hex, sha256) == 0)
        return ERR_OK;
    return err_set(e, ERR_CORRUPT, "/optimizer",
                   "the optimiser's state of network '%.63s' does not fit its "
                   "digest",
                   network);
}

static enum err
live_read(struct conn *c, int64_t network_id, struct store_live *out,
          struct errinfo *e)
{
    bool     failed = false;
    char    *sha256 = NULL, *name = NULL;
    enum err rc;

    bind_i64(c, STMT_LIVE_GET, 1, network_id);
    rc = conn_row(c, STMT_LIVE_GET, e);
    if (rc == ERR_OK) {
        out->version = column_i64(c, STMT_LIVE_GET, 0);
        out->steps = (uint64_t)column_i64(c, STMT_LIVE_GET, 1);
        out->optimizer = column_text(c, STMT_LIVE_GET, 2, &failed);
        out->state_len = (size_t)column_i64(c, STMT_LIVE_GET, 3);
        sha256 = column_text(c, STMT_LIVE_GET, 4, &failed);
        name = column_text(c, STMT_LIVE_GET, 5, &failed);
    }
    conn_done(c, STMT_LIVE_GET);
    if (rc != ERR_OK)
        return rc;
    out->state = mem_array(out->state_len, 1, 0);
    if (failed || out->state == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = chunks_read(c, STMT_LIVE_CHUNK_LIST, network_id, out->state,
                         out->state_len, e);
    if (rc == ERR_OK)
        rc = compare(out, name, sha256, e);
    free(sha256);
    free(name);
    return rc;
}

enum err
store_live_bytes(struct store *db, int64_t network_id, size_t *out_state_len,
                 struct errinfo *e)
{
    struct conn *c;
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_LIVE_GET, 1, network_id);
    rc = conn_row(c, STMT_LIVE_GET, e);
    if (rc == ERR_OK)
        *out_state_len = (size_t)column_i64(c, STMT_LIVE_GET, 3);
    conn_done(c, STMT_LIVE_GET);
    store_reader_give(db, c);
    return rc;
}

enum err
store_live_get(struct store *db, int64_t network_id, struct store_live *out,
               struct errinfo *e)
{
    struct store_live live = { 0 };
    struct conn      *c;
    enum err          rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    rc = store_reader_hold(c, e); /* the row and its pieces */
    if (rc == ERR_OK)
        rc = live_read(c, network_id, &live, e);
    store_reader_let_go(c);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = live;
    else
        store_live_release(&live);
    return rc;
}

struct live_update {
    const struct store_version *version;
    const struct store_live    *live;
    int64_t                     base, number;
    char                        sha256[DIGEST_HEX_SIZE]; /* the state's */
};

static enum err
put_state(struct conn *c, const struct live_update *update, struct errinfo *e)
{
    const struct store_live *live = update->live;
    int64_t                  id = update->version->network_id;
    enum err                 rc = room_expect(c, live->state_len, e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_LIVE_PUT, 1, id);
    bind_i64(c, STMT_LIVE_PUT, 2, update->number);
    bind_i64(c, STMT_LIVE_PUT, 3, (int64_t)live->steps);
    bind_text(c, STMT_LIVE_PUT, 4, live->optimizer);
    bind_i64(c, STMT_LIVE_PUT, 5, (int64_t)live->state_len);
    bind_text(c, STMT_LIVE_PUT, 6, update->sha256);
    rc = conn_run(c, STMT_LIVE_PUT, e);
    if (rc == ERR_OK)
        rc = chunks_write(c, STMT_LIVE_CHUNK_PUT, id, live->state,
                          live->state_len, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_LIVE_CHUNK_TAIL, 1, id);
    bind_i64(c, STMT_LIVE_CHUNK_TAIL, 2,
             (int64_t)((live->state_len + STORE_CHUNK - 1) / STORE_CHUNK));
    return conn_run(c, STMT_LIVE_CHUNK_TAIL, e);
}

static enum err
live_update(struct conn *c, void *arg, struct errinfo *e)
{
    struct live_update *update = arg;
    int64_t             id = update->version->network_id;
    enum err            rc;

    rc = version_number_next(c, id, &update->number, e);
    if (rc == ERR_OK && update->number != update->base + 1)
        return err_set(e, ERR_BUSY, "",
                       "another version came in between: send the batch again");
    if (rc == ERR_OK)
        rc = version_insert(c, update->version, update->number, e);
    if (rc == ERR_OK && update->live->version == update->base) {
        bind_i64(c, STMT_LIVE_VERSION_DELETE, 1, id);
        bind_i64(c, STMT_LIVE_VERSION_DELETE, 2, update->base);
        rc = conn_run(c, STMT_LIVE_VERSION_DELETE, e);
    }
    return rc == ERR_OK ? put_state(c, update, e) : rc;
}

enum err
store_live_update(struct store *db, const struct store_version *row,
                  int64_t base, const struct store_live *live,
                  int64_t *out_version, struct errinfo *e)
{
    struct live_update update = { .version = row, .live = live, .base = base };
    enum err           rc;

    /* Here: the writer is everybody's. */
    digest_hex_of(live->state, live->state_len, update.sha256);
    rc = store_write(db, live_update, &update, e);
    if (rc == ERR_OK)
        *out_version = update.number;
    return rc;
}
