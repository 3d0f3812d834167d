/*
 * json_document.c - a JSON document around its rows: its members, the names of
 * its columns, where rows begin and end
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataset/json_rows.h"

/* What the next token belongs to. */
enum {
    DOCUMENT, /* nothing has come yet                           */
    MEMBER,   /* a member's name, or the end                    */
    VALUE,    /* the [ behind a member's name                   */
    NAME,     /* an element of "columns"                        */
    TABLE,    /* an element of "rows": a row                    */
    CELL,     /* an element of such a row                       */
    ARRAY,    /* in "inputs" or "targets", rows and their parts */
    OBJECTS,  /* inside an array of objects                     */
    DONE
};

static const char *const members[DATASET_MEMBER_COUNT] = {
    [DATASET_MEMBER_INPUTS] = "inputs",
    [DATASET_MEMBER_TARGETS] = "targets",
    [DATASET_MEMBER_COLUMNS] = "columns",
    [DATASET_MEMBER_ROWS] = "rows",
};

/* --- the document --------------------------------------------------------- */

static enum err
refuse_member(const char *name, const char *why, struct errinfo *e)
{
    char where[96];

    snprintf(where, sizeof(where), "/%s", name);
    return err_set(e, ERR_INVALID, where, "%s", why);
}

static bool
is_table(enum dataset_member m)
{
    return m == DATASET_MEMBER_COLUMNS || m == DATASET_MEMBER_ROWS;
}

/* What comes has columns with names. */
static enum err
begin_table(struct dataset_json *json, struct errinfo *e)
{
    const struct dataset_source *base = json->rows->base;
    enum err                     rc = ERR_OK;

    if (base != NULL) { /* it is a table, for all its columns' names */
        json->rows->base = NULL;
        rc = dataset_rows_resume(json->rows, base, e);
    }
    if (rc == ERR_OK && json->choices->skips)
        rc = err_set(e, ERR_INVALID, "?on_error",
                     "only rows of CSV and NDJSON can be skipped");
    return rc;
}

static enum err
begin_member(struct dataset_json *json, const struct json_token *t,
             struct errinfo *e)
{
    enum dataset_member m = 0;

    if (t->event == JSON_END_OBJECT) {
        json->state = DONE;
        return ERR_OK;
    }
    while (m < DATASET_MEMBER_COUNT && strcmp(t->text, members[m]) != 0)
        m++;
    if (m == DATASET_MEMBER_COUNT)
        return refuse_member(t->text,
                             "there is no such member; a dataset has inputs "
                             "and targets, or columns and rows",
                             e);
    if (json->seen[m])
        return refuse_member(t->text, "is there twice", e);
    for (enum dataset_member o = 0; o < DATASET_MEMBER_COUNT; o++)
        if (json->seen[o] && is_table(o) != is_table(m))
            return refuse_member(t->text,
                                 "a dataset has inputs and targets, or columns "
                                 "and rows, not some of each",
                                 e);
    if (m == DATASET_MEMBER_ROWS && !json->seen[DATASET_MEMBER_COLUMNS])
        return refuse_member(t->text, "columns must come before rows", e);
    json->member = m;
    json->seen[m] = true;
    json->state = VALUE;
    if (!is_table(m) && json->rows->n_before > 0 && json->rows->base == NULL)
        return refuse_member(t->text,
                             "rows for a table come as columns and rows", e);
    if (!is_table(m))
        return dataset_choices_check_arrays(json->choices, e);
    return begin_table(json, e);
}

static enum err
begin_value(struct dataset_json *json, const struct json_token *t,
            struct errinfo *e)
{
    if (t->event != JSON_BEGIN_ARRAY)
        return dataset_json_unexpected(t, "an array", e);
    if (json->member == DATASET_MEMBER_COLUMNS) {
        json->state = NAME;
        return ERR_OK;
    }
    if (json->member == DATASET_MEMBER_ROWS) {
        json->state = TABLE;
        if (json->rows->n_before > 0)
            return ERR_OK;
        return dataset_rows_begin(json->rows, 0, e);
    }
    json->state = ARRAY;
    json->shaped = false;
    json->rank = 0;
    memset(json->dim, 0, sizeof(json->dim));
    buf_reset(&json->first);
    return ERR_OK;
}

static enum err
end_rows(struct dataset_json *json, const struct json_token *t,
         struct errinfo *e)
{
    uint64_t *n_rows = &json->n_rows[json->member];
    enum err  rc = ERR_OK;

    json->state = MEMBER;
    if (is_table(json->member) || json->shaped)
        rc = dataset_rows_end(json->rows, n_rows, e);
    if (rc == ERR_OK && (*n_rows == 0 || dataset_rows_are_none(json->rows)))
        return dataset_json_unexpected(t, "a row", e);
    return rc;
}

/* --- columns -------------------------------------------------------------- */

static enum err
read_name(struct dataset_json *json, const struct json_token *t,
          struct errinfo *e)
{
    struct dataset_spot spot = { t->line, t->column };
    const char         *name = t->text;
    size_t              len = t->len;
    char                where[64];

