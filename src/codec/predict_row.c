/* predict_row.c - one row of a prediction's body */
#include "codec/predict_row.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/rows.h"

/* --- mistakes ------------------------------------------------------------- */

void
predict_wrong(struct predict_reader *r, struct errinfo *e, const char *at,
              const char *what)
{
    if (r->n_wrong++ == 0)
        err_set(e, ERR_INVALID, at, "%s", what);
    else
        err_add(e, ERR_INVALID, at, "%s", what);
}

/* At "/inputs/3"; of a row's other mistakes no more is said. */
__attribute__((format(printf, 3, 4))) static void
wrong_row(struct predict_reader *r, struct errinfo *e, const char *fmt, ...)
{
    char    at[48], what[160];
    va_list ap;

    if (r->is_wrong)
        return;
    r->is_wrong = true;
    snprintf(at, sizeof(at), "/inputs/%zu", r->out->n_rows);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    predict_wrong(r, e, at, what);
}

void
predict_row_pointer(const struct predict_reader *r, const char *name,
                    char out[PREDICT_POINTER_SIZE])
{
    char row[48];

    snprintf(row, sizeof(row), "/inputs/%zu", r->out->n_rows);
    if (name != NULL)
        json_write_pointer(out, PREDICT_POINTER_SIZE, row, name);
    else
        snprintf(out, PREDICT_POINTER_SIZE, "%s/%zu", row, r->element);
}

static void
wrong_element(struct predict_reader *r, struct errinfo *e, const char *what)
{
    char at[PREDICT_POINTER_SIZE];

    predict_row_pointer(r, r->column != NULL ? r->column->name : NULL, at);
    predict_wrong(r, e, at, what);
}

/* --- rows ----------------------------------------------------------------- */

static enum err
row_room(struct predict_reader *r, struct errinfo *e)
{
    struct codec_predict *out = r->out;
    size_t                capacity = r->capacity;
    float                *raw;

    if (out->n_rows == CODEC_MAX_PREDICT_ROWS)
        return codec_rows_too_many(e);
    if (out->n_rows == capacity) {
        capacity = capacity == 0 ? 1 : 2 * capacity;
        if (capacity > CODEC_MAX_PREDICT_FLOATS / out->width)
            capacity = CODEC_MAX_PREDICT_FLOATS / out->width;
        if (capacity <= out->n_rows)
            return err_set(e, ERR_LIMIT, "/inputs",
                           "more than %zu numbers: send them in several "
                           "requests",
                           CODEC_MAX_PREDICT_FLOATS);
        raw = mem_resize(out->raw, capacity * out->width, sizeof(*raw));
        if (raw == NULL)
            return err_set(e, ERR_NOMEM, "", "out of memory");
        out->raw = raw;
        r->capacity = capacity;
    }
    r->row = out->raw + out->n_rows * out->width;
    r->count = r->element = 0;
    r->column = NULL;
    r->is_wrong = false;
    return ERR_OK;
}

static void
row_end(struct predict_reader *r, struct errinfo *e)
{
    if (r->count != r->out->width)
        wrong_row(r, e, "has %zu numbers, this network takes %zu", r->count,
                  r->out->width);
    r->out->n_rows++;
    r->place = IN_INPUTS;
}

/* The input column that number `at` of a raw row belongs to. */
static const struct dataset_input *
column_at(const struct dataset_encoder *enc, size_t at)
{
    size_t low = 0, high = enc->n_inputs;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (enc->input[middle].raw_offset <= at)
            low = middle;
        else
            high = middle;
    }
    return &enc->input[low];
}

/* The column that the next element belongs to; NULL: there are none. */
static const struct dataset_input *
column_here(const struct predict_reader *r)
{
    if (r->column != NULL || r->enc == NULL || r->count >= r->out->width)
        return r->column;
    return column_at(r->enc, r->count);
}

/* A list where a number belongs, say: told, and its brackets passed over. */
static void
wrong_value(struct predict_reader *r, struct errinfo *e, const char *what)
{
    const struct dataset_input *column = column_here(r);

    wrong_element(r, e, what);
    r->skipped = 1;
    r->count +=
        column != NULL && dataset_type_cells(column->type) == DATASET_TEXTS
            ? column->width
            : 1;
    r->element++;
}

