/*
 * store.c - opening and closing, the schema, and the pool of readers
 *
 * SQLite 3.7 to 3.51.2 can corrupt a WAL file when one connection checkpoints
 * while another commits.  So there is one connection that does both, and every
 * other one is read-only and never checkpoints.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/internal.h"

#define APPLICATION_ID 0x62706472 /* "bpdr" */

static const char *const migrations[] = {
#include "store/migrations.inc"
};
#define N_MIGRATIONS ((int)COUNT_OF(migrations))

static const char *const statements[] = {
#define STMT(name, scan_ok, sql) sql,
#include "store/queries.inc"
#undef STMT
};

/* --- a connection -----------------------------------------------------------
 */

static enum err
exec(struct conn *c, const char *sql, struct errinfo *e)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? ERR_OK
               : conn_fail(c, e);
}

/* Run a pragma (or any statement of one value) and read its answer. */
static enum err
pragma(struct conn *c, const char *sql, char *out, size_t size,
       struct errinfo *e)
{
    sqlite3_stmt *st = NULL;
    enum err      rc = ERR_OK;

    out[0] = '\0';
    if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
        return conn_fail(c, e);
    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(st, 0));
        break;
    case SQLITE_DONE:
        break;
    default:
        rc = conn_fail(c, e);
    }
    sqlite3_finalize(st);
    return rc;
}

static enum err
pragma_is(struct conn *c, const char *sql, const char *expected,
          struct errinfo *e)
{
    char     value[64];
    enum err rc = pragma(c, sql, value, sizeof(value), e);

    if (rc == ERR_OK && strcmp(value, expected) != 0)
        rc = err_set(e, ERR_IO, "database", "%s answered '%s' instead of '%s'",
                     sql, value, expected);
    return rc;
}

void
store_conn_close(struct conn *c)
{
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(c->stmt[i]);
    sqlite3_close(c->db);
    memset(c, 0, sizeof(*c));
}

enum err
store_conn_open(struct conn *c, const char *path, bool writes,
                struct errinfo *e)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                SQLITE_OPEN_EXRESCODE |
                (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                        : SQLITE_OPEN_READONLY);

    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (c->db == NULL || (rc & 0xff) == SQLITE_NOMEM)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (rc != SQLITE_OK)
        return err_set(e, ERR_IO, "database", "cannot open '%.80s': %.80s",
                       path, sqlite3_errmsg(c->db));
    sqlite3_busy_timeout(c->db, STORE_BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    return exec(c,
                "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                "PRAGMA cell_size_check = ON;",
                e);
}

