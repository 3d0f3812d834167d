/*
 * job.h - a claimed job, from its row to its end
 *
 * Model    load -> train -> end.  A job ends in the store as succeeded, failed
 *          or cancelled; or it goes back into the queue, because the pool stops
 *          or because the store cannot be read or written just now.
 */
#ifndef TRAINING_JOB_H
#define TRAINING_JOB_H

#include "training/run.h"
#include "training/training.h"

/* False: the job is in the queue again for no fault of its own; wait a little
 * before the next claim. */
bool training_job_run(const struct training_options *options,
                      struct training_run           *run,
                      const struct store_job        *row);

#endif
