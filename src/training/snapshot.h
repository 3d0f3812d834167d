/*
 * snapshot.h - the network of a job as its last checkpoint has it
 *
 * Owner    Net and encoder are new, for the caller.
 * Errors   ERR_NOTFOUND: no such job of this network; ERR_CONFLICT: it has no
 *          checkpoint, because it has not begun or has ended.
 */
#ifndef TRAINING_SNAPSHOT_H
#define TRAINING_SNAPSHOT_H

#include "dataset/encoder.h"
#include "nn/net.h"
#include "store/store.h"

/* *out_epoch: after which epoch it was taken. */
enum err training_snapshot(struct store *db, const char *network,
                           int64_t job_id, struct nn_net **out_net,
                           struct dataset_encoder **out_encoder,
                           uint64_t *out_epoch, struct errinfo *e);

#endif