/* A string for a column of dates or texts: its raw values straight into the
 * row.  null, and a text that is empty, are missing. */
static void
take_text(struct predict_reader *r, const struct dataset_input *column,
          const struct json_token *t, struct errinfo *e)
{
    float *raw = r->row + column->raw_offset;

    if (t->event == JSON_NULL) {
        for (size_t k = 0; k < column->width; k++)
            raw[k] = NAN;
    } else if (t->event != JSON_STRING) {
        wrong_element(r, e,
                      column->type == DATASET_TEXT
                          ? "must be a string: the column is a text"
                          : "must be a string: the column is a date");
    } else if (!dataset_input_read(column, t->text, t->len, raw)) {
        wrong_element(r, e,
                      "must be a date as 2024-02-29 or 29.02.2024, perhaps "
                      "with a time as 17:30:15");
    }
    r->count += column->width;
    r->element++;
}

/* A category or boolean by its name; one that training never saw is missing,
 * and counted. */
static float
take_name(struct predict_reader *r, const struct dataset_input *column,
          const char *name)
{
    float index = dataset_encoder_category(
        r->enc, (size_t)(column - r->enc->input), name);

    r->out->n_unseen += isnan(index) != 0;
    return index;
}

static float
take_number(struct predict_reader *r, const struct json_token *t,
            struct errinfo *e)
{
    float x = NAN;

    switch (t->event) {
    case JSON_NUMBER:
        if (!num_parse_float(t->text, t->len, &x))
            wrong_element(r, e, "is beyond the range of a 32-bit float");
        break;
    case JSON_STRING:
        wrong_element(r, e, "must be a number, got a string");
        break;
    case JSON_NULL:
        if (r->enc == NULL)
            wrong_element(r, e, "must be a number, got null");
        break;
    default:
        wrong_element(r, e, "must be a number, got a boolean");
    }
    return x;
}

/* One element of a row: a number, a name, a date, a text, or missing. */
static void
take_element(struct predict_reader *r, const struct json_token *t,
             struct errinfo *e)
{
    const struct dataset_input *column = column_here(r);
    float                       value = NAN;

    if (r->count >= r->out->width) {
        wrong_row(r, e, "has more than the %zu numbers this network takes",
                  r->out->width);
        return;
    }
    if (column != NULL && dataset_type_cells(column->type) == DATASET_TEXTS) {
        take_text(r, column, t, e);
        return;
    }
    if (column == NULL || column->type == DATASET_NUMERIC)
        value = take_number(r, t, e);
    else if (t->event == JSON_TRUE || t->event == JSON_FALSE)
        value = take_name(r, column, t->event == JSON_TRUE ? "true" : "false");
    else if (t->event != JSON_NULL) /* a name may look like a number */
        value = take_name(r, column, t->text);
    r->row[r->count++] = value;
    r->element++;
}

enum err
codec_predict_cell(const struct dataset_encoder *encoder,
                   const struct dataset_input *column, size_t part,
                   const char *text, size_t len, bool is_string,
                   struct codec_predict *out, struct errinfo *e)
{
    const struct json_token t = { .event = text == NULL ? JSON_NULL
                                           : is_string  ? JSON_STRING
                                                        : JSON_NUMBER,
                                  .text = text,
                                  .len = len };
    struct predict_reader   r = { .out = out,
                                  .enc = encoder,
                                  .row = out->raw + out->n_rows * out->width,
                                  .count = column->raw_offset + part,
                                  .column = column };

    take_element(&r, &t, e);
    return r.n_wrong == 0 ? ERR_OK : ERR_INVALID;
}

static void
in_array(struct predict_reader *r, const struct json_token *t,
         struct errinfo *e)
{
    switch (t->event) {
    case JSON_BEGIN_ARRAY: /* nested as input_shape; its size is what counts */
        if (r->depth < r->rank)
            r->depth++;
        else
            wrong_value(r, e, "must be a number, got an array");
        break;
    case JSON_END_ARRAY:
        if (--r->depth == 0)
            row_end(r, e);
        break;
    case JSON_BEGIN_OBJECT:
        wrong_value(r, e, "must be a number, got an object");
        break;
    default:
        take_element(r, t, e);
    }
}

