/*
 * internal.h - the handlers, for the table in routes.c, and what they share
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"

#define API_HANDLER(name)                                                      \
    enum err name(void *ctx, const struct http_request *req,                   \
                  struct http_reply *rep, struct errinfo *e)

/* health.c */
API_HANDLER(api_health_get);
API_HANDLER(api_ready_get);
/* dashboard.c */
API_HANDLER(api_dashboard_index);
API_HANDLER(api_dashboard_file);
enum err api_dashboard_reply(const char *name, struct http_reply *rep,
                             struct errinfo *e);
/* openapi.c */
API_HANDLER(api_openapi_get);
API_HANDLER(api_docs_get);
/* events.c */
API_HANDLER(api_events);
API_HANDLER(api_jobs_events);
/* metrics_text.c */
API_HANDLER(api_metrics_get);
/* backup.c */
API_HANDLER(api_backup_get);
/* networks.c */
API_HANDLER(api_networks_create);
API_HANDLER(api_networks_list);
API_HANDLER(api_networks_get);
API_HANDLER(api_networks_patch);
API_HANDLER(api_networks_delete);
/* weights.c */
API_HANDLER(api_versions_list);
API_HANDLER(api_versions_get);
API_HANDLER(api_versions_delete);
API_HANDLER(api_weights_get);
extern const struct http_stream api_weights_put;
/* uploads.c */
extern const struct http_stream api_datasets_put;
extern const struct http_stream api_datasets_append;
/* datasets.c */
API_HANDLER(api_datasets_rows);
/* A dataset as the client sees it. */
enum err api_reply_dataset(struct api_ctx *api, const char *name,
                           struct http_reply *rep, struct errinfo *e);
API_HANDLER(api_datasets_list);
API_HANDLER(api_datasets_get);
API_HANDLER(api_datasets_delete);
/* jobs.c */
API_HANDLER(api_jobs_list);
API_HANDLER(api_jobs_get);
API_HANDLER(api_jobs_delete);
API_HANDLER(api_jobs_history);
/* submit.c */
API_HANDLER(api_jobs_create);
API_HANDLER(api_jobs_continue);
API_HANDLER(api_jobs_verify);
/* lifecycle.c */
API_HANDLER(api_jobs_log);
API_HANDLER(api_jobs_cancel);
API_HANDLER(api_jobs_pause);
API_HANDLER(api_jobs_resume);
/* train_on_batch.c */
API_HANDLER(api_train_on_batch);
/* tfserving.c */
API_HANDLER(api_tfserving_predict);
API_HANDLER(api_tfserving_encoded);
API_HANDLER(api_tfserving_metadata);
API_HANDLER(api_models_get);
API_HANDLER(api_models_list);
/* kserve.c */
API_HANDLER(api_kserve_server);
API_HANDLER(api_kserve_live);
API_HANDLER(api_kserve_ready);
API_HANDLER(api_kserve_model);
API_HANDLER(api_kserve_model_ready);
API_HANDLER(api_kserve_config);
API_HANDLER(api_kserve_infer);
API_HANDLER(api_kserve_stats);
API_HANDLER(api_kserve_index);
API_HANDLER(api_kserve_load);
API_HANDLER(api_kserve_unload);
/* predict.c */
API_HANDLER(api_predict);
API_HANDLER(api_evaluate);
/* gradient_check.c */
API_HANDLER(api_gradient_check);

/* keys.c */
/* "more requests than …": ERR_RATE, and when to come again. */
enum err api_refuse_rate(const char *what, unsigned seconds, struct errinfo *e);
API_HANDLER(api_keys_create);
API_HANDLER(api_keys_list);
API_HANDLER(api_keys_delete);

/* jobs.c: the job as it is now. */
enum err api_reply_job(struct api_ctx *api, int64_t id, struct http_reply *rep,
                       struct errinfo *e);

/* A path segment that is a number: job ids and versions.  ERR_NOTFOUND on
 * anything else, because no such thing can exist. */
enum err api_number(const char *segment, const char *what, int64_t *out,
                    struct errinfo *e);

/* A number of the query that rows are compared with: one larger than any row
 * can have is as good as the largest.  *out stays where it is not given. */
enum err api_query_number(const struct http_request *req, const char *name,
                          int64_t *out, struct errinfo *e);

/* The version in the path of a model; -1 where there is none. */
enum err api_model_version(const struct http_request *req, int64_t *out,
                           struct errinfo *e);

/* All networks in order of name, a page of the store at a time. */
enum err api_networks_each(struct store *store,
                           void (*fn)(void *arg, const struct store_network *row),
                           void *arg, struct errinfo *e);

#endif