static enum err
conn_prepare(struct conn *c, struct errinfo *e)
{
    for (size_t i = 0; i < STMT_COUNT; i++)
        if (sqlite3_prepare_v3(c->db, statements[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &c->stmt[i],
                               NULL) != SQLITE_OK)
            return conn_fail(c, e);
    return ERR_OK;
}

/* --- readers -------------------------------------------------------------- */

enum err
store_reader_take(struct store *db, struct conn **out, struct errinfo *e)
{
    struct conn *c;
    enum err     rc;

    pthread_mutex_lock(&db->reader_lock);
    c = db->readers;
    if (c != NULL)
        db->readers = c->next;
    pthread_mutex_unlock(&db->reader_lock);
    if (c != NULL) {
        c->taken_us = clock_mono_us();
        *out = c;
        return ERR_OK;
    }

    c = mem_array(1, sizeof(*c), 0);
    if (c == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rc = store_conn_open(c, db->path, false, e);
    if (rc == ERR_OK) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc =
            exec(c, "PRAGMA query_only = 1; PRAGMA wal_autocheckpoint = 0;", e);
    }
    if (rc == ERR_OK)
        rc = conn_prepare(c, e);
    if (rc != ERR_OK) {
        store_conn_close(c);
        free(c);
        return rc;
    }
    c->taken_us = clock_mono_us();
    *out = c;
    return ERR_OK;
}

void
store_reader_give(struct store *db, struct conn *c)
{
    histogram_add(&db->stats.read_seconds,
                  (double)(clock_mono_us() - c->taken_us) * 1e-6);
    pthread_mutex_lock(&db->reader_lock);
    c->next = db->readers;
    db->readers = c;
    pthread_mutex_unlock(&db->reader_lock);
}

enum err
store_reader_hold(struct conn *c, struct errinfo *e)
{
    return conn_run(c, STMT_BEGIN_READ, e);
}

void
store_reader_let_go(struct conn *c)
{
    /* SQLite has ended it by itself after some errors. */
    if (sqlite3_get_autocommit(c->db) == 0)
        conn_run(c, STMT_ROLLBACK, NULL);
}

/* --- the schema ----------------------------------------------------------- */

static enum err
schema_log(struct conn *c, int version, struct errinfo *e)
{
    sqlite3_stmt *st = NULL;
    enum err      rc = ERR_OK;

    if (sqlite3_prepare_v2(c->db,
                           "INSERT INTO schema_log (to_version, program, "
                           "at_ms) VALUES (?1, ?2, ?3)",
                           -1, &st, NULL) != SQLITE_OK)
        return conn_fail(c, e);
    sqlite3_bind_int(st, 1, version);
    sqlite3_bind_text(st, 2, PACKAGE_STRING, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, clock_wall_ms());
    if (sqlite3_step(st) != SQLITE_DONE)
        rc = conn_fail(c, e);
    sqlite3_finalize(st);
    return rc;
}

/* Bring the file to our schema: all steps that are missing, or none. */
static enum err
migrate(struct conn *c, struct errinfo *e)
{
    char     text[80];
    int      have = 0;
    long     application = 0;
    enum err rc;

    rc = exec(c, "BEGIN IMMEDIATE", e);
    if (rc != ERR_OK)
        return rc;
    rc = pragma(c, "PRAGMA user_version", text, sizeof(text), e);
    have = (int)strtol(text, NULL, 10);
    if (rc == ERR_OK)
        rc = pragma(c, "PRAGMA application_id", text, sizeof(text), e);
    application = strtol(text, NULL, 10);
    if (rc == ERR_OK && application != APPLICATION_ID) {
        rc = pragma(c, "SELECT count(*) FROM sqlite_schema", text, sizeof(text),
                    e);
        if (rc == ERR_OK && (application != 0 || strcmp(text, "0") != 0))
            rc = err_set(e, ERR_CONFLICT, "database",
                         "the file is another program's database");
    }
    if (rc == ERR_OK && have > N_MIGRATIONS)
        rc = err_set(e, ERR_CONFLICT, "database",
                     "the file has schema %d, this program knows up to %d: "
                     "use a newer backpropd",
                     have, N_MIGRATIONS);
    for (int v = have; rc == ERR_OK && v < N_MIGRATIONS; v++) {
        rc = exec(c, migrations[v], e);
        if (rc == ERR_OK)
            rc = schema_log(c, v + 1, e);
    }
    if (rc == ERR_OK && have < N_MIGRATIONS) {
        snprintf(text, sizeof(text),
                 "PRAGMA user_version = %d; PRAGMA application_id = %d",
                 N_MIGRATIONS, APPLICATION_ID);
        rc = exec(c, text, e);
    }
    if (rc == ERR_OK)
        rc = exec(c, "COMMIT", e);
    if (rc != ERR_OK && sqlite3_get_autocommit(c->db) == 0)
        exec(c, "ROLLBACK", NULL);
    return rc;
}

/* --- open and close ------------------------------------------------------- */

/* One process a file; the lock goes with the process, however it ends. */
static enum err
lock_file(struct store *db, struct errinfo *e)
{
    struct buf name = { 0 };
    enum err   rc = ERR_OK;

    buf_printf(&name, "%s.lock", db->path);
    if (name.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    db->lock_fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (db->lock_fd < 0)
        rc = err_set(e, ERR_IO, "database", "cannot open '%.100s': %m",
                     name.data);
    else if (flock(db->lock_fd, LOCK_EX | LOCK_NB) != 0)
        rc = err_set(e, ERR_CONFLICT, "database",
                     "'%.100s' is in use by another process", db->path);
out:
    buf_release(&name);
    return rc;
}

/* The job that the last process blamed for its end; 0: none. */
static int64_t
blamed(struct store *db)
{
    char    text[32] = "";
    ssize_t n = pread(db->lock_fd, text, sizeof(text) - 1, 0);

    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

/* The file must have our schema already. */
static enum err
expect_schema(struct conn *c, struct errinfo *e)
{
    char     text[80];
    enum err rc = pragma(c, "PRAGMA user_version", text, sizeof(text), e);

    if (rc == ERR_OK && strtol(text, NULL, 10) != N_MIGRATIONS)
        rc = err_set(e, ERR_CONFLICT, "database",
                     "the file has schema %.20s and this program %d: start the "
                     "daemon on it once, or on a copy, to bring it to that",
                     text, N_MIGRATIONS);
    return rc;
}

static enum err
open_writer(struct store *db, bool as_it_is, struct errinfo *e)
{
    struct conn *c = &db->writer;
    enum err     rc;

    rc = store_conn_open(c, db->path, true, e);
    if (rc == ERR_OK) /* a stranger's file is left as it is */
        rc = as_it_is ? expect_schema(c, e) : migrate(c, e);
    if (rc == ERR_OK)
        rc = pragma_is(c, "PRAGMA journal_mode = WAL", "wal", e);
    if (rc == ERR_OK)
        rc = exec(c,
                  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                  "PRAGMA secure_delete = OFF;"
                  "PRAGMA wal_autocheckpoint = 1000;"
                  "PRAGMA journal_size_limit = 67108864;",
                  e);
    if (rc == ERR_OK)
        rc = pragma_is(c, "PRAGMA synchronous", "2", e);
    if (rc == ERR_OK)
        rc = pragma_is(c, "PRAGMA foreign_keys", "1", e);
    if (rc == ERR_OK)
        rc = conn_prepare(c, e);
    return rc;
}

/* n_bytes for the writer's connection, the only one that lets the file grow. */
static enum err
limit_pages(struct conn *c, void *arg, struct errinfo *e)
{
    const uint64_t *n_bytes = arg;
    char            text[64];
    enum err        rc = pragma(c, "PRAGMA page_size", text, sizeof(text), e);

    if (rc != ERR_OK)
        return rc;
    uint64_t n_pages = *n_bytes / strtoull(text, NULL, 10);
    snprintf(text, sizeof(text), "PRAGMA max_page_count = %llu",
             (unsigned long long)(n_pages < UINT32_MAX - 1 ? n_pages
                                                           : UINT32_MAX - 1));
    return exec(c, text, e);
}

enum err
store_limit(struct store *db, uint64_t n_bytes, struct errinfo *e)
{
    return store_write(db, limit_pages, &n_bytes, e);
}

/* What the last process left undone. */
static enum err
settle(struct store *db, struct errinfo *e)
{
    enum err rc;

    store_backup_purge(db);
    rc = store_datasets_purge(db, e);
    if (rc == ERR_FULL) { /* who is to make room needs us */
        log_write(LOG_WARN, "store",
                  "what unfinished uploads and deletions left stays until the "
                  "next start: %s",
                  err_what(e));
        err_clear(e);
        rc = ERR_OK;
    }
    if (rc == ERR_OK)
        rc = store_jobs_requeue(db, blamed(db), e);
    if (rc == ERR_OK && ftruncate(db->lock_fd, 0) != 0) /* it is counted */
        rc = err_set(e, ERR_IO, "database", "cannot write '%.80s.lock': %m",
                     db->path);
    return rc;
}

static enum err
open_store(const char *path, bool as_it_is, struct store **out,
           struct errinfo *e)
{
    struct store *db = mem_array(1, sizeof(*db), 0);
    enum err      rc;

    if (db == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    db->lock_fd = -1;
    histogram_init(&db->stats.commit_seconds, histogram_seconds,
                   histogram_seconds_n);
    histogram_init(&db->stats.read_seconds, histogram_seconds,
                   histogram_seconds_n);
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->reader_lock, NULL);
    pthread_cond_init(&db->work, NULL);
    pthread_cond_init(&db->done, NULL);
    db->path = mem_dup(path, strlen(path));
    if (db->path == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    rc = lock_file(db, e);
    if (rc == ERR_OK) {
        rc = open_writer(db, as_it_is, e);
        if (rc != ERR_OK)
            err_set(e, rc, "database", "'%.80s': %.130s", path, err_what(e));
    }
    if (rc == ERR_OK)
        rc = store_writer_start(db, e);
    if (rc == ERR_OK && !as_it_is)
        rc = settle(db, e);
    if (rc == ERR_OK) {
        *out = db;
        db = NULL;
    }
out:
    store_close(db);
    return rc;
}

enum err
store_open(const char *path, struct store **out, struct errinfo *e)
{
    return open_store(path, false, out, e);
}

enum err
store_open_to_check(const char *path, struct store **out, struct errinfo *e)
{
    if (access(path, R_OK | W_OK) != 0)
        return err_set(e, ERR_NOTFOUND, "database", "'%.100s': %m", path);
    return open_store(path, true, out, e);
}

void
store_close(struct store *db)
{
    if (db == NULL)
        return;
    store_writer_stop(db);
    while (db->readers != NULL) {
        struct conn *c = db->readers;

        db->readers = c->next;
        store_conn_close(c);
        free(c);
    }
    if (db->writer.db != NULL && !atomic_load(&db->failed))
        sqlite3_wal_checkpoint_v2(db->writer.db, NULL,
                                  SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    store_conn_close(&db->writer);
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    pthread_cond_destroy(&db->done);
    pthread_cond_destroy(&db->work);
    pthread_mutex_destroy(&db->reader_lock);
    pthread_mutex_destroy(&db->lock);
    free(db->path);
    free(db);
}

int
store_blame_fd(const struct store *db)
{
    return db->lock_fd;
}

bool
store_is_failed(const struct store *db)
{
    return atomic_load(&db->failed);
}
