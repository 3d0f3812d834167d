/*
 * chunk.c - the chunks of datasets: written once, compared with their digest
 * whenever they are read
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* --- writing -----------------------------------------------------------------
 */

struct chunk_insert {
    int64_t     id;
    uint64_t    number, first_row, n_rows;
    const void *p;
    size_t      len;
    char        sha256[DIGEST_HEX_SIZE];
};

static enum err
chunk_insert(struct conn *c, void *arg, struct errinfo *e)
{
    const struct chunk_insert *chunk = arg;
    enum err                   rc = room_expect(c, chunk->len, e);

    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHUNK_INSERT, 1, chunk->id);
    bind_i64(c, STMT_CHUNK_INSERT, 2, (int64_t)chunk->number);
    bind_blob(c, STMT_CHUNK_INSERT, 3, chunk->p, chunk->len);
    bind_text(c, STMT_CHUNK_INSERT, 4, chunk->sha256);
    rc = conn_run(c, STMT_CHUNK_INSERT, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_CHUNK_PLACE_INSERT, 1, chunk->id);
    bind_i64(c, STMT_CHUNK_PLACE_INSERT, 2, (int64_t)chunk->number);
    bind_i64(c, STMT_CHUNK_PLACE_INSERT, 3, (int64_t)chunk->first_row);
    bind_i64(c, STMT_CHUNK_PLACE_INSERT, 4,
             (int64_t)(chunk->first_row + chunk->n_rows));
    return conn_run(c, STMT_CHUNK_PLACE_INSERT, e);
}

enum err
store_dataset_chunk(struct store *db, int64_t id, uint64_t number,
                    uint64_t first_row, uint64_t n_rows, const void *p,
                    size_t len, struct errinfo *e)
{
    struct chunk_insert chunk = { .id = id,
                                  .number = number,
                                  .first_row = first_row,
                                  .n_rows = n_rows,
                                  .p = p,
                                  .len = len };

    digest_hex_of(p, len, chunk.sha256); /* here: the writer is everybody's */
    return store_write(db, chunk_insert, &chunk, e);
}

/* --- reading -----------------------------------------------------------------
 */

/* A chunk in memory, which the next one takes over. */
struct chunk {
    int64_t dataset, number;
    void   *p;
    size_t  len, size;
    char    fault[160]; /* what is wrong with it; "": nothing */
};

/* The columns of the statements that read chunks. */
enum { DATASET, NUMBER, BYTES, SHA256, NAME };

static enum err
copy_bytes(struct chunk *chunk, const void *p, size_t len, struct errinfo *e)
{
    if (len > chunk->size) {
        free(chunk->p);
        chunk->p = mem_array(len, 1, 0);
        chunk->size = chunk->p != NULL ? len : 0;
    }
    if (len > 0 && chunk->p == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (len > 0)
        memcpy(chunk->p, p, len);
    chunk->len = len;
    return ERR_OK;
}

/* Do the copied bytes have the digest that is beside them? */
static void
compare(struct conn *c, enum stmt_id id, struct chunk *chunk)
{
    const char *sha256 = (const char *)sqlite3_column_text(c->stmt[id], SHA256);
    char        hex[DIGEST_HEX_SIZE];

    chunk->fault[0] = '\0';
    if (sqlite3_column_type(c->stmt[id], SHA256) == SQLITE_NULL)
        return; /* written by an older program */
    digest_hex_of(chunk->p, chunk->len, hex);
    if (sha256 == NULL || strcmp(hex, sha256) != 0)
        snprintf(chunk->fault, sizeof(chunk->fault),
                 "chunk %lld of dataset '%.63s' does not fit its digest",
                 (long long)chunk->number,
                 (const char *)sqlite3_column_text(c->stmt[id], NAME));
}

/*
 * Step a statement to its chunk and copy that: ERR_NOTFOUND, e untouched, at
 * the end.  The statement is reset: one that stayed open for a walk would hold
 * a snapshot, and the log could not be reset meanwhile.  Chunks never change,
 * and a dataset in use is not deleted.
 */
static enum err
chunk_read(struct conn *c, enum stmt_id id, struct chunk *chunk,
           struct errinfo *e)
{
    enum err rc = conn_row(c, id, e);

    if (rc == ERR_OK) {
        chunk->dataset = column_i64(c, id, DATASET);
        chunk->number = column_i64(c, id, NUMBER);
        rc = copy_bytes(chunk, sqlite3_column_blob(c->stmt[id], BYTES),
                        (size_t)sqlite3_column_bytes(c->stmt[id], BYTES), e);
    }
    if (rc == ERR_OK)
        compare(c, id, chunk);
    conn_done(c, id);
    return rc;
}

/* Which chunks of a dataset to walk. */
struct walk {
    enum stmt_id stmt;
    int64_t      id, n_chunks, first, end;
};

static void
bind_walk(struct conn *c, const struct walk *walk, int64_t number)
{
    bind_i64(c, walk->stmt, 1, walk->id);
    bind_i64(c, walk->stmt, 2, number);
    bind_i64(c, walk->stmt, 3, walk->n_chunks);
    if (walk->stmt == STMT_CHUNK_LIST_ROWS) {
        bind_i64(c, walk->stmt, 4, walk->first);
        bind_i64(c, walk->stmt, 5, walk->end);
    }
}

static enum err
walk_chunks(struct store *db, const struct walk *walk, store_chunk_fn fn,
            void *arg, struct errinfo *e)
{
    struct chunk chunk = { .number = -1 };
    struct conn *c;
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    for (;;) {
        bind_walk(c, walk, chunk.number);
        rc = chunk_read(c, walk->stmt, &chunk, e);
        if (rc == ERR_OK && chunk.fault[0] != '\0')
            rc = err_set(e, ERR_CORRUPT, "/dataset", "%s", chunk.fault);
        if (rc != ERR_OK)
            break;
        rc = fn(arg, chunk.p, chunk.len, e);
        if (rc != ERR_OK)
            goto out;
    }
    if (rc == ERR_NOTFOUND) /* that was the last */
        rc = ERR_OK;
out:
    free(chunk.p);
    store_reader_give(db, c);
    return rc;
}

enum err
store_dataset_each_chunk(struct store *db, int64_t id, int64_t n_chunks,
                         store_chunk_fn fn, void *arg, struct errinfo *e)
{
    const struct walk walk = { .stmt = STMT_CHUNK_LIST,
                               .id = id,
                               .n_chunks = n_chunks };

    return walk_chunks(db, &walk, fn, arg, e);
}

enum err
store_dataset_each_chunk_of(struct store *db, int64_t id, int64_t n_chunks,
                            int64_t first, int64_t end, store_chunk_fn fn,
                            void *arg, struct errinfo *e)
{
    const struct walk walk = { .stmt = STMT_CHUNK_LIST_ROWS,
                               .id = id,
                               .n_chunks = n_chunks,
                               .first = first,
                               .end = end };

    return walk_chunks(db, &walk, fn, arg, e);
}

enum err
chunks_check(struct conn *c, store_fault_fn tell, void *arg, uint64_t *out_n,
             struct errinfo *e)
{
    struct chunk chunk = { .number = -1 };
    enum err     rc;

    for (;;) {
        bind_i64(c, STMT_CHUNK_NEXT, 1, chunk.dataset);
        bind_i64(c, STMT_CHUNK_NEXT, 2, chunk.number);
        rc = chunk_read(c, STMT_CHUNK_NEXT, &chunk, e);
        if (rc != ERR_OK)
            break;
        if (chunk.fault[0] != '\0')
            tell(arg, chunk.fault);
        ++*out_n;
    }
    free(chunk.p);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}
