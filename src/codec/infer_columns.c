#include "codec/infer_columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"
#include "codec/rows.h"
#include "codec/walk.h"

#define LENGTH_BYTES 4 /* before each element of a binary BYTES tensor */

struct tensor {
    const struct dataset_input *column; /* NULL: it has not come         */
    size_t                      place;  /* among the inputs              */
    size_t                      width;  /* values a row                  */
    uint64_t                    n_rows; /* by its shape                  */
    bool                        is_bytes;
    size_t                      type, size; /* of an element, where it is not */
    json_t                     *data;       /* NULL: binary                   */
    const char                 *bytes;
    size_t                      len;
};

/* The tensors as their values are put into rows. */
struct filler {
    const struct dataset_encoder *encoder;
    struct codec_predict          rows; /* n_rows: the one being filled     */
    struct buf                    text; /* a number or element as a text    */
    size_t                        at;   /* values of the present tensor     */
};

const char *
infer_column_datatype(const struct dataset_input *column)
{
    return column->type == DATASET_NUMERIC ? "FP32" : "BYTES";
}

size_t
infer_column_width(const struct dataset_input *column)
{
    return column->type == DATASET_NUMERIC ? column->width : 1;
}

/* --- what the tensors are ------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static enum err
wrong(const struct tensor *t, const char *member, struct errinfo *e,
      const char *fmt, ...)
{
    char    at[64], what[160];
    va_list ap;

    snprintf(at, sizeof(at), "/inputs/%zu/%s", t->place, member);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, at, "'%.60s' %s", t->column->name, what);
}

/* The tensor that this name belongs to; NULL: there is no such column. */
static struct tensor *
find_tensor(struct tensor *tensor, const struct dataset_encoder *encoder,
            const char *name)
{
    for (size_t i = 0; name != NULL && i < encoder->n_inputs; i++)
        if (strcmp(encoder->input[i].name, name) == 0)
            return &tensor[i];
    return NULL;
}

static enum err
read_type(struct tensor *t, json_t *value, struct errinfo *e)
{
    const char             *name = json_string_value(value);
    const enum dataset_type type = t->column->type;
    bool takes_numbers = type == DATASET_NUMERIC || type == DATASET_BOOLEAN ||
                         type == DATASET_CLASS;

    t->is_bytes = name != NULL && strcmp(name, "BYTES") == 0;
    if (t->is_bytes ? type == DATASET_NUMERIC
                    : name == NULL || !takes_numbers ||
                          !codec_rows_type(name, &t->type, &t->size))
        return wrong(t, "datatype", e, "is %s: its datatype must be %s",
                     dataset_type_name(type),
                     type == DATASET_NUMERIC
                         ? "FP32, or FP64, BOOL, INT8 to INT64, UINT8 to UINT64"
                         : "BYTES");
    return ERR_OK;
}

/* [n], [n, 1], or of an array column [n, …]. */
static enum err
read_shape(struct tensor *t, json_t *shape, struct errinfo *e)
{
    uint64_t row = 1, n = 0;
    bool     ok = json_array_size(shape) > 0;

    for (size_t i = 0; i < json_array_size(shape); i++) {
        json_t    *dim = json_array_get(shape, i);
        json_int_t d = json_integer_value(dim);

        ok = ok && json_is_integer(dim) && d > 0;
        if (i == 0)
            n = (uint64_t)d;
        else
            ok = ok && !__builtin_mul_overflow(row, (uint64_t)d, &row);
    }
    if (!ok || row != t->width)
        return wrong(t, "shape", e, "must have the shape [rows, %zu]%s",
                     t->width, t->width == 1 ? " or [rows]" : "");
    if (n > CODEC_MAX_PREDICT_ROWS)
        return codec_rows_too_many(e);
    t->n_rows = n;
    return ERR_OK;
}

/* Where its values are, and that there are as many as its shape says, as far as
 * that can be seen at once: before there is memory for its rows. */
static enum err
read_place(struct tensor *t, json_t *input, const char **rest, size_t *rest_len,
           struct errinfo *e)
{
    json_t  *size = json_object_get(json_object_get(input, "parameters"),
                                    "binary_data_size");
    uint64_t n = t->n_rows * t->width, bytes;

    t->data = json_object_get(input, "data");
    if (t->data != NULL) {
        if (json_array_size(t->data) != t->n_rows &&
            json_array_size(t->data) != n)
            return wrong(t, "data", e,
                         "must have an array of %" PRIu64 " values here", n);
        return ERR_OK;
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return wrong(t, "data", e, "must have its values here");
    bytes = (uint64_t)json_integer_value(size);
    if (bytes > *rest_len ||
        (t->is_bytes ? bytes < n * LENGTH_BYTES : bytes != n * t->size))
        return wrong(
            t, "parameters/binary_data_size", e,
            "is %" PRIu64 " values of %s%zu bytes by its shape; %" PRIu64
            " are told of, %zu are in the body",
            n, t->is_bytes ? "at least " : "",
            t->is_bytes ? (size_t)LENGTH_BYTES : t->size, bytes, *rest_len);
    t->bytes = *rest;
    t->len = (size_t)bytes;
    *rest += bytes;
    *rest_len -= (size_t)bytes;
    return ERR_OK;
}

static enum err
read_head(struct tensor *tensor, const struct dataset_encoder *encoder,
          json_t *input, size_t place, const char **rest, size_t *rest_len,
          struct errinfo *e)
{
    const char    *name = json_string_value(json_object_get(input, "name"));
    struct tensor *t = find_tensor(tensor, encoder, name);
    char           at[64];
    enum err       rc;

