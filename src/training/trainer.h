/*
 * trainer.h - one job's epochs
 *
 * Model    A trainer owns a private copy of the network and everything that
 *          training it needs.  Between two batches it is a `state` and nothing
 *          else; one that is left goes on behind the last batch.
 * Owner    training_trainer_new() gives one to the caller; plan, spec and run
 *          are borrowed until it is freed.
 * Threads  One worker's.  Only the run is seen by others.
 * Errors   ERR_CANCELED where the run was halted; ERR_INVALID with the slug
 *          "loss_not_finite" where training blew up.
 */
#ifndef TRAINING_TRAINER_H
#define TRAINING_TRAINER_H

#include "base/buf.h"
#include "codec/job.h"
#include "dataset/table.h"
#include "nn/train.h"
#include "training/checkpoint.h"
#include "training/plan.h"
#include "training/run.h"
#include "training/state.h"

/* Rows that a pass reads in order: some of a table's, or all of them. */
struct training_rows {
    const struct dataset_table *table;
    const uint32_t             *row;    /* NULL: all, in their order */
    const float                *weight; /* of the table's rows; NULL: ones */
    size_t                      n;
};

struct training_trainer {
    struct store               *db; /* borrowed */
    const struct codec_job     *spec;
    struct training_plan       *plan;
    struct training_run        *run;
    struct nn_net              *net, *best; /* best NULL: the last is kept */
    struct nn_work             *work;
    struct training_team       *team; /* shares passes over work; NULL: none */
    struct nn_optimizer        *opt;
    float                      *grad; /* [n_params] */
    struct dataset_table       *table, *held_out; /* held_out NULL: none */
    struct training_rows        train, validation;
    uint32_t                   *order; /* [n_train]; NULL: not shuffled    */
    uint32_t                   *chunk_order; /* [chunks]; NULL: not in a file */
    float                      *weight; /* [n_rows]; NULL: all rows weigh 1 */
    float                      *stage_x, *stage_t; /* [stage_rows][…]      */
    float                      *stage_w;           /* [stage_rows]         */
    float                      *mean;              /* target, [n_out]      */
    size_t                      batch_size;
    float                       middle;
    double                      rate; /* of the epoch under way   */
    double                      baseline; /* loss of answering mean targets */
    bool                        accuracy; /* is there one to be told?  */
    bool                        multi_label;
    bool                        has_relu; /* units can die         */
    char                       *rate_test; /* JSON, of a test just made */
    char                       *encoder; /* JSON */
    size_t                      encoder_len; /* with its NUL */
    void                       *bytes; /* of a state on its way out */
    void                       *winner; /* of the restarts that are over, the
                                           end; NULL: there is only one */
    size_t                      winner_len, winner_room;
    char                        changed[TRAINING_CHANGED_SIZE]; /* advice on the
                                                    encoding; "": none needed */
    struct training_checkpoint *checkpoint; /* while it runs; borrowed */
    struct training_state       state;
};

/* --- load.c --------------------------------------------------------------- */

/* Load the rows of this restart or fold, from 1; the ones before are gone. */
enum err training_rows_load(struct training_trainer *t, uint64_t restart,
                            struct errinfo *e);
/* The encoder, which is fitted now, as JSON.  *out is new. */
enum err training_encoder_text(const struct training_trainer *t, char **out,
                               size_t *out_len, struct errinfo *e);
/* Load everything.  saved NULL: the job starts; otherwise it goes on. */
enum err training_trainer_new(struct store *db, const struct codec_job *spec,
                              struct training_plan        *plan,
                              const struct training_saved *saved,
                              struct training_run         *run,
                              struct training_trainer    **out,
                              struct errinfo              *e);
void     training_trainer_free(struct training_trainer *t); /* NULL is fine */

/* --- trainer.c ------------------------------------------------------------ */

/* Train until every restart has a reason to stop, which is in the state.  Rows
 * and checkpoints go to cp; one that is halted leaves its last one there. */
