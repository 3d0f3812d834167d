/*
 * room.c - what is kept free on the disk, so that deleting is always possible
 *
 * Bytes go to the log first and into the database at a checkpoint, which makes
 * the file longer.  Where the last free bytes went to the log no checkpoint can
 * end, the log can only grow, and not even a deletion finds room in it.  So
 * who adds bytes asks first, and is refused while deletions still have what
 * they need.  Others may fill the disk all the same: then only they can help.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "store/internal.h"

/* For deletions: each writes a list of the pages that it frees, with room for
 * about 1000 in a page, and the pages around them. */
#define KEPT_BYTES MIB
#define KEPT_PARTS 512
/* So that what was deleted can be used again: new bytes for its pages go to the
 * log, too.  A part of the disk, between these. */
#define LOG_PARTS 64
#define LOG_LEAST (2 * MIB)
#define LOG_MOST (64 * MIB)

struct disk {
    uint64_t size, free;
};

static uint64_t
length_of(const char *path)
{
    struct stat st;

    return path != NULL && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* False where the disk does not say. */
static bool
ask_disk(const char *path, struct disk *out)
{
    struct statvfs disk;

    if (path == NULL || statvfs(path, &disk) != 0 || disk.f_blocks == 0)
        return false;
    out->size = (uint64_t)disk.f_blocks * disk.f_frsize;
    out->free = (uint64_t)disk.f_bavail * disk.f_frsize;
    return true;
}

/* Bytes of the database's pages that nothing is in.  A mistake must be heard:
 * with it SQLite may have taken back all of the transaction. */
static enum err
unused_bytes(struct conn *c, uint64_t *out, struct errinfo *e)
{
    enum err rc = conn_row(c, STMT_UNUSED_BYTES, e);

    if (rc == ERR_OK)
        *out = (uint64_t)column_i64(c, STMT_UNUSED_BYTES, 0);
    conn_done(c, STMT_UNUSED_BYTES);
    return rc;
}

static uint64_t
room_for_log(uint64_t disk_size)
{
    uint64_t n = disk_size / LOG_PARTS;

    return n < LOG_LEAST ? LOG_LEAST : n > LOG_MOST ? LOG_MOST : n;
}

enum err
room_expect(struct conn *c, uint64_t n_bytes, struct errinfo *e)
{
    const char *path = sqlite3_db_filename(c->db, "main");
    struct disk disk;

    c->added += n_bytes + n_bytes / 64; /* pages and frames have heads */
    if (!ask_disk(path, &disk))
        return ERR_OK;
    uint64_t unused;
    enum err rc = unused_bytes(c, &unused, e);
    if (rc != ERR_OK)
        return rc;
    uint64_t wanted = c->added + KEPT_BYTES + length_of(path) / KEPT_PARTS;
    /* All of the log may still have to go into the database. */
    wanted += length_of(sqlite3_filename_wal(path));
    if (c->added > unused)
        wanted += c->added - unused + room_for_log(disk.size);
    if (disk.free >= wanted)
        return ERR_OK;
    return err_set(e, ERR_FULL, "",
                   "the disk is full, but for what deletions need");
}

void
room_make(struct conn *c)
{
    /* Not for long: a reader that is slow would hold up everybody. */
    sqlite3_busy_timeout(c->db, 100);
    sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                              NULL);
    sqlite3_busy_timeout(c->db, STORE_BUSY_MS);
}
