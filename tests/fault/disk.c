/* disk.c - a disk that fails on demand, and one whose power may go */
#include "disk.h"

#include <check.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512
#define MAX_FILES 8

/* --- what has been recorded ------------------------------------------------
 */

enum change_kind { WRITE, TRUNCATE, SYNC, DELETE };

struct change {
    enum change_kind kind;
    int              file;
    size_t           at, len; /* TRUNCATE: len is the new size */
    unsigned char   *bytes;
};

/* What the platter holds of a file for certain, as of change `seen`. */
struct platter {
    char           name[64];
    bool           exists;
    unsigned char *bytes;
    size_t         len, room;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool            recording;
static struct change  *change;
static size_t          n_changes, room_for_changes, seen;
static struct platter  platter[MAX_FILES];
static int             n_files;

static enum disk_fault fault;
static unsigned long   fault_at, n_counted;
static bool            fault_for_ever, failed;

static int
file_number(const char *path)
{
    const char *slash = strrchr(path, '/'),
               *name = slash != NULL ? slash + 1 : path;
    int i = 0;

    pthread_mutex_lock(&lock);
    while (i < n_files && strcmp(platter[i].name, name) != 0)
        i++;
    ck_assert_int_lt(i, MAX_FILES);
    if (i == n_files)
        snprintf(platter[n_files++].name, sizeof(platter[0].name), "%s", name);
    pthread_mutex_unlock(&lock);
    return i;
}

/* Count a change; false: it is to fail.  A full disk can still delete. */
static bool
change_may(enum change_kind kind, int file, sqlite3_int64 at, const void *p,
           size_t len)
{
    bool ok;

    pthread_mutex_lock(&lock);
    n_counted++;
    ok = fault == DISK_GOOD || n_counted < fault_at ||
         (n_counted > fault_at && !fault_for_ever);
    if (!ok)
        failed = true;
    if (ok && recording) {
        if (n_changes == room_for_changes) {
            room_for_changes = room_for_changes == 0 ? 1024 : 2 * n_changes;
            change = reallocarray(change, room_for_changes, sizeof(*change));
            ck_assert_ptr_nonnull(change);
        }
        change[n_changes] = (struct change){
            .kind = kind, .file = file, .at = (size_t)at, .len = len
        };
        if (kind == WRITE) {
            change[n_changes].bytes = malloc(len);
            ck_assert_ptr_nonnull(change[n_changes].bytes);
            memcpy(change[n_changes].bytes, p, len);
        }
        n_changes++;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void
disk_fail(enum disk_fault what, unsigned long n, bool for_ever)
{
    pthread_mutex_lock(&lock);
    fault = what;
    fault_at = n;
    fault_for_ever = for_ever;
    n_counted = 0;
    failed = false;
    pthread_mutex_unlock(&lock);
}

bool
disk_has_failed(void)
{
    pthread_mutex_lock(&lock);
    bool yes = failed;
    pthread_mutex_unlock(&lock);
    return yes;
}

void
disk_record(void)
{
    for (size_t i = 0; i < n_changes; i++)
        free(change[i].bytes);
    for (int i = 0; i < n_files; i++)
        free(platter[i].bytes);
    memset(platter, 0, sizeof(platter));
    n_changes = seen = 0;
    n_files = 0;
    recording = true;
}

size_t
disk_n_changes(void)
{
    pthread_mutex_lock(&lock);
    size_t n = n_changes;
    pthread_mutex_unlock(&lock);
    return n;
}

/* --- after the power went ---------------------------------------------------
 */

static uint64_t
draw(uint64_t *luck)
{
    *luck += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t x = *luck;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void
resize(struct platter *f, size_t len)
{
    if (len > f->room) {
        f->room = 2 * len;
        f->bytes = realloc(f->bytes, f->room);
        ck_assert_ptr_nonnull(f->bytes);
    }
    if (len > f->len)
        memset(f->bytes + f->len, 0, len - f->len);
    f->len = len;
    f->exists = true;
}

/* Bring the bytes [from, to) of a write to the platter. */
static void
put(struct platter *f, const struct change *c, size_t from, size_t to)
{
    if (to > f->len)
        resize(f, to);
    memcpy(f->bytes + from, c->bytes + (from - c->at), to - from);
}

static void
apply(struct platter *f, const struct change *c)
{
    switch (c->kind) {
    case WRITE:
        put(f, c, c->at, c->at + c->len);
        break;
    case TRUNCATE:
        resize(f, c->len);
        break;
    case DELETE:
        f->len = 0;
        f->exists = false;
        break;
    case SYNC:
        break;
    }
}

/* A change that nobody waited for: each of its sectors may be there, or not, or
 * hold neither what was nor what was to be.  `odds` of 256 arrive. */
static void
apply_perhaps(struct platter *f, const struct change *c, unsigned odds,
              uint64_t *luck)
{
    if (c->kind != WRITE) {
        if (draw(luck) % 256 < odds)
            apply(f, c);
        return;
    }
    for (size_t from = c->at; from < c->at + c->len;) {
        size_t to = (from / SECTOR + 1) * SECTOR;

        if (to > c->at + c->len)
            to = c->at + c->len;
        if (draw(luck) % 256 < odds) {
            put(f, c, from, to);
            if (draw(luck) % 64 == 0)
                memset(f->bytes + from, (int)(draw(luck) % 256), to - from);
        }
        from = to;
    }
}

/* A change of a file is certain once that was synced: none is left of it. */
static void
settle_file(int file, size_t before, bool keep)
{
    for (size_t i = 0; i < before; i++) {
        struct change *c = &change[i];

        if (c->file != file || (c->kind != WRITE && c->kind != TRUNCATE))
            continue;
        if (keep)
            apply(&platter[file], c);
        free(c->bytes);
        c->bytes = NULL;
        c->kind = SYNC;
    }
}

static void
settle(size_t k)
{
    for (; seen < k; seen++) {
        const struct change *c = &change[seen];

        if (c->kind == SYNC || c->kind == DELETE)
            settle_file(c->file, seen, c->kind == SYNC);
        if (c->kind == DELETE)
            apply(&platter[c->file], c);
    }
}

static void
lay_out(const struct platter *f, const char *directory)
{
    char  path[256];
    FILE *out;

    snprintf(path, sizeof(path), "%s/%s", directory, f->name);
    remove(path);
    if (!f->exists)
        return;
    out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(f->bytes, 1, f->len, out), f->len);
    ck_assert_int_eq(fclose(out), 0);
}

void
disk_after(size_t k, uint64_t luck, const char *directory)
{
    static const unsigned odds[] = { 0, 64, 128, 192, 256 };
    unsigned              chance = odds[draw(&luck) % 5];

    recording = false;
    settle(k);
    for (int i = 0; i < n_files; i++) {
        struct platter f = platter[i];

        f.bytes = malloc(f.room + 1);
        ck_assert_ptr_nonnull(f.bytes);
        memcpy(f.bytes,
               platter[i].bytes != NULL ? platter[i].bytes
                                        : (unsigned char *)"",
               f.len);
        for (size_t j = 0; j < k; j++)
            if (change[j].file == i &&
                (change[j].kind == WRITE || change[j].kind == TRUNCATE))
                apply_perhaps(&f, &change[j], chance, &luck);
        lay_out(&f, directory);
        free(f.bytes);
    }
}

/* --- the VFS -------------------------------------------------------------- */

struct file {
    sqlite3_file base;
    int          number;
    sqlite3_file real[]; /* of the VFS behind */
};

static sqlite3_vfs *behind;

static sqlite3_file *
real(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static int
number(sqlite3_file *f)
{
    return ((struct file *)f)->number;
}

static int
file_close(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}

static int
file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (!change_may(WRITE, number(f), at, p, (size_t)n))
        return fault == DISK_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return real(f)->pMethods->xWrite(real(f), p, n, at);
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (!change_may(TRUNCATE, number(f), 0, NULL, (size_t)size))
        return SQLITE_IOERR_TRUNCATE;
    return real(f)->pMethods->xTruncate(real(f), size);
}

/* The real disk is not synced: no test cuts the machine's own power. */
static int
file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    if (!change_may(SYNC, number(f), 0, NULL, 0))
        return SQLITE_IOERR_FSYNC;
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return real(f)->pMethods->xFileSize(real(f), out);
}

static int
file_lock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xLock(real(f), level);
}

static int
file_unlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}

static int
file_check_reserved(sqlite3_file *f, int *out)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int
file_sector_size(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int
file_characteristics(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int
file_shm_map(sqlite3_file *f, int page, int size, int extend,
             void volatile **out)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int
file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void
file_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}

static int
file_shm_unmap(sqlite3_file *f, int delete_it)
{
    return real(f)->pMethods->xShmUnmap(real(f), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
         int *out_flags)
{
    struct file *file = (struct file *)f;
    int          rc;

    (void)vfs;
    file->number = name != NULL ? file_number(name) : 0;
    rc = behind->xOpen(behind, name, file->real, flags, out_flags);
    f->pMethods = file->real->pMethods != NULL ? &methods : NULL;
    return rc;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    if (!change_may(DELETE, file_number(name), 0, NULL, 0))
        return SQLITE_IOERR_DELETE;
    return behind->xDelete(behind, name, sync_directory);
}

void
disk_install(void)
{
    static sqlite3_vfs vfs;

    behind = sqlite3_vfs_find(NULL);
    vfs = *behind;
    vfs.szOsFile = (int)sizeof(struct file) + behind->szOsFile;
    vfs.zName = "disk";
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}
