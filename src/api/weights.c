#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/num.h"
#include "codec/dataset.h"
#include "codec/list.h"
#include "codec/network.h"
#include "codec/safetensors.h"
#include "codec/stored.h"

enum err
api_number(const char *segment, const char *what, int64_t *out,
           struct errinfo *e)
{
    uint64_t n;
    size_t   len = strlen(segment);

    /* One spelling a number: "01" is no other name for 1. */
    if (!num_parse_u64(segment, len, &n) || n > INT64_MAX ||
        (len > 1 && segment[0] == '0'))
        return err_set(e, ERR_NOTFOUND, "", "there is no %s '%.40s'", what,
                       segment);
    *out = (int64_t)n;
    return ERR_OK;
}

enum err
api_query_number(const struct http_request *req, const char *name, int64_t *out,
                 struct errinfo *e)
{
    uint64_t n;
    enum err rc;

    if (http_request_query(req, name) == NULL)
        return ERR_OK;
    rc = http_request_query_u64(req, name, &n, e);
    if (rc == ERR_OK)
        *out = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    return rc;
}

enum err
api_versions_list(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct store_network  network = { 0 };
    struct store_version *row = NULL;
    size_t                limit, n = 0;
    int64_t               after = -1; /* version 0 comes first */
    enum err              rc;

    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = api_query_number(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = store_network_get(api->store, req->arg[0], &network, e);
    if (rc != ERR_OK)
        return rc;
    rc = store_version_list(api->store, network.id, after, limit + 1, &row, &n,
                            e);
    store_network_release(&network);
    if (rc != ERR_OK)
        return rc;

    codec_list_begin(&rep->body);
    for (size_t i = 0; i < n && i < limit; i++) {
        codec_list_next(&rep->body, i);
        codec_version_format(&row[i], &rep->body);
    }
    codec_list_end_number(&rep->body, n > limit ? row[limit - 1].version : -1);

    for (size_t i = 0; i < n; i++)
        store_version_release(&row[i]);
    free(row);
    return ERR_OK;
}

enum err
api_versions_get(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct store_network network = { 0 };
    struct store_version row = { 0 };
    int64_t              version;
    enum err             rc;

    rc = api_number(req->arg[1], "version", &version, e);
    if (rc == ERR_OK)
        rc = store_network_get(api->store, req->arg[0], &network, e);
    if (rc != ERR_OK)
        return rc;
    rc = store_version_get(api->store, network.id, version, &row, e);
    if (rc == ERR_OK)
        codec_version_format(&row, &rep->body);
    store_version_release(&row);
    store_network_release(&network);
    return rc;
}

/* By ?format= or Accept: 0 JSON, else safetensors, which has no media type of
 * its own but is called by these. */
static enum err
weights_form(const struct http_request *req, int *out, struct errinfo *e)
{
    static const char *const types[] = { "application/json",
                                         "application/octet-stream",
                                         "application/safetensors", NULL };
    const char              *format = http_request_query(req, "format");

    *out = http_request_prefers(req, types);
    if (format == NULL && *out >= 0)
        return ERR_OK;
    if (format == NULL)
        return err_set(e, ERR_ACCEPT, "",
                       "weights can be had as application/json, and as "
                       "safetensors, application/octet-stream");
    *out = strcmp(format, "json") != 0;
    if (*out != 0 && strcmp(format, "safetensors") != 0)
        return err_set(
            e, ERR_MALFORMED, "",
            "query parameter \"format\" must be json or safetensors, "
            "got \"%.40s\"",
            format);
    return ERR_OK;
}

enum err
api_versions_delete(void *ctx, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    int64_t         version;
    enum err        rc;

    rc = api_number(req->arg[1], "version", &version, e);
    if (rc == ERR_OK)
        rc = store_version_delete(api->store, req->arg[0], version, e);
    if (rc != ERR_OK)
        return rc;
    serving_registry_refresh(api->registry, req->arg[0]);
    rep->status = 204;
    return ERR_OK;
}

enum err
api_weights_get(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx         *api = ctx;
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    int64_t                 version;
    size_t                  bytes;
    int                     form = 0;
    enum err                rc;

    rc = api_number(req->arg[1], "version", &version, e);
    if (rc == ERR_OK)
        rc = weights_form(req, &form, e);
    if (rc == ERR_OK)
        rc = codec_stored_net_bytes(api->store, req->arg[0], &bytes, e);
    if (rc != ERR_OK)
        return rc;
    /* Beside the net about 12 characters of text a float, or its bytes. */
    size_t answer = form == 0 ? 3 * bytes : bytes;
    rc = mem_budget_take(api->budget, bytes + answer, "the weights to send", e);
    if (rc != ERR_OK)
        return rc;
    rep->budget = api->budget; /* until the client has read it */
    rep->n_taken = answer;
    rc = codec_stored_net(api->store, req->arg[0], version, &net, &encoder,
                          &version, e);
    if (rc == ERR_OK) {
        rep->body.max = 16 * GIB;
        if (form == 0) {
            codec_weights_format(net, &rep->body);
        } else {
            codec_safetensors_format(net, &rep->body);
            rep->content_type = "application/octet-stream";
            http_reply_header(rep, "Content-Disposition",
                              "attachment; filename=\"%s-%lld.safetensors\"",
                              req->arg[0], (long long)version);
        }
    }
    nn_net_free(net);
    dataset_encoder_free(encoder);
    mem_budget_give(api->budget, bytes);
    return rc;
}

/* --- PUT /v1/networks/{name}/weights -------------------------------------- */

struct upload {
    struct api_ctx           *api;
    int64_t                   network_id;
    struct nn_net            *net;     /* of the latest version, overwritten */
    struct dataset_encoder   *encoder; /* of the latest version, carried on  */
    struct codec_weights     *reader;  /* of JSON; NULL:             */
    struct codec_safetensors *tensors; /* of this                    */
    size_t                    bytes;   /* taken from the budget */
};

static void
weights_abort(void *state)
{
    struct upload *up = state;

    codec_weights_free(up->reader);
    codec_safetensors_free(up->tensors);
    dataset_encoder_free(up->encoder);
    nn_net_free(up->net);
    mem_budget_give(up->api->budget, up->bytes);
    free(up);
}

/* The network by its id from now on: its name may be another one's by the time
 * that the weights are here. */
static enum err
upload_open(struct upload *up, const char *network, struct errinfo *e)
{
    struct store_network row = { 0 };
    int64_t              version;
    enum err rc = store_network_get(up->api->store, network, &row, e);

    if (rc != ERR_OK)
        return rc;
    up->network_id = row.id;
    rc = codec_stored_net_row(up->api->store, &row, STORE_LATEST, &up->net,
                              &up->encoder, &version, e);
    store_network_release(&row);
    return rc;
}

static enum err
weights_begin(void *ctx, const struct http_request *req, void **state,
              struct errinfo *e)
{
    struct upload *up = mem_array(1, sizeof(*up), 0);
    size_t         bytes;
    enum err       rc;

    if (up == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    up->api = ctx;
    rc = codec_stored_net_bytes(up->api->store, req->arg[0], &bytes, e);
    if (rc != ERR_OK)
        goto out;
    rc = mem_budget_take(up->api->budget, 2 * bytes, "the weights", e);
    if (rc != ERR_OK)
        goto out;
    up->bytes = 2 * bytes; /* the net, and its bytes on the way to the store */
    rc = upload_open(up, req->arg[0], e);
    if (rc != ERR_OK)
        goto out;
    rc = strcmp(req->content_type, "application/json") == 0
             ? codec_weights_new(up->net, &up->reader, e)
             : codec_safetensors_new(up->net, &up->tensors, e);
    if (rc != ERR_OK)
        goto out;
    *state = up;
    up = NULL;
out:
    if (up != NULL)
        weights_abort(up);
    return rc;
}

static enum err
weights_piece(void *state, const void *p, size_t len, struct errinfo *e)
{
    struct upload *up = state;

    return up->reader != NULL ? codec_weights_feed(up->reader, p, len, e)
                              : codec_safetensors_feed(up->tensors, p, len, e);
}

/*
 * The encoder of the latest version goes with the new weights, so that weights
 * that were read from it and put back predict the same.
 */
static enum err
weights_end(void *state, const struct http_request *req, struct http_reply *rep,
            struct errinfo *e)
{
    struct upload       *up = state;
    struct store_version row = { 0 };
    struct buf           encoder = { 0 };
    uint8_t              digest[DIGEST_SIZE];
    char                 hex[DIGEST_HEX_SIZE];
    void                *weights = NULL;
    enum err             rc;

    rc = up->reader != NULL ? codec_weights_end(up->reader, e)
                            : codec_safetensors_end(up->tensors, e);
    if (rc != ERR_OK)
        goto out;
    row.n_bytes = nn_net_params_bytes(up->net);
    weights = mem_array(row.n_bytes, 1, 0);
    if (up->encoder != NULL)
        codec_encoder_format(up->encoder, &encoder);
    if (weights == NULL || encoder.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    nn_net_export(up->net, weights);
    digest_bytes(weights, row.n_bytes, digest);
    digest_hex(digest, hex);

    row.network_id = up->network_id;
    row.encoder = encoder.data;
    row.sha256 = hex;
    row.weights = weights;
    row.created_ms = clock_wall_ms();
    rc = store_version_insert(up->api->store, &row, &row.version, e);
    if (rc != ERR_OK)
        goto out;
    serving_registry_refresh(up->api->registry, req->arg[0]);

    /* What was stored, not what is: it may be replaced already. */
    rep->status = 201;
    http_reply_header(rep, "Location", "/v1/networks/%s/versions/%lld",
                      req->arg[0], (long long)row.version);
    codec_version_format(&row, &rep->body);
out:
    buf_release(&encoder);
    free(weights);
    weights_abort(up);
    return rc;
}

const struct http_stream api_weights_put = {
    .begin = weights_begin,
    .piece = weights_piece,
    .end = weights_end,
    .abort = weights_abort,
};
