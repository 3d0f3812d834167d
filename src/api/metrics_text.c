/* metrics_text.c - GET /metrics, in Prometheus' text format */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/log.h"
#include "base/num.h"
#include "nn/kernel/kernel.h"

#define MAX_RUNNING 256

/* Every metric is announced once, before its samples. */
static void
announce(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP backpropd_%s %s\n# TYPE backpropd_%s %s\n", name,
               help, name, type);
}

static void
sample(struct buf *out, const char *name, const char *labels, double value)
{
    buf_printf(out, "backpropd_%s%s ", name, labels);
    num_format_double(out, value);
    buf_putc(out, '\n');
}

/* A metric of one sample. */
static void
single(struct buf *out, const char *name, const char *type, const char *help,
       double value)
{
    announce(out, name, type, help);
    sample(out, name, "", value);
}

/* The samples of a histogram; labels without braces, "" for none. */
static void
histogram_write(struct buf *out, const char *name, const char *labels,
                const struct histogram *h)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    uint64_t    n = 0;

    for (size_t i = 0; i <= h->n; i++) {
        n += atomic_load_explicit(&h->count[i], memory_order_relaxed);
        buf_printf(out, "backpropd_%s_bucket{%s%sle=\"", name, labels, comma);
        if (i < h->n)
            num_format_double(out, h->bound[i]);
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %" PRIu64 "\n", n);
    }
    buf_printf(out, "backpropd_%s_sum%s%s%s ", name, *comma ? "{" : "", labels,
               *comma ? "}" : "");
    num_format_double(out, histogram_sum(h));
    buf_printf(out, "\nbackpropd_%s_count%s%s%s %" PRIu64 "\n", name,
               *comma ? "{" : "", labels, *comma ? "}" : "", n);
}

/* --- requests ------------------------------------------------------------- */

static void
route_labels(const struct api_metrics *m, size_t i, char *out, size_t size)
{
    static const char *const method[] = { "GET", "POST", "PUT", "PATCH",
                                          "DELETE" };

    if (i == m->n_routes)
        snprintf(out, size, "method=\"other\",route=\"none\"");
    else
        snprintf(out, size, "method=\"%s\",route=\"%s\"",
                 method[m->route[i].method], m->route[i].path);
}

static bool
was_asked(const struct metrics_route *r)
{
    for (size_t s = 0; s < METRICS_MAX_STATUS; s++)
        if (atomic_load_explicit(&r->n[s], memory_order_relaxed) > 0)
            return true;
    return false;
}

static void
write_requests(struct buf *out, const struct api_metrics *m)
{
    char labels[160];

    announce(out, "http_requests_total", "counter",
             "Requests answered, by route and status.");
    for (size_t i = 0; i <= m->n_routes; i++) {
        route_labels(m, i, labels, sizeof(labels));
        for (size_t s = 0; s < METRICS_MAX_STATUS; s++) {
            uint64_t n = atomic_load_explicit(&m->by_route[i].n[s],
                                              memory_order_relaxed);

            if (n == 0)
                continue;
            buf_printf(out, "backpropd_http_requests_total{%s,status=", labels);
            if (api_metrics_status(s) != 0)
                buf_printf(out, "\"%u\"} %" PRIu64 "\n", api_metrics_status(s),
                           n);
            else
                buf_printf(out, "\"other\"} %" PRIu64 "\n", n);
        }
    }
    announce(out, "http_request_duration_seconds", "histogram",
             "From the request line to the last byte of the answer.");
    for (size_t i = 0; i <= m->n_routes; i++) {
        if (!was_asked(&m->by_route[i]))
            continue;
        route_labels(m, i, labels, sizeof(labels));
        histogram_write(out, "http_request_duration_seconds", labels,
                        &m->by_route[i].seconds);
    }
}