    snprintf(at, sizeof(at), "/inputs/%zu/name", place);
    if (t == NULL)
        return err_set(e, ERR_INVALID, at,
                       "'%.60s' is no column; this model takes a tensor a "
                       "column, the first one is '%.60s'",
                       name != NULL ? name : "", encoder->input[0].name);
    if (t->column != NULL)
        return err_set(e, ERR_INVALID, at, "'%.60s' comes twice", name);
    t->column = &encoder->input[t - tensor];
    t->place = place;
    t->width = infer_column_width(t->column);
    rc = read_type(t, json_object_get(input, "datatype"), e);
    if (rc == ERR_OK)
        rc = read_shape(t, json_object_get(input, "shape"), e);
    if (rc == ERR_OK)
        rc = read_place(t, input, rest, rest_len, e);
    return rc;
}

/* Every column once, all of as many rows. */
static enum err
check_all(const struct tensor *tensor, const struct dataset_encoder *encoder,
          size_t rest_len, struct errinfo *e)
{
    for (size_t i = 0; i < encoder->n_inputs; i++) {
        const struct tensor *t = &tensor[i];

        if (t->column == NULL)
            return err_set(e, ERR_INVALID, "/inputs",
                           "the tensor '%.60s' is missing: %s, [rows, %zu]",
                           encoder->input[i].name,
                           infer_column_datatype(&encoder->input[i]),
                           infer_column_width(&encoder->input[i]));
        if (t->n_rows != tensor[0].n_rows)
            return wrong(t, "shape", e,
                         "has %" PRIu64 " rows, '%.60s' has %" PRIu64,
                         t->n_rows, tensor[0].column->name, tensor[0].n_rows);
    }
    if (rest_len > 0)
        return err_set(e, ERR_INVALID, "",
                       "the body has %zu bytes behind its last tensor",
                       rest_len);
    return ERR_OK;
}

/* --- their values --------------------------------------------------------- */

static enum err
wrong_value(const struct tensor *t, size_t i, struct errinfo *e,
            const char *what)
{
    char member[32];

    snprintf(member, sizeof(member), "data/%zu", i);
    return wrong(t, member, e, "%s", what);
}

/* The next value of t, text NULL: missing.  By the reader of rows: what words
 * mean is said there alone. */
static enum err
put(struct filler *f, const struct tensor *t, const char *text, size_t len,
    struct errinfo *e)
{
    struct errinfo own;
    size_t         i = f->at++;
    enum err       rc;

    if (i == t->n_rows * t->width)
        return wrong_value(t, i, e, "has more values than its shape");
    err_clear(&own);
    f->rows.n_rows = i / t->width;
    rc = codec_predict_cell(f->encoder, t->column, i % t->width, text, len,
                            t->is_bytes, &f->rows, &own);
    return rc == ERR_OK ? rc : wrong_value(t, i, e, err_what(&own));
}

static enum err
put_text(struct filler *f, const struct tensor *t, struct errinfo *e)
{
    return f->text.failed ? err_set(e, ERR_NOMEM, "", "out of memory")
                          : put(f, t, f->text.data, f->text.len, e);
}

/* A value that is no array. */
static enum err
put_json(struct filler *f, const struct tensor *t, json_t *value,
         struct errinfo *e)
{
    if (json_is_null(value))
        return put(f, t, NULL, 0, e);
    if (t->is_bytes ? !json_is_string(value)
                    : !json_is_number(value) && !json_is_boolean(value))
        return wrong_value(t, f->at, e,
                           t->is_bytes ? "must be a string or null"
                                       : "must be a number or null");
    buf_reset(&f->text);
    if (json_is_string(value))
        buf_append(&f->text, json_string_value(value),
                   json_string_length(value));
    else if (json_is_real(value))
        num_format_double(&f->text, json_real_value(value));
    else if (json_is_boolean(value))
        buf_putc(&f->text, json_is_true(value) ? '1' : '0');
    else
        buf_printf(&f->text, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(value));
    return put_text(f, t, e);
}

/* Nested or flat, row by row. */
static enum err
put_array(struct filler *f, const struct tensor *t, json_t *data,
          struct errinfo *e)
{
    json_t  *value;
    size_t   i;
    enum err rc = ERR_OK;

