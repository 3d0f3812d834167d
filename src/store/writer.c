/*
 * writer.c - the one thread that changes the file
 *
 * Changes that wait together share a transaction, each in a savepoint, so that
 * one that fails takes none of its neighbours with it.  While a commit is under
 * way the next group gathers by itself: no delay is added to be able to group.
 */
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/internal.h"

#define GROUP_MAX 64

static void
rollback(struct conn *c)
{
    /* SQLite has rolled back by itself after some errors. */
    if (sqlite3_get_autocommit(c->db) == 0)
        conn_run(c, STMT_ROLLBACK, NULL);
}

/* Run one change; its savepoint keeps or undoes all of it. */
static void
run_one(struct conn *c, struct write *w)
{
    w->rc = conn_run(c, STMT_SAVEPOINT, &w->e);
    if (w->rc != ERR_OK)
        return;
    w->rc = w->fn(c, w->arg, &w->e);
    if (sqlite3_get_autocommit(c->db) != 0)
        return; /* the whole transaction is gone: see run_group() */
    if (w->rc != ERR_OK)
        conn_run(c, STMT_SAVEPOINT_ROLLBACK, NULL);
    conn_run(c, STMT_SAVEPOINT_RELEASE, NULL);
}

/* Everything of the group that has not failed by itself fails with this. */
static void
fail_group(struct write **group, size_t n, enum err rc, const struct errinfo *e)
{
    for (size_t i = 0; i < n; i++)
        if (group[i]->rc == ERR_OK) {
            group[i]->rc = rc;
            group[i]->e = *e;
        }
}

/* Run them in one transaction; returns why that was lost, or ERR_OK. */
static enum err
run_together(struct store *db, struct write **group, size_t n)
{
    struct conn   *c = &db->writer;
    struct errinfo e;
    enum err       rc;

    err_clear(&e);
    for (size_t i = 0; i < n; i++) {
        group[i]->rc = ERR_OK;
        err_clear(&group[i]->e);
    }
    if (atomic_load(&db->failed)) {
        rc = err_set(&e, ERR_IO, "", "the store has failed; see the log");
        fail_group(group, n, rc, &e);
        return rc;
    }
    rc = conn_run(c, STMT_BEGIN, &e);
    if (rc != ERR_OK) {
        fail_group(group, n, rc, &e);
        return rc;
    }
    c->added = 0;
    for (size_t i = 0; i < n; i++) {
        run_one(c, group[i]);
        if (sqlite3_get_autocommit(c->db) != 0) {
            /* A full disk, say: what came before in this transaction went
             * with it, and what comes after is not tried. */
            rc = group[i]->rc != ERR_OK ? group[i]->rc : ERR_IO;
            fail_group(group, n, rc, &group[i]->e);
            return rc;
        }
    }
    rc = conn_run(c, STMT_COMMIT, &e);
    if (rc == ERR_OK)
        return rc;

    /* After an I/O error nobody knows whether the commit will be there at the
     * next start.  The only honest answer is to stop. */
    if (rc == ERR_IO || rc == ERR_CORRUPT) {
        log_write(LOG_ERROR, "store", "a commit failed: %s", err_what(&e));
        atomic_store(&db->failed, true);
    }
    rollback(c);
    fail_group(group, n, rc, &e);
    return rc;
}

/* Did it find the disk full, and not a limit of another kind? */
static bool
found_no_room(const struct write *w)
{
    return w->rc == ERR_FULL &&
           strcmp(err_slug(&w->e), err_code_slug(ERR_FULL)) == 0;
}

/* The one that does not fit may be in the company of the one that makes room.
 * So those that found none are run again, each alone, when the log has given
 * back what it takes of the disk; and all of them where the transaction of all
 * is lost, with what each of them was told. */
static void
run_group(struct store *db, struct write **group, size_t n)
{
    bool     is_full = false;
    enum err rc = run_together(db, group, n);

    for (size_t i = 0; i < n; i++)
        is_full = is_full || found_no_room(group[i]);
    if (!is_full || atomic_load(&db->failed))
        return;
    room_make(&db->writer);
    for (size_t i = 0; i < n; i++)
        if (rc != ERR_OK || found_no_room(group[i]))
            run_together(db, group + i, 1);
}

static void *
writer_main(void *arg)
{
    struct store *db = arg;
    struct write *group[GROUP_MAX];

    pthread_mutex_lock(&db->lock);
    for (;;) {
        size_t n = 0;

        while (db->head == NULL && !db->stopping)
            pthread_cond_wait(&db->work, &db->lock);
        if (db->head == NULL)
            break; /* stopping, and everything asked for is done */
        while (db->head != NULL && n < GROUP_MAX) {
            group[n++] = db->head;
            db->head = db->head->next;
        }
        if (db->head == NULL)
            db->tail = &db->head;
        pthread_mutex_unlock(&db->lock);

        int64_t began = clock_mono_us();
        run_group(db, group, n);
        histogram_add(&db->stats.commit_seconds,
                      (double)(clock_mono_us() - began) * 1e-6);
        atomic_fetch_add(&db->stats.n_writes, n);
        for (size_t i = 0; i < n; i++)
            if (group[i]->rc != ERR_OK)
                atomic_fetch_add(&db->stats.n_failed_writes, 1);

        pthread_mutex_lock(&db->lock);
        for (size_t i = 0; i < n; i++)
            atomic_store(&group[i]->done, true);
        pthread_cond_broadcast(&db->done);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

enum err
store_writer_start(struct store *db, struct errinfo *e)
{
    enum err rc;

    db->tail = &db->head;
    rc = thread_start(&db->thread, "store-writer", writer_main, db, e);
    db->has_thread = rc == ERR_OK;
    return rc;
}

void
store_writer_stop(struct store *db)
{
    if (!db->has_thread)
        return;
    pthread_mutex_lock(&db->lock);
    db->stopping = true;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->thread, NULL);
    db->has_thread = false;
}

void
store_write_start(struct store *db, struct write *w)
{
    err_clear(&w->e);
    w->next = NULL;
    atomic_init(&w->done, false);
    pthread_mutex_lock(&db->lock);
    *db->tail = w;
    db->tail = &w->next;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
}

enum err
store_write_wait(struct store *db, struct write *w, struct errinfo *e)
{
    pthread_mutex_lock(&db->lock);
    while (!atomic_load(&w->done))
        pthread_cond_wait(&db->done, &db->lock);
    pthread_mutex_unlock(&db->lock);
    if (w->rc != ERR_OK && e != NULL)
        *e = w->e;
    return w->rc;
}

enum err
store_write(struct store *db, write_fn fn, void *arg, struct errinfo *e)
{
    struct write w;

    w.fn = fn;
    w.arg = arg;
    store_write_start(db, &w);
    return store_write_wait(db, &w, e);
}
