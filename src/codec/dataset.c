#include "codec/dataset.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/write.h"

/* --- a dataset's meta, written
 * ------------------------------------------------ */

static void
write_texts(struct buf *out, const char *name, char *const *text, size_t n)
{
    write_member(out, name);
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        json_write_string(out, text[i], strlen(text[i]));
    }
    buf_putc(out, ']');
}

static void
write_dims(struct buf *out, const size_t *dim, size_t rank)
{
    for (size_t i = 0; i < rank; i++)
        buf_printf(out, "%c%zu", i == 0 ? '[' : ',', dim[i]);
    buf_putc(out, ']');
}

static void
write_column(const struct dataset_column *c, struct buf *out)
{
    write_begin(out);
    write_text(out, "name", c->name);
    write_text(out, "type", dataset_type_name(c->type));
    write_bool(out, "target", c->is_target);
    if (c->rank > 0) {
        write_member(out, "shape");
        write_dims(out, c->dim, c->rank);
    }
    write_count(out, "missing", c->missing);
    if (c->type == DATASET_NUMERIC) {
        /* Cells are float32: show them in a float32's digits. */
        write_member(out, "min");
        num_format_float(out, (float)c->min);
        write_member(out, "max");
        num_format_float(out, (float)c->max);
        write_double(out, "mean", c->mean);
        write_double(out, "std", c->std);
    } else if (c->type == DATASET_CATEGORICAL) {
        write_texts(out, "categories", c->categories, c->n_categories);
    }
    write_end(out);
}

/* What a network's input_shape must be for this dataset: the shape of the only
 * array, else a number a numeric column and one a category. */
static void
write_input_shape(const struct dataset_meta *meta, struct buf *out)
{
    const struct dataset_column *only = NULL;
    size_t                       n_columns = 0, n = 0;

    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *c = &meta->column[i];

        if (c->is_target || c->type == DATASET_IGNORED)
            continue;
        n_columns++;
        only = c;
        n += c->type == DATASET_CATEGORICAL ? c->n_categories : c->width;
    }
    write_member(out, "input_shape");
    if (n_columns == 1 && only->rank > 0)
        write_dims(out, only->dim, only->rank);
    else
        buf_printf(out, "[%zu]", n);
}

static void
write_skipped(const struct dataset_meta *meta, struct buf *out)
{
    write_member(out, "skipped");
    write_begin(out);
    write_count(out, "rows", meta->n_skipped);
    write_member(out, "errors");
    buf_putc(out, '[');
    for (size_t i = 0; i < meta->n_skipped && i < DATASET_MAX_SKIPPED; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_text(out, "where", meta->skipped[i].where);
        write_text(out, "detail", meta->skipped[i].what);
        write_end(out);
    }
    buf_putc(out, ']');
    write_end(out);
}

void
codec_meta_format(const struct dataset_meta *meta, struct buf *out)
{
    char   hex[DIGEST_HEX_SIZE];
    size_t n_targets = 0;

    write_begin(out);
    write_count(out, "rows", meta->n_rows);
    write_member(out, "columns");
    buf_putc(out, '[');
    for (size_t i = 0; i < meta->n_columns; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_column(&meta->column[i], out);
    }
    buf_putc(out, ']');
    write_input_shape(meta, out);
    write_member(out, "target");
    buf_putc(out, '[');
    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *c = &meta->column[i];

        if (!c->is_target)
            continue;
        if (n_targets++ > 0)
            buf_putc(out, ',');
        json_write_string(out, c->name, strlen(c->name));
    }
    buf_putc(out, ']');
    write_text(out, "task", dataset_task_name(meta->task));
    if (meta->task == DATASET_CLASSIFICATION)
        write_texts(out, "classes", meta->classes, meta->n_classes);
    else
        write_json(out, "classes", NULL);
    write_count(out, "bytes", meta->bytes);
    digest_hex(meta->sha256, hex);
    write_text(out, "sha256", hex);
    if (meta->n_skipped > 0)
        write_skipped(meta, out);
    write_end(out);
}

void
codec_dataset_format(const struct store_dataset *row, struct buf *out)
{
    size_t len = strlen(row->meta);

    /* The stored text, with its row's columns in front and behind. */
    write_begin(out);
    write_text(out, "name", row->name);
    buf_putc(out, ',');
    buf_append(out, row->meta + 1, len - 2);
    write_time(out, "created_at", row->created_ms);
    write_end(out);
}

/* --- and read back
 * -------------------------------------------------------------- */

