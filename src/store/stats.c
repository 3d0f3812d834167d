/* stats.c - what the store can tell about itself */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

const struct store_stats *
store_stats(const struct store *db)
{
    return &db->stats;
}

enum err
store_job_count(struct store *db, uint64_t *n, struct errinfo *e)
{
    uint64_t              found[STORE_JOB_STATUS_COUNT] = { 0 };
    enum store_job_status status;
    bool                  failed = false;
    struct conn          *c;
    enum err              rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    while ((rc = conn_row(c, STMT_JOB_COUNT, e)) == ERR_OK) {
        char *name = column_text(c, STMT_JOB_COUNT, 0, &failed);

        if (name != NULL && store_job_status_find(name, &status))
            found[status] = (uint64_t)column_i64(c, STMT_JOB_COUNT, 1);
        free(name);
    }
    conn_done(c, STMT_JOB_COUNT);
    store_reader_give(db, c);
    if (rc != ERR_NOTFOUND)
        return rc;
    if (failed)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    memcpy(n, found, sizeof(found));
    return ERR_OK;
}

enum err
store_dataset_usage(struct store *db, uint64_t *out_bytes, struct errinfo *e)
{
    struct conn *c;
    enum err     rc = store_reader_take(db, &c, e);

    if (rc != ERR_OK)
        return rc;
    rc = conn_row(c, STMT_DATASET_USAGE, e);
    if (rc == ERR_OK)
        *out_bytes = (uint64_t)column_i64(c, STMT_DATASET_USAGE, 0);
    conn_done(c, STMT_DATASET_USAGE);
    store_reader_give(db, c);
    return rc;
}
