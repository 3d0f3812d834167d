/*
 * kserve.c - the Open Inference Protocol, version 2, and what clients of it use
 * of Triton's extensions: binary tensors, classification, statistics, the
 * repository
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/prediction.h"
#include "base/json_write.h"
#include "base/num.h"
#include "codec/infer.h"
#include "codec/write.h"

#define HEADER_LENGTH "Inference-Header-Content-Length"
#define MAX_VERSIONS 1000

enum err
api_kserve_server(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    (void)ctx, (void)req, (void)e;
    buf_puts(&rep->body,
             "{\"name\":\"backpropd\",\"version\":\"" PACKAGE_VERSION
             "\",\"extensions\":[\"binary_tensor_data\",\"classification\","
             "\"statistics\",\"model_repository\"]}");
    return ERR_OK;
}

enum err
api_kserve_live(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    (void)ctx, (void)req, (void)e;
    buf_puts(&rep->body, "{\"live\":true}");
    return ERR_OK;
}

enum err
api_kserve_ready(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    enum err rc = api_ready_get(ctx, req, rep, e);

    if (rc == ERR_OK) {
        buf_reset(&rep->body);
        buf_puts(&rep->body, "{\"ready\":true}");
    }
    return rc;
}

/* --- models --------------------------------------------------------------- */

/* The versions of a network that can be asked for, or the one of the path. */
static enum err
list_versions(struct api_ctx *api, const struct http_request *req,
              const struct serving_model *model, int64_t out[MAX_VERSIONS],
              size_t *out_n, struct errinfo *e)
{
    struct store_network  network = { 0 };
    struct store_version *row = NULL;
    size_t                n = 0;
    enum err              rc;

    if (req->arg[1] != NULL) {
        out[0] = serving_model_version(model);
        *out_n = 1;
        return ERR_OK;
    }
    rc = store_network_get(api->store, req->arg[0], &network, e);
    if (rc == ERR_OK)
        rc = store_version_list(api->store, network.id, -1, MAX_VERSIONS, &row,
                                &n, e);
    store_network_release(&network);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        out[i] = row[i].version;
        store_version_release(&row[i]);
    }
    free(row);
    *out_n = n;
    return ERR_OK;
}

enum err
api_kserve_config(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct serving_model *model;
    const struct nn_net  *net;
    int64_t               version;
    enum err              rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = api_prediction_find(ctx, req, req->arg[0], version, &model, e);
    if (rc != ERR_OK)
        return rc;
    net = serving_model_net(model);
    codec_infer_config(req->arg[0], nn_net_spec(net),
                       serving_model_encoder(model), nn_net_n_out(net),
                       &rep->body);
    serving_model_unref(model);
    return ERR_OK;
}

enum err
api_kserve_model_ready(void *ctx, const struct http_request *req,
                       struct http_reply *rep, struct errinfo *e)
{
    struct serving_model *model;
    int64_t               version;
    enum err              rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = api_prediction_find(ctx, req, req->arg[0], version, &model, e);
    if (rc != ERR_OK)
        return rc;
    write_begin(&rep->body);
    write_text(&rep->body, "name", req->arg[0]);
    write_bool(&rep->body, "ready", true);
    write_end(&rep->body);
    serving_model_unref(model);
    return ERR_OK;
}

/* --- inference ------------------------------------------------------------ */

struct asked {
    struct codec_infer  infer;
    struct api_protocol how;
};

/* What will be written for an output of the network. */
static void
expect_answer(struct asked *asked)
{
    const struct codec_infer *infer = &asked->infer;
    size_t                    bytes = 0;

    for (size_t i = 0; i < infer->n_outputs; i++) {
        const struct codec_infer_output *out = &infer->output[i];

        if (out->classification > 0)
            bytes += API_BEST_BYTES;
        else if (out->binary && !out->is_label)
            bytes += 2 * API_BINARY_BYTES; /* gathered before they are put
                                              behind the JSON */
        else if (!out->is_label)
            bytes += API_TEXT_BYTES;
    }
    asked->how.output_bytes = bytes;
    if (infer->n_outputs == 1)
        asked->how.n_best = infer->output[0].classification;
}

