#include "codec/tfserving.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "codec/json_memory.h"
#include "codec/rows.h"
#include "codec/walk.h"
#include "codec/write.h"

static bool
has_column(const struct dataset_encoder *encoder, const char *name)
{
    for (size_t i = 0; encoder != NULL && i < encoder->n_inputs; i++)
        if (strcmp(encoder->input[i].name, name) == 0)
            return true;
    return false;
}

/* The one member of an object, where it is no column: the input by whatever
 * name the client knows it.  Borrowed; NULL: it is not so. */
static json_t *
only_member(json_t *object, const struct dataset_encoder *encoder)
{
    void *first = json_object_iter(object);

    if (json_object_size(object) != 1 ||
        has_column(encoder, json_object_iter_key(first)))
        return NULL;
    return json_object_iter_value(first);
}

/* A row in the form of codec/predict.h; new. */
static json_t *
row_of(json_t *instance, const struct dataset_encoder *encoder)
{
    json_t *only =
        json_is_object(instance) ? only_member(instance, encoder) : NULL;

    if (only != NULL)
        instance = only;
    if (json_is_object(instance) || json_is_array(instance))
        return json_incref(instance);
    return json_pack("[O]", instance);
}

/* Rows of columns: {"a": [1, 2], "b": [3, 4]} is [{"a": 1, "b": 3}, …]; new,
 * NULL where they are not all arrays of one length. */
static json_t *
rows_of_columns(json_t *columns)
{
    json_t     *rows = json_array(), *values;
    const char *name;
    size_t      n =
        json_array_size(json_object_iter_value(json_object_iter(columns)));
    bool ok = rows != NULL;

    for (size_t i = 0; ok && i < n; i++)
        ok = json_array_append_new(rows, json_object()) == 0;
    json_object_foreach(columns, name, values)
    {
        if (!json_is_array(values) || json_array_size(values) != n)
            ok = false;
        for (size_t i = 0; ok && i < n; i++)
            ok = json_object_set(json_array_get(rows, i), name,
                                 json_array_get(values, i)) == 0;
    }
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

/* All rows in the form of codec/predict.h; new, NULL where it is not so. */
static json_t *
rows_of(json_t *given, bool columns, const struct dataset_encoder *encoder)
{
    json_t *rows, *instance, *only;
    size_t  i;

    if (columns && json_is_object(given)) {
        only = only_member(given, encoder);
        if (only == NULL)
            return rows_of_columns(given);
        given = only;
    }
    if (!json_is_array(given))
        return NULL;
    rows = json_array();
    json_array_foreach(given, i, instance)
        json_array_append_new(rows, row_of(instance, encoder));
    return rows;
}

/* The reader of predictions does the rest: its forms are ours from here on. */
static enum err
parse_rows(json_t *rows, const struct nn_spec *spec,
           const struct dataset_encoder *encoder, struct codec_predict *out,
           struct errinfo *e)
{
    json_t *document = json_pack("{s:O}", "inputs", rows);
    char   *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
    enum err rc;

    if (text == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = codec_predict_parse(text, strlen(text), spec, encoder, out, e);
    codec_json_free(text);
    json_decref(document);
    return rc;
}

static enum err
parse_tree(const void *body, size_t len, const struct nn_spec *spec,
           const struct dataset_encoder *encoder, struct codec_predict *out,
           bool *out_columns, struct errinfo *e)
{
    json_t  *document = NULL, *instances, *inputs, *rows = NULL;
    enum err rc = walk_load(body, len, &document, e);

    if (rc != ERR_OK)
        return rc;
    instances = json_object_get(document, "instances");
    inputs = json_object_get(document, "inputs");
    if ((instances != NULL) == (inputs != NULL)) {
        rc =
            err_set(e, ERR_INVALID, "",
                    "either \"instances\" or \"inputs\" is required, not both");
        goto out;
    }
    rows = rows_of(instances != NULL ? instances : inputs, inputs != NULL,
                   encoder);
    rc =
        rows != NULL
            ? parse_rows(rows, spec, encoder, out, e)
            : err_set(e, ERR_INVALID, inputs != NULL ? "/inputs" : "/instances",
                      "must be an array of rows, or columns of one length");
    if (rc == ERR_OK)
        *out_columns = inputs != NULL;
out:
    json_decref(rows);
    json_decref(document);
    return rc;
}

enum err
codec_tfserving_parse(const void *body, size_t len, const struct nn_spec *spec,
                      const struct dataset_encoder *encoder,
                      struct codec_predict *out, bool *out_columns,
                      struct errinfo *e)
{
    bool   numbers = dataset_encoder_takes_numbers(encoder);
    size_t width =
        encoder != NULL ? encoder->raw_width : nn_shape_size(&spec->input);
    bool     read = false;
    enum err rc = ERR_OK;

    if (numbers)
        rc = codec_rows_read(body, len, "\"instances\"", width, encoder != NULL,
                             &read, out, e);
    *out_columns = rc == ERR_OK && !read;
    if (numbers && *out_columns)
        rc = codec_rows_read(body, len, "\"inputs\"", width, encoder != NULL,
                             &read, out, e);
    if (rc == ERR_OK && read && out->version >= 0) {
        free(out->raw); /* "version" is no word of theirs */
        rc = err_set(e, ERR_INVALID, "/version",
                     "the version belongs into the path");
    }
    if (rc != ERR_OK || read)
        return rc;
    return parse_tree(body, len, spec, encoder, out, out_columns, e);
}

void
codec_tfserving_format(const float *y, size_t n, size_t n_out, bool columns,
                       struct buf *out)
{
    write_begin(out);
    write_member(out, columns ? "outputs" : "predictions");
    json_write_rows(out, y, n, n_out);
    write_end(out);
}

static void
write_dim(struct buf *out, long long size, bool first)
{
    buf_printf(out, "%s{\"size\":\"%lld\",\"name\":\"\"}", first ? "" : ",",
               size);
}

static void
write_tensor(struct buf *out, const char *name, const struct nn_shape *shape)
{
    write_member(out, name);
    buf_puts(out, "{\"dtype\":\"DT_FLOAT\",\"tensor_shape\":{\"dim\":[");
    write_dim(out, -1, true);
    for (size_t i = 0; i < shape->rank; i++)
        write_dim(out, (long long)shape->dim[i], false);
    buf_printf(out, "],\"unknown_rank\":false},\"name\":\"%s:0\"}", name);
}

void
codec_tfserving_metadata(const char *network, int64_t version,
                         const struct nn_spec *spec, size_t n_out,
                         struct buf *out)
{
    const struct nn_shape output = { .rank = 1, .dim = { n_out } };

    buf_puts(out, "{\"model_spec\":{\"name\":");
    json_write_string(out, network, strlen(network));
    buf_printf(out, ",\"signature_name\":\"\",\"version\":\"%lld\"}",
               (long long)version);
    buf_puts(out, ",\"metadata\":{\"signature_def\":{\"signature_def\":{"
                  "\"serving_default\":{\"inputs\":{");
    write_tensor(out, "input", &spec->input);
    buf_puts(out, "},\"outputs\":{");
    write_tensor(out, "output", &output);
    buf_puts(out, "},\"method_name\":\"tensorflow/serving/predict\"}}}}}");
}
