/*
 * checkpoint.h - rows and states on their way to the store
 *
 * Model    Rows of the history gather here; a checkpoint takes all that are
 *          here together with the state after the last of them.  At most one is
 *          under way.  Rows leave when its commit is known to be good: if it
 *          failed they go with the next one, so none is lost or doubled.
 *          One that is all zero keeps nothing.
 * Owner    Caller's storage: _init() and _release(), which waits for the disk.
 * Threads  The job's worker only.
 */
#ifndef TRAINING_CHECKPOINT_H
#define TRAINING_CHECKPOINT_H

#include "store/store.h"

struct training_checkpoint {
    struct store        *db; /* borrowed */
    int64_t              job_id;
    struct store_ticket *ticket; /* of the one under way, or NULL         */
    uint64_t             epoch;      /* after which it was, or is, taken  */
    uint64_t             safe_epoch; /* of the last one known to be stored */
    struct store_epoch  *rows;
    size_t               n_rows, capacity;
    struct store_layer  *layers;
    size_t               n_layers, layer_capacity;
    size_t               n_sent, n_layers_sent; /* with the one under way */
    bool                 failing; /* the last one was not stored     */
    int64_t              next_us; /* not before this moment          */
    int64_t              sent_us; /* when the last one was sent      */
};

/* epoch: of the checkpoint the job goes on from, 0 where there is none. */
void training_checkpoint_init(struct training_checkpoint *cp, struct store *db,
                              int64_t job_id, uint64_t epoch);
void training_checkpoint_release(struct training_checkpoint *cp);

enum err training_checkpoint_row(struct training_checkpoint *cp,
                                 const struct store_epoch *row,
                                 struct errinfo *e);
enum err training_checkpoint_layer(struct training_checkpoint *cp,
                                   const struct store_layer *layer,
                                   struct errinfo *e);

/* What the job's row shows from now on, JSON; NULL: what it showed. */
struct training_notes {
    const char *metrics, *warnings, *rate_test;
};

/* Are there more rows here than there should be? */
bool training_checkpoint_is_crowded(const struct training_checkpoint *cp);
/* Is it so many seconds since the last one was sent, and may one be sent? */
bool training_checkpoint_is_late(struct training_checkpoint *cp,
                                 double                      seconds);
/* May one be sent now?  Waits for the one under way only where it is crowded. */
bool training_checkpoint_is_due(struct training_checkpoint *cp);

/* Send all rows with the state after `epoch`, which they end with.  None may
 * be under way.  What fails is logged, and tried again with the next one. */
void training_checkpoint_send(struct training_checkpoint *cp, uint64_t epoch,
                              const void *state, size_t state_len,
                              const struct training_notes *notes);

/* Wait for the one under way, if any. */
void training_checkpoint_settle(struct training_checkpoint *cp);

#endif
