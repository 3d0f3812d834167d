/* backup.c - a copy of the file, consistent and while all goes on */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/internal.h"

/* A step of SQLite's virtual machine is about a microsecond. */
#define ASK_STEPS 10000

static int
is_over(void *arg)
{
    struct store *db = arg;

    return atomic_load(&db->closing);
}

/*
 * On a connection of its own, which reads one snapshot and leaves the writer
 * alone; the log grows for as long as that takes.  SQLite writes into the file
 * that is there, which nobody else may read.
 */
static enum err
copy_to(struct store *db, const char *path, struct errinfo *e)
{
    struct conn   c = { 0 };
    sqlite3_stmt *st = NULL;
    enum err      rc = store_conn_open(&c, db->path, false, e);

    if (rc != ERR_OK)
        goto out;
    sqlite3_db_config(c.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_limit(c.db, SQLITE_LIMIT_ATTACHED, 1);
    sqlite3_progress_handler(c.db, ASK_STEPS, is_over, db);
    if (sqlite3_prepare_v2(c.db, "VACUUM INTO ?1", -1, &st, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_DONE)
        rc = atomic_load(&db->closing)
                 ? err_set(e, ERR_BUSY, "", "the daemon is about to stop")
                 : conn_fail(&c, e);
out:
    sqlite3_finalize(st);
    store_conn_close(&c);
    return rc;
}

static enum err
size_of(int fd, uint64_t *out, struct errinfo *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "database", "cannot look at the copy: %m");
    *out = (uint64_t)st.st_size;
    return ERR_OK;
}

enum err
store_backup(struct store *db, int *out_fd, uint64_t *out_len,
             struct errinfo *e)
{
    struct buf path = { 0 };
    int        fd = -1;
    enum err   rc = ERR_OK;

    if (atomic_exchange(&db->copying, true))
        return err_named(
            e,
            err_set(e, ERR_BUSY, "", "a copy is being made already; try again"),
            "backup_running");
    buf_printf(&path, "%s" STORE_BACKUP_SUFFIX, db->path);
    if (path.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    fd = open(path.data, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "database",
                     "cannot make '%.100s': %m", path.data);
        goto out;
    }
    rc = copy_to(db, path.data, e);
    /* Whoever has it open reads on; nobody has to remember to remove it. */
    unlink(path.data);
    if (rc == ERR_OK)
        rc = size_of(fd, out_len, e);
    if (rc == ERR_OK) {
        *out_fd = fd;
        fd = -1;
    }
out:
    if (fd >= 0)
        close(fd);
    buf_release(&path);
    atomic_store(&db->copying, false);
    return rc;
}

void
store_backup_purge(struct store *db)
{
    struct buf path = { 0 };

    buf_printf(&path, "%s" STORE_BACKUP_SUFFIX, db->path);
    if (!path.failed)
        unlink(path.data);
    buf_release(&path);
}

void
store_closing(struct store *db)
{
    atomic_store(&db->closing, true);
}

enum err
store_scratch(struct store *db, int *out, struct errinfo *e)
{
    struct buf path = { 0 };
    int        fd = -1;
    enum err   rc = ERR_OK;

    buf_printf(&path, "%s-scratch-XXXXXX", db->path);
    if (path.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    } else {
        fd = mkostemp(path.data, O_CLOEXEC);
        if (fd < 0)
            rc = err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "database",
                         "cannot make a file beside the database: %m");
        else
            unlink(path.data);
    }
    buf_release(&path);
    if (rc == ERR_OK)
        *out = fd;
    return rc;
}
