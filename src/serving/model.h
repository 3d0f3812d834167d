/*
 * model.h - a counted snapshot, and the scratch its passes run in
 *
 * Model    Net, encoder and version never change.  A pass writes to a scratch
 *          (workspace, encoded inputs); those that are not in use hang in a
 *          list, so that a prediction allocates nothing.  There is one from the
 *          start, more come as long as the budget allows, and when it does not,
 *          a pass waits for one: it waits for another pass, never for more.
 * Owner    serving_model_new() gives the first reference.
 * Threads  Any.  `lock` guards the list of scratches only.
 */
#ifndef SERVING_MODEL_H
#define SERVING_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "serving/serving.h"

/* Rows of one pass.  Larger ones gain little and cost scratch memory. */
#define SERVING_MAX_BATCH 64

struct serving_scratch {
    struct serving_scratch *next;
    struct nn_work         *work;
    float                  *x; /* [SERVING_MAX_BATCH][n_in] */
};

struct serving_model {
    atomic_size_t           n_refs;
    int64_t                 version;
    struct nn_net          *net;
    struct dataset_encoder *encoder; /* or NULL */
    struct mem_budget      *budget;  /* borrowed */
    size_t                  scratch_bytes; /* of one */
    pthread_mutex_t         lock;
    pthread_cond_t          returned;
    size_t                  taken; /* bytes of the budget */
    struct serving_scratch *idle;
};

/* Takes net and encoder, and `taken` bytes of the budget that they are in;
 * only where it succeeds.  ERR_BUSY where there is no room for a scratch. */
enum err serving_model_new(struct nn_net *net, struct dataset_encoder *encoder,
                           int64_t version, struct mem_budget *budget,
                           size_t taken, struct serving_model **out,
                           struct errinfo *e);
struct serving_model *serving_model_ref(struct serving_model *m);

/* Run n rows of the network's own inputs x [n][n_in]; y is [n][n_out]. */
void serving_model_forward(struct serving_model *m, const float *x, size_t n,
                           float *y);

#endif