static void
write_server(struct buf *out, struct api_ctx *api,
             const struct http_request *req)
{
    struct http_stats s;
    uint64_t          wrong, slowed;

    http_request_stats(req, &s);
    single(out, "http_connections", "gauge", "Connections that are open.",
           s.connections);
    single(out, "http_connections_max", "gauge",
           "Connections beyond this number hear 503.", s.max_connections);
    single(out, "http_requests_in_flight", "gauge", "Requests under way.",
           s.requests);
    announce(out, "limits_hit_total", "counter",
             "Requests refused because a limit was reached.");
    sample(out, "limits_hit_total", "{limit=\"connections\"}",
           (double)s.n_refused_connections);
    sample(out, "limits_hit_total", "{limit=\"queue\"}",
           (double)s.n_refused_queue);
    sample(out, "limits_hit_total", "{limit=\"body_memory\"}",
           (double)s.n_refused_memory);
    sample(out, "limits_hit_total", "{limit=\"body_mib\"}",
           (double)s.n_refused_bodies[HTTP_BODY_PLAIN]);
    sample(out, "limits_hit_total", "{limit=\"rows_mib\"}",
           (double)s.n_refused_bodies[HTTP_BODY_ROWS]);
    sample(out, "limits_hit_total", "{limit=\"upload_mib\"}",
           (double)s.n_refused_bodies[HTTP_BODY_UPLOAD]);
    sample(out, "limits_hit_total", "{limit=\"listeners\"}",
           (double)s.n_refused_feeds);
    sample(out, "limits_hit_total", "{limit=\"connections_per_address\"}",
           (double)s.n_refused_address);
    sample(out, "limits_hit_total", "{limit=\"key_rate\"}",
           (double)rate_n_refused(api->key_rate));
    sample(out, "limits_hit_total", "{limit=\"row_rate\"}",
           (double)rate_n_refused(api->row_rate));
    sample(out, "limits_hit_total", "{limit=\"network_rate\"}",
           (double)rate_n_refused(api->network_rate));
    sample(out, "limits_hit_total", "{limit=\"log_lines_per_second\"}",
           (double)log_left_out());
    for (size_t i = 0; i < METRICS_N_LIMITS; i++) {
        char        label[64];
        uint64_t    n;
        const char *limit = api_metrics_limit(api->metrics, i, &n);

        snprintf(label, sizeof(label), "{limit=\"%s\"}", limit);
        sample(out, "limits_hit_total", label, (double)n);
    }
    http_keys_failures(api->keys, &wrong, &slowed);
    sample(out, "limits_hit_total", "{limit=\"wrong_keys\"}", (double)slowed);
    single(out, "http_listeners", "gauge", "Streams of events that are open.",
           s.feeds);
    single(out, "wrong_keys_total", "counter",
           "Requests with a key that is not one of ours.", (double)wrong);
}

/* --- predictions ---------------------------------------------------------- */

static void
write_predictions(struct buf *out, const struct api_metrics *m)
{
    /* clang-format off */
    static const struct {
        const char *name, *help;
        size_t      at; /* of the counter in a network's */
    } counters[] = {
        { "predictions_total", "Prediction requests answered, by network.",
          offsetof(struct metrics_network, n_predictions) },
        { "prediction_rows_total", "Rows predicted, by network.",
          offsetof(struct metrics_network, n_rows) },
        { "prediction_unseen_categories_total",
          "Categories in them that training never saw, by network.",
          offsetof(struct metrics_network, n_unseen) },
    };
    /* clang-format on */
    char labels[CODEC_NAME_SIZE + 16];

    for (size_t c = 0; c < COUNT_OF(counters); c++) {
        announce(out, counters[c].name, "counter", counters[c].help);
        for (size_t i = 0; i <= METRICS_MAX_NETWORKS; i++) {
            const struct metrics_network *n = &m->network[i];
            const atomic_uint_least64_t  *counter =
                (const void *)((const char *)n + counters[c].at);

            if (!atomic_load(&n->known) && i < METRICS_MAX_NETWORKS)
                continue;
            snprintf(labels, sizeof(labels), "{network=\"%s\"}", n->name);
            sample(out, counters[c].name, labels,
                   (double)atomic_load_explicit(counter, memory_order_relaxed));
        }
    }
    announce(out, "prediction_batch_rows", "histogram",
             "Rows of a prediction request.");
    histogram_write(out, "prediction_batch_rows", "", &m->batch_rows);
}

/* --- jobs ----------------------------------------------------------------- */

/* A store that cannot be read leaves its figures out, not the others. */
static void
write_job_counts(struct buf *out, struct store *db)
{
    uint64_t n[STORE_JOB_STATUS_COUNT];
    char     labels[40];

    if (store_job_count(db, n, NULL) != ERR_OK)
        return;
    announce(out, "jobs", "gauge", "Jobs there are, by status.");
    for (size_t s = 0; s < STORE_JOB_STATUS_COUNT; s++) {
        snprintf(labels, sizeof(labels), "{status=\"%s\"}",
                 store_job_status_name((enum store_job_status)s));
        sample(out, "jobs", labels, (double)n[s]);
    }
}

struct figure {
    const char *name, *help;
    double (*get)(const struct training_running *job);
};

static double
loss_of(const struct training_running *job)
{
    return job->last.loss;
}

static double
val_loss_of(const struct training_running *job)
{
    return job->last.val_loss;
}

static double
epoch_of(const struct training_running *job)
{
    return (double)job->progress.epoch;
}

static double
fraction_of(const struct training_running *job)
{
    return job->progress.fraction;
}

static double
rate_of(const struct training_running *job)
{
    return job->progress.samples_per_second;
}

static const struct figure figures[] = {
    { "job_loss", "Training loss of a running job's last epoch.", loss_of },
    { "job_validation_loss", "Validation loss of that epoch.", val_loss_of },
    { "job_epoch", "Epochs a running job has done.", epoch_of },
    { "job_progress_ratio", "How far a running job is, 0 to 1.", fraction_of },
    { "job_samples_per_second", "Rows a running job trains on in a second.",
      rate_of },
};

