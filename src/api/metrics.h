/*
 * metrics.h - what GET /metrics counts that no floor beneath counts itself
 *
 * Model    Counters by route and status, by network, and histograms, all
 *          added to without a lock: the fast lane counts its predictions here.
 *          Labels are bounded: a route is its pattern, a network beyond the
 *          first METRICS_MAX_NETWORKS is counted as "other".
 * Owner    api_metrics_new() and _free(): main()'s, through struct api_ctx.
 * Threads  Any number may count at once.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include <pthread.h>

#include "base/err.h"
#include "base/histogram.h"
#include "codec/network.h"
#include "http/http.h"

#define METRICS_MAX_NETWORKS 256
#define METRICS_MAX_STATUS 32
#define METRICS_N_LIMITS 11

struct metrics_route {
    atomic_uint_least64_t n[METRICS_MAX_STATUS]; /* by place of the status */
    struct histogram      seconds;
};

struct metrics_network {
    atomic_bool           known; /* name is whole */
    char                  name[CODEC_NAME_SIZE];
    atomic_uint_least64_t n_predictions, n_rows, n_unseen;
    atomic_uint_least64_t run_ns;  /* spent in their arithmetic */
    atomic_int_least64_t  last_ms; /* when the last one ended   */
};

struct api_metrics {
    const struct http_route *route; /* the table                     */
    size_t                   n_routes;
    struct metrics_route    *by_route; /* [n_routes + 1]; the last: none
                                          matched                        */
    pthread_mutex_t        lock;       /* for a name that is new */
    struct metrics_network network[METRICS_MAX_NETWORKS + 1];
    struct histogram       batch_rows; /* of predictions */
    atomic_uint_least64_t  n_limits[METRICS_N_LIMITS];
    int64_t                start_ms;
};

enum err api_metrics_new(struct api_metrics **out, struct errinfo *e);
void     api_metrics_free(struct api_metrics *m); /* NULL is fine */

/* The place of a status among the counters; the status at a place, 0 for
 * "another one". */
size_t   api_metrics_place(unsigned status);
unsigned api_metrics_status(size_t place);

/* A prediction of n rows was answered, whose arithmetic took so long; so many
 * categories in them were ones that training never saw.  m may be NULL (a
 * test). */
void api_metrics_predicted(struct api_metrics *m, const char *network, size_t n,
                           size_t n_unseen, int64_t run_us);
/* What operators call limit i, and how often it was hit. */
const char *api_metrics_limit(const struct api_metrics *m, size_t i,
                              uint64_t *out_n);
/* The counters of a network; NULL where it has none yet. */
const struct metrics_network *api_metrics_network(const struct api_metrics *m,
                                                  const char *network);

#endif