enum err training_trainer_run(struct training_trainer    *t,
                              struct training_checkpoint *cp,
                              struct errinfo             *e);

/* Inside of an epoch, between two batches: a checkpoint, where it is due. */
void training_trainer_within(struct training_trainer *t);

/* "epochs", "patience", … */
const char *training_reason_name(enum training_reason reason);
/* What was raised so far, as JSON. */
void training_warnings_format(const struct training_trainer *t,
                              struct buf                    *out);

/* The monitored figure of an epoch; NaN: not known. */
double training_monitored(const struct training_trainer *t,
                          const struct store_epoch      *row);
/* Is a figure of the monitor better than another, by more than delta? */
bool training_is_better(const struct training_trainer *t, double figure,
                        double than, double delta);

/* What the restart under way offers: its best, or its last; borrowed. */
const struct nn_net *training_trainer_kept(const struct training_trainer *t);
/* The state that the job leaves, for one that continues it: the winner's, or
 * its own; borrowed, until the next checkpoint. */
const void *training_trainer_end(struct training_trainer *t, size_t *out_len);

/* What its state's bytes are made from; borrowed. */
struct training_parts
training_trainer_parts(const struct training_trainer *t);

/* --- restart.c ------------------------------------------------------------ */

/* The seed of a restart, from 1, which has the job's own. */
uint64_t training_restart_seed(uint64_t seed, uint64_t restart);
/* The one under way is over: it may be the best so far. */
void training_restart_end(struct training_trainer *t,
                          enum training_reason     reason);
/* Begin the next. */
enum err training_restart_begin(struct training_trainer *t, struct errinfo *e);

/* --- fold.c --------------------------------------------------------------- */

/* Is the one under way the model of all rows, after the folds? */
bool training_is_final(const struct training_trainer *t);
/* So many epochs it is trained: as many as the folds took to what they offer,
 * on average. */
uint64_t training_final_epochs(const struct training_trainer *t);
/* Begin the next fold, or the final model, from the start weights.  Where it
 * is halted while it reads, ERR_CANCELED, the state is still that of the one
 * before. */
enum err training_fold_begin(struct training_trainer *t, struct errinfo *e);

/* --- rate_test.c ---------------------------------------------------------- */

/* Find state.rate, and leave the report in rate_test. */
enum err training_rate_test(struct training_trainer *t, struct errinfo *e);

/* --- row_weights.c -------------------------------------------------------- */

/* Make the weights that the spec asks for, from the table's and the classes. */
enum err training_row_weights(struct training_trainer *t, struct errinfo *e);

/* --- watch.c -------------------------------------------------------------- */

/* The loss of always answering the mean target, over the training rows. */
double training_baseline(struct training_trainer *t);
/* The epoch is done and part of the state: what does it show? */
void training_watch(struct training_trainer    *t,
                    const struct nn_train_sums *sums);
/* Are the figures of the layers kept for this epoch of the restart? */
bool training_keeps_layers(uint64_t epoch);

/* --- view.c --------------------------------------------------------------- */

/* Rows first.. n of them as pieces of memory; *w NULL: ones. */
void training_rows_view(const struct training_trainer *t,
                        const struct training_rows *rows, size_t first,
                        size_t n, const float **x, const float **y,
                        const float **w);

/* --- epoch.c -------------------------------------------------------------- */

/* Draw the order of this epoch of the restart, train on all rows of it that
 * state.sums has not seen yet, and validate where it is time to.  Of the state
 * only the sums and their seconds move. */
enum err training_epoch(struct training_trainer *t, uint64_t epoch,
                        struct store_epoch *row, struct errinfo *e);
/* Are all parameters numbers? */
bool training_is_finite(const struct nn_net *net);
/* Put the rows into the order of this epoch, where they are shuffled. */
void training_shuffle(struct training_trainer *t, uint64_t epoch);
/* How to train in this epoch of the restart. */
struct nn_train_options
training_epoch_options(const struct training_trainer *t, uint64_t epoch,
                       double rate);

#endif
