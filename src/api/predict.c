#include <stdlib.h>

#include "api/internal.h"
#include "codec/predict.h"

/* Multiply-adds that a request may cost on the server's own threads: about
 * half a millisecond.  What is larger goes to the slow lane. */
#define FAST_MULTIPLY_ADDS 4e6

/*
 * The model that answers, and the rows read as it reads them.  A body that
 * asks for another version is read again by that version's encoder, because
 * only the body tells.
 */
static enum err
model_and_rows(struct api_ctx *api, const struct http_request *req,
               struct serving_model **out_model, struct codec_predict *out,
               struct errinfo *e)
{
    const char           *name = req->arg[0];
    struct serving_model *model = NULL;
    struct codec_predict  asked = { 0 };
    int64_t               version = -1;
    enum err              rc;

    model = serving_registry_find_ref(api->registry, name);
    if (model == NULL && !req->may_block)
        return ERR_WOULDBLOCK;
    if (model == NULL)
        rc = serving_registry_get(api->registry, name, -1, &model, e);
    else
        rc = ERR_OK;

    while (rc == ERR_OK) {
        rc = codec_predict_parse(req->body, req->body_len,
                                 nn_net_spec(serving_model_net(model)),
                                 serving_model_encoder(model), &asked, e);
        if (rc != ERR_OK)
            break;
        version = asked.version;
        if (version == -1 || version == serving_model_version(model))
            break;
        free(asked.raw);
        asked.raw = NULL;
        serving_model_unref(model);
        model = NULL;
        rc = req->may_block
                 ? serving_registry_get(api->registry, name, version, &model, e)
                 : ERR_WOULDBLOCK;
    }
    if (rc != ERR_OK) {
        serving_model_unref(model);
        return rc;
    }
    *out_model = model;
    *out = asked;
    return ERR_OK;
}

enum err
api_predict(void *ctx, const struct http_request *req, struct http_reply *rep,
            struct errinfo *e)
{
    struct serving_model *model = NULL;
    struct codec_predict  asked = { 0 };
    const struct nn_net  *net;
    const char          **label = NULL;
    float                *y = NULL;
    size_t                n_out;
    enum err              rc;

    rc = model_and_rows(ctx, req, &model, &asked, e);
    if (rc != ERR_OK)
        return rc;
    net = serving_model_net(model);
    n_out = nn_net_n_out(net);
    if (!req->may_block && (double)asked.n_rows * (double)nn_net_n_params(net) >
                               FAST_MULTIPLY_ADDS) {
        rc = ERR_WOULDBLOCK;
        goto out;
    }

    y = mem_array(asked.n_rows * n_out, sizeof(*y), GIB);
    label = mem_array(asked.n_rows, sizeof(*label), GIB);
    if (y == NULL || label == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    rc = serving_predict(model, asked.raw, asked.n_rows, y, e);
    if (rc != ERR_OK)
        goto out;
    codec_predict_format(
        req->arg[0], serving_model_version(model), y, asked.n_rows, n_out,
        serving_labels(model, y, asked.n_rows, label) ? label : NULL,
        &rep->body);
    api_metrics_predicted(((struct api_ctx *)ctx)->metrics, req->arg[0],
                          asked.n_rows);
out:
    free(label);
    free(y);
    free(asked.raw);
    serving_model_unref(model);
    return rc;
}

enum err
api_evaluate(void *ctx, const struct http_request *req, struct http_reply *rep,
             struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct codec_evaluate asked;
    struct serving_model *model = NULL;
    enum err              rc;

    rc = codec_evaluate_parse(req->body, req->body_len, &asked, e);
    if (rc == ERR_OK)
        rc = serving_registry_get(api->registry, req->arg[0], asked.version,
                                  &model, e);
    if (rc != ERR_OK)
        return rc;
    rc = serving_evaluate(api->registry, model, req->arg[0], asked.dataset,
                          &rep->body, e);
    serving_model_unref(model);
    return rc;
}
