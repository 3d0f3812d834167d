/* metrics.c - counting; metrics_text.c tells */
#include "api/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"

static const unsigned statuses[] = {
    200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 406, 408, 409,
    411, 413, 414, 415, 417, 422, 429, 431, 499, 500, 501, 503, 505, 507,
};
static const double rows_bound[] = { 1,   2,   4,   8,    16,   32,    64,
                                     128, 256, 512, 1024, 4096, 16384, 65536 };

size_t
api_metrics_place(unsigned status)
{
    size_t i = 0;

    while (i < COUNT_OF(statuses) && statuses[i] != status)
        i++;
    return i;
}

unsigned
api_metrics_status(size_t place)
{
    return place < COUNT_OF(statuses) ? statuses[place] : 0;
}

enum err
api_metrics_new(struct api_metrics **out, struct errinfo *e)
{
    struct api_metrics *m = mem_array(1, sizeof(*m), 0);

    if (m == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    m->route = api_routes(&m->n_routes);
    m->by_route = mem_array(m->n_routes + 1, sizeof(*m->by_route), 0);
    if (m->by_route == NULL) {
        free(m);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    for (size_t i = 0; i <= m->n_routes; i++)
        histogram_init(&m->by_route[i].seconds, histogram_seconds,
                       histogram_seconds_n);
    histogram_init(&m->batch_rows, rows_bound, COUNT_OF(rows_bound));
    pthread_mutex_init(&m->lock, NULL);
    memcpy(m->network[METRICS_MAX_NETWORKS].name, "other", sizeof("other"));
    m->start_ms = clock_wall_ms();
    *out = m;
    return ERR_OK;
}

void
api_metrics_free(struct api_metrics *m)
{
    if (m == NULL)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m->by_route);
    free(m);
}

void
api_observe(void *ctx, const struct http_route *route, unsigned status,
            double seconds)
{
    const struct api_ctx *api = ctx;
    struct api_metrics   *m = api->metrics;
    struct metrics_route *r;

    if (m == NULL)
        return;
    r = &m->by_route[route != NULL ? (size_t)(route - m->route) : m->n_routes];
    atomic_fetch_add_explicit(&r->n[api_metrics_place(status)], 1,
                              memory_order_relaxed);
    histogram_add(&r->seconds, seconds);
}

/* The counters of this name: names are only ever added, each in the first free
 * place, so that a reader needs no lock. */
static struct metrics_network *
network_find(struct api_metrics *m, const char *name, bool add)
{
    size_t i = 0;

    while (i < METRICS_MAX_NETWORKS && atomic_load(&m->network[i].known)) {
        if (strcmp(m->network[i].name, name) == 0)
            return &m->network[i];
        i++;
    }
    if (i == METRICS_MAX_NETWORKS || !codec_name_is_valid(name, strlen(name)))
        return &m->network[METRICS_MAX_NETWORKS];
    if (!add)
        return NULL;
    memcpy(m->network[i].name, name, strlen(name) + 1);
    atomic_store(&m->network[i].known, true);
    return &m->network[i];
}

void
api_metrics_predicted(struct api_metrics *m, const char *network, size_t n,
                      size_t n_unseen, int64_t run_us)
{
    struct metrics_network *counters;

    if (m == NULL)
        return;
    counters = network_find(m, network, false);
    if (counters == NULL) { /* once a network */
        pthread_mutex_lock(&m->lock);
        counters = network_find(m, network, true);
        pthread_mutex_unlock(&m->lock);
    }
    atomic_fetch_add_explicit(&counters->n_predictions, 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->n_rows, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->n_unseen, n_unseen,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->run_ns, (uint64_t)run_us * 1000,
                              memory_order_relaxed);
    atomic_store_explicit(&counters->last_ms, clock_wall_ms(),
                          memory_order_relaxed);
    histogram_add(&m->batch_rows, (double)n);
}

const struct metrics_network *
api_metrics_network(const struct api_metrics *m, const char *network)
{
    for (size_t i = 0; m != NULL && i < METRICS_MAX_NETWORKS &&
                       atomic_load(&m->network[i].known);
         i++)
        if (strcmp(m->network[i].name, network) == 0)
            return &m->network[i];
    return NULL;
}

/* clang-format off */
static const struct {
    const char *limit, *slug, *other; /* codes of refusals; other: or NULL */
} limits[METRICS_N_LIMITS] = {
    { "dataset_columns",    "too_many_columns",    NULL },
    { "dataset_categories", "too_many_categories", NULL },
    { "dataset_row_kib",    "row_too_long",        NULL },
    { "dataset_rows",       "too_many_rows",       NULL },
    { "datasets",           "too_many_datasets",   NULL },
    { "datasets_mib",       "datasets_full",       NULL },
    { "queue_max",          "queue_full",          NULL },
    { "parameters_max",     "too_many_parameters", NULL },
    { "history_max",        "too_many_epochs",     NULL },
    { "predict_rows",       "too_many_inputs",     NULL },
    { "memory_mib",         "memory_full",         "too_much_memory" },
};
/* clang-format on */

void
api_refused(void *ctx, const char *slug)
{
    const struct api_ctx *api = ctx;
    struct api_metrics   *m = api->metrics;

    for (size_t i = 0; m != NULL && i < METRICS_N_LIMITS; i++)
        if (strcmp(limits[i].slug, slug) == 0 ||
            (limits[i].other != NULL && strcmp(limits[i].other, slug) == 0))
            atomic_fetch_add_explicit(&m->n_limits[i], 1, memory_order_relaxed);
}

const char *
api_metrics_limit(const struct api_metrics *m, size_t i, uint64_t *out_n)
{
    *out_n = atomic_load_explicit(&m->n_limits[i], memory_order_relaxed);
    return limits[i].limit;
}
