#include "codec/dataset.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/json_memory.h"
#include "codec/texts.h"
#include "codec/write.h"

/* --- a dataset's meta, written -------------------------------------------- */

void
codec_write_texts(struct buf *out, const char *name, char *const *text,
                  size_t n)
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
write_float(struct buf *out, const char *name, float x)
{
    write_member(out, name);
    num_format_float(out, x);
}

void
codec_write_grams(const struct dataset_grams *g, struct buf *out)
{
    write_member(out, "text");
    write_begin(out);
    write_count(out, "size", g->size);
    write_member(out, "words");
    buf_printf(out, "[%u,%u]", g->word_min, g->word_max);
    write_member(out, "characters");
    buf_printf(out, "[%u,%u]", g->char_min, g->char_max);
    write_end(out);
}

/* What is asked for most is what is there. */
static void
write_top(const struct dataset_summary *sum, struct buf *out)
{
    write_member(out, "top");
    buf_putc(out, '[');
    for (size_t i = 0; i < sum->n_top; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_text(out, "value", sum->top[i]);
        write_count(out, "count", sum->top_count[i]);
        write_end(out);
    }
    buf_putc(out, ']');
}

static void
write_summary(const struct dataset_column *c, struct buf *out)
{
    static const char *const names[DATASET_QUANTILES] = { "0.05", "0.25", "0.5",
                                                          "0.75", "0.95" };
    const struct dataset_summary *sum = c->summary;

    if (sum->distinct == DATASET_UNCOUNTED)
        write_json(out, "distinct", NULL);
    else
        write_count(out, "distinct", sum->distinct);
    if (sum->n_top > 0)
        write_top(sum, out);
    if (c->type != DATASET_NUMERIC || sum->sampled == 0)
        return;
    write_count(out, "sampled", sum->sampled);
    write_member(out, "quantiles");
    write_begin(out);
    for (size_t i = 0; i < DATASET_QUANTILES; i++)
        write_float(out, names[i], sum->quantile[i]);
    write_end(out);
    write_member(out, "histogram");
    for (size_t i = 0; i < DATASET_BINS; i++)
        buf_printf(out, "%c%llu", i == 0 ? '[' : ',',
                   (unsigned long long)sum->bin[i]);
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
    switch (c->type) {
    case DATASET_NUMERIC:
        /* Cells are float32: show them in a float32's digits. */
        write_float(out, "min", (float)c->min);
        write_float(out, "max", (float)c->max);
        write_double(out, "mean", c->mean);
        write_double(out, "std", c->std);
        break;
    case DATASET_CATEGORICAL:
    case DATASET_BOOLEAN:
    case DATASET_CLASS:
        codec_write_texts(out, "categories", c->categories, c->n_categories);
        break;
    case DATASET_TEXT:
        codec_write_grams(&c->grams, out);
        break;
    case DATASET_DATETIME:
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    if (c->summary != NULL)
        write_summary(c, out);
    write_end(out);
}

/* What a network's input_shape must be for this dataset. */
static void
write_input_shape(const struct dataset_meta *meta, struct buf *out)
{
    size_t dim[DATASET_MAX_RANK];
    size_t rank = dataset_meta_input_shape(meta, NULL, dim);

    write_member(out, "input_shape");
    write_dims(out, dim, rank);
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
        codec_write_texts(out, "classes", meta->classes, meta->n_classes);
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
    write_count(out, "revision", (uint64_t)row->revision);
    buf_putc(out, ',');
    buf_append(out, row->meta + 1, len - 2);
    write_time(out, "created_at", row->created_ms);
    write_end(out);
}

/* --- and read back -------------------------------------------------------- */

char *
codec_text_of(json_t *value)
{
    return json_is_string(value)
               ? mem_dup(json_string_value(value), json_string_length(value))
               : NULL;
}

/* false where it is no array of strings, or memory is short. */
bool
codec_read_texts(json_t *value, char ***out, size_t *out_n)
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
        text[i] = codec_text_of(json_array_get(value, i));
        if (text[i] == NULL)
            return false;
        *out_n = i + 1;
    }
    return true;
}

