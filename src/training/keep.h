/*
 * keep.h - the best of a job that no worker has
 */
#ifndef TRAINING_KEEP_H
#define TRAINING_KEEP_H

#include "store/store.h"

/* End a queued or paused job as cancelled, with a version of the best that its
 * checkpoint has.  ERR_NOTFOUND where no epoch was done; ERR_CONFLICT where it
 * is neither, or was changed meanwhile. */
enum err training_keep(struct store *db, int64_t job_id, char network[],
                       size_t size, struct errinfo *e);

#endif
