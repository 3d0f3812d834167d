/*
 * trainer.h - one job's epochs
 *
 * Model    A trainer owns a private copy of the network and everything that
 *          training it needs.  Between two epochs it is a `state` and nothing
 *          else; an epoch that is left halfway is forgotten and done again.
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
    const uint32_t             *row; /* NULL: all, in their order */
    size_t                      n;
};

struct training_trainer {
    const struct codec_job     *spec;
    struct training_plan       *plan;
    struct training_run        *run;
    struct nn_net              *net, *best; /* best NULL: the last is kept */
    struct nn_work             *work;
    struct nn_optimizer        *opt;
    float                      *grad; /* [n_params] */
    struct dataset_table       *table, *held_out; /* held_out NULL: none */
    struct training_rows        train, validation;
    uint32_t                   *order; /* [n_train]; NULL: not shuffled    */
    float                      *stage_x, *stage_t; /* [stage_rows][…]      */
    size_t                      batch_size;
    float                       middle;
    bool                        classify;
    char                       *encoder; /* JSON */
    size_t                      encoder_len; /* with its NUL */
    void                       *bytes; /* of a state on its way out */
    struct training_state       state;
};

/* --- load.c --------------------------------------------------------------- */

/* Load everything.  saved NULL: the job starts; otherwise it goes on. */
enum err training_trainer_new(struct store *db, const struct codec_job *spec,
                              struct training_plan        *plan,
                              const struct training_saved *saved,
                              struct training_run         *run,
                              struct training_trainer    **out,
                              struct errinfo              *e);
void     training_trainer_free(struct training_trainer *t); /* NULL is fine */

/* --- trainer.c ------------------------------------------------------------ */

/* Train until a reason to stop, and tell it ("epochs", "patience", …).  Rows
 * and checkpoints go to cp; one that is halted leaves its last one there. */
enum err training_trainer_run(struct training_trainer    *t,
                              struct training_checkpoint *cp,
                              const char **out_reason, struct errinfo *e);

/* What the job keeps, and the row of its epoch. */
const struct nn_net *training_trainer_kept(const struct training_trainer *t,
                                           const struct store_epoch **row);

/* What its state's bytes are made from; borrowed. */
struct training_parts
training_trainer_parts(const struct training_trainer *t);

/* --- epoch.c -------------------------------------------------------------- */

/* Draw the order of this epoch, train on all rows in it and validate where it
 * is time to.  Parameters and optimiser move; state does not. */
enum err training_epoch(struct training_trainer *t, uint64_t epoch,
                        struct store_epoch *row, struct errinfo *e);

#endif
