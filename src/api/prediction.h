/*
 * prediction.h - what every way of asking for a prediction shares
 *
 * Model    A protocol says how rows are read from its body, given the model
 * that will run them; here the model is found, the rows are run, and the
 *          protocol writes what came out.
 * Owner    A prediction holds its model from beginning to end: one version,
 *          whole.  api_prediction_release() gives all back.
 * Errors   As the registry and the reader say; ERR_WOULDBLOCK on the fast lane
 *          where the model is not in memory or the arithmetic takes too long.
 */
#ifndef API_PREDICTION_H
#define API_PREDICTION_H

#include "api/internal.h"
#include "codec/predict.h"

struct api_prediction {
    struct serving_model *model;
    size_t                n_rows, n_out;
    float                *y;     /* [n_rows][n_out]                       */
    const char          **label; /* [n_rows], borrowed; NULL: no classes  */
};

/* Read rows for this model from the body of req.  *out may name another
 * version: then it is called again with that one. */
typedef enum err (*api_rows_fn)(void *arg, const struct http_request *req,
                                const struct serving_model *model,
                                struct codec_predict *out, struct errinfo *e);

/* version -1: the one that serves. */
enum err api_prediction_make(struct api_ctx            *api,
                             const struct http_request *req,
                             const char *network, int64_t version,
                             api_rows_fn read, void *arg,
                             struct api_prediction *out, struct errinfo *e);
void     api_prediction_release(struct api_prediction *p);

/* The same by this model, which it takes. */
enum err api_prediction_by(struct api_ctx *api, const struct http_request *req,
                           const char *network, struct serving_model *model,
                           api_rows_fn read, void *arg,
                           struct api_prediction *out, struct errinfo *e);

/* A version that is asked for, as above; unref it. */
enum err api_prediction_find(struct api_ctx            *api,
                             const struct http_request *req,
                             const char *network, int64_t version,
                             struct serving_model **out, struct errinfo *e);

#endif
