#include "api/internal.h"
#include "codec/json_memory.h"

/* So that the table reads like HTTP. */
#define GET HTTP_GET
#define POST HTTP_POST
#define PUT HTTP_PUT
#define PATCH HTTP_PATCH
#define DELETE HTTP_DELETE
#define NONE NULL
#define JSON "application/json"
#define DATASET_QUERY                                                          \
    "header,target,types,task,columns,delimiter,on_error,text_size,text_"      \
    "words,"                                                                   \
    "text_characters"
#define ROWS "application/json,application/octet-stream,application/x-npy"
#define DATASET_FORMS                                                          \
    "text/csv,application/x-ndjson,application/json,multipart/form-data"
#define WEIGHTS                                                                \
    "application/json,application/octet-stream,application/safetensors"
#define PREDICT HTTP_PREDICT
#define TRAIN HTTP_TRAIN
#define ADMIN HTTP_ADMIN

/* What a body may have at most, whatever body_mib and rows_mib allow. */
#define JSON_MOST (16 * MIB)
#define ROWS_MOST (256 * MIB)

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
    { GET,    "/openapi.json",                         api_openapi_get,     NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              HTTP_PUBLIC, "all of this for programs, as OpenAPI 3.1" },
    { GET,    "/docs",                                 api_docs_get,        NULL,              0,     NONE,     NULL,                       HTTP_FAST | HTTP_ETAG,  HTTP_PUBLIC, "the same for people" },

    { POST,   "/v1/networks",                          api_networks_create, NULL,              JSON_MOST, JSON,     NULL,                       0,                      TRAIN,       "create a network" },
    { GET,    "/v1/networks",                          api_networks_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list networks" },
    { GET,    "/v1/networks/{name}",                   api_networks_get,    NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              PREDICT,     "one network, its layers, and which version serves" },
    { PATCH,  "/v1/networks/{name}",                   api_networks_patch,  NULL,              JSON_MOST, JSON,     NULL,                       0,                      TRAIN,       "choose the version that serves, and how many are kept" },
    { DELETE, "/v1/networks/{name}",                   api_networks_delete, NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a network and its versions" },
    { GET,    "/v1/networks/{name}/versions",          api_versions_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list its versions" },
    { GET,    "/v1/networks/{name}/versions/{v}",      api_versions_get,    NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              PREDICT,     "one version: origin, metrics, digest" },
    { DELETE, "/v1/networks/{name}/versions/{v}",      api_versions_delete, NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a version" },
    { GET,    "/v1/networks/{name}/versions/{v}/weights", api_weights_get,  NULL,              0,     NONE,     "format",                   0,                      PREDICT,     "its weights" },
    { PUT,    "/v1/networks/{name}/weights",           NULL,                &api_weights_put,  4 * GIB, WEIGHTS,  NULL,                       0,                      TRAIN,       "upload weights: a new version" },

    { PUT,    "/v1/datasets/{name}",                   NULL,                &api_datasets_put, 64 * GIB, DATASET_FORMS, DATASET_QUERY, 0, TRAIN, "upload a dataset" },
    { POST,   "/v1/datasets",                          NULL,                &api_datasets_put, 64 * GIB, DATASET_FORMS, "name," DATASET_QUERY, 0, TRAIN, "the same, named in the query: for curl -F" },
    { GET,    "/v1/datasets",                          api_datasets_list,   NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "list datasets" },
    { GET,    "/v1/datasets/{name}",                   api_datasets_get,    NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              PREDICT,     "one dataset and its columns" },
    { GET,    "/v1/datasets/{name}/rows",              api_datasets_rows,   NULL,              0,     NONE,     "limit,after,revision",     0,                      PREDICT,     "its rows, page by page" },
    { POST,   "/v1/datasets/{name}/rows",              NULL,                &api_datasets_append, 64 * GIB, DATASET_FORMS, "header,columns,delimiter,on_error", 0, TRAIN, "append rows: a new revision" },
    { DELETE, "/v1/datasets/{name}",                   api_datasets_delete, NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a dataset" },

    { POST,   "/v1/jobs",                              api_jobs_create,     NULL,              JSON_MOST, JSON,     "dry_run",                  0,                      TRAIN,       "submit a training job" },
    { GET,    "/v1/jobs",                              api_jobs_list,       NULL,              0,     NONE,     "limit,after,status,network", 0,                    PREDICT,     "list jobs" },
    { GET,    "/v1/jobs/{id}",                         api_jobs_get,        NULL,              0,     NONE,     NULL,                       HTTP_ETAG,              PREDICT,     "one job: status, progress, result" },
    { GET,    "/v1/jobs/{id}/events",                  api_jobs_events,     NULL,              0,     NONE,     "after,types",              0,                      PREDICT,     "what happens to it, as it happens" },
    { GET,    "/v1/jobs/{id}/history",                 api_jobs_history,    NULL,              0,     NONE,     "limit,after,detail,points",       HTTP_ETAG,              PREDICT,     "its figures, epoch by epoch" },
    { GET,    "/v1/jobs/{id}/log",                     api_jobs_log,        NULL,              0,     NONE,     "limit,after",              0,                      PREDICT,     "what happened to it, when and why" },
    { POST,   "/v1/jobs/{id}/pause",                   api_jobs_pause,      NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "take it from its worker for a while" },
    { POST,   "/v1/jobs/{id}/resume",                  api_jobs_resume,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "let a paused job go on" },
    { POST,   "/v1/jobs/{id}/cancel",                  api_jobs_cancel,     NULL,              JSON_MOST, JSON,     NULL,                       HTTP_BARE,              TRAIN,       "stop a job" },
    { POST,   "/v1/jobs/{id}/continue",                api_jobs_continue,   NULL,              JSON_MOST, JSON,     NULL,                       0,                      TRAIN,       "more epochs, from where a job ended: a new job" },
    { POST,   "/v1/jobs/{id}/verify",                  api_jobs_verify,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "train again and compare the bytes: a new job" },
    { DELETE, "/v1/jobs/{id}",                         api_jobs_delete,     NULL,              0,     NONE,     NULL,                       0,                      TRAIN,       "forget a job that has ended" },

    { GET,    "/v1/events",                            api_events,          NULL,              0,     NONE,     "after,types",              0,                      PREDICT,     "what happens to all jobs, as it happens" },

    { POST,   "/v1/networks/{name}/predict",           api_predict,         NULL,              ROWS_MOST, ROWS,  "top,job",                  HTTP_FAST | HTTP_ROWS,  PREDICT,     "run it on rows of inputs" },
    { POST,   "/v1/networks/{name}/train_on_batch",    api_train_on_batch,  NULL,              ROWS_MOST, JSON,  NULL,                       HTTP_ROWS,              TRAIN,       "one update of the network that serves" },
    { POST,   "/v1/networks/{name}/evaluate",          api_evaluate,        NULL,              JSON_MOST, JSON,     NULL,                       0,                      PREDICT,     "measure it on a dataset" },
    { POST,   "/v1/networks/{name}/gradient_check",    api_gradient_check,  NULL,              4 * MIB, JSON,   NULL,                       HTTP_ROWS,              PREDICT,     "compare its gradients with central differences" },

    { GET,    "/v1/models",                            api_models_list,      NULL,             0, NONE,     NULL,                       0,                      PREDICT,     "networks as other servers' clients list them" },
    { GET,    "/v1/models/{name}",                     api_models_get,       NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "TensorFlow Serving, KServe V1: is it there" },
    { GET,    "/v1/models/{name}/versions/{v}",        api_models_get,       NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "TensorFlow Serving: is this version there" },
    { GET,    "/v1/models/{name}/metadata",            api_tfserving_metadata, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "TensorFlow Serving: its signature" },
    { GET,    "/v1/models/{name}/versions/{v}/metadata", api_tfserving_metadata, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "TensorFlow Serving: its signature" },
    { POST,   "/v1/models/{name}:predict",             api_tfserving_predict, NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "TensorFlow Serving, KServe V1: run it" },
    { POST,   "/v1/models/{name}/versions/{v}:predict", api_tfserving_predict, NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "TensorFlow Serving: run this version" },
    { POST,   "/v1/models/{name}",                     api_tfserving_encoded, NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "the same for clients that write the colon as %3A" },
    { POST,   "/v1/models/{name}/versions/{v}",        api_tfserving_encoded, NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "the same of a version" },

    { GET,    "/v2",                                   api_kserve_server,    NULL,             0, NONE,     NULL,                       HTTP_FAST | HTTP_ERROR_TEXT, HTTP_PUBLIC, "Open Inference Protocol: what we are" },
    { GET,    "/v2/",                                  api_kserve_server,    NULL,             0, NONE,     NULL,                       HTTP_FAST | HTTP_ERROR_TEXT, HTTP_PUBLIC, "the same" },
    { GET,    "/v2/health/live",                       api_kserve_live,      NULL,             0, NONE,     NULL,                       HTTP_FAST | HTTP_OPEN | HTTP_ERROR_TEXT, HTTP_PUBLIC, "does the process answer" },
    { GET,    "/v2/health/ready",                      api_kserve_ready,     NULL,             0, NONE,     NULL,                       HTTP_FAST | HTTP_OPEN | HTTP_ERROR_TEXT, HTTP_PUBLIC, "is it ready for work" },
    { GET,    "/v2/models/{name}",                     api_kserve_model,     NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "its tensors and versions" },
    { GET,    "/v2/models/{name}/versions/{v}",        api_kserve_model,     NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "the same of a version" },
    { GET,    "/v2/models/{name}/ready",               api_kserve_model_ready, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "can it be asked" },
    { GET,    "/v2/models/{name}/config",               api_kserve_config, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "its tensors, as Triton configures them" },
    { GET,    "/v2/models/{name}/versions/{v}/ready",  api_kserve_model_ready, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "the same of a version" },
    { GET,    "/v2/models/{name}/versions/{v}/config",  api_kserve_config, NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "the same of a version" },
    { GET,    "/v2/models/{name}/stats",               api_kserve_stats,     NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "its predictions, counted" },
    { GET,    "/v2/models/{name}/versions/{v}/stats",  api_kserve_stats,     NULL,             0, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "the same" },
    { POST,   "/v2/models/{name}/infer",               api_kserve_infer,     NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "run it: JSON or binary tensors" },
    { POST,   "/v2/models/{name}/versions/{v}/infer",  api_kserve_infer,     NULL,      ROWS_MOST, NONE,     NULL,                       HTTP_FAST | HTTP_ROWS | HTTP_ERROR_TEXT, PREDICT,     "run this version" },
    { POST,   "/v2/repository/index",                  api_kserve_index,     NULL,           JSON_MOST, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "list networks" },
    { POST,   "/v2/repository/models/{name}/load",     api_kserve_load,      NULL,           JSON_MOST, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "have it in memory" },
    { POST,   "/v2/repository/models/{name}/unload",   api_kserve_unload,    NULL,           JSON_MOST, NONE,     NULL,                       HTTP_ERROR_TEXT,        PREDICT,     "have it leave the memory" },
    { GET,    "/v1/backup",                            api_backup_get,      NULL,              0,     NONE,     NULL,                       0,                      ADMIN,       "a consistent copy of the database" },
    { POST,   "/v1/keys",                              api_keys_create,     NULL,              JSON_MOST, JSON,     NULL,                       0,                      ADMIN,       "make a key, which is shown this once" },
    { GET,    "/v1/keys",                              api_keys_list,       NULL,              0,     NONE,     "limit,after",              0,                      ADMIN,       "list keys: names and scopes" },
    { DELETE, "/v1/keys/{name}",                       api_keys_delete,     NULL,              0,     NONE,     NULL,                       0,                      ADMIN,       "revoke a key" },
};
/* clang-format on */

void
api_init(void)
{
    codec_json_init();
}

const struct http_route *
api_routes(size_t *out_n)
{
    *out_n = COUNT_OF(routes);
    return routes;
}
