/*
 * predict.c - rows of a request straight into float32, without a tree
 */
#include "codec/predict.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/similar.h"
#include "codec/rows.h"

#define POINTER_SIZE 96
/* Who has made so many mistakes need not hear of more. */
#define MOST_WRONG 1000
/* Who has made so many mistakes need not hear of more. */
#define MOST_WRONG 1000

/* Where in the document the reader is. */
enum place {
    AT_START,  /* before the document                   */
    IN_TOP,    /* among its members                     */
    IN_INPUTS, /* between rows                          */
    IN_ARRAY,  /* in a row that is an array             */
    IN_OBJECT, /* in a row that is an object            */
    IN_COLUMN, /* in the array of a column of an object */
    SKIPPING,  /* no object: only its syntax is of interest */
    AT_END
};

struct reader {
    struct codec_predict         *out;
    const struct dataset_encoder *enc;  /* or NULL */
    size_t                        rank; /* of the network's inputs */
    enum place                    place;
    char                          member[16]; /* of the document: what comes */
    bool                          seen_inputs, seen_version;
    size_t                        capacity; /* rows raw has room for */
    float                        *row;      /* being filled          */
    size_t                        count;    /* numbers of it so far  */
    size_t                        element;  /* of an array, from 0   */
    unsigned                      depth;    /* brackets open in it   */
    const struct dataset_input   *column;   /* IN_OBJECT, IN_COLUMN  */
    size_t                        next;     /* column, where in order */
    bool                          is_wrong; /* the row: all is said  */
    bool                          skips;    /* the value that comes  */
    unsigned                      skipped;  /* brackets open in one  */
    size_t                        n_wrong;  /* mistakes told         */
    /* [n_inputs + n_targets]: in which row each was last, from 1; NULL: in
     * none */
    size_t *named;
};

/* --- mistakes ---------------------------------------------------------------
 *
 * What is wrong with a row is told, and the rows behind it are read for what is
 * wrong with them.
 */

static void
wrong(struct reader *r, struct errinfo *e, const char *at, const char *what)
{
    if (r->n_wrong++ == 0)
        err_set(e, ERR_INVALID, at, "%s", what);
    else
        err_add(e, ERR_INVALID, at, "%s", what);
}

/* At "/inputs/3"; of a row's other mistakes no more is said. */
__attribute__((format(printf, 3, 4))) static void
wrong_row(struct reader *r, struct errinfo *e, const char *fmt, ...)
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
    wrong(r, e, at, what);
}

/* "/inputs/3/age", or for NULL "/inputs/3/0". */
static void
element_pointer(const struct reader *r, const char *name,
                char out[POINTER_SIZE])
{
    char row[48];

    snprintf(row, sizeof(row), "/inputs/%zu", r->out->n_rows);
    if (name != NULL)
        json_write_pointer(out, POINTER_SIZE, row, name);
    else
        snprintf(out, POINTER_SIZE, "%s/%zu", row, r->element);
}

static void
wrong_element(struct reader *r, struct errinfo *e, const char *what)
{
    char at[POINTER_SIZE];

    element_pointer(r, r->column != NULL ? r->column->name : NULL, at);
    wrong(r, e, at, what);
}

/* --- rows ----------------------------------------------------------------- */

static enum err
row_begin(struct reader *r, struct errinfo *e)
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
row_end(struct reader *r, struct errinfo *e)
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
column_here(const struct reader *r)
{
    if (r->column != NULL || r->enc == NULL || r->count >= r->out->width)
        return r->column;
    return column_at(r->enc, r->count);
}

