/* history.c - a job's epochs, and their layers */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/internal.h"

static enum err
minimum_update(struct conn *c, enum stmt_id id, int64_t job, double least,
               uint64_t epoch, struct errinfo *e)
{
    if (epoch == 0)
        return ERR_OK;
    bind_i64(c, id, 1, job);
    bind_double(c, id, 2, least);
    bind_i64(c, id, 3, (int64_t)epoch);
    return conn_run(c, id, e);
}

/* Where the losses are least, the first time where it was so twice. */
static enum err
minima_update(struct conn *c, int64_t job, const struct store_epoch *row,
              size_t n, struct errinfo *e)
{
    double   loss = INFINITY, val_loss = INFINITY; /* NaN is not less */
    uint64_t loss_epoch = 0, val_loss_epoch = 0;
    enum err rc;

    for (size_t i = 0; i < n; i++) {
        if (row[i].loss < loss) {
            loss = row[i].loss;
            loss_epoch = row[i].epoch;
        }
        if (row[i].val_loss < val_loss) {
            val_loss = row[i].val_loss;
            val_loss_epoch = row[i].epoch;
        }
    }
    rc = minimum_update(c, STMT_EPOCH_LEAST_LOSS, job, loss, loss_epoch, e);
    if (rc == ERR_OK)
        rc = minimum_update(c, STMT_EPOCH_LEAST_VAL_LOSS, job, val_loss,
                            val_loss_epoch, e);
    return rc;
}

enum err
epochs_insert(struct conn *c, int64_t job, const struct store_epoch *row,
              size_t n, struct errinfo *e)
{
    enum stmt_id id = STMT_EPOCH_INSERT;
    enum err     rc = ERR_OK;

    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        bind_i64(c, id, 1, job);
        bind_i64(c, id, 2, (int64_t)row[i].epoch);
        bind_double(c, id, 3, row[i].loss);
        bind_double(c, id, 4, row[i].accuracy);
        bind_double(c, id, 5, row[i].val_loss);
        bind_double(c, id, 6, row[i].val_accuracy);
        bind_double(c, id, 7, row[i].learning_rate);
        bind_double(c, id, 8, row[i].gradient_norm);
        bind_double(c, id, 9, row[i].seconds);
        bind_double(c, id, 10, row[i].samples_per_second);
        if (row[i].restart != 0)
            bind_i64(c, id, 11, (int64_t)row[i].restart);
        if (row[i].fold != 0)
            bind_i64(c, id, 12, (int64_t)row[i].fold);
        rc = conn_run(c, id, e);
    }
    return rc == ERR_OK ? minima_update(c, job, row, n, e) : rc;
}

enum err
epoch_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_epoch *row = out;

    (void)e;
    row->epoch = (uint64_t)column_i64(c, id, 0);
    row->loss = column_double(c, id, 1);
    row->accuracy = column_double(c, id, 2);
    row->val_loss = column_double(c, id, 3);
    row->val_accuracy = column_double(c, id, 4);
    row->learning_rate = column_double(c, id, 5);
    row->gradient_norm = column_double(c, id, 6);
    row->seconds = column_double(c, id, 7);
    row->samples_per_second = column_double(c, id, 8);
    row->restart = (uint64_t)column_i64(c, id, 9);
    row->fold = (uint64_t)column_i64(c, id, 10);
    return ERR_OK;
}

static void
plain_release(void *row)
{
    (void)row; /* plain numbers */
}

static const struct row_kind epoch_kind = {
    .size = sizeof(struct store_epoch),
    .read = epoch_column,
    .release = plain_release,
};

enum err
store_epoch_list(struct store *db, int64_t job, uint64_t after, size_t limit,
                 struct store_epoch **out, size_t *out_n, struct errinfo *e)
{
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_EPOCH_LIST, 1, job);
    bind_i64(c, STMT_EPOCH_LIST, 2,
             after > INT64_MAX ? INT64_MAX : (int64_t)after);
    bind_i64(c, STMT_EPOCH_LIST, 3, (int64_t)limit);
    rc = rows_read(c, STMT_EPOCH_LIST, &epoch_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}

/* --- layers --------------------------------------------------------------- */

enum err
layers_insert(struct conn *c, int64_t job, const struct store_layer *row,
              size_t n, struct errinfo *e)
{
    enum stmt_id id = STMT_EPOCH_LAYER_INSERT;
    enum err     rc = ERR_OK;

    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        bind_i64(c, id, 1, job);
        bind_i64(c, id, 2, (int64_t)row[i].epoch);
        bind_i64(c, id, 3, (int64_t)row[i].layer);
        bind_double(c, id, 4, row[i].gradient_norm);
        bind_double(c, id, 5, row[i].update_ratio);
        rc = conn_run(c, id, e);
    }
    return rc;
}

static enum err
layer_column(struct conn *c, enum stmt_id id, void *out, struct errinfo *e)
{
    struct store_layer *row = out;

    (void)e;
    row->epoch = (uint64_t)column_i64(c, id, 0);
    row->layer = (uint64_t)column_i64(c, id, 1);
    row->gradient_norm = column_double(c, id, 2);
    row->update_ratio = column_double(c, id, 3);
    return ERR_OK;
}

static const struct row_kind layer_kind = {
    .size = sizeof(struct store_layer),
    .read = layer_column,
    .release = plain_release,
};

enum err
store_layer_list(struct store *db, int64_t job, uint64_t after, uint64_t last,
                 size_t limit, struct store_layer **out, size_t *out_n,
                 struct errinfo *e)
{
    enum stmt_id id = STMT_EPOCH_LAYER_LIST;
    void        *rows;
    struct conn *c;
    enum err     rc;

    rc = store_reader_take(db, &c, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, id, 1, job);
    bind_i64(c, id, 2, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    bind_i64(c, id, 3, last > INT64_MAX ? INT64_MAX : (int64_t)last);
    bind_i64(c, id, 4, (int64_t)limit);
    rc = rows_read(c, id, &layer_kind, limit, &rows, out_n, e);
    store_reader_give(db, c);
    if (rc == ERR_OK)
        *out = rows;
    return rc;
}