static void
write_running(struct buf *out, struct training_pool *pool)
{
    static const size_t      max = MAX_RUNNING;
    struct training_running *job = mem_array(max, sizeof(*job), 0);
    size_t n = job != NULL ? training_pool_running(pool, job, max) : 0;

    for (size_t f = 0; f < COUNT_OF(figures); f++) {
        announce(out, figures[f].name, "gauge", figures[f].help);
        for (size_t i = 0; i < n; i++) {
            char   labels[40];
            double x = figures[f].get(&job[i]);

            if (x - x != 0 || (job[i].last.epoch == 0 && f < 2))
                continue; /* not known, or no number */
            snprintf(labels, sizeof(labels), "{job=\"%" PRId64 "\"}",
                     job[i].id);
            sample(out, figures[f].name, labels, x);
        }
    }
    free(job);
}

static void
write_training(struct buf *out, struct api_ctx *api)
{
    const struct training_counters *c = training_pool_counters(api->pool);

    write_job_counts(out, api->store);
    write_running(out, api->pool);
    single(out, "training_epochs_total", "counter", "Epochs trained.",
           (double)atomic_load(&c->n_epochs));
    single(out, "training_samples_total", "counter",
           "Rows trained on, counted at the end of each epoch.",
           (double)atomic_load(&c->n_samples));
}

/* --- memory, the store, the process --------------------------------------- */

static void
write_memory(struct buf *out, struct api_ctx *api,
             const struct http_request *req)
{
    size_t            used = atomic_load(&api->budget->used);
    size_t            n, models;
    struct http_stats s;

    http_request_stats(req, &s);
    serving_registry_usage(api->registry, &n, &models);
    single(out, "models_loaded", "gauge", "Models in memory, ready to predict.",
           (double)n);
    single(out, "memory_limit_bytes", "gauge",
           "What jobs, models and long answers may take together.",
           (double)api->budget->limit);
    announce(out, "memory_bytes", "gauge", "Memory taken, by use.");
    sample(out, "memory_bytes", "{use=\"models\"}", (double)models);
    sample(out, "memory_bytes", "{use=\"jobs\"}",
           used > models ? (double)(used - models) : 0);
    sample(out, "memory_bytes", "{use=\"request_bodies\"}",
           (double)s.body_bytes);
}

static void
write_store(struct buf *out, const struct store *db)
{
    const struct store_stats *s = store_stats(db);
    int64_t                   ms = atomic_load(&s->checkpoint_ms);

    announce(out, "store_commit_duration_seconds", "histogram",
             "A group of writes, until it is on the disk.");
    histogram_write(out, "store_commit_duration_seconds", "",
                    &s->commit_seconds);
    announce(out, "store_read_duration_seconds", "histogram",
             "A read, with the rows it fetched.");
    histogram_write(out, "store_read_duration_seconds", "", &s->read_seconds);
    single(out, "store_writes_total", "counter", "Changes asked for.",
           (double)atomic_load(&s->n_writes));
    single(out, "store_failed_writes_total", "counter",
           "Changes that were refused or failed.",
           (double)atomic_load(&s->n_failed_writes));
    single(out, "store_up", "gauge",
           "0: the store has failed and takes no more.",
           store_is_failed(db) ? 0 : 1);
    if (ms == 0)
        return;
    single(out, "checkpoint_timestamp_seconds", "gauge",
           "When the last checkpoint was stored.", (double)ms * 1e-3);
    single(out, "checkpoint_bytes", "gauge", "The state in it.",
           (double)atomic_load(&s->checkpoint_bytes));
}

static size_t
resident_bytes(void)
{
    FILE         *f = fopen("/proc/self/statm", "re");
    unsigned long size, resident = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void
write_process(struct buf *out, const struct api_metrics *m)
{
    announce(out, "build_info", "gauge",
             "1, with the version and the kernels in use.");
    buf_printf(out, "backpropd_build_info{version=\"%s\",kernel=\"%s\"} 1\n",
               PACKAGE_VERSION, nn_kernel()->name);
    buf_puts(out, "# HELP process_start_time_seconds When it started.\n"
                  "# TYPE process_start_time_seconds gauge\n"
                  "process_start_time_seconds ");
    num_format_double(out, (double)m->start_ms * 1e-3);
    buf_printf(out,
               "\n# HELP process_resident_memory_bytes Memory it resides in.\n"
               "# TYPE process_resident_memory_bytes gauge\n"
               "process_resident_memory_bytes %zu\n",
               resident_bytes());
}

enum err
api_metrics_get(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    struct buf     *out = &rep->body;

    (void)e;
    rep->content_type = "text/plain; version=0.0.4; charset=utf-8";
    http_reply_header(rep, "Cache-Control", "no-store");
    write_process(out, api->metrics);
    write_requests(out, api->metrics);
    write_server(out, api, req);
    write_predictions(out, api->metrics);
    write_training(out, api);
    write_memory(out, api, req);
    write_store(out, api->store);
    return ERR_OK;
}
