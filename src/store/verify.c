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

/* Checkpoints by job: those whose bytes do not fit their digest. */
static enum err
check_states(struct store *db, struct conn *c, store_fault_fn tell, void *arg,
             uint64_t *out_n, struct errinfo *e)
{
    int64_t  job = 0;
    enum err rc = ERR_OK;

    while (rc == ERR_OK) {
        struct errinfo own;
        void          *state = NULL;
        size_t         len;
        uint64_t       epoch;

        bind_i64(c, STMT_CHECKPOINT_NEXT, 1, job);
        rc = conn_row(c, STMT_CHECKPOINT_NEXT, e);
        if (rc == ERR_OK)
            job = column_i64(c, STMT_CHECKPOINT_NEXT, 0);
        conn_done(c, STMT_CHECKPOINT_NEXT);
        if (rc != ERR_OK)
            break;
        err_clear(&own);
        if (store_job_checkpoint_get(db, job, &state, &len, &epoch, &own) !=
            ERR_OK)
            tell(arg, err_what(&own));
        free(state);
        ++*out_n;
    }
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
store_check(struct store *db, store_fault_fn tell, void *arg,
            uint64_t *out_n_states, struct errinfo *e)
{
    struct conn *c;
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    rc = tell_rows(c, STMT_CHECK_INTEGRITY, tell, arg, e);
    if (rc == ERR_OK)
        rc = tell_rows(c, STMT_CHECK_FOREIGN_KEYS, tell, arg, e);
    if (rc == ERR_OK)
        rc = check_states(db, c, tell, arg, out_n_states, e);
    store_reader_give(db, c);
    return rc;
}
