/*
 * tfserving.c - TensorFlow Serving's REST API and KServe's V1, for their
 * clients
 *
 * Both call networks models and share their paths; GET /v1/models answers what
 * each of them, and OpenAI's clients, look for in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/prediction.h"
#include "base/json_write.h"
#include "codec/tfserving.h"
#include "codec/write.h"

static enum err
read_rows(void *arg, const struct http_request *req,
          const struct serving_model *model, struct codec_predict *out,
          struct errinfo *e)
{
    return codec_tfserving_parse(req->body, req->body_len,
                                 nn_net_spec(serving_model_net(model)),
                                 serving_model_encoder(model), out, arg, e);
}

/* The version in the path; -1 where there is none. */
enum err
api_model_version(const struct http_request *req, int64_t *out,
                  struct errinfo *e)
{
    *out = -1;
    return req->arg[1] != NULL ? api_number(req->arg[1], "version", out, e)
                               : ERR_OK;
}

enum err
api_tfserving_predict(void *ctx, const struct http_request *req,
                      struct http_reply *rep, struct errinfo *e)
{
    bool                      columns = false;
    const struct api_protocol how = { .read = read_rows,
                                      .arg = &columns,
                                      .output_bytes = API_TEXT_BYTES };
    struct api_prediction     p = { 0 };
    int64_t                   version;
    enum err                  rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = api_prediction_make(ctx, req, req->arg[0], version, &how, rep, &p,
                                 e);
    if (rc != ERR_OK)
        return rc;
    rep->body.max = GIB;
    codec_tfserving_format(p.y, p.n_rows, p.n_out, columns, &rep->body);
    api_prediction_release(&p);
    return ERR_OK;
}

/* Some clients write the colon as %3A: the verb is then the end of the last
 * segment. */
enum err
api_tfserving_encoded(void *ctx, const struct http_request *req,
                      struct http_reply *rep, struct errinfo *e)
{
    static const char   verb[] = "%3Apredict";
    struct http_request plain = *req;
    size_t              last = req->arg[1] != NULL ? 1 : 0;
    size_t              len = strlen(req->arg[last]), n = sizeof(verb) - 1;
    char                segment[CODEC_NAME_SIZE];

    if (len < n || len - n >= sizeof(segment) ||
        strcasecmp(req->arg[last] + len - n, verb) != 0)
        return err_set(e, ERR_NOTFOUND, "",
                       "a model is asked by :predict behind its name");
    memcpy(segment, req->arg[last], len - n);
    segment[len - n] = '\0';
    plain.arg[last] = segment;
    return api_tfserving_predict(ctx, &plain, rep, e);
}

enum err
api_tfserving_metadata(void *ctx, const struct http_request *req,
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
    codec_tfserving_metadata(req->arg[0], serving_model_version(model),
                             nn_net_spec(net), nn_net_n_out(net), &rep->body);
    serving_model_unref(model);
    return ERR_OK;
}

/* --- what there is -------------------------------------------------------- */

/* Seconds, as OpenAI's clients count. */
static void
write_model(const struct store_network *row, struct buf *out)
{
    write_text(out, "id", row->name);
    write_text(out, "object", "model");
    write_count(out, "created", (uint64_t)(row->created_ms / 1000));
    write_text(out, "owned_by", "backpropd");
}

enum err
api_models_get(void *ctx, const struct http_request *req,
               struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct store_network network = { 0 };
    struct store_version row = { 0 };
    int64_t              version;
    char                 text[24];
    enum err             rc = api_model_version(req, &version, e);

    if (rc == ERR_OK)
        rc = store_network_get(api->store, req->arg[0], &network, e);
    if (rc != ERR_OK)
        return rc;
    if (version >= 0)
        rc = store_version_get(api->store, network.id, version, &row, e);
    else /* is there, or the next one is by now */
        version = network.serving_version >= 0 ? network.serving_version
                                               : network.latest_version;
    if (rc == ERR_OK) {
        snprintf(text, sizeof(text), "%lld", (long long)version);
        write_begin(&rep->body);
        write_model(&network, &rep->body);
        write_text(&rep->body, "name", network.name);
        write_bool(&rep->body, "ready", true);
        write_member(&rep->body, "model_version_status");
        buf_puts(&rep->body, "[{\"version\":");
        json_write_string(&rep->body, text, strlen(text));
        buf_puts(&rep->body, ",\"state\":\"AVAILABLE\",\"status\":{"
                             "\"error_code\":\"OK\",\"error_message\":\"\"}}]");
        write_end(&rep->body);
    }
    store_version_release(&row);
    store_network_release(&network);
    return rc;
}

enum err
api_networks_each(struct store *store,
                  void (*fn)(void *arg, const struct store_network *row),
                  void *arg, struct errinfo *e)
{
    const size_t          page = 1000;
    struct store_network *row = NULL;
    char                  after[CODEC_NAME_SIZE] = "";
    size_t                n = page;
    enum err              rc = ERR_OK;

    while (rc == ERR_OK && n == page) {
        rc = store_network_list(store, after[0] != '\0' ? after : NULL, page,
                                &row, &n, e);
        for (size_t i = 0; rc == ERR_OK && i < n; i++) {
            fn(arg, &row[i]);
            snprintf(after, sizeof(after), "%s", row[i].name);
            store_network_release(&row[i]);
        }
        if (rc == ERR_OK)
            free(row);
    }
    return rc;
}

static void
add_name(void *arg, const struct store_network *row)
{
    struct buf *names = arg;

    if (names->len > 0)
        buf_putc(names, ',');
    json_write_string(names, row->name, strlen(row->name));
}

static void
add_model(void *arg, const struct store_network *row)
{
    struct buf *out = arg;

    if (out->data[out->len - 1] != '[')
        buf_putc(out, ',');
    write_begin(out);
    write_model(row, out);
    write_end(out);
}

enum err
api_models_list(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    struct buf      names = { 0 };
    enum err        rc;

    (void)req;
    buf_puts(&rep->body, "{\"object\":\"list\",\"data\":[");
    rc = api_networks_each(api->store, add_model, &rep->body, e);
    if (rc == ERR_OK)
        rc = api_networks_each(api->store, add_name, &names, e);
    buf_puts(&rep->body, "],\"models\":[");
    buf_append(&rep->body, names.data, names.len);
    buf_puts(&rep->body, "]}");
    rep->body.failed = rep->body.failed || names.failed;
    buf_release(&names);
    return rc;
}
