/* json_rows.c - the rows of a JSON document: of a table, and of two arrays */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "dataset/internal.h"
#include "dataset/json_rows.h"

/* How an error calls a token. */
static const char *const found[] = {
    [JSON_BEGIN_OBJECT] = "an object",
    [JSON_END_OBJECT] = "the end",
    [JSON_BEGIN_ARRAY] = "an array",
    [JSON_END_ARRAY] = "the end",
    [JSON_KEY] = "a name",
    [JSON_STRING] = "a string",
    [JSON_NUMBER] = "a number",
    [JSON_TRUE] = "true",
    [JSON_FALSE] = "false",
    [JSON_NULL] = "null",
};

static struct dataset_spot
spot_of(const struct json_token *t)
{
    return (struct dataset_spot){ t->line, t->column };
}

enum err
dataset_json_unexpected(const struct json_token *t, const char *expected,
                        struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);

    return dataset_refuse(e, &spot, "found %s, expected %s", found[t->event],
                          expected);
}

/* --- columns and rows ----------------------------------------------------- */

enum err
dataset_json_read_cell(struct dataset_json *json, const struct json_token *t,
                       struct errinfo *e)
{
    struct dataset_rows *rows = json->rows;
    struct dataset_spot  spot = spot_of(t);
    size_t               i = json->field;

    if (t->event == JSON_END_ARRAY) {
        if (i < rows->n_columns)
            return dataset_refuse(e, &spot,
                                  "found the end of the row after %zu cell%s, "
                                  "expected %zu",
                                  i, i == 1 ? "" : "s", rows->n_columns);
        return dataset_rows_next(rows, e);
    }
    if (i == rows->n_columns)
        return dataset_refuse(e, &spot,
                              "found one more cell, expected the end of the "
                              "row after %zu cells",
                              i);
    json->field++;
    switch (t->event) {
    case JSON_NULL:
        return dataset_rows_missing(rows, i, &spot, e);
    case JSON_TRUE:
        return dataset_rows_text(rows, i, "true", 4, &spot, e);
    case JSON_FALSE:
        return dataset_rows_text(rows, i, "false", 5, &spot, e);
    case JSON_NUMBER:
    case JSON_STRING:
        return dataset_rows_text(rows, i, t->text, t->len, &spot, e);
    default:
        return dataset_json_unexpected(
            t, "a cell: a number, a string, true, false or null", e);
    }
}

/* --- inputs and targets --------------------------------------------------- */

/* The first row has shown the shape: now there can be a column. */
static enum err
fix_shape(struct dataset_json *json, struct errinfo *e)
{
    struct dataset_rows *rows = json->rows;
    bool                 is_target = json->member == DATASET_MEMBER_TARGETS;
    const char          *name = is_target ? "targets" : "inputs";
    size_t               rank = json->rank;
    char                 where[16];
    enum err             rc;

    if (is_target && rank == 1 && json->dim[0] == 1)
        rank = 0;
    snprintf(where, sizeof(where), "/%s", name);
    if (rows->base != NULL) {
        rc = dataset_rows_resume_array(rows, name, rank, json->dim, e);
    } else {
        rc = dataset_rows_add(rows, name, strlen(name), rank, json->dim, where,
                              e);
        if (rc == ERR_OK) {
            rows->column[rows->n_columns - 1].meta.is_target = is_target;
            rc = dataset_rows_begin(rows, rows->n_columns - 1, e);
        }
    }
    if (rc != ERR_OK)
        return rc;
    memcpy(rows->row, json->first.data, json->n_cells * sizeof(float));
    json->shaped = true;
    return ERR_OK;
}

static enum err
end_array_row(struct dataset_json *json, struct errinfo *e)
{
    enum err rc = json->shaped ? ERR_OK : fix_shape(json, e);

    json->n_cells = 0;
    return rc == ERR_OK ? dataset_rows_next(json->rows, e) : rc;
}