    if (t->event == JSON_END_ARRAY) {
        json->state = MEMBER;
        if (json->rows->n_before > 0)
            return dataset_rows_all(json->rows, json->field, &spot, e);
        return dataset_choices_apply(json->choices, json->rows, e);
    }
    if (t->event != JSON_STRING)
        return dataset_json_unexpected(t, "a column's name", e);
    snprintf(where, sizeof(where), "line %" PRIu64 ", column %" PRIu64, t->line,
             t->column);
    if (json->rows->n_before > 0)
        return dataset_rows_same(json->rows, json->field++, name, len, &spot,
                                 e);
    dataset_choices_rename(json->choices, json->rows->n_columns, &name, &len);
    return dataset_rows_add(json->rows, name, len, 0, NULL, where, e);
}

/* --- objects -------------------------------------------------------------- */

static enum err
begin_document(struct dataset_json *json, const struct json_token *t,
               struct errinfo *e)
{
    if (t->event == JSON_BEGIN_OBJECT) {
        json->state = MEMBER;
        return ERR_OK;
    }
    if (t->event != JSON_BEGIN_ARRAY)
        return dataset_json_unexpected(
            t,
            "an object with inputs and targets, or with columns and rows, or "
            "an array of objects",
            e);
    json->state = OBJECTS;
    json->is_objects = true;
    return begin_table(json, e);
}

/* [{"a": 1, "y": "yes"}, …], as data frames write their records: the lines of
 * NDJSON in another coat. */
static enum err
read_objects(struct dataset_json *json, const struct json_token *t,
             struct errinfo *e)
{
    if (!dataset_ndjson_is_between(&json->objects))
        return dataset_ndjson_element(&json->objects, t, e);
    if (t->event == JSON_BEGIN_OBJECT) {
        json->n_objects++;
        return dataset_ndjson_element(&json->objects, t, e);
    }
    if (t->event != JSON_END_ARRAY || json->n_objects == 0)
        return dataset_json_unexpected(
            t, "an object: a row by the names of its columns", e);
    json->state = DONE;
    return dataset_rows_end(json->rows, &json->n_objects, e);
}

/* --- tokens --------------------------------------------------------------- */

static enum err
read_token(void *arg, const struct json_token *t, struct errinfo *e)
{
    struct dataset_json *json = arg;

    switch (json->state) {
    case DOCUMENT:
        return begin_document(json, t, e);
    case OBJECTS:
        return read_objects(json, t, e);
    case MEMBER:
        return begin_member(json, t, e);
    case VALUE:
        return begin_value(json, t, e);
    case NAME:
        return read_name(json, t, e);
    case TABLE:
        if (t->event == JSON_END_ARRAY)
            return end_rows(json, t, e);
        if (t->event != JSON_BEGIN_ARRAY)
            return dataset_json_unexpected(t, "a row: an array of cells", e);
        json->state = CELL;
        json->field = 0;
        return ERR_OK;
    case CELL:
        if (t->event == JSON_END_ARRAY)
            json->state = TABLE;
        return dataset_json_read_cell(json, t, e);
    default:
        if (t->event == JSON_END_ARRAY && json->level == 0)
            return end_rows(json, t, e);
        return dataset_json_read_array(json, t, e);
    }
}

void
dataset_json_init(struct dataset_json *json, struct dataset_rows *rows,
                  const struct dataset_choices *choices)
{
    *json = (struct dataset_json){ .rows = rows, .choices = choices };
    json_reader_init(&json->reader, read_token, json);
    dataset_ndjson_init(&json->objects, rows, choices);
}

void
dataset_json_release(struct dataset_json *json)
{
    json_reader_release(&json->reader);
    dataset_ndjson_release(&json->objects);
    buf_release(&json->first);
}

enum err
dataset_json_feed(struct dataset_json *json, const char *p, size_t n,
                  struct errinfo *e)
{
    return json_reader_feed(&json->reader, p, n, e);
}

enum err
dataset_json_end(struct dataset_json *json, uint64_t *out_n_rows,
                 struct errinfo *e)
{
    enum dataset_member a = DATASET_MEMBER_INPUTS, b = DATASET_MEMBER_TARGETS;
    enum err            rc = json_reader_end(&json->reader, e);

    if (rc != ERR_OK)
        return rc;
    if (json->is_objects) {
        *out_n_rows = json->n_objects;
        return ERR_OK;
    }
    if (json->seen[DATASET_MEMBER_COLUMNS]) {
        if (!json->seen[DATASET_MEMBER_ROWS])
            return refuse_member("rows", "is missing", e);
        *out_n_rows = json->n_rows[DATASET_MEMBER_ROWS];
        return ERR_OK;
    }
    if (!json->seen[a] || !json->seen[b])
        return refuse_member(members[json->seen[a] ? b : a],
                             "is missing; a dataset has inputs and targets, or "
                             "columns and rows",
                             e);
    if (json->n_rows[a] != json->n_rows[b])
        return err_set(e, ERR_INVALID, "/targets",
                       "there are %" PRIu64 " targets for %" PRIu64
                       " rows of inputs",
                       json->n_rows[b], json->n_rows[a]);
    *out_n_rows = json->n_rows[a];
    return ERR_OK;
}
