#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/digest.h"
#include "codec/list.h"
#include "codec/network.h"

/* The network called name, as the client sees it. */
static enum err
reply_network(struct api_ctx *api, const char *name, struct http_reply *rep,
              struct errinfo *e)
{
    struct store_network row = { 0 };
    enum err             rc;

    rc = store_network_get(api->store, name, &row, e);
    if (rc != ERR_OK)
        return rc;
    rc = codec_network_format(&row, &rep->body, e);
    store_network_release(&row);
    return rc;
}

static enum err
check_size(struct api_ctx *api, size_t n_parameters, struct errinfo *e)
{
    if (api->parameters_max == 0 || n_parameters <= api->parameters_max)
        return ERR_OK;
    return err_named(e,
                     err_set(e, ERR_INVALID, "/layers",
                             "give %zu parameters, and a network may have %u "
                             "here (parameters_max)",
                             n_parameters, api->parameters_max),
                     "too_many_parameters");
}

/* Store the network with its initial weights as version 0. */
static enum err
insert_initial(struct api_ctx *api, const struct codec_network *asked,
               struct errinfo *e)
{
    struct store_network row = { 0 };
    struct store_version version = { 0 };
    struct nn_net       *net = NULL;
    struct buf           spec = { 0 };
    uint8_t              digest[DIGEST_SIZE];
    char                 hex[DIGEST_HEX_SIZE];
    void                *weights = NULL;
    int64_t              id;
    enum err             rc;

    rc = nn_net_new(&asked->spec, &net, e);
    if (rc != ERR_OK)
        goto out;
    rc = check_size(api, nn_net_n_params(net), e);
    if (rc != ERR_OK)
        goto out;
    nn_net_init(net, asked->spec.seed);
    version.n_bytes = nn_net_params_bytes(net);
    weights = mem_array(version.n_bytes, 1, 0);
    codec_spec_format(&asked->spec, &spec);
    if (weights == NULL || spec.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    nn_net_export(net, weights);
    digest_bytes(weights, version.n_bytes, digest);
    digest_hex(digest, hex);

    row.name = (char *)asked->name;
    row.spec = spec.data;
    row.serving_version = -1;
    row.keep_versions = asked->keep_versions;
    row.created_ms = version.created_ms = clock_wall_ms();
    version.sha256 = hex;
    version.weights = weights;
    rc = store_network_insert(api->store, &row, &version, &id, e);
out:
    free(weights);
    buf_release(&spec);
    nn_net_free(net);
    return rc;
}

enum err
api_networks_create(void *ctx, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct codec_network asked;
    size_t               bytes;
    enum err             rc;

    rc = codec_network_parse(req->body, req->body_len, api->store, &asked, e);
    if (rc != ERR_OK)
        return rc;

    /* The net, and its bytes on their way to the store. */
    bytes = 2 * nn_net_bytes(&asked.spec);
    rc = mem_budget_take(api->budget, bytes, "the network", e);
    if (rc != ERR_OK)
        return rc;
    rc = insert_initial(api, &asked, e);
    mem_budget_give(api->budget, bytes);
    if (rc != ERR_OK)
        return rc;

    rep->status = 201;
    http_reply_header(rep, "Location", "/v1/networks/%s", asked.name);
    return reply_network(api, asked.name, rep, e);
}

enum err
api_networks_list(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct store_network *row = NULL;
    size_t                limit, n = 0;
    enum err              rc;

    rc = http_request_limit(req, &limit, e);
    if (rc != ERR_OK)
        return rc;
    rc = store_network_list(api->store, http_request_query(req, "after"),
                            limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;

    codec_list_begin(&rep->body);
    for (size_t i = 0; rc == ERR_OK && i < n && i < limit; i++) {
        codec_list_next(&rep->body, i);
        rc = codec_network_format(&row[i], &rep->body, e);
    }
    codec_list_end_name(&rep->body, n > limit ? row[limit - 1].name : NULL);

    for (size_t i = 0; i < n; i++)
        store_network_release(&row[i]);
    free(row);
    return rc;
}

enum err
api_networks_get(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    return reply_network(ctx, req->arg[0], rep, e);
}

enum err
api_networks_patch(void *ctx, const struct http_request *req,
                   struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx             *api = ctx;
    struct codec_patch          patch;
    struct store_network_change change = { 0 };
    enum err                    rc;

    rc = codec_patch_parse(req->body, req->body_len, &patch, e);
    if (rc != ERR_OK)
        return rc;
    if (patch.pins)
        change.serving_version = &patch.serving_version;
    if (patch.keeps)
        change.keep_versions = &patch.keep_versions;
    rc = store_network_update(api->store, req->arg[0], &change, e);
    if (rc != ERR_OK)
        return rc;
    serving_registry_refresh(api->registry, req->arg[0]);
    return reply_network(api, req->arg[0], rep, e);
}

enum err
api_networks_delete(void *ctx, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    enum err        rc;

    rc = store_network_delete(api->store, req->arg[0], e);
    if (rc != ERR_OK)
        return rc;
    serving_registry_forget(api->registry, req->arg[0]);
    rep->status = 204;
    return ERR_OK;
}
