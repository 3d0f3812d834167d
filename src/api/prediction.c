#include "api/prediction.h"

#include <stdlib.h>

#include "base/clock.h"

/* Multiply-adds that a request may cost on the server's own threads: about
 * half a millisecond.  What is larger goes to the slow lane. */
#define FAST_MULTIPLY_ADDS 4e6
/* Numbers of an answer that such a thread writes, and packs. */
#define FAST_OUTPUTS 32768.0
/* Bytes of a body with words in it that such a thread reads. */
#define FAST_WORDS (4 * KIB)
/* What takes less than this is not counted: so many small answers as there can
 * be at once are some megabytes, and counting would cost each of them. */
#define SMALL_ANSWER (64 * KIB)

enum err
api_prediction_find(struct api_ctx *api, const struct http_request *req,
                    const char *network, int64_t version,
                    struct serving_model **out, struct errinfo *e)
{
    struct serving_model *model;

    if (req->may_block)
        return serving_registry_get(api->registry, network, version, out, e);
    model = serving_registry_find_ref(api->registry, network, version);
    if (model == NULL)
        return ERR_WOULDBLOCK;
    *out = model;
    return ERR_OK;
}

/* Stored bytes of the version that serves are damaged: did the body ask for
 * another one anyway? */
static bool
asks_for_another(const struct http_request *req, int64_t *out)
{
    struct errinfo e;
    int64_t        version;

    if (codec_predict_version(req->body, req->body_len, &version, &e) !=
            ERR_OK ||
        version < 0)
        return false;
    *out = version;
    return true;
}

/* Words are looked up one by one, and a text of no letters may give thousands
 * of numbers: too much for a server's own thread, but for a few of them. */
static bool
takes_long_to_read(const struct http_request  *req,
                   const struct serving_model *model)
{
    return !req->may_block && req->body_len > FAST_WORDS &&
           !dataset_encoder_takes_numbers(serving_model_encoder(model));
}

/*
 * The model that answers, and the rows as it reads them.  A body that asks for
 * another version is read again for that one, because only the body tells.
 */
static enum err
model_and_rows(struct api_ctx *api, const struct http_request *req,
               const char *network, int64_t version,
               const struct api_protocol *how, struct serving_model **out_model,
               struct codec_predict *out, struct errinfo *e)
{
    for (;;) {
        struct serving_model *model = NULL;
        struct codec_predict  asked = { 0 };
        enum err              rc;

        rc = api_prediction_find(api, req, network, version, &model, e);
        if (rc == ERR_CORRUPT && version < 0 &&
            asks_for_another(req, &version)) {
            err_clear(e);
            continue;
        }
        if (rc != ERR_OK)
            return rc;
        rc = takes_long_to_read(req, model)
                 ? ERR_WOULDBLOCK
                 : how->read(how->arg, req, model, &asked, e);
        if (rc != ERR_OK) {
            serving_model_unref(model);
            return rc;
        }
        if (asked.version < 0 ||
            asked.version == serving_model_version(model)) {
            *out_model = model;
            *out = asked;
            return ERR_OK;
        }
        version = asked.version;
        free(asked.raw);
        serving_model_unref(model);
    }
}

/* A short body may ask for a long answer: its outputs, and what is written of
 * them, which stays until the client has read it. */
static enum err
take_answer(struct api_ctx *api, struct api_prediction *p,
            const struct api_protocol *how, struct http_reply *rep,
            struct errinfo *e)
{
    size_t n = p->n_out, outputs = n * sizeof(*p->y), answer, sum;

    if (how->n_best > 0 && how->n_best < n)
        n = (size_t)how->n_best;
    answer = n * how->output_bytes;
    if (serving_model_has_classes(p->model)) {
        outputs += sizeof(*p->label);
        answer += API_TEXT_BYTES;
    }
    if (!mem_mul(p->n_rows, outputs + answer, &sum))
        return err_set(e, ERR_INVALID, "/inputs", "has too many rows");
    if (sum < SMALL_ANSWER)
        return ERR_OK;
    enum err rc = serving_registry_take(api->registry, sum, "the answer", e);
    if (rc != ERR_OK)
        return rc;
    p->budget = rep->budget = api->budget;
    p->n_taken = p->n_rows * outputs;
    rep->n_taken = p->n_rows * answer;
    return ERR_OK;
}