static char *
text_of(json_t *value)
{
    return json_is_string(value)
               ? mem_dup(json_string_value(value), json_string_length(value))
               : NULL;
}

/* false where it is no array of strings, or memory is short. */
static bool
read_texts(json_t *value, char ***out, size_t *out_n)
{
    size_t n = json_array_size(value);
    char **text;

    if (!json_is_array(value))
        return false;
    text = mem_array(n, sizeof(*text), 0);
    *out = text;
    if (text == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        text[i] = text_of(json_array_get(value, i));
        if (text[i] == NULL)
            return false;
        *out_n = i + 1;
    }
    return true;
}

static bool
read_size(json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static bool
read_dims(json_t *value, size_t *dim, size_t *out_rank, size_t *out_width)
{
    size_t rank = json_array_size(value), width = 1;

    if (value == NULL)
        return true; /* a number a row */
    if (rank < 1 || rank > DATASET_MAX_RANK)
        return false;
    for (size_t i = 0; i < rank; i++)
        if (!read_size(json_array_get(value, i), &dim[i]) ||
            !mem_mul(width, dim[i], &width) || width > DATASET_MAX_WIDTH)
            return false;
    *out_rank = rank;
    *out_width = width;
    return width > 0;
}

static bool
read_column(json_t *value, struct dataset_column *c)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    size_t      missing;

    c->name = text_of(json_object_get(value, "name"));
    if (c->name == NULL || type == NULL || !dataset_type_find(type, &c->type))
        return false;
    c->is_target = json_is_true(json_object_get(value, "target"));
    c->width = c->type == DATASET_IGNORED ? 0 : 1;
    if (!read_dims(json_object_get(value, "shape"), c->dim, &c->rank,
                   &c->width) ||
        !read_size(json_object_get(value, "missing"), &missing))
        return false;
    c->missing = missing;
    c->min = json_number_value(json_object_get(value, "min"));
    c->max = json_number_value(json_object_get(value, "max"));
    c->mean = json_number_value(json_object_get(value, "mean"));
    c->std = json_number_value(json_object_get(value, "std"));
    return c->type != DATASET_CATEGORICAL ||
           read_texts(json_object_get(value, "categories"), &c->categories,
                      &c->n_categories);
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static bool
read_digest(json_t *value, uint8_t out[DIGEST_SIZE])
{
    const char *hex = json_string_value(value);

    if (hex == NULL || strlen(hex) != DIGEST_HEX_SIZE - 1)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
read_meta(json_t *document, struct dataset_meta *meta)
{
    json_t     *columns = json_object_get(document, "columns");
    const char *task = json_string_value(json_object_get(document, "task"));
    size_t      n, n_rows, bytes;

    if (!json_is_array(columns) ||
        !read_size(json_object_get(document, "rows"), &n_rows) ||
        !read_size(json_object_get(document, "bytes"), &bytes) ||
        task == NULL || !dataset_task_find(task, &meta->task))
        return false;
    n = json_array_size(columns);
    meta->n_rows = n_rows;
    meta->bytes = bytes;
    meta->column = mem_array(n, sizeof(*meta->column), 0);
    if (meta->column == NULL)
        return false;
    meta->n_columns = n; /* release looks at all of them; they are zero */
    for (size_t i = 0; i < n; i++) {
        struct dataset_column *c = &meta->column[i];

        if (!read_column(json_array_get(columns, i), c))
            return false;
        c->offset = meta->row_width;
        meta->row_width += c->width;
    }
    return read_digest(json_object_get(document, "sha256"), meta->sha256) &&
           (meta->task == DATASET_REGRESSION ||
            read_texts(json_object_get(document, "classes"), &meta->classes,
                       &meta->n_classes));
}

enum err
codec_meta_parse(const char *json, struct dataset_meta *out, struct errinfo *e)
{
    struct dataset_meta meta = { 0 };
    json_t             *document = json_loads(json, 0, NULL);
    bool                whole = read_meta(document, &meta);

    json_decref(document);
    if (!whole) {
        dataset_meta_release(&meta);
        return err_set(e, ERR_CORRUPT, "dataset",
                       "what is stored of the dataset cannot be read");
    }
    *out = meta;
    return ERR_OK;
}

/* --- encoders
 * --------------------------------------------------------------------- */

/* As doubles, whose 17 digits come back exactly, and so do the float32. */
static void
write_exact(struct buf *out, const char *name, const float *x, size_t n)
{
    write_member(out, name);
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        num_format_double(out, (double)x[i]);
    }
    buf_putc(out, ']');
}

void
codec_encoder_format(const struct dataset_encoder *enc, struct buf *out)
{
    write_begin(out);
    write_text(out, "scaling", dataset_scaling_name(enc->scaling));
    write_member(out, "inputs");
    buf_putc(out, '[');
    for (size_t i = 0; i < enc->n_inputs; i++) {
        const struct dataset_input *input = &enc->input[i];

        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_text(out, "name", input->name);
        write_text(out, "type", dataset_type_name(input->type));
        write_count(out, "width", input->width);
        if (input->type == DATASET_CATEGORICAL) {
            write_texts(out, "categories", input->categories,
                        input->n_categories);
        } else {
            write_exact(out, "a", input->a, input->width);
            write_exact(out, "b", input->b, input->width);
            write_exact(out, "fill", input->fill, input->width);
        }
        write_end(out);
    }
    buf_putc(out, ']');
    write_text(out, "task", dataset_task_name(enc->task));
    write_texts(out, "targets", enc->target, enc->n_targets);
    write_count(out, "outputs", enc->n_out);
    write_texts(out, "classes", enc->classes, enc->n_classes);
    write_double(out, "low", enc->low);
    write_double(out, "high", enc->high);
    write_end(out);
}

static bool
read_floats(json_t *value, size_t n, float **out)
{
    float *x;

    if (json_array_size(value) != n)
        return false;
    x = mem_array(n, sizeof(*x), 0);
    *out = x;
    if (x == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *number = json_array_get(value, i);

        if (!json_is_number(number))
            return false;
        x[i] = (float)json_number_value(number);
    }
    return true;
}

static bool
read_input(json_t *value, struct dataset_input *input)
{
    const char *type = json_string_value(json_object_get(value, "type"));

    input->name = text_of(json_object_get(value, "name"));
    if (input->name == NULL || type == NULL ||
        !dataset_type_find(type, &input->type) ||
        !read_size(json_object_get(value, "width"), &input->width) ||
        input->width < 1 || input->width > DATASET_MAX_WIDTH)
        return false;
    if (input->type == DATASET_CATEGORICAL)
        return read_texts(json_object_get(value, "categories"),
                          &input->categories, &input->n_categories);
    return read_floats(json_object_get(value, "a"), input->width, &input->a) &&
           read_floats(json_object_get(value, "b"), input->width, &input->b) &&
           read_floats(json_object_get(value, "fill"), input->width,
                       &input->fill);
}

static bool
read_encoder(json_t *document, struct dataset_encoder *enc)
{
    json_t     *inputs = json_object_get(document, "inputs");
    json_t     *low = json_object_get(document, "low");
    json_t     *high = json_object_get(document, "high");
    const char *scaling =
        json_string_value(json_object_get(document, "scaling"));
    const char *task = json_string_value(json_object_get(document, "task"));
    size_t      n = json_array_size(inputs);

    if (scaling == NULL || !dataset_scaling_find(scaling, &enc->scaling) ||
        task == NULL || !dataset_task_find(task, &enc->task) ||
        !json_is_number(low) || !json_is_number(high) ||
        !read_size(json_object_get(document, "outputs"), &enc->n_out))
        return false;
    enc->low = (float)json_number_value(low);
    enc->high = (float)json_number_value(high);
    enc->input = mem_array(n, sizeof(*enc->input), 0);
    if (enc->input == NULL)
        return false;
    enc->n_inputs = n; /* free looks at all of them; they are zero */
    for (size_t i = 0; i < n; i++) {
        struct dataset_input *input = &enc->input[i];

        if (!read_input(json_array_get(inputs, i), input))
            return false;
        input->raw_offset = enc->raw_width;
        input->offset = enc->n_in;
        enc->raw_width += input->width;
        enc->n_in += input->type == DATASET_CATEGORICAL ? input->n_categories
                                                        : input->width;
    }
    return read_texts(json_object_get(document, "targets"), &enc->target,
                      &enc->n_targets) &&
           read_texts(json_object_get(document, "classes"), &enc->classes,
                      &enc->n_classes);
}

enum err
codec_encoder_parse(const char *json, struct dataset_encoder **out,
                    struct errinfo *e)
{
    struct dataset_encoder *enc = mem_array(1, sizeof(*enc), 0);
    json_t                 *document;
    bool                    whole;

    if (enc == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    document = json_loads(json, 0, NULL);
    whole = read_encoder(document, enc);
    json_decref(document);
    if (!whole) {
        dataset_encoder_free(enc);
        return err_set(e, ERR_CORRUPT, "encoder",
                       "what is stored of the encoder cannot be read");
    }
    *out = enc;
    return ERR_OK;
}
