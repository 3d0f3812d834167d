/* history_points.c - a long history in few points */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* What every choice of points has: the ends and the least losses. */
struct landmarks {
    uint64_t first, last, least_loss, least_val_loss; /* 0: none */
};

static enum err
landmarks_read(struct conn *c, int64_t job, struct landmarks *out,
               struct errinfo *e)
{
    enum stmt_id id = STMT_EPOCH_LANDMARKS;
    enum err     rc;

    bind_i64(c, id, 1, job);
    rc = conn_row(c, id, e);
    if (rc == ERR_OK)
        *out = (struct landmarks){
            .first = (uint64_t)column_i64(c, id, 0),
            .last = (uint64_t)column_i64(c, id, 1),
            .least_loss = (uint64_t)column_i64(c, id, 2),
            .least_val_loss = (uint64_t)column_i64(c, id, 3),
        };
    conn_done(c, id);
    return rc;
}

static int
by_epoch(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Up to n epochs in order, each once; returns how many. */
static size_t
choose(const struct landmarks *at, uint64_t *epoch, size_t n)
{
    uint64_t span = at->last - at->first;
    size_t   n_even = n - 2, n_chosen = 0, n_kept = 0;

    if (span < n_even)
        n_even = (size_t)span + 1;
    for (size_t i = 0; i < n_even; i++)
        epoch[n_chosen++] =
            at->first + (n_even > 1 ? span / (n_even - 1) * i +
                                          span % (n_even - 1) * i / (n_even - 1)
                                    : 0);
    if (at->least_loss != 0)
        epoch[n_chosen++] = at->least_loss;
    if (at->least_val_loss != 0)
        epoch[n_chosen++] = at->least_val_loss;
    qsort(epoch, n_chosen, sizeof(*epoch), by_epoch);
    for (size_t i = 0; i < n_chosen; i++)
        if (n_kept == 0 || epoch[i] != epoch[n_kept - 1])
            epoch[n_kept++] = epoch[i];
    return n_kept;
}

/* Rows are looked up one by one, so that a million cost what a hundred do. */
static enum err
rows_of(struct conn *c, int64_t job, const uint64_t *epoch, size_t n,
        struct store_epoch *row, size_t *out_n, struct errinfo *e)
{
    enum stmt_id id = STMT_EPOCH_GET;
    size_t       n_found = 0;

    for (size_t i = 0; i < n; i++) {
        bind_i64(c, id, 1, job);
        bind_i64(c, id, 2, (int64_t)epoch[i]);
        enum err rc = conn_row(c, id, e);
        if (rc == ERR_OK)
            rc = epoch_column(c, id, &row[n_found++], e);
        conn_done(c, id);
        if (rc != ERR_OK && rc != ERR_NOTFOUND)
            return rc;
    }
    *out_n = n_found;
    return ERR_OK;
}

enum err
store_epoch_points(struct store *db, int64_t job, size_t n,
                   struct store_epoch **out, size_t *out_n, struct errinfo *e)
{
    struct landmarks    at = { 0 };
    uint64_t           *epoch = mem_array(n, sizeof(*epoch), 0);
    struct store_epoch *row = mem_array(n, sizeof(*row), 0);
    struct conn        *c;
    enum err            rc = ERR_OK;

    if (epoch == NULL || row == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    if (rc == ERR_OK)
        rc = store_reader_take(db, &c, e);
    if (rc == ERR_OK) {
        rc = landmarks_read(c, job, &at, e);
        *out_n = 0;
        if (rc == ERR_OK && at.first != 0)
            rc = rows_of(c, job, epoch, choose(&at, epoch, n), row, out_n, e);
        store_reader_give(db, c);
    }
    free(epoch);
    if (rc == ERR_OK) {
        *out = row;
        row = NULL;
    }
    free(row);
    return rc;
}
