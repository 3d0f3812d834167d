/*
 * internal.h - connections, statements and the writer: store/'s own affairs
 *
 * Model    A struct conn is one SQLite connection with its prepared statements
 *          and belongs to one thread at a time.  The writer's thread owns the
 *          only one that changes the file; store_write() runs a function there.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "store/store.h"

#define STORE_CHUNK MIB /* bytes of weights and states in a row */
#define STORE_BUSY_MS 2000 /* a connection waits so long for a lock */

enum stmt_id {
#define STMT(name, scan_ok, sql) STMT_##name,
#include "store/queries.inc"
#undef STMT
    STMT_COUNT
};

struct conn {
    sqlite3      *db;
    sqlite3_stmt *stmt[STMT_COUNT];
    int64_t       taken_us; /* of a reader: when it was given out */
    uint64_t      added;    /* of the writer: bytes in this transaction */
    struct conn  *next; /* in the pool of readers */
};

/* A change, run on the writer's thread inside a savepoint of its own.  It may
 * be run again, after a transaction that was lost: what it left in arg then is
 * not to be believed, and is released. */
typedef enum err (*write_fn)(struct conn *c, void *arg, struct errinfo *e);

struct write {
    write_fn       fn;
    void          *arg;
    struct errinfo e;
    enum err       rc;
    atomic_bool    done;
    struct write  *next;
};

struct store {
    char       *path;
    struct store_stats stats;
    int         lock_fd;
    atomic_bool failed; /* a commit ended unknown: no more writes */
    atomic_bool copying; /* a backup is being made */
    atomic_bool closing; /* which is to end soon   */
    /* An upload that could not be forgotten: it keeps its name; 0: none. */
    atomic_int_least64_t abandoned;
    /* An append that could not be: its dataset is busy; 0: none. */
    atomic_int_least64_t append_abandoned;

    pthread_mutex_t reader_lock; /* guards readers */
    struct conn    *readers;     /* idle ones      */

    struct conn     writer;     /* the writer's thread's, once it runs      */
    pthread_t       thread;
    bool            has_thread;
    pthread_mutex_t lock;       /* guards the queue below, and write.done   */
    pthread_cond_t  work, done;
    struct write   *head, **tail;
    bool            stopping;
};

/* --- writer.c -------------------------------------------------------------- */

enum err store_writer_start(struct store *db, struct errinfo *e);
void     store_writer_stop(struct store *db);
/* Run fn(arg) on the writer's thread; returns when its commit is on the disk. */
enum err store_write(struct store *db, write_fn fn, void *arg,
                     struct errinfo *e);
/* The same in two steps.  w is the caller's until store_write_wait() returns. */
void     store_write_start(struct store *db, struct write *w);
enum err store_write_wait(struct store *db, struct write *w, struct errinfo *e);

/* --- room.c ---------------------------------------------------------------- */

/* Is there room for n_bytes more in this transaction, and for deletions after
 * it?  ERR_FULL where not.  On the writer's thread. */
enum err room_expect(struct conn *c, uint64_t n_bytes, struct errinfo *e);
/* Empty the log, whose bytes the disk then has back.  In no transaction. */
void room_make(struct conn *c);

#define STORE_BACKUP_SUFFIX ".backup"

/* --- store.c --------------------------------------------------------------- */

/* Open a connection, without its statements; close it, whatever became of it. */
enum err store_conn_open(struct conn *c, const char *path, bool writes,
                         struct errinfo *e);
void     store_conn_close(struct conn *c);

/* A read-only connection for this thread, until it is given back. */
enum err store_reader_take(struct store *db, struct conn **out,
                           struct errinfo *e);
void     store_reader_give(struct store *db, struct conn *c);

/* Between these, several statements of a reader see the file as it was at the
 * first of them.  For short: the log cannot be reset meanwhile. */
enum err store_reader_hold(struct conn *c, struct errinfo *e);
void     store_reader_let_go(struct conn *c);

/* What SQLite's last error on c means to us. */
enum err conn_fail(struct conn *c, struct errinfo *e);
/* Step a statement that gives no row; it is reset. */
enum err conn_run(struct conn *c, enum stmt_id id, struct errinfo *e);
/* Step to the next row: ERR_OK on one, ERR_NOTFOUND (e untouched) at the end. */
enum err conn_row(struct conn *c, enum stmt_id id, struct errinfo *e);
/* Reset, and forget what was bound. */
void conn_done(struct conn *c, enum stmt_id id);