static enum err
run(struct api_prediction *p, const struct codec_predict *asked,
    struct errinfo *e)
{
    bool     has_classes = serving_model_has_classes(p->model);
    enum err rc;

    p->y = mem_resize(NULL, p->n_rows, p->n_out * sizeof(*p->y));
    if (has_classes)
        p->label = mem_resize(NULL, p->n_rows, sizeof(*p->label));
    if (p->y == NULL || (has_classes && p->label == NULL))
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rc = serving_predict(p->model, asked->raw, p->n_rows, p->y, e);
    if (rc == ERR_OK && has_classes)
        serving_labels(p->model, p->y, p->n_rows, p->label);
    return rc;
}

static enum err
check_rows(const struct api_ctx *api, size_t n_rows, struct errinfo *e)
{
    if (api->predict_rows == 0 || n_rows <= api->predict_rows)
        return ERR_OK;
    return err_named(e,
                     err_set(e, ERR_LIMIT, "/inputs",
                             "has %zu rows, and %u are taken here "
                             "(predict_rows): send them in several requests",
                             n_rows, api->predict_rows),
                     "too_many_inputs");
}

static bool
takes_long(const struct nn_net *net, size_t n_rows)
{
    double n = (double)n_rows;

    return n * (double)nn_net_n_params(net) > FAST_MULTIPLY_ADDS ||
           n * (double)nn_net_n_out(net) > FAST_OUTPUTS;
}

/* Run rows that were read for p's model; frees them. */
static enum err
finish(struct api_ctx *api, const struct http_request *req, const char *network,
       const struct api_protocol *how, struct http_reply *rep,
       struct api_prediction *p, struct codec_predict *asked,
       struct api_prediction *out, struct errinfo *e)
{
    const struct nn_net *net = serving_model_net(p->model);
    int64_t              start_us = clock_mono_us();
    enum err             rc = check_rows(api, asked->n_rows, e);
    unsigned             wait;

    p->n_rows = asked->n_rows;
    p->n_out = nn_net_n_out(net);
    if (rc == ERR_OK && !req->may_block && takes_long(net, asked->n_rows))
        rc = ERR_WOULDBLOCK;
    if (rc == ERR_OK && api->row_rate != NULL &&
        !rate_take(api->row_rate, req->key, (double)p->n_rows, start_us, &wait))
        rc = api_refuse_rate(
            "rows a second than one key may have predicted (row_rate)", wait,
            e);
    if (rc == ERR_OK)
        rc = take_answer(api, p, how, rep, e);
    if (rc == ERR_OK)
        rc = run(p, asked, e);
    free(asked->raw);
    if (rc != ERR_OK) {
        api_prediction_release(p);
        return rc;
    }
    api_metrics_predicted(api->metrics, network, p->n_rows, asked->n_unseen,
                          clock_mono_us() - start_us);
    *out = *p;
    return ERR_OK;
}

enum err
api_prediction_make(struct api_ctx *api, const struct http_request *req,
                    const char *network, int64_t version,
                    const struct api_protocol *how, struct http_reply *rep,
                    struct api_prediction *out, struct errinfo *e)
{
    struct api_prediction p = { 0 };
    struct codec_predict  asked = { 0 };
    enum err              rc;

    rc = model_and_rows(api, req, network, version, how, &p.model, &asked, e);
    if (rc != ERR_OK)
        return rc;
    return finish(api, req, network, how, rep, &p, &asked, out, e);
}

enum err
api_prediction_by(struct api_ctx *api, const struct http_request *req,
                  const char *network, struct serving_model *model,
                  const struct api_protocol *how, struct http_reply *rep,
                  struct api_prediction *out, struct errinfo *e)
{
    struct api_prediction p = { .model = model };
    struct codec_predict  asked = { 0 };
    enum err              rc = how->read(how->arg, req, model, &asked, e);

    if (rc == ERR_OK && asked.version >= 0) {
        free(asked.raw);
        rc = err_set(e, ERR_INVALID, "/version",
                     "a job's checkpoint is no version: leave one of them out");
    }
    if (rc != ERR_OK) {
        api_prediction_release(&p);
        return rc;
    }
    return finish(api, req, network, how, rep, &p, &asked, out, e);
}

void
api_prediction_release(struct api_prediction *p)
{
    free(p->label);
    free(p->y);
    if (p->budget != NULL)
        mem_budget_give(p->budget, p->n_taken);
    serving_model_unref(p->model);
    *p = (struct api_prediction){ 0 };
}
