/*
 * predict.c - rows of a request straight into float32, without a tree
 */
#include "codec/predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/num.h"
#include "codec/predict_row.h"

/* Who has made so many mistakes need not hear of more. */
#define MOST_WRONG 1000

static enum err
top_key(struct predict_reader *r, const struct json_token *t, struct errinfo *e)
{
    bool  inputs = strcmp(t->text, "inputs") == 0;
    bool *seen = inputs ? &r->seen_inputs : &r->seen_version;
    char  at[PREDICT_POINTER_SIZE];

    json_write_pointer(at, sizeof(at), "", t->text);
    if (!inputs && strcmp(t->text, "version") != 0) {
        predict_wrong(r, e, at, "unknown member; known here: inputs, version");
        r->skips = true;
        return ERR_OK;
    }
    if (*seen)
        return err_set(e, ERR_MALFORMED, at, "comes twice");
    *seen = true;
    snprintf(r->member, sizeof(r->member), "%s", t->text);
    return ERR_OK;
}

/* Told, and passed over with all that is in it. */
static void
wrong_member(struct predict_reader *r, const struct json_token *t,
             const char *at, const char *what, struct errinfo *e)
{
    predict_wrong(r, e, at, what);
    r->skips = true;
    predict_skips(r, t);
}

static void
top_value(struct predict_reader *r, const struct json_token *t,
          struct errinfo *e)
{
    uint64_t n;

    if (strcmp(r->member, "inputs") == 0) {
        if (t->event == JSON_BEGIN_ARRAY)
            r->place = IN_INPUTS;
        else
            wrong_member(r, t, "/inputs", "must be an array of rows", e);
    } else if (t->event == JSON_NUMBER && num_parse_u64(t->text, t->len, &n) &&
               n <= INT64_MAX) {
        r->out->version = (int64_t)n;
    } else if (t->event != JSON_NULL) {
        wrong_member(r, t, "/version",
                     "must be a whole number, or null for the one that serves",
                     e);
    }
}

static enum err
take_token(void *arg, const struct json_token *t, struct errinfo *e)
{
    struct predict_reader *r = arg;

    if (r->n_wrong > MOST_WRONG)
        return ERR_INVALID;
    if (predict_skips(r, t))
        return ERR_OK;
    switch (r->place) {
    case AT_START:
        r->place = t->event == JSON_BEGIN_OBJECT ? IN_TOP : SKIPPING;
        return ERR_OK;
    case IN_TOP:
        if (t->event == JSON_END_OBJECT) {
            r->place = AT_END;
            return ERR_OK;
        }
        if (t->event == JSON_KEY)
            return top_key(r, t, e);
        top_value(r, t, e);
        return ERR_OK;
    case IN_INPUTS:
        if (t->event != JSON_END_ARRAY)
            return predict_row_begin(r, t, e);
        r->place = IN_TOP;
        return ERR_OK;
    case IN_ARRAY:
    case IN_OBJECT:
    case IN_COLUMN:
        return predict_row_take(r, t, e);
    case SKIPPING:
    case AT_END:
        break;
    }
    return ERR_OK;
}

enum err
codec_predict_parse(const void *body, size_t len, const struct nn_spec *spec,
                    const struct dataset_encoder *encoder,
                    struct codec_predict *out, struct errinfo *e)
{
    struct codec_predict  predict = { .version = -1 };
    struct predict_reader r = { .out = &predict,
                                .enc = encoder,
                                .rank = spec->input.rank };
    struct json_reader    json;
    enum err              rc;

    predict.width =
        encoder != NULL ? encoder->raw_width : nn_shape_size(&spec->input);
    json_reader_init(&json, take_token, &r);
    rc = json_reader_feed(&json, body, len, e);
    if (rc == ERR_OK)
        rc = json_reader_end(&json, e);
    json_reader_release(&json);
    free(r.named);
    if (rc == ERR_OK && r.place == SKIPPING)
        rc = err_set(e, ERR_INVALID, "", "must be an object");
    if (rc == ERR_OK && r.place != SKIPPING && !r.seen_inputs)
        predict_wrong(&r, e, "/inputs", "is required");
    if (rc == ERR_OK && r.n_wrong > 0)
        rc = ERR_INVALID;
    if (rc == ERR_OK && predict.n_rows == 0)
        rc = err_set(e, ERR_INVALID, "/inputs", "must have at least one row");
    if (rc != ERR_OK) {
        free(predict.raw);
        return rc;
    }
    *out = predict;
    return ERR_OK;
}
