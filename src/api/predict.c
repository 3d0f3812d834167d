#include <string.h>

#include "api/prediction.h"
#include "base/num.h"
#include "codec/answer.h"
#include "codec/rows.h"
#include "codec/write.h"
#include "training/snapshot.h"

#define JSON "application/json"
#define BINARY "application/octet-stream"
#define NPY "application/x-npy"

/* Rows in the form that the media type says. */
static enum err
read_rows(void *arg, const struct http_request *req,
          const struct serving_model *model, struct codec_predict *out,
          struct errinfo *e)
{
    const struct dataset_encoder *encoder = serving_model_encoder(model);
    const struct nn_spec         *spec = nn_net_spec(serving_model_net(model));
    size_t                        width = serving_model_width(model);
    bool                          may_lack = encoder != NULL, read = false;
    enum err                      rc = ERR_OK;

    (void)arg;
    if (strcmp(req->content_type, JSON) == 0) {
        if (dataset_encoder_takes_numbers(encoder))
            rc = codec_rows_read(req->body, req->body_len, "\"inputs\"", width,
                                 may_lack, &read, out, e);
        if (rc != ERR_OK || read)
            return rc;
        return codec_predict_parse(req->body, req->body_len, spec, encoder, out,
                                   e);
    }
    if (!dataset_encoder_takes_numbers(encoder))
        return err_set(e, ERR_INVALID, "/inputs",
                       "this version has columns of words; send its rows as "
                       "JSON");
    return strcmp(req->content_type, NPY) == 0
               ? codec_rows_npy(req->body, req->body_len, width, may_lack, out,
                                e)
               : codec_rows_binary(req->body, req->body_len, width, may_lack,
                                   out, e);
}

/* ?job=: by the last checkpoint of a job that runs. */
static enum err
predict_snapshot(struct api_ctx *api, const struct http_request *req,
                 const char *name, const struct api_protocol *how,
                 struct http_reply *rep, struct codec_source *source,
                 struct api_prediction *out, struct errinfo *e)
{
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    struct serving_model   *model = NULL;
    enum err                rc;

    if (!req->may_block)
        return ERR_WOULDBLOCK;
    rc = api_number(name, "job", &source->job, e);
    if (rc == ERR_OK)
        rc = training_snapshot(api->store, req->arg[0], source->job, &net,
                               &encoder, &source->epoch, e);
    if (rc == ERR_OK)
        rc = serving_registry_wrap(api->registry, net, encoder, &model, e);
    if (rc == ERR_OK)
        rc = api_prediction_by(api, req, req->arg[0], model, how, rep, out, e);
    return rc;
}

/* ?top=, of an answer in JSON: so many of the best classes. */
static enum err
read_top(const struct http_request *req, struct api_protocol *how,
         struct errinfo *e)
{
    const char *top = http_request_query(req, "top");

    if (top == NULL)
        return ERR_OK;
    if (!num_parse_u64(top, strlen(top), &how->n_best) || how->n_best == 0)
        return err_set(e, ERR_MALFORMED, "",
                       "query parameter \"top\" must be a whole number from 1, "
                       "got \"%.40s\"",
                       top);
    how->output_bytes = API_BEST_BYTES;
    return ERR_OK;
}

/* k 0: not the best classes, but all outputs. */
static enum err
reply_json(const struct codec_source *source, const struct api_prediction *p,
           uint64_t k, struct http_reply *rep, struct errinfo *e)
{
    if (k == 0) {
        codec_predict_format(source, p->y, p->n_rows, p->n_out, p->label,
                             &rep->body);
        return ERR_OK;
    }
    return codec_answer_top(source, p->y, p->n_rows, p->n_out,
                            serving_model_encoder(p->model), k, &rep->body, e);
}

enum err
api_predict(void *ctx, const struct http_request *req, struct http_reply *rep,
            struct errinfo *e)
{
    static const char *const forms[] = { JSON, BINARY, NPY, NULL };
    struct api_protocol      how = { .read = read_rows,
                                     .output_bytes = API_BINARY_BYTES };
    struct codec_source      source = { .network = req->arg[0] };
    struct api_prediction    p = { 0 };
    const char              *job = http_request_query(req, "job");
    int                      form = http_request_prefers(req, forms);
    enum err                 rc = ERR_OK;

    if (form < 0)
        return err_set(e, ERR_ACCEPT, "",
                       "predictions can be had as " JSON ", " BINARY
                       " and " NPY);
    if (form == 0) {
        how.output_bytes = API_TEXT_BYTES;
        rc = read_top(req, &how, e);
    }
    if (rc == ERR_OK && job != NULL)
        rc = predict_snapshot(ctx, req, job, &how, rep, &source, &p, e);
    else if (rc == ERR_OK)
        rc = api_prediction_make(ctx, req, req->arg[0], -1, &how, rep, &p, e);
    if (rc != ERR_OK)
        return rc;
    source.version = serving_model_version(p.model);
    rep->body.max = GIB;
    if (form == 0)
        rc = reply_json(&source, &p, how.n_best, rep, e);
    else if (form == 1)
        codec_rows_put_binary(p.y, p.n_rows, p.n_out, &rep->body);
    else
        codec_rows_put_npy(p.y, p.n_rows, p.n_out, &rep->body);
    if (rc == ERR_OK && form > 0) {
        rep->content_type = forms[form];
        if (job == NULL)
            http_reply_header(rep, "X-Model-Version", "%lld",
                              (long long)source.version);
    }
    api_prediction_release(&p);
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
