#include <jansson.h>

#include "api/internal.h"

/* So that the table reads like HTTP. */
#define GET HTTP_GET
#define POST HTTP_POST
#define PUT HTTP_PUT
#define PATCH HTTP_PATCH
#define DELETE HTTP_DELETE
#define NONE NULL
#define JSON "application/json"
#define ROWS "application/json,application/octet-stream,application/x-npy"
#define DATASET_FORMS                                                          \
    "text/csv,application/x-ndjson,application/json,multipart/form-data"
#define PREDICT HTTP_PREDICT
#define TRAIN HTTP_TRAIN
#define ADMIN HTTP_ADMIN

/*
 * Every endpoint, in the order the README lists them.  This table is the only
 * place that knows a URL: dispatch, 405 and Allow, body limits, --print-routes
 * and the lint of the README read it.
 */
/* clang-format off */
static const struct http_route routes[] = {
/*    method  path                                     handler or stream                max body     body      query                       flags                   scope        one line for humans */
    { GET,    "/healthz",                              api_health_get,      NULL,              0,     NONE,     NULL,                       HTTP_FAST | HTTP_OPEN,  HTTP_PUBLIC, "does the process answer" },
    { GET,    "/readyz",                               api_ready_get,       NULL,              0,     NONE,     NULL,                       HTTP_FAST | HTTP_OPEN,  HTTP_PUBLIC, "is it ready for work" },
    { GET,    "/metrics",                              api_metrics_get,     NULL,              0,     NONE,     NULL,                       HTTP_OPEN,              PREDICT,     "what it does, in figures, for Prometheus" },

    { GET,    "/",                                     api_dashboard_index, NULL,              0,     NONE,     NULL,                       HTTP_FAST | HTTP_ETAG,  HTTP_PUBLIC, "the dashboard" },
    { GET,    "/dashboard/{file}",                     api_dashboard_file,  NULL,              0,     NONE,     NULL,                       HTTP_FAST | HTTP_ETAG,  HTTP_PUBLIC, "its files" },

    { POST,   "/v1/networks",                          api_networks_create, NULL,              MIB,   JSON,     NULL,                       0,                      TRAIN,       "create a network" },
    { GET,    "/v1/networks",                          api_networks_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list networks" },
    { GET,    "/v1/networks/{name}",                   api_networks_get,    NULL,              0,     NONE,     NULL,                       0,                      PREDICT,     "one network, its layers and versions" },
    { PATCH,  "/v1/networks/{name}",                   api_networks_pin,    NULL,              MIB,   JSON,     NULL,                       0,                      TRAIN,       "choose the version that serves" },
    { DELETE, "/v1/networks/{name}",                   api_networks_delete, NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a network and its versions" },
    { GET,    "/v1/networks/{name}/versions",          api_versions_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list its versions" },
    { GET,    "/v1/networks/{name}/versions/{v}",      api_versions_get,    NULL,              0,     NONE,     NULL,                       0,                      PREDICT,     "one version: origin, metrics, digest" },
    { GET,    "/v1/networks/{name}/versions/{v}/weights", api_weights_get,  NULL,              0,     NONE,     NULL,                       0,                      PREDICT,     "its weights" },
    { PUT,    "/v1/networks/{name}/weights",           NULL,                &api_weights_put,  4 * GIB, JSON,   NULL,                       0,                      TRAIN,       "upload weights: a new version" },

    { PUT,    "/v1/datasets/{name}",                   NULL,                &api_datasets_put, 64 * GIB, DATASET_FORMS, "header,target,types,task,columns,delimiter,on_error", 0, TRAIN, "upload a dataset" },
    { POST,   "/v1/datasets",                          NULL,                &api_datasets_put, 64 * GIB, DATASET_FORMS, "name,header,target,types,task,columns,delimiter,on_error", 0, TRAIN, "the same, named in the query: for curl -F" },
    { GET,    "/v1/datasets",                          api_datasets_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list datasets" },
    { GET,    "/v1/datasets/{name}",                   api_datasets_get,    NULL,              0,     NONE,     NULL,                       0,                      PREDICT,     "one dataset and its columns" },
    { DELETE, "/v1/datasets/{name}",                   api_datasets_delete, NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a dataset" },

    { POST,   "/v1/jobs",                              api_jobs_create,     NULL,              MIB,   JSON,     "dry_run",                  0,                      TRAIN,       "submit a training job" },
    { GET,    "/v1/jobs",                              api_jobs_list,       NULL,              0,     NONE,     "limit,after,status,network", 0,                    PREDICT,     "list jobs" },
    { GET,    "/v1/jobs/{id}",                         api_jobs_get,        NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              PREDICT,     "one job: status, progress, result" },
    { GET,    "/v1/jobs/{id}/events",                  api_jobs_events,     NULL,              0,     NONE,     "after",                    0,                      PREDICT,     "what happens to it, as it happens" },
    { GET,    "/v1/jobs/{id}/history",                 api_jobs_history,    NULL,              0,     NONE,     "limit,after,detail",       HTTP_ETAG,              PREDICT,     "its figures, epoch by epoch" },
    { GET,    "/v1/jobs/{id}/log",                     api_jobs_log,        NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "what happened to it, when and why" },
    { POST,   "/v1/jobs/{id}/pause",                   api_jobs_pause,      NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "take it from its worker for a while" },
    { POST,   "/v1/jobs/{id}/resume",                  api_jobs_resume,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "let a paused job go on" },
    { POST,   "/v1/jobs/{id}/cancel",                  api_jobs_cancel,     NULL,              MIB,   JSON,     NULL,                       HTTP_BARE,              TRAIN,       "stop a job" },
    { POST,   "/v1/jobs/{id}/continue",                api_jobs_continue,   NULL,              MIB,   JSON,     NULL,                       0,                      TRAIN,       "more epochs, from where a job ended: a new job" },
    { POST,   "/v1/jobs/{id}/verify",                  api_jobs_verify,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "train again and compare the bytes: a new job" },
    { DELETE, "/v1/jobs/{id}",                         api_jobs_delete,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a job that has ended" },

    { GET,    "/v1/events",                            api_events,          NULL,              0,     NONE,     "after",                    0,                      PREDICT,     "what happens to all jobs, as it happens" },

    { POST,   "/v1/networks/{name}/predict",           api_predict,         NULL,              32 * MIB, ROWS,  "top",                      HTTP_FAST,              PREDICT,     "run it on rows of inputs" },
    { POST,   "/v1/networks/{name}/evaluate",          api_evaluate,        NULL,              MIB,   JSON,     NULL,                       0,                      PREDICT,     "measure it on a dataset" },

    { POST,   "/v1/keys",                              api_keys_create,     NULL,              MIB,   JSON,     NULL,                       0,                      ADMIN,       "make a key, which is shown this once" },
    { GET,    "/v1/keys",                              api_keys_list,       NULL,              0,     NONE,     "limit,after",              0,                      ADMIN,       "list keys: names and scopes" },
    { DELETE, "/v1/keys/{name}",                       api_keys_delete,     NULL,              0,     NONE,     NULL,                       0,                      ADMIN,       "revoke a key" },
};
/* clang-format on */

/* jansson seeds its hash tables at first use, which would be a race. */
void
api_init(void)
{
    json_object_seed(0);
}

const struct http_route *
api_routes(size_t *out_n)
{
    *out_n = COUNT_OF(routes);
    return routes;
}
