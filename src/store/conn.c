#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

enum err
conn_fail(struct conn *c, struct errinfo *e)
{
    const char *what = sqlite3_errmsg(c->db);

    /* Short of memory for an I/O, which was not begun. */
    if (sqlite3_extended_errcode(c->db) == SQLITE_IOERR_NOMEM)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    switch (sqlite3_errcode(c->db) & 0xff) {
    case SQLITE_FULL:
        return err_set(e, ERR_FULL, "",
                       "the disk is full, or the database has reached its "
                       "database_mib");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, ERR_BUSY, "", "the database is locked");
    case SQLITE_NOMEM:
        return err_set(e, ERR_NOMEM, "", "out of memory");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(e, ERR_CORRUPT, "database", "%.150s", what);
    case SQLITE_TOOBIG:
        return err_set(e, ERR_LIMIT, "", "too large to be stored in one piece");
    default:
        return err_set(e, ERR_IO, "database", "%.150s", what);
    }
}

void
conn_done(struct conn *c, enum stmt_id id)
{
    sqlite3_reset(c->stmt[id]);
    sqlite3_clear_bindings(c->stmt[id]);
}

enum err
conn_row(struct conn *c, enum stmt_id id, struct errinfo *e)
{
    switch (sqlite3_step(c->stmt[id])) {
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_DONE:
        return ERR_NOTFOUND;
    default:
        return conn_fail(c, e);
    }
}

enum err
conn_run(struct conn *c, enum stmt_id id, struct errinfo *e)
{
    enum err rc = conn_row(c, id, e);

    if (rc == ERR_OK) /* to its end: a commit would wait for it otherwise */
        rc = conn_row(c, id, e);
    conn_done(c, id);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

void
bind_i64(struct conn *c, enum stmt_id id, int i, int64_t value)
{
    sqlite3_bind_int64(c->stmt[id], i, value);
}

void
bind_text(struct conn *c, enum stmt_id id, int i, const char *text)
{
    sqlite3_bind_text(c->stmt[id], i, text, -1, SQLITE_STATIC);
}

void
bind_blob(struct conn *c, enum stmt_id id, int i, const void *p, size_t n)
{
    /* An empty blob is a blob, not NULL. */
    sqlite3_bind_blob64(c->stmt[id], i, n == 0 ? "" : p, n, SQLITE_STATIC);
}

void
bind_double(struct conn *c, enum stmt_id id, int i, double value)
{
    if (isnan(value))
        sqlite3_bind_null(c->stmt[id], i);
    else
        sqlite3_bind_double(c->stmt[id], i, value);
}

int64_t
column_i64(struct conn *c, enum stmt_id id, int i)
{
    return sqlite3_column_int64(c->stmt[id], i);
}

double
column_double(struct conn *c, enum stmt_id id, int i)
{
    if (sqlite3_column_type(c->stmt[id], i) == SQLITE_NULL)
        return NAN;
    return sqlite3_column_double(c->stmt[id], i);
}

char *
column_text(struct conn *c, enum stmt_id id, int i, bool *failed)
{
    const unsigned char *text = sqlite3_column_text(c->stmt[id], i);
    char                *copy;

    if (text == NULL) {
        if (sqlite3_column_type(c->stmt[id], i) != SQLITE_NULL)
            *failed = true;
        return NULL;
    }
    copy = mem_dup(text, (size_t)sqlite3_column_bytes(c->stmt[id], i));
    if (copy == NULL)
        *failed = true;
    return copy;
}

enum err
rows_read(struct conn *c, enum stmt_id id, const struct row_kind *kind,
          size_t limit, void **out, size_t *out_n, struct errinfo *e)
{
    char    *row = mem_array(limit, kind->size, 0);
    size_t   n = 0;
    enum err rc = ERR_OK;

    if (row == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    while (rc == ERR_OK && n < limit) {
        rc = conn_row(c, id, e);
        if (rc == ERR_OK)
            rc = kind->read(c, id, row + n * kind->size, e);
        if (rc == ERR_OK)
            n++;
    }
    conn_done(c, id);
    if (rc == ERR_OK || rc == ERR_NOTFOUND) { /* the limit, or the end */
        *out = row;
        *out_n = n;
        return ERR_OK;
    }
    while (n > 0)
        kind->release(row + --n * kind->size);
    free(row);
    return rc;
}

enum err
row_read(struct conn *c, enum stmt_id id, const struct row_kind *kind,
         void *out, struct errinfo *e)
{
    enum err rc = conn_row(c, id, e);

    if (rc == ERR_OK)
        rc = kind->read(c, id, out, e);
    conn_done(c, id);
    return rc;
}

enum err
chunks_write(struct conn *c, enum stmt_id id, int64_t key, const void *p,
             size_t len, struct errinfo *e)
{
    const char *bytes = p;
    enum err    rc = ERR_OK;

    for (size_t at = 0, i = 0; rc == ERR_OK && at < len;
         at += STORE_CHUNK, i++) {
        size_t n = len - at < STORE_CHUNK ? len - at : STORE_CHUNK;

        bind_i64(c, id, 1, key);
        bind_i64(c, id, 2, (int64_t)i);
        bind_blob(c, id, 3, bytes + at, n);
        rc = conn_run(c, id, e);
    }
    return rc;
}

enum err
chunks_read(struct conn *c, enum stmt_id id, int64_t key, void *p, size_t len,
            struct errinfo *e)
{
    char    *bytes = p;
    size_t   at = 0;
    enum err rc;

    bind_i64(c, id, 1, key);
    while ((rc = conn_row(c, id, e)) == ERR_OK) {
        size_t      n = (size_t)sqlite3_column_bytes(c->stmt[id], 0);
        const void *piece = sqlite3_column_blob(c->stmt[id], 0);

        if (n > len - at)
            break;
        memcpy(bytes + at, piece, n);
        at += n;
    }
    conn_done(c, id);
    if (rc != ERR_OK && rc != ERR_NOTFOUND)
        return rc;
    if (rc == ERR_OK || at != len)
        return err_set(e, ERR_CORRUPT, "database",
                       "stored bytes do not have the length they should");
    return ERR_OK;
}
