/*
 * prediction.h - what every way of asking for a prediction shares
 *
 * Model    A protocol says how rows are read from its body, given the model
 *          that will run them; here the model is found, the rows are run, and
 *          the protocol writes what came out.
 * Owner    A prediction holds its model from beginning to end: one version,
 *          whole.  api_prediction_release() gives all back.
 * Errors   As the registry, the reader and the memory budget say;
 *          ERR_WOULDBLOCK on the fast lane where the model is not in memory or
 *          the arithmetic takes too long.
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
    struct mem_budget    *budget;  /* NULL: nothing was taken of it       */
    size_t                n_taken; /* for y and label                     */
};

/* Read rows for this model from the body of req.  *out may name another
 * version: then it is called again with that one. */
typedef enum err (*api_rows_fn)(void *arg, const struct http_request *req,
                                const struct serving_model *model,
                                struct codec_predict *out, struct errinfo *e);

/* About the bytes of an answer for one output, as digits, as a float, and as
 * one of the best classes with its name. */
#define API_TEXT_BYTES ((size_t)12)
#define API_BINARY_BYTES sizeof(float)
#define API_BEST_BYTES ((size_t)64)

/* What a protocol reads and writes.  Its reader may set the last two, where
 * only the body tells. */
struct api_protocol {
    api_rows_fn read;
    void       *arg;
    size_t      output_bytes; /* as above                            */
    uint64_t    n_best;       /* outputs of a row it tells; 0: all   */
};

/* version -1: the one that serves.  rep gets what is taken for its answer. */
enum err api_prediction_make(struct api_ctx            *api,
                             const struct http_request *req,
                             const char *network, int64_t version,
                             const struct api_protocol *how,
                             struct http_reply *rep, struct api_prediction *out,
                             struct errinfo *e);
void     api_prediction_release(struct api_prediction *p);

/* The same by this model, which it takes. */
enum err api_prediction_by(struct api_ctx *api, const struct http_request *req,
                           const char *network, struct serving_model *model,
                           const struct api_protocol *how,
                           struct http_reply *rep, struct api_prediction *out,
                           struct errinfo *e);

/* A version that is asked for, as above; unref it. */
enum err api_prediction_find(struct api_ctx            *api,
                             const struct http_request *req,
                             const char *network, int64_t version,
                             struct serving_model **out, struct errinfo *e);

#endif