void bind_i64(struct conn *c, enum stmt_id id, int i, int64_t value);
/* NULL, and NaN, are stored as NULL; texts and blobs are borrowed until
 * conn_done(). */
void bind_text(struct conn *c, enum stmt_id id, int i, const char *text);
void bind_blob(struct conn *c, enum stmt_id id, int i, const void *p, size_t n);
void bind_double(struct conn *c, enum stmt_id id, int i, double value);

int64_t column_i64(struct conn *c, enum stmt_id id, int i);
double  column_double(struct conn *c, enum stmt_id id, int i);
/* A copy, NULL for NULL; *failed becomes true where memory is short. */
char *column_text(struct conn *c, enum stmt_id id, int i, bool *failed);

/* A struct that rows become. */
struct row_kind {
    size_t size;
    /* From the row the statement stands on; *out only on ERR_OK. */
    enum err (*read)(struct conn *c, enum stmt_id id, void *out,
                     struct errinfo *e);
    void (*release)(void *row);
};

/* Step a statement, whose parameters are bound, and read up to limit rows into
 * a new array, which the caller frees after releasing them. */
enum err rows_read(struct conn *c, enum stmt_id id, const struct row_kind *kind,
                   size_t limit, void **out, size_t *out_n, struct errinfo *e);
/* The one row of a statement: ERR_NOTFOUND, e untouched, where there is none. */
enum err row_read(struct conn *c, enum stmt_id id, const struct row_kind *kind,
                  void *out, struct errinfo *e);

/* Write p[0..len) as rows of STORE_CHUNK bytes: (key, number, bytes). */
enum err chunks_write(struct conn *c, enum stmt_id id, int64_t key,
                      const void *p, size_t len, struct errinfo *e);
/* Read such rows into p, which they must fill exactly. */
enum err chunks_read(struct conn *c, enum stmt_id id, int64_t key, void *p,
                     size_t len, struct errinfo *e);

/* Add epochs, and their layers, to a job's history. */
enum err epochs_insert(struct conn *c, int64_t job,
                       const struct store_epoch *row, size_t n,
                       struct errinfo *e);
enum err layers_insert(struct conn *c, int64_t job,
                       const struct store_layer *row, size_t n,
                       struct errinfo *e);
/* The epoch that the statement stands on: struct store_epoch. */
enum err epoch_column(struct conn *c, enum stmt_id id, void *out,
                      struct errinfo *e);
/* The job that the statement stands on. */
enum err job_column(struct conn *c, enum stmt_id id, void *out,
                    struct errinfo *e);
/* A job's status and the network it trains, by id; 0: that is gone. */
enum err job_status(struct conn *c, int64_t id, enum store_job_status *out,
                    int64_t *out_network, struct errinfo *e);
/* The last event of a job, or of all (0); 0: there is none. */
enum err event_last(struct conn *c, int64_t job_id, int64_t *out,
                    struct errinfo *e);

/* The id of the network called name. */
enum err network_id(struct conn *c, const char *name, int64_t *out,
                    struct errinfo *e);
/* Forget versions of a network that are more than it is to keep. */
enum err versions_retain(struct conn *c, int64_t network, struct errinfo *e);
/* Insert a version and its weights: part of several changes. */
enum err version_insert(struct conn *c, const struct store_version *row,
                        int64_t version, struct errinfo *e);
enum err version_number_next(struct conn *c, int64_t network_id,
                             int64_t *out_version, struct errinfo *e);

/* Compare every chunk of every dataset with its digest; *out_n counts them. */
enum err chunks_check(struct conn *c, store_fault_fn tell, void *arg,
                      uint64_t *out_n, struct errinfo *e);
/* How a row of DATASET_GET and the like is read. */
const struct row_kind *store_dataset_kind(void);
/* Forget an append that could not be forgotten when it ended. */
void store_append_retry(struct store *db);
/* Remove what is left of appends that did not finish. */
enum err store_appends_purge(struct store *db, struct errinfo *e);
/* Remove a copy that a crash left. */
void store_backup_purge(struct store *db);
/* Remove what is left of deleted and unfinished datasets, in slices. */
enum err store_datasets_purge(struct store *db, struct errinfo *e);
/* Put running jobs back into the queue; blamed is the one that brought the last
 * process down, 0: none is known to. */
enum err store_jobs_requeue(struct store *db, int64_t blamed,
                            struct errinfo *e);

#endif
