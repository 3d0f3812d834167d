/*
 * keep.h - the best of a job that is in nobody's memory
 */
#ifndef TRAINING_KEEP_H
#define TRAINING_KEEP_H

#include "training/training.h"

/* End a job as cancelled, with a version of the best that its checkpoint has:
 * of one that waits, queued or paused, or that the calling worker has claimed
 * and not loaded.  Without one where no epoch was done, where the weights went
 * astray, and where it verifies another.  ERR_CONFLICT where it does not wait,
 * or was changed meanwhile; after any error it is as it was. */
enum err training_keep(const struct training_options *options, int64_t job_id,
                       bool is_claimed, struct errinfo *e);

#endif