/* A list where a number belongs, say: told, and its brackets passed over. */
static void
wrong_value(struct reader *r, struct errinfo *e, const char *what)
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
take_text(struct reader *r, const struct dataset_input *column,
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
take_name(struct reader *r, const struct dataset_input *column,
          const char *name)
{
    float index = dataset_encoder_category(
        r->enc, (size_t)(column - r->enc->input), name);

    r->out->n_unseen += isnan(index) != 0;
    return index;
}

static float
take_number(struct reader *r, const struct json_token *t, struct errinfo *e)
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
take_element(struct reader *r, const struct json_token *t, struct errinfo *e)
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
    struct reader           r = { .out = out,
                                  .enc = encoder,
                                  .row = out->raw + out->n_rows * out->width,
                                  .count = column->raw_offset + part,
                                  .column = column };

    take_element(&r, &t, e);
    return r.n_wrong == 0 ? ERR_OK : ERR_INVALID;
}

static void
in_array(struct reader *r, const struct json_token *t, struct errinfo *e)
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
object_begin(struct reader *r, struct errinfo *e)
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

/* Which of the targets is called name; n_targets: none. */
static size_t
find_target(const struct dataset_encoder *enc, const char *name)
{
    size_t i = 0;

    while (i < enc->n_targets && strcmp(enc->target[i], name) != 0)
        i++;
    return i;
}

/* What is known here, the most similar one first. */
static void
unknown_column(struct reader *r, const char *name, struct errinfo *e)
{
    const struct dataset_encoder *enc = r->enc;
    unsigned                      least = SIMILAR_NOT;
    size_t                        best = 0, n = 0;
    char                          at[POINTER_SIZE], what[360];

    if (r->n_wrong >= ERR_MAX_ITEMS) { /* counted, and not told any more */
        wrong(r, e, "", "");
        return;
    }
    for (size_t i = 0; i < enc->n_inputs; i++) {
        unsigned distance = similar_distance(name, enc->input[i].name);

        best = distance < least ? i : best;
        least = distance < least ? distance : least;
    }
    element_pointer(r, name, at);
    n = (size_t)snprintf(what, sizeof(what), "unknown column; ");
    if (least < SIMILAR_NOT)
        n +=
            (size_t)snprintf(what + n, sizeof(what) - n,
                             "did you mean \"%.60s\"? ", enc->input[best].name);
    n += (size_t)snprintf(what + n, sizeof(what) - n, "known here: ");
    for (size_t i = 0; i < enc->n_inputs && n < sizeof(what); i++)
        n += (size_t)snprintf(what + n, sizeof(what) - n, "%s%.60s",
                              i == 0 ? "" : ", ", enc->input[i].name);
    wrong(r, e, at, what);
}

/* The column called name; most rows name them in their order. */
static const struct dataset_input *
find_column(struct reader *r, const char *name)
{
    size_t n = r->enc->n_inputs;

    for (size_t k = 0; k < n; k++, r->next++) {
        r->next = r->next < n ? r->next : 0;
        if (strcmp(r->enc->input[r->next].name, name) == 0)
            return &r->enc->input[r->next++];
    }
    return NULL;
}

/* A row may have all that the table has: its target is passed over. */
static enum err
object_key(struct reader *r, const struct json_token *t, struct errinfo *e)
{
    size_t place;
    char   at[POINTER_SIZE];

    r->column = find_column(r, t->text);
    if (r->column != NULL) {
        place = (size_t)(r->column - r->enc->input);
        r->count = r->column->raw_offset;
    } else {
        place = find_target(r->enc, t->text);
        r->skips = true;
        if (place == r->enc->n_targets) {
            unknown_column(r, t->text, e);
            return ERR_OK;
        }
        place += r->enc->n_inputs;
    }
    if (r->named[place] == r->out->n_rows + 1) {
        element_pointer(r, t->text, at);
        return err_set(e, ERR_MALFORMED, at, "comes twice");
    }
    r->named[place] = r->out->n_rows + 1;
    return ERR_OK;
}

