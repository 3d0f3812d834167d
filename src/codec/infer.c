/* infer.c - a request of the Open Inference Protocol */
#include "codec/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/infer_columns.h"
#include "codec/infer_data.h"
#include "codec/rows.h"
#include "codec/walk.h"

/* The input as it is being read. */
struct tensor {
    uint64_t           n_rows, n;    /* rows, and numbers, by its shape    */
    size_t             type, size;   /* of an element; bytes               */
    json_t            *data;         /* NULL: binary                       */
    struct infer_data *read;         /* its numbers, where x is not NULL   */
    uint64_t           binary_bytes; /* where data is NULL                 */
};

/* Rows by the shape: [rows, …], or a single row without that dimension. */
static enum err
read_shape(json_t *shape, size_t width, struct tensor *t, struct errinfo *e)
{
    uint64_t n = 1, row = 1;
    size_t   rank = json_array_size(shape);

    for (size_t i = 0; i < rank; i++) {
        json_t    *dim = json_array_get(shape, i);
        json_int_t d = json_integer_value(dim);

        if (!json_is_integer(dim) || d < 1 ||
            __builtin_mul_overflow(n, (uint64_t)d, &n) ||
            (i > 0 && __builtin_mul_overflow(row, (uint64_t)d, &row)))
            return err_set(e, ERR_INVALID, "/inputs/0/shape",
                           "must be an array of whole numbers from 1");
    }
    if ((rank > 1 && row == width) ||
        (rank > 0 && (n == width || (rank == 1 && width == 1))))
        t->n_rows = n / width;
    else
        return err_set(e, ERR_INVALID, "/inputs/0/shape",
                       "must be [rows, %zu], or [rows] and the network's "
                       "input_shape",
                       width);
    t->n = n;
    return ERR_OK;
}

/* Nested or flat, row by row. */
static enum err
flatten(json_t *data, float *to, size_t n, size_t *at, struct errinfo *e)
{
    json_t  *value;
    size_t   i;
    enum err rc = ERR_OK;

    json_array_foreach(data, i, value)
    {
        if (json_is_array(value)) {
            rc = flatten(value, to, n, at, e);
            if (rc != ERR_OK)
                return rc;
            continue;
        }
        if (*at == n)
            return err_set(e, ERR_INVALID, "/inputs/0/data",
                           "has more than the %zu numbers of its shape", n);
        if (!json_is_number(value) && !json_is_boolean(value))
            return err_set(e, ERR_INVALID, "/inputs/0/data",
                           "element %zu must be a number, got %s", *at,
                           value_type(value));
        to[(*at)++] = json_is_boolean(value) ? (float)json_is_true(value)
                                             : (float)json_number_value(value);
    }
    return rc;
}

/* The numbers of data, flat; takes them where they were read already. */
static enum err
numbers_of(const struct tensor *t, float **out, size_t *out_n,
           struct errinfo *e)
{
    if (t->read->x != NULL) {
        *out = t->read->x;
        *out_n = t->read->n;
        t->read->x = NULL;
        return ERR_OK;
    }
    *out = mem_resize(NULL, (size_t)t->n, sizeof(**out));
    if (*out == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    return flatten(t->data, *out, (size_t)t->n, out_n, e);
}

static enum err
rows_of_json(const struct tensor *t, size_t width, bool may_lack,
             struct codec_predict *out, struct errinfo *e)
{
    float   *x = NULL;
    size_t   at = 0;
    enum err rc;

    if (!json_is_array(t->data))
        return err_set(e, ERR_INVALID, "/inputs/0/data",
                       "must be an array of numbers");
    if (t->n > 16 * MIB)
        return err_set(e, ERR_LIMIT, "/inputs/0/shape", "is too large");
    rc = numbers_of(t, &x, &at, e);
    if (rc == ERR_OK && at > t->n)
        rc =
            err_set(e, ERR_INVALID, "/inputs/0/data",
                    "has more than the %zu numbers of its shape", (size_t)t->n);
    if (rc == ERR_OK && at < t->n)
        rc = err_set(e, ERR_INVALID, "/inputs/0/data",
                     "has %zu numbers, its shape has %zu", at, (size_t)t->n);
    if (rc == ERR_OK)
        rc = codec_rows_binary(x, (size_t)t->n * sizeof(*x), width, may_lack,
                               out, e);
    free(x);
    return rc;
}

static enum err
rows_of_bytes(const struct tensor *t, const void *p, size_t len, size_t width,
              bool may_lack, struct codec_predict *out, struct errinfo *e)
{
    if (t->binary_bytes != len || t->n > len || t->n * t->size != len)
        return err_set(e, ERR_INVALID, "/inputs/0/parameters/binary_data_size",
                       "is %llu; the body has %zu bytes behind its JSON, the "
                       "shape %llu numbers of %zu bytes",
                       (unsigned long long)t->binary_bytes, len,
                       (unsigned long long)t->n, t->size);
    return codec_rows_typed(t->type, p, len, width, may_lack, out, e);
}

static enum err
read_input(json_t *inputs, struct infer_data *read, const void *rest,
           size_t rest_len, size_t width, bool may_lack,
           struct codec_predict *out, struct errinfo *e)
{
    json_t       *input = json_array_get(inputs, 0), *size;
    struct tensor t = { .read = read };
    const char   *type;
    enum err      rc;

