#include <stdlib.h>

#include "api/internal.h"
#include "codec/gradient_check.h"

enum err
api_gradient_check(void *ctx, const struct http_request *req,
                   struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx             *api = ctx;
    struct serving_model       *model = NULL;
    const struct nn_net        *net;
    struct codec_gradient_check rows = { 0 };
    struct nn_check             check;
    int64_t                     version;
    size_t                      bytes = 0, taken = 0;
    enum err                    rc;

    rc = codec_predict_version(req->body, req->body_len, &version, e);
    if (rc == ERR_OK)
        rc = serving_registry_get(api->registry, req->arg[0], version, &model,
                                  e);
    if (rc != ERR_OK)
        return rc;
    net = serving_model_net(model);
    rc = codec_gradient_check_parse(req->body, req->body_len, net,
                                    serving_model_encoder(model), &rows, e);
    if (rc == ERR_OK)
        rc = nn_check_bytes(net, rows.n, &bytes, e);
    if (rc == ERR_OK)
        rc = mem_budget_take(api->budget, bytes, "the check", e);
    if (rc != ERR_OK)
        goto out;
    taken = bytes;
    rc = nn_check_gradient(net, rows.x, rows.t, rows.n, &check, e);
    if (rc == ERR_OK)
        codec_gradient_check_format(req->arg[0], serving_model_version(model),
                                    net, &check, rows.n, &rep->body);
out:
    mem_budget_give(api->budget, taken);
    free(rows.x);
    free(rows.t);
    serving_model_unref(model);
    return rc;
}