    json_array_foreach(data, i, value)
    {
        rc = json_is_array(value) ? put_array(f, t, value, e)
                                  : put_json(f, t, value, e);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

static enum err
put_numbers(struct filler *f, const struct tensor *t, struct errinfo *e)
{
    struct codec_predict read = { 0 };
    struct errinfo       own;
    size_t               row = 0, part = 0;
    enum err             rc;

    err_clear(&own);
    rc = codec_rows_typed(t->type, t->bytes, t->len, t->width, true, &read,
                          &own);
    if (rc == ERR_INVALID) {
        sscanf(own.item[0].where, "/inputs/%zu/%zu", &row, &part);
        return wrong_value(t, row * t->width + part, e, err_what(&own));
    }
    if (rc != ERR_OK)
        return err_set(e, rc, "", "%s", err_what(&own));
    for (size_t i = 0; rc == ERR_OK && i < t->n_rows * t->width; i++) {
        buf_reset(&f->text);
        num_format_float(&f->text, read.raw[i]);
        rc = isnan(read.raw[i]) ? put(f, t, NULL, 0, e) : put_text(f, t, e);
    }
    free(read.raw);
    return rc;
}

bool
infer_bytes_take(const char **p, size_t *len, const char **out, size_t *out_len)
{
    const unsigned char *head = (const unsigned char *)*p;
    size_t               n = 0;

    if (*len < LENGTH_BYTES)
        return false;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        n |= (size_t)head[i] << 8 * i;
    if (n > *len - LENGTH_BYTES || !utf8_valid(*p + LENGTH_BYTES, n) ||
        memchr(*p + LENGTH_BYTES, '\0', n) != NULL)
        return false;
    *out = *p + LENGTH_BYTES;
    *out_len = n;
    *p += LENGTH_BYTES + n;
    *len -= LENGTH_BYTES + n;
    return true;
}

static enum err
put_elements(struct filler *f, const struct tensor *t, struct errinfo *e)
{
    const char *p = t->bytes, *text;
    size_t      left = t->len, len;
    enum err    rc;

    while (f->at < t->n_rows) {
        if (!infer_bytes_take(&p, &left, &text, &len))
            return wrong_value(t, f->at, e,
                               "must be a length of 4 bytes, little-endian, "
                               "and as many bytes of UTF-8");
        buf_reset(&f->text);
        buf_append(&f->text, text, len);
        rc = put_text(f, t, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (left > 0)
        return wrong(t, "parameters/binary_data_size", e,
                     "has %zu bytes behind its last element", left);
    return ERR_OK;
}

static enum err
put_tensor(struct filler *f, const struct tensor *t, struct errinfo *e)
{
    enum err rc;

    f->at = 0;
    if (t->data != NULL)
        rc = put_array(f, t, t->data, e);
    else if (t->is_bytes)
        rc = put_elements(f, t, e);
    else
        rc = put_numbers(f, t, e);
    if (rc == ERR_OK && f->at < t->n_rows * t->width)
        rc = wrong(t, "data", e, "has %zu values, its shape has %" PRIu64,
                   f->at, t->n_rows * t->width);
    return rc;
}

static enum err
put_all(const struct tensor *tensor, const struct dataset_encoder *encoder,
        struct codec_predict *out, struct errinfo *e)
{
    size_t        n = (size_t)tensor[0].n_rows;
    struct filler f = {
        .encoder = encoder,
        .rows = { .width = encoder->raw_width, .version = -1 },
    };
    enum err rc = ERR_OK;

    if (n > CODEC_MAX_PREDICT_FLOATS / encoder->raw_width)
        return err_set(e, ERR_LIMIT, "/inputs",
                       "more than %zu numbers: send them in several requests",
                       CODEC_MAX_PREDICT_FLOATS);
    f.rows.raw = mem_resize(NULL, n, encoder->raw_width * sizeof(float));
    if (f.rows.raw == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    for (size_t i = 0; rc == ERR_OK && i < encoder->n_inputs; i++)
        rc = put_tensor(&f, &tensor[i], e);
    buf_release(&f.text);
    if (rc != ERR_OK) {
        free(f.rows.raw);
        return rc;
    }
    f.rows.n_rows = n;
    *out = f.rows;
    return ERR_OK;
}

enum err
infer_columns_read(json_t *inputs, const void *rest, size_t rest_len,
                   const struct dataset_encoder *encoder,
                   struct codec_predict *out, struct errinfo *e)
{
    struct tensor *tensor = mem_array(encoder->n_inputs, sizeof(*tensor), 0);
    const char    *p = rest;
    enum err       rc = ERR_OK;

    if (tensor == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    for (size_t i = 0; rc == ERR_OK && i < json_array_size(inputs); i++)
        rc = read_head(tensor, encoder, json_array_get(inputs, i), i, &p,
                       &rest_len, e);
    if (rc == ERR_OK)
        rc = check_all(tensor, encoder, rest_len, e);
    if (rc == ERR_OK)
        rc = put_all(tensor, encoder, out, e);
    free(tensor);
    return rc;
}
