/*
 * plan.h - what a job will work on and what it will take, before it takes it
 *
 * Model    A plan holds what is known from specs and metas alone: the network's
 *          spec, the datasets, the encoder, the sizes of batches and buffers,
 *          and the bytes of all of it.  The same plan answers "would this job
 *          run?" and starts it.
 * Owner    Caller's storage: training_plan_init(), training_plan_release().
 * Errors   ERR_INVALID with the pointers into the job's spec that are at fault,
 *          each mistake that another one does not make meaningless.
 */
#ifndef TRAINING_PLAN_H
#define TRAINING_PLAN_H

#include "codec/job.h"
#include "codec/stored.h"
#include "nn/spec.h"
#include "training/state.h"

struct training_plan {
    struct nn_spec          net;
    int64_t                 start_version;
    struct codec_dataset   *dataset;
    struct codec_dataset   *validation; /* NULL: none of its own           */
    struct dataset_encoder *encoder;
    struct dataset_encoder *start;      /* the one of the version it goes on
                                           from; NULL: none, or in use    */
    bool                    fit;        /* the encoder is to be fitted     */
    size_t                  batch_size; /* at most the rows there are      */
    size_t                  work_rows;  /* of one pass: batch, validation  */
    size_t                  block_rows; /* trained on in one call          */
    size_t                  stage_rows; /* room to gather either           */
    unsigned                n_threads;  /* that have something to do       */
    size_t                  bytes;      /* of all that will be allocated   */
    size_t                  file_bytes; /* the same, with rows in a file   */
    bool                    in_file;    /* the rows are                    */
    size_t chunk_rows, window_rows;     /* in_file: how they are shuffled  */
};

/* encoder: JSON of the encoder of a job that goes on; NULL: one is chosen. */
enum err training_plan_init(struct training_plan *plan, struct store *db,
                            const struct codec_job *spec, const char *encoder,
                            struct errinfo *e);
void     training_plan_release(struct training_plan *plan);
/* Where it would take more than this, its rows are to be kept in a file, or it
 * gets fewer threads.  Which of the two does not depend on how many there are,
 * since it decides the order of the rows.  A job that goes on keeps its order:
 * saved->window_rows; NULL: a new one. */
void training_plan_limit(struct training_plan *plan, size_t limit,
                         const struct training_state *saved);

/* plan_encoder.c: read the encoder of the version that the job goes on from,
 * where it has one, into plan->start.  ERR_INVALID ("/start_from") where there
 * is no such version. */
enum err training_plan_start_open(struct training_plan *plan, struct store *db,
                                  const struct codec_job *spec,
                                  int64_t network_id, struct errinfo *e);
/* Set plan->encoder.  saved: JSON, of a job that goes on; NULL: that of the
 * start, where it fits, which then is the plan's encoder and no more its start;
 * else a new one for n_out outputs, to be fitted. */
enum err training_plan_encoder_choose(struct training_plan   *plan,
                                      const struct codec_job *spec,
                                      const char *saved, size_t n_out,
                                      struct errinfo *e);
/* A new encoder in the place of the plan's, chosen as for a job that starts. */
enum err training_plan_encoder_renew(struct training_plan   *plan,
                                     struct store           *db,
                                     const struct codec_job *spec,
                                     struct errinfo         *e);

/* Is there an accuracy to be told of its training? */
bool training_plan_has_accuracy(const struct training_plan *plan);

/* The loader knows one dataset and calls it "/dataset": these mistakes are
 * about the one to validate with. */
void training_at_validation(struct errinfo *e);

/* plan_check.c: does the dataset have what the spec asks of it?  Columns that
 * are no inputs of this job are set aside.  Every mistake is added to e; false
 * where it is not known for one which columns are inputs. */
bool training_plan_check(struct training_plan *plan,
                         const struct codec_job *spec, struct errinfo *e);

#endif
