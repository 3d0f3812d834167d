/*
 * live.h - one update of a network that serves
 *
 * Model    _begin() takes the network's latest version and the state its
 *          optimiser was left in; _update() makes one step of it, stores the
 *          new weights as the next version together with the state, and has
 *          that version serve.  The version that the update before made is
 *          replaced, so that a thousand updates do not leave a thousand
 *          versions; versions from elsewhere, pinned ones and those a job needs
 *          stay.
 * Owner    Between _begin() and _end() the caller has the network to itself.
 * Threads  Any; updates of one network wait for one another.  Blocks.
 * Errors   ERR_CONFLICT: another version is pinned, or the loss is not finite
 *          (nothing was changed); ERR_BUSY: a job's version came in between.
 */
#ifndef SERVING_LIVE_H
#define SERVING_LIVE_H

#include "codec/batch.h"
#include "serving/serving.h"

struct serving_live;

enum err serving_live_begin(struct serving_registry *reg, const char *network,
                            struct serving_live **out, struct errinfo *e);
void     serving_live_end(struct serving_live *live); /* NULL is fine */

const struct nn_net *serving_live_net(const struct serving_live *live);
const struct dataset_encoder *
serving_live_encoder(const struct serving_live *live);

/* batch was read for this net and encoder.  *out_loss is the mean loss before
 * the update, *out_version what it made. */
enum err serving_live_update(struct serving_live      *live,
                             const struct codec_batch *batch, double *out_loss,
                             int64_t *out_version, struct errinfo *e);

#endif