static enum err
in_object(struct reader *r, const struct json_token *t, struct errinfo *e)
{
    bool is_numeric = r->column != NULL && r->column->type == DATASET_NUMERIC;

    switch (t->event) {
    case JSON_KEY:
        return object_key(r, t, e);
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
wrong_width(struct reader *r, struct errinfo *e, size_t n)
{
    char what[80];

    snprintf(what, sizeof(what), "has %zu numbers, expected %zu", n,
             r->column->width);
    wrong_element(r, e, what);
}

static void
in_column(struct reader *r, const struct json_token *t, struct errinfo *e)
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
static bool
is_skipped(struct reader *r, const struct json_token *t)
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

/* --- the document --------------------------------------------------------- */

static enum err
top_key(struct reader *r, const struct json_token *t, struct errinfo *e)
{
    bool  inputs = strcmp(t->text, "inputs") == 0;
    bool *seen = inputs ? &r->seen_inputs : &r->seen_version;
    char  at[POINTER_SIZE];

    json_write_pointer(at, sizeof(at), "", t->text);
    if (!inputs && strcmp(t->text, "version") != 0) {
        wrong(r, e, at, "unknown member; known here: inputs, version");
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
wrong_member(struct reader *r, const struct json_token *t, const char *at,
             const char *what, struct errinfo *e)
{
    wrong(r, e, at, what);
    r->skips = true;
    is_skipped(r, t);
}

static void
top_value(struct reader *r, const struct json_token *t, struct errinfo *e)
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
    struct reader *r = arg;
    enum err       rc;

    if (r->n_wrong > MOST_WRONG)
        return ERR_INVALID;
    if (is_skipped(r, t))
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
        if (t->event == JSON_END_ARRAY) {
            r->place = IN_TOP;
            return ERR_OK;
        }
        rc = row_begin(r, e);
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
    case IN_ARRAY:
        in_array(r, t, e);
        return ERR_OK;
    case IN_OBJECT:
        return in_object(r, t, e);
    case IN_COLUMN:
        in_column(r, t, e);
        return ERR_OK;
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
    struct codec_predict predict = { .version = -1 };
    struct reader        r = { .out = &predict,
                               .enc = encoder,
                               .rank = spec->input.rank };
    struct json_reader   json;
    enum err             rc;

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
        wrong(&r, e, "/inputs", "is required");
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

/* --- the answer ----------------------------------------------------------- */

/* Why there is a null among the outputs, where there is one. */
static void
write_notes(const float *y, size_t n, size_t n_out, struct buf *out)
{
    size_t first = 0, count = 0;

    for (size_t i = 0; i < n * n_out; i++)
        if (!isfinite(y[i]) && count++ == 0)
            first = i;
    if (count > 0)
        buf_printf(out,
                   ",\"notes\":[{\"pointer\":\"/outputs/%zu/%zu\",\"detail\":"
                   "\"is beyond the range of a 32-bit float or no number at "
                   "all, as %zu of the outputs: weights or inputs are too "
                   "large\"}]",
                   first / n_out, first % n_out, count);
}

void
codec_source_format(const struct codec_source *source, struct buf *out)
{
    buf_puts(out, "\"network\":");
    json_write_string(out, source->network, strlen(source->network));
    if (source->job == 0) {
        buf_puts(out, ",\"version\":");
        num_format_u64(out, (uint64_t)source->version);
        return;
    }
    buf_puts(out, ",\"job\":");
    num_format_u64(out, (uint64_t)source->job);
    buf_puts(out, ",\"epoch\":");
    num_format_u64(out, source->epoch);
}

void
codec_predict_format(const struct codec_source *source, const float *y,
                     size_t n, size_t n_out, const char *const *label,
                     struct buf *out)
{
    buf_putc(out, '{');
    codec_source_format(source, out);
    buf_puts(out, ",\"outputs\":");
    json_write_rows(out, y, n, n_out);
    write_notes(y, n, n_out, out);
    if (label != NULL) {
        buf_puts(out, ",\"labels\":[");
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_putc(out, ',');
            json_write_string(out, label[i], strlen(label[i]));
        }
        buf_putc(out, ']');
    }
    buf_putc(out, '}');
}