static enum err
read_rows(void *arg, const struct http_request *req,
          const struct serving_model *model, struct codec_predict *out,
          struct errinfo *e)
{
    struct asked       *asked = arg;
    struct codec_infer *infer = &asked->infer;
    const char         *header = http_request_header(req, HEADER_LENGTH);
    uint64_t            json_len = req->body_len;
    enum err            rc;

    if (header != NULL && (!num_parse_u64(header, strlen(header), &json_len) ||
                           json_len > req->body_len))
        return err_set(e, ERR_MALFORMED, "",
                       HEADER_LENGTH " must be the length of the JSON, at most "
                                     "the %zu bytes of the body",
                       req->body_len);
    rc = codec_infer_parse(req->body, req->body_len, (size_t)json_len,
                           serving_model_width(model),
                           serving_model_encoder(model), infer, e);
    if (rc == ERR_OK) {
        *out = infer->rows; /* who asked for the rows frees them */
        infer->rows.raw = NULL;
        expect_answer(asked);
    }
    return rc;
}

enum err
api_kserve_infer(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct asked              asked = { .how = { .read = read_rows,
                                                 .arg = &asked,
                                                 .output_bytes = API_TEXT_BYTES } };
    struct api_prediction     p = { 0 };
    struct codec_infer_answer answer;
    int64_t                   version;
    size_t                    json_len = 0;
    enum err                  rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = api_prediction_make(ctx, req, req->arg[0], version, &asked.how,
                                 rep, &p, e);
    if (rc != ERR_OK)
        goto out;
    answer = (struct codec_infer_answer){
        .network = req->arg[0],
        .version = serving_model_version(p.model),
        .y = p.y,
        .n_rows = p.n_rows,
        .n_out = p.n_out,
        .label = p.label,
        .encoder = serving_model_encoder(p.model),
    };
    rep->body.max = GIB;
    rc = codec_infer_format(&asked.infer, &answer, &rep->body, &json_len, e);
    if (rc == ERR_OK && json_len > 0) {
        rep->content_type = "application/octet-stream";
        http_reply_header(rep, HEADER_LENGTH, "%zu", json_len);
    }
out:
    api_prediction_release(&p);
    codec_infer_release(&asked.infer);
    return rc;
}

/* --- statistics ----------------------------------------------------------- */

static void
write_duration(struct buf *out, const char *name, uint64_t count, uint64_t ns)
{
    write_member(out, name);
    buf_printf(out, "{\"count\":%" PRIu64 ",\"ns\":%" PRIu64 "}", count, ns);
}

struct statistics {
    const struct api_metrics *metrics;
    struct buf               *out;
};

/* Requests are not queued, and reading and writing them is not timed apart. */
static void
write_statistics(void *arg, const struct store_network *row)
{
    static const char *const      parts[] = { "queue",          "compute_input",
                                              "compute_output", "cache_hit",
                                              "cache_miss",     "fail" };
    struct statistics            *s = arg;
    struct buf                   *out = s->out;
    const struct metrics_network *m =
        api_metrics_network(s->metrics, row->name);
    uint64_t n = m != NULL ? atomic_load(&m->n_predictions) : 0;
    uint64_t ns = m != NULL ? atomic_load(&m->run_ns) : 0;
    int64_t  version =
        row->serving_version >= 0 ? row->serving_version : row->latest_version;

    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    write_begin(out);
    write_text(out, "name", row->name);
    write_member(out, "version");
    buf_printf(out, "\"%" PRId64 "\"", version);
    write_count(out, "last_inference",
                m != NULL ? (uint64_t)atomic_load(&m->last_ms) : 0);
    write_count(out, "inference_count",
                m != NULL ? atomic_load(&m->n_rows) : 0);
    write_count(out, "execution_count", n);
    write_member(out, "inference_stats");
    write_begin(out);
    write_duration(out, "success", n, ns);
    write_duration(out, "compute_infer", n, ns);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        write_duration(out, parts[i], 0, 0);
    write_end(out);
    write_json(out, "batch_stats", "[]");
    write_end(out);
}

