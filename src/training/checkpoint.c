/* checkpoint.c - rows and states on their way to the store */
#include "training/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A small net does thousands of epochs a second: it is no use to bring each of
 * them to the disk.  This is the compute that a crash can cost. */
#define INTERVAL_US 100000
/* After a failure, such as a full disk, the next attempt is this much later. */
#define RETRY_US 1000000
/* So many rows may be here; a net that makes them faster than the store takes
 * them in is held up. */
#define CROWD 32768

void
training_checkpoint_init(struct training_checkpoint *cp, struct store *db,
                         int64_t job_id, uint64_t epoch)
{
    *cp = (struct training_checkpoint){
        .db = db,
        .job_id = job_id,
        .epoch = epoch,
        .safe_epoch = epoch,
        .sent_us = clock_mono_us(),
    };
}

void
training_checkpoint_release(struct training_checkpoint *cp)
{
    training_checkpoint_settle(cp);
    free(cp->rows);
    free(cp->layers);
    cp->rows = NULL;
    cp->layers = NULL;
}

/* Room for one more behind n elements of this size. */
static enum err
make_room(void **array, size_t n, size_t *capacity, size_t size,
          struct errinfo *e)
{
    size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void  *grown;

    if (n < *capacity)
        return ERR_OK;
    grown = reallocarray(*array, more, size);
    if (grown == NULL)
        return err_set(e, ERR_NOMEM, "history",
                       "no memory for the history of the job");
    *array = grown;
    *capacity = more;
    return ERR_OK;
}

enum err
training_checkpoint_row(struct training_checkpoint *cp,
                        const struct store_epoch *row, struct errinfo *e)
{
    if (cp->db == NULL)
        return ERR_OK;
    void    *rows = cp->rows;
    enum err rc = make_room(&rows, cp->n_rows, &cp->capacity, sizeof(*row), e);

    cp->rows = rows;
    if (rc == ERR_OK)
        cp->rows[cp->n_rows++] = *row;
    return rc;
}

enum err
training_checkpoint_layer(struct training_checkpoint *cp,
                          const struct store_layer *layer, struct errinfo *e)
{
    if (cp->db == NULL)
        return ERR_OK;
    void    *layers = cp->layers;
    enum err rc = make_room(&layers, cp->n_layers, &cp->layer_capacity,
                            sizeof(*layer), e);

    cp->layers = layers;
    if (rc == ERR_OK)
        cp->layers[cp->n_layers++] = *layer;
    return rc;
}

static void
failed(struct training_checkpoint *cp, const struct errinfo *e)
{
    cp->epoch = cp->safe_epoch;
    cp->n_sent = cp->n_layers_sent = 0;
    cp->failing = true;
    cp->next_us = clock_mono_us() + RETRY_US;
    log_write(LOG_WARN, "training",
              "job %lld: checkpoint not stored, will try again: %s",
              (long long)cp->job_id, err_what(e));
}

void
training_checkpoint_settle(struct training_checkpoint *cp)
{
    struct errinfo e;

    if (cp->ticket == NULL)
        return;
    err_clear(&e);
    enum err rc = store_ticket_wait(cp->ticket, &e);
    cp->ticket = NULL;
    if (rc != ERR_OK) {
        failed(cp, &e);
        return;
    }
    cp->safe_epoch = cp->epoch;
    cp->failing = false;
    cp->n_rows -= cp->n_sent;
    if (cp->n_rows > 0) /* there may never have been one */
        memmove(cp->rows, cp->rows + cp->n_sent,
                cp->n_rows * sizeof(*cp->rows));
    cp->n_layers -= cp->n_layers_sent;
    if (cp->n_layers > 0)
        memmove(cp->layers, cp->layers + cp->n_layers_sent,
                cp->n_layers * sizeof(*cp->layers));
    cp->n_sent = cp->n_layers_sent = 0;
}

bool
training_checkpoint_is_crowded(const struct training_checkpoint *cp)
{
    return cp->n_rows >= CROWD;
}

bool
training_checkpoint_is_due(struct training_checkpoint *cp)
{
    bool crowded = training_checkpoint_is_crowded(cp);

    if (cp->db == NULL)
        return false;
    if (cp->ticket != NULL) {
        if (!crowded && !store_ticket_is_done(cp->ticket))
            return false;
        training_checkpoint_settle(cp);
    }
    return (crowded && !cp->failing) || clock_mono_us() >= cp->next_us;
}

bool
training_checkpoint_is_late(struct training_checkpoint *cp, double seconds)
{
    int64_t us = (int64_t)(seconds * 1e6);

    return clock_mono_us() - cp->sent_us >= us &&
           training_checkpoint_is_due(cp);
}

void
training_checkpoint_send(struct training_checkpoint *cp, uint64_t epoch,
                         const void *state, size_t state_len,
                         const struct training_notes *notes)
{
    struct store_checkpoint row = {
        .job_id = cp->job_id,
        .epoch = epoch,
        .state = state,
        .state_len = state_len,
        .metrics = notes->metrics,
        .warnings = notes->warnings,
        .learning_rate_test = notes->rate_test,
        .rows = cp->rows,
        .n_rows = cp->n_rows,
        .layers = cp->layers,
        .n_layers = cp->n_layers,
    };
    struct errinfo e;

    if (cp->db == NULL)
        return;
    err_clear(&e);
    if (store_job_checkpoint_start(cp->db, &row, &cp->ticket, &e) != ERR_OK) {
        failed(cp, &e);
        return;
    }
    cp->epoch = epoch;
    cp->n_sent = cp->n_rows;
    cp->n_layers_sent = cp->n_layers;
    cp->sent_us = clock_mono_us();
    cp->next_us = cp->sent_us + INTERVAL_US;
}
