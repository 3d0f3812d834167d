/* verify.c - is the file what it should be? */
#include <stdlib.h>

#include "store/internal.h"

/* Tell every row of a statement, but for the one that says that all is well. */
static enum err
tell_rows(struct conn *c, enum stmt_id id, store_fault_fn tell, void *arg,
          struct errinfo *e)
{
    enum err rc;

    while ((rc = conn_row(c, id, e)) == ERR_OK) {
        const char *text = (const char *)sqlite3_column_text(c->stmt[id], 0);

        if (text != NULL)
            tell(arg, text);
    }
    conn_done(c, id);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* The least id behind *id; ERR_NOTFOUND, e untouched, at the end. */
static enum err
next_id(struct conn *c, enum stmt_id stmt, int64_t *id, struct errinfo *e)
{
    enum err rc;

    bind_i64(c, stmt, 1, *id);
    rc = conn_row(c, stmt, e);
    if (rc == ERR_OK)
        *id = column_i64(c, stmt, 0);
    conn_done(c, stmt);
    return rc;
}

/* Checkpoints by job: those whose bytes do not fit their digest. */
static enum err
check_states(struct store *db, struct conn *c, store_fault_fn tell, void *arg,
             uint64_t *out_n, struct errinfo *e)
{
    int64_t  job = 0;
    enum err rc;

    while ((rc = next_id(c, STMT_CHECKPOINT_NEXT, &job, e)) == ERR_OK) {
        struct errinfo own;
        void          *state = NULL;
        size_t         len;
        uint64_t       epoch;

        err_clear(&own);
        if (store_job_checkpoint_get(db, job, &state, &len, &epoch, &own) !=
            ERR_OK)
            tell(arg, err_what(&own));
        free(state);
        ++*out_n;
    }
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* Networks that learn while they serve: likewise. */
static enum err
check_live(struct store *db, struct conn *c, store_fault_fn tell, void *arg,
           uint64_t *out_n, struct errinfo *e)
{
    int64_t  network = 0;
    enum err rc;

    while ((rc = next_id(c, STMT_LIVE_NEXT, &network, e)) == ERR_OK) {
        struct store_live live = { 0 };
        struct errinfo    own;

        err_clear(&own);
        if (store_live_get(db, network, &live, &own) != ERR_OK)
            tell(arg, err_what(&own));
        store_live_release(&live);
        ++*out_n;
    }
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
store_check(struct store *db, store_fault_fn tell, void *arg,
            struct store_checked *out, struct errinfo *e)
{
    static const enum stmt_id checks[] = { STMT_CHECK_INTEGRITY,
                                           STMT_CHECK_FOREIGN_KEYS,
                                           STMT_CHECK_CHUNKS };
    struct store_checked      n = { 0 };
    struct conn              *c;
    enum err                  rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < COUNT_OF(checks); i++)
        rc = tell_rows(c, checks[i], tell, arg, e);
    if (rc == ERR_OK)
        rc = chunks_check(c, tell, arg, &n.chunks, e);
    if (rc == ERR_OK)
        rc = check_states(db, c, tell, arg, &n.states, e);
    if (rc == ERR_OK)
        rc = check_live(db, c, tell, arg, &n.states, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = n;
    return rc;
}