/* A row by column names: what is not named is missing. */
static enum err
object_begin(struct predict_reader *r, struct errinfo *e)
{
    if (r->enc == NULL) {
        wrong_row(r, e, "must be an array: this version knows no column names");
        r->skipped = 1;
        row_end(r, e);
        return ERR_OK;
    }
    if (r->named == NULL)
        r->named = mem_array(r->enc->n_inputs + r->enc->n_targets,
                             sizeof(*r->named), 0);
    if (r->named == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    for (size_t i = 0; i < r->out->width; i++)
        r->row[i] = NAN;
    r->next = 0;
    r->place = IN_OBJECT;
    return ERR_OK;
}

static enum err
in_object(struct predict_reader *r, const struct json_token *t,
          struct errinfo *e)
{
    bool is_numeric = r->column != NULL && r->column->type == DATASET_NUMERIC;

    switch (t->event) {
    case JSON_KEY:
        return predict_row_key(r, t, e);
    case JSON_END_OBJECT:
        r->count = r->out->width;
        row_end(r, e);
        break;
    case JSON_BEGIN_ARRAY:
        if (is_numeric) {
            r->depth = 1;
            r->place = IN_COLUMN;
        } else {
            wrong_value(r, e, "must be one value, got an array");
        }
        break;
    case JSON_BEGIN_OBJECT:
        wrong_value(r, e, "must be a number, got an object");
        break;
    default:
        if (is_numeric && r->column->width != 1)
            wrong_element(r, e, "must be an array of numbers");
        else
            take_element(r, t, e);
    }
    return ERR_OK;
}

static void
wrong_width(struct predict_reader *r, struct errinfo *e, size_t n)
{
    char what[80];

    snprintf(what, sizeof(what), "has %zu numbers, expected %zu", n,
             r->column->width);
    wrong_element(r, e, what);
}

static void
in_column(struct predict_reader *r, const struct json_token *t,
          struct errinfo *e)
{
    const struct dataset_input *c = r->column;

    switch (t->event) {
    case JSON_BEGIN_ARRAY:
        r->depth++;
        break;
    case JSON_END_ARRAY:
        if (--r->depth > 0)
            break;
        r->place = IN_OBJECT;
        if (r->count - c->raw_offset != c->width)
            wrong_width(r, e, r->count - c->raw_offset);
        break;
    case JSON_BEGIN_OBJECT:
        wrong_value(r, e, "must be a number, got an object");
        break;
    default:
        if (r->count - c->raw_offset < c->width)
            take_element(r, t, e);
        else
            r->count++; /* told at the end */
    }
}

/* Is this token one of a value that is passed over? */
bool
predict_skips(struct predict_reader *r, const struct json_token *t)
{
    bool begins = t->event == JSON_BEGIN_ARRAY || t->event == JSON_BEGIN_OBJECT;
    bool ends = t->event == JSON_END_ARRAY || t->event == JSON_END_OBJECT;

    if (r->skipped == 0 && !r->skips)
        return false;
    r->skips = false;
    r->skipped += begins;
    r->skipped -= ends;
    return true;
}

enum err
predict_row_begin(struct predict_reader *r, const struct json_token *t,
                  struct errinfo *e)
{
    enum err rc = row_room(r, e);

    if (rc != ERR_OK)
        return rc;
    if (t->event == JSON_BEGIN_ARRAY) {
        r->depth = 1;
        r->place = IN_ARRAY;
    } else if (t->event == JSON_BEGIN_OBJECT) {
        return object_begin(r, e);
    } else {
        wrong_row(r, e, "must be an array or an object");
        row_end(r, e);
    }
    return ERR_OK;
}

enum err
predict_row_take(struct predict_reader *r, const struct json_token *t,
                 struct errinfo *e)
{
    if (r->place == IN_OBJECT)
        return in_object(r, t, e);
    if (r->place == IN_COLUMN)
        in_column(r, t, e);
    else
        in_array(r, t, e);
    return ERR_OK;
}