bool
codec_read_size(json_t *value, size_t *out)
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
        if (!codec_read_size(json_array_get(value, i), &dim[i]) ||
            !mem_mul(width, dim[i], &width) || width > DATASET_MAX_WIDTH)
            return false;
    *out_rank = rank;
    *out_width = width;
    return width > 0;
}

/* [from, to] */
static bool
read_range(json_t *value, uint8_t *min, uint8_t *max)
{
    size_t a, b;

    if (!codec_read_size(json_array_get(value, 0), &a) ||
        !codec_read_size(json_array_get(value, 1), &b) || a > b ||
        b > DATASET_MAX_GRAM)
        return false;
    *min = (uint8_t)a;
    *max = (uint8_t)b;
    return true;
}

bool
codec_read_grams(json_t *value, struct dataset_grams *out)
{
    size_t size;

    if (!codec_read_size(json_object_get(value, "size"), &size) || size < 1 ||
        size > DATASET_MAX_TEXT_SIZE)
        return false;
    out->size = (uint32_t)size;
    return read_range(json_object_get(value, "words"), &out->word_min,
                      &out->word_max) &&
           read_range(json_object_get(value, "characters"), &out->char_min,
                      &out->char_max);
}

/* How many cells the most frequent category has, where that is there. */
static uint64_t
read_most(json_t *value)
{
    json_t *first = json_array_get(json_object_get(value, "top"), 0);
    size_t  n;

    return codec_read_size(json_object_get(first, "count"), &n) ? n : 0;
}

static bool
read_column(json_t *value, struct dataset_column *c)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    size_t      missing;

    c->name = codec_text_of(json_object_get(value, "name"));
    if (c->name == NULL || type == NULL || !dataset_type_find(type, &c->type))
        return false;
    c->is_target = json_is_true(json_object_get(value, "target"));
    c->width = c->type == DATASET_IGNORED ? 0 : 1;
    if (!read_dims(json_object_get(value, "shape"), c->dim, &c->rank,
                   &c->width) ||
        !codec_read_size(json_object_get(value, "missing"), &missing))
        return false;
    c->missing = missing;
    c->min = json_number_value(json_object_get(value, "min"));
    c->max = json_number_value(json_object_get(value, "max"));
    c->mean = json_number_value(json_object_get(value, "mean"));
    c->std = json_number_value(json_object_get(value, "std"));
    c->n_most = read_most(value);
    if (c->type == DATASET_TEXT)
        return codec_read_grams(json_object_get(value, "text"), &c->grams);
    return (dataset_type_cells(c->type) != DATASET_NAMES &&
            c->type != DATASET_CLASS) ||
           codec_read_texts(json_object_get(value, "categories"),
                            &c->categories, &c->n_categories);
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
        !codec_read_size(json_object_get(document, "rows"), &n_rows) ||
        !codec_read_size(json_object_get(document, "bytes"), &bytes) ||
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
            codec_read_texts(json_object_get(document, "classes"),
                             &meta->classes, &meta->n_classes));
}

enum err
codec_meta_parse(const char *json, struct dataset_meta *out, struct errinfo *e)
{
    struct dataset_meta meta = { 0 };
    json_t             *document;
    bool                whole;

    errno = 0; /* nobody says why: was it for want of memory? */
    document =
        codec_json_has_room(strlen(json)) ? json_loads(json, 0, NULL) : NULL;
    whole = read_meta(document, &meta);

    json_decref(document);
    if (!whole) {
        dataset_meta_release(&meta);
        if (errno == ENOMEM)
            return err_set(e, ERR_NOMEM, "", "out of memory");
        return err_set(e, ERR_CORRUPT, "dataset",
                       "what is stored of the dataset cannot be read");
    }
    *out = meta;
    return ERR_OK;
}