/* Another element at this level: is there room for it? */
static enum err
count_element(struct dataset_json *json, const struct json_token *t,
              struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    size_t              k = json->level - 1;

    if (json->dim[k] > 0 && json->count[k] == json->dim[k])
        return dataset_refuse(e, &spot,
                              "found one more element, expected %zu of them as "
                              "in the first row",
                              json->dim[k]);
    json->count[k]++;
    return ERR_OK;
}

static enum err
open_level(struct dataset_json *json, const struct json_token *t,
           struct errinfo *e)
{
    size_t most = json->member == DATASET_MEMBER_INPUTS ? DATASET_MAX_RANK : 1;
    enum err rc = ERR_OK;

    if (json->level == (json->rank > 0 ? json->rank : most))
        return dataset_json_unexpected(t, "a number", e);
    if (json->level > 0)
        rc = count_element(json, t, e);
    json->count[json->level++] = 0;
    return rc;
}

static enum err
close_level(struct dataset_json *json, const struct json_token *t,
            struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    size_t              k = json->level - 1, n = json->count[k];

    if (n == 0)
        return dataset_json_unexpected(t, "a number or an array", e);
    if (json->dim[k] == 0)
        json->dim[k] = n;
    if (json->dim[k] != n)
        return dataset_refuse(e, &spot,
                              "found %zu element%s, expected %zu as in the "
                              "first row",
                              n, n == 1 ? "" : "s", json->dim[k]);
    return --json->level > 0 ? ERR_OK : end_array_row(json, e);
}

static enum err
put_number(struct dataset_json *json, const struct json_token *t,
           struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    float               x = NAN;

    if (t->event == JSON_NULL && json->member == DATASET_MEMBER_TARGETS)
        return dataset_refuse(e, &spot,
                              "the target is missing; every row needs one");
    if (t->event == JSON_NUMBER && !num_parse_float(t->text, t->len, &x))
        return dataset_refuse(
            e, &spot, "%.40s is beyond the range of float32, 3.4e38", t->text);
    if (json->shaped) {
        json->rows->row[json->n_cells++] = x;
        return ERR_OK;
    }
    if (json->n_cells++ == DATASET_MAX_WIDTH)
        return dataset_refuse(e, &spot,
                              "a row has more than %zu numbers, the most it "
                              "may have",
                              DATASET_MAX_WIDTH);
    buf_append(&json->first, &x, sizeof(x));
    return json->first.failed ? DATASET_NOMEM(e) : ERR_OK;
}

/* A number on its own is a row of one target. */
static enum err
read_bare_target(struct dataset_json *json, const struct json_token *t,
                 struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    enum err            rc;

    if (json->shaped && json->dim[0] != 1)
        return dataset_refuse(e, &spot,
                              "found one number, expected a row of %zu as the "
                              "first one",
                              json->dim[0]);
    json->rank = 1;
    json->dim[0] = 1;
    rc = put_number(json, t, e);
    return rc == ERR_OK ? end_array_row(json, e) : rc;
}

enum err
dataset_json_read_array(struct dataset_json *json, const struct json_token *t,
                        struct errinfo *e)
{
    bool     is_number = t->event == JSON_NUMBER || t->event == JSON_NULL;
    enum err rc;

    if (t->event == JSON_BEGIN_ARRAY)
        return open_level(json, t, e);
    if (json->level == 0) {
        if (is_number && json->member == DATASET_MEMBER_TARGETS)
            return read_bare_target(json, t, e);
        return dataset_json_unexpected(t, "a row: an array of numbers", e);
    }
    if (t->event == JSON_END_ARRAY)
        return close_level(json, t, e);
    if (!is_number)
        return dataset_json_unexpected(
            t, "a number; rows with text go into \"columns\" and \"rows\"", e);
    if (json->rank == 0)
        json->rank = json->level;
    if (json->level < json->rank)
        return dataset_json_unexpected(t, "an array, as in the first row", e);
    rc = count_element(json, t, e);
    return rc == ERR_OK ? put_number(json, t, e) : rc;
}
