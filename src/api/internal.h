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
/* events.c */
API_HANDLER(api_events);
API_HANDLER(api_jobs_events);
/* metrics_text.c */
API_HANDLER(api_metrics_get);
/* networks.c */
API_HANDLER(api_networks_create);
API_HANDLER(api_networks_list);
API_HANDLER(api_networks_get);
API_HANDLER(api_networks_pin);
API_HANDLER(api_networks_delete);
/* weights.c */
API_HANDLER(api_versions_list);
API_HANDLER(api_versions_get);
API_HANDLER(api_weights_get);
extern const struct http_stream api_weights_put;
/* datasets.c */
extern const struct http_stream api_datasets_put;
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
/* predict.c */
API_HANDLER(api_predict);
API_HANDLER(api_evaluate);

/* keys.c */
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

#endif