/* Is the version there that the path names, where it names one?  What is
 * counted is counted for all of them. */
static enum err
find_version(struct api_ctx *api, const struct http_request *req,
             struct errinfo *e)
{
    struct store_network network = { 0 };
    struct store_version row = { 0 };
    int64_t              version;
    enum err             rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = store_network_get(api->store, req->arg[0], &network, e);
    if (rc == ERR_OK && version >= 0)
        rc = store_version_get(api->store, network.id, version, &row, e);
    store_version_release(&row);
    store_network_release(&network);
    return rc;
}

/* Of one network; NULL: of all. */
static enum err
reply_statistics(struct api_ctx *api, const char *name, struct http_reply *rep,
                 struct errinfo *e)
{
    struct statistics    s = { api->metrics, &rep->body };
    struct store_network row = { 0 };
    enum err             rc = ERR_OK;

    buf_puts(&rep->body, "{\"model_stats\":[");
    if (name == NULL) {
        rc = api_networks_each(api->store, write_statistics, &s, e);
    } else {
        rc = store_network_get(api->store, name, &row, e);
        if (rc == ERR_OK)
            write_statistics(&s, &row);
        store_network_release(&row);
    }
    buf_puts(&rep->body, "]}");
    return rc;
}

enum err
api_kserve_stats(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    enum err rc = find_version(ctx, req, e);

    return rc == ERR_OK ? reply_statistics(ctx, req->arg[0], rep, e) : rc;
}

/* "stats" in place of a name are the statistics of all, as Triton has it. */
enum err
api_kserve_model(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct serving_model *model = NULL;
    const struct nn_net  *net;
    int64_t               version, versions[MAX_VERSIONS];
    size_t                n = 0;
    enum err              rc;

    if (req->arg[1] == NULL && strcmp(req->arg[0], "stats") == 0)
        return reply_statistics(ctx, NULL, rep, e);
    rc = api_model_version(req, &version, e);
    if (rc == ERR_OK)
        rc = api_prediction_find(ctx, req, req->arg[0], version, &model, e);
    if (rc == ERR_OK)
        rc = list_versions(ctx, req, model, versions, &n, e);
    if (rc == ERR_OK) {
        net = serving_model_net(model);
        codec_infer_metadata(req->arg[0], versions, n, nn_net_spec(net),
                             serving_model_encoder(model), nn_net_n_out(net),
                             &rep->body);
    }
    serving_model_unref(model);
    return rc;
}

/* --- the repository ------------------------------------------------------- */

static void
write_index(void *arg, const struct store_network *row)
{
    struct buf *out = arg;
    int64_t     version =
        row->serving_version >= 0 ? row->serving_version : row->latest_version;

    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    write_begin(out);
    write_text(out, "name", row->name);
    write_member(out, "version");
    buf_printf(out, "\"%" PRId64 "\"", version);
    write_text(out, "state", "READY");
    write_text(out, "reason", "");
    write_end(out);
}

enum err
api_kserve_index(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    enum err        rc;

    (void)req;
    buf_putc(&rep->body, '[');
    rc = api_networks_each(api->store, write_index, &rep->body, e);
    buf_putc(&rep->body, ']');
    return rc;
}

/* Every network is ready at any time; this has it in memory before it is asked.
 */
enum err
api_kserve_load(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct serving_model *model = NULL;
    enum err              rc;

    (void)rep;
    rc = serving_registry_get(api->registry, req->arg[0], -1, &model, e);
    serving_model_unref(model);
    return rc;
}

/* It leaves the memory, and comes back when it is asked. */
enum err
api_kserve_unload(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct store_network row = { 0 };
    enum err             rc;

    (void)rep;
    rc = store_network_get(api->store, req->arg[0], &row, e);
    store_network_release(&row);
    if (rc == ERR_OK)
        serving_registry_forget(api->registry, req->arg[0]);
    return rc;
}
