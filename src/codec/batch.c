#include "codec/batch.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/job.h"
#include "codec/json_memory.h"
#include "codec/rows.h"
#include "codec/targets.h"
#include "codec/walk.h"
#include "codec/write.h"

/* --- rows ----------------------------------------------------------------- */

/* By the reader of predictions, which knows all forms of rows. */
static enum err
read_rows(json_t *inputs, const struct nn_spec *spec,
          const struct dataset_encoder *encoder, struct codec_predict *out,
          struct errinfo *e)
{
    json_t *document = json_pack("{s:O}", "inputs", inputs);
    char   *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
    size_t  width =
        encoder != NULL ? encoder->raw_width : nn_shape_size(&spec->input);
    bool     read = false;
    enum err rc = ERR_OK;

    if (text == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    if (rc == ERR_OK && dataset_encoder_takes_numbers(encoder))
        rc = codec_rows_read(text, strlen(text), "\"inputs\"", width,
                             encoder != NULL, &read, out, e);
    if (rc == ERR_OK && !read)
        rc = codec_predict_parse(text, strlen(text), spec, encoder, out, e);
    codec_json_free(text);
    json_decref(document);
    return rc;
}

/* --- targets and weights -------------------------------------------------- */

static bool
is_list(json_t *value, const char *at, size_t n, struct errinfo *e)
{
    if (json_is_array(value) && json_array_size(value) == n)
        return true;
    err_add(e, ERR_INVALID, at,
            "must be an array with an element for each of "
            "the %zu rows of inputs",
            n);
    return false;
}

static enum err
read_targets(json_t *targets, json_t *weights,
             const struct dataset_encoder *encoder, size_t n_out,
             struct codec_batch *batch, struct errinfo *e)
{
    size_t n = batch->rows.n_rows;
    char   at[WALK_POINTER_SIZE];
    double weight;

    batch->target = mem_array(n, n_out * sizeof(float), 0);
    if (weights != NULL)
        batch->weight = mem_array(n, sizeof(float), 0);
    if (batch->target == NULL || (weights != NULL && batch->weight == NULL))
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (is_list(targets, "/targets", n, e))
        codec_targets_read(targets, encoder, n_out, batch->target, e);
    if (weights != NULL && is_list(weights, "/sample_weights", n, e)) {
        for (size_t i = 0; i < n; i++) {
            walk_element(at, "/sample_weights", i);
            if (value_double(json_array_get(weights, i), at, -FLT_MAX, FLT_MAX,
                             false, false, &weight, e))
                batch->weight[i] = (float)weight;
        }
    }
    return e->n > 0 ? e->code : ERR_OK;
}

/* --- the body ------------------------------------------------------------- */

static enum err
read_members(struct walk *w, const struct nn_spec *spec,
             const struct dataset_encoder *encoder, size_t n_out,
             struct codec_batch *batch, struct errinfo *e)
{
    json_t  *inputs = walk_member(w, "inputs");
    json_t  *targets = walk_member(w, "targets");
    json_t  *weights = walk_nullable(w, "sample_weights");
    json_t  *optimizer = walk_nullable(w, "optimizer");
    enum err rc;

    if (inputs == NULL)
        walk_missing(w, "inputs");
    if (targets == NULL)
        walk_missing(w, "targets");
    if (optimizer != NULL) {
        codec_optimizer_read(w, &batch->optimizer);
        batch->has_optimizer = true;
    }
    walk_end(w);
    if (e->n > 0)
        return e->code;
    rc = read_rows(inputs, spec, encoder, &batch->rows, e);
    return rc == ERR_OK
               ? read_targets(targets, weights, encoder, n_out, batch, e)
               : rc;
}

enum err
codec_batch_parse(const void *body, size_t len, const struct nn_spec *spec,
                  const struct dataset_encoder *encoder, size_t n_out,
                  struct codec_batch *out, struct errinfo *e)
{
    struct codec_batch batch = { 0 };
    struct errinfo     own;
    struct walk        w;
    json_t            *document = NULL;
    enum err           rc;

    if (e == NULL) { /* mistakes are counted in it */
        err_clear(&own);
        e = &own;
    }
    rc = walk_load(body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    walk_begin(&w, document, "", e);
    rc = w.object != NULL ? read_members(&w, spec, encoder, n_out, &batch, e)
                          : e->code;
    json_decref(document);
    if (rc != ERR_OK) {
        codec_batch_release(&batch);
        return rc;
    }
    *out = batch;
    return ERR_OK;
}

void
codec_batch_release(struct codec_batch *batch)
{
    free(batch->rows.raw);
    free(batch->target);
    free(batch->weight);
    *batch = (struct codec_batch){ 0 };
}

/* --- optimisers ----------------------------------------------------------- */

void
codec_optimizer_format(const struct nn_optimizer_spec *spec, struct buf *out)
{
    write_begin(out);
    write_text(out, "type", nn_optimizer_type_name(spec->type));
    write_members(out, nn_optimizer_type_members(spec->type), spec);
    write_end(out);
}

enum err
codec_optimizer_parse(const char *json, struct nn_optimizer_spec *out,
                      struct errinfo *e)
{
    struct nn_optimizer_spec spec;
    struct errinfo           own;
    struct walk              w;
    json_t                  *value = NULL, *document;
    enum err                 rc;

    err_clear(&own);
    rc = walk_load(json, strlen(json), &value, &own);
    if (rc != ERR_OK)
        return walk_stored(e, "optimizer", &own);
    document = json_pack("{s:o}", "optimizer", value);
    if (document == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    walk_begin(&w, document, "", &own);
    codec_optimizer_read(&w, &spec);
    json_decref(document);
    if (own.n > 0)
        return walk_stored(e, "optimizer", &own);
    *out = spec;
    return ERR_OK;
}
