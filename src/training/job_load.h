/*
 * job_load.h - a claimed job, with all that it needs to train
 *
 * Model    A job begins from its start version, goes on from its checkpoint,
 *          or, where it verifies one that continued others, from the state that
 *          those left, which is made again: they are trained, one after the
 *          other, without a trace.  What is stopped then begins with the first.
 * Owner    Caller's storage: training_job_load(), and training_job_unload() in
 *          any case.
 * Errors   ERR_CANCELED where the run was halted; ERR_CONFLICT, slug
 *          "origin_gone", where a job that it needs has been deleted.
 */
#ifndef TRAINING_JOB_LOAD_H
#define TRAINING_JOB_LOAD_H

#include "training/trainer.h"
#include "training/training.h"

struct training_job {
    const struct training_options *options;
    struct training_run           *run;
    const struct store_job        *row;
    struct codec_job               spec;
    struct training_plan           plan;
    size_t                         taken; /* of the budget */
    struct training_trainer       *trainer;
    struct training_checkpoint     checkpoint;
};

/* options, run and row are set, and the rest is zero. */
enum err training_job_load(struct training_job *job, struct errinfo *e);
void     training_job_unload(struct training_job *job);

/* ancestors.c: the state that a job which continues job `id` began with.
 * *out is new. */
enum err training_ancestors_state(const struct training_job *job, int64_t id,
                                  void **out, size_t *out_len,
                                  struct errinfo *e);
/* Read its row's spec. */
enum err training_job_spec(struct training_job *job, struct errinfo *e);
/* Make the trainer, from a state's bytes or, NULL, from the start. */
enum err training_job_begin(struct training_job *job, const void *bytes,
                            size_t len, struct errinfo *e);

#endif
