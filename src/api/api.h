/*
 * api.h - the HTTP contract: one file a resource, one table of routes
 *
 * Model    A handler takes a request, calls the floors beneath, and answers
 *          JSON in the shapes of the contract.  It keeps nothing of its own.
 * Owner    struct api_ctx is main()'s; what it points to outlives the server.
 * Threads  Handlers run on many threads at once; everything in the ctx can be
 *          called from any of them.
 * Errors   Handlers pass on what the floors say; http/ turns it into a problem.
 */
#ifndef API_API_H
#define API_API_H

#include "api/metrics.h"
#include "api/quota.h"
#include "base/mem.h"
#include "base/rate.h"
#include "dataset/upload.h"
#include "http/keys.h"
#include "serving/serving.h"
#include "store/store.h"
#include "training/training.h"

struct api_ctx {
    struct store            *store;
    struct serving_registry *registry;
    struct training_pool    *pool;
    struct mem_budget       *budget;
    unsigned                 queue_max;      /* jobs that may wait */
    unsigned                 parameters_max; /* of one network; 0: any */
    unsigned                 history_max;    /* epochs of one job; 0: any */
    unsigned                 predict_rows;   /* of a request; 0: any */
    struct http_keys        *keys;
    bool                     ask_keys; /* else everybody may do everything */
    bool                     open_metrics; /* to those without a key, too   */
    struct api_metrics      *metrics;
    struct rate *key_rate, *row_rate, *network_rate; /* NULL: any number */
    struct dataset_limits dataset_limits; /* columns 0: the defaults      */
    uint64_t              datasets_max;   /* 0: no limit                    */
    struct api_quota      quota;          /* of the datasets' bytes         */
};

/* Before any thread is started. */
void api_init(void);

/* For struct http_options: by key and scope, where keys are asked. */
enum err api_authorize(void *ctx, struct http_request *req,
                       const char *authorization, struct errinfo *e);
/* For http_options.observe: a request is over, count it. */
void api_observe(void *ctx, const struct http_route *route, unsigned status,
                 double seconds);

/* For http_options.refused: was it a limit?  Count it. */
void api_refused(void *ctx, const char *slug);

/* Every endpoint, in the order the README lists them. */
const struct http_route *api_routes(size_t *out_n);

#endif