    if (json_array_size(inputs) != 1 || !json_is_object(input))
        return err_set(e, ERR_INVALID, "/inputs",
                       "must be an array of one tensor; this model has one "
                       "input");
    rc = read_shape(json_object_get(input, "shape"), width, &t, e);
    if (rc != ERR_OK)
        return rc;
    type = json_string_value(json_object_get(input, "datatype"));
    if (type == NULL || !codec_rows_type(type, &t.type, &t.size))
        return err_set(e, ERR_INVALID, "/inputs/0/datatype",
                       "must be FP32, or FP64, BOOL, INT8 to INT64, UINT8 to "
                       "UINT64");
    t.data = json_object_get(input, "data");
    size = json_object_get(json_object_get(input, "parameters"),
                           "binary_data_size");
    if (t.data != NULL)
        return rows_of_json(&t, width, may_lack, out, e);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return err_set(e, ERR_INVALID, "/inputs/0/data", "is required");
    t.binary_bytes = (uint64_t)json_integer_value(size);
    return rows_of_bytes(&t, rest, rest_len, width, may_lack, out, e);
}

static enum err
read_output(json_t *value, bool binary, struct codec_infer_output *out,
            struct errinfo *e)
{
    const char *name = json_string_value(json_object_get(value, "name"));
    json_t     *parameters = json_object_get(value, "parameters");
    json_t     *own = json_object_get(parameters, "binary_data");
    json_t     *k = json_object_get(parameters, "classification");

    if (name == NULL ||
        (strcmp(name, "output") != 0 && strcmp(name, "label") != 0))
        return err_set(e, ERR_INVALID, "/outputs",
                       "there is no output '%.60s'; there are output and label",
                       name != NULL ? name : "");
    *out =
        (struct codec_infer_output){ .is_label = name[0] == 'l',
                                     .binary = own != NULL ? json_is_true(own)
                                                           : binary };
    if (json_is_integer(k) && json_integer_value(k) > 0)
        out->classification = (uint64_t)json_integer_value(k);
    return ERR_OK;
}

static enum err
read_outputs(json_t *document, struct codec_infer *out, struct errinfo *e)
{
    json_t  *outputs = json_object_get(document, "outputs"), *value;
    bool     binary = json_is_true(json_object_get(
            json_object_get(document, "parameters"), "binary_data_output"));
    size_t   i;
    enum err rc = ERR_OK;

    if (json_array_size(outputs) == 0) {
        out->output[0] = (struct codec_infer_output){ .binary = binary };
        out->n_outputs = 1;
        return ERR_OK;
    }
    if (json_array_size(outputs) > CODEC_INFER_MAX_OUTPUTS)
        return err_set(e, ERR_INVALID, "/outputs", "are more than there are");
    json_array_foreach(outputs, i, value)
    {
        rc = read_output(value, binary, &out->output[i], e);
        if (rc != ERR_OK)
            return rc;
    }
    out->n_outputs = json_array_size(outputs);
    return ERR_OK;
}

/* The document, its numbers apart where it is one tensor and nothing but
 * numbers.  A text that is no JSON is told of as it came. */
static enum err
load(const void *body, size_t len, bool numbers, struct infer_data *read,
     json_t **out, struct errinfo *e)
{
    enum err rc = numbers ? infer_data_read(body, len, read, e) : ERR_OK;

    if (rc != ERR_OK)
        return rc;
    if (read->x != NULL &&
        walk_load(read->rest.data, read->rest.len, out, NULL) == ERR_OK) {
        if (json_array_size(json_object_get(*out, "inputs")) == 1)
            return ERR_OK;
        json_decref(*out);
        *out = NULL;
    }
    infer_data_release(read);
    return walk_load(body, len, out, e);
}

enum err
codec_infer_parse(const void *body, size_t len, size_t json_len, size_t width,
                  const struct dataset_encoder *encoder,
                  struct codec_infer *out, struct errinfo *e)
{
    bool               numbers = dataset_encoder_takes_numbers(encoder);
    const char        *rest = (const char *)body + json_len;
    struct codec_infer infer = { .rows = { .version = -1 } };
    struct infer_data  read = { 0 };
    json_t            *document = NULL, *id, *inputs;
    enum err           rc = load(body, json_len, numbers, &read, &document, e);

    if (rc == ERR_OK && !json_is_object(document))
        rc = err_set(e, ERR_INVALID, "", "must be an object");
    if (rc == ERR_OK)
        rc = read_outputs(document, &infer, e);
    id = json_object_get(document, "id");
    if (rc == ERR_OK && json_is_string(id)) {
        infer.id = mem_dup(json_string_value(id), json_string_length(id));
        if (infer.id == NULL)
            rc = err_set(e, ERR_NOMEM, "", "out of memory");
    }
    inputs = json_object_get(document, "inputs");
    if (rc == ERR_OK && encoder != NULL &&
        (!numbers || json_array_size(inputs) > 1))
        rc = infer_columns_read(inputs, rest, len - json_len, encoder,
                                &infer.rows, e);
    else if (rc == ERR_OK)
        rc = read_input(inputs, &read, rest, len - json_len, width,
                        encoder != NULL, &infer.rows, e);
    json_decref(document);
    infer_data_release(&read);
    if (rc != ERR_OK) {
        codec_infer_release(&infer);
        return rc;
    }
    *out = infer;
    return ERR_OK;
}

void
codec_infer_release(struct codec_infer *infer)
{
    free(infer->rows.raw);
    free(infer->id);
    *infer = (struct codec_infer){ 0 };
}
