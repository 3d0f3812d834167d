/*
 * ndjson.c - an object a line: its members are the cells of a row; and the same
 * objects as elements of one JSON array
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/readers.h"

/* What the next token of a line is. */
enum { OBJECT, MEMBER, VALUE };

static enum err read_token(void *arg, const struct json_token *t,
                           struct errinfo *e);

void
dataset_ndjson_init(struct dataset_ndjson *nd, struct dataset_rows *rows,
                    const struct dataset_choices *choices)
{
    *nd = (struct dataset_ndjson){ .rows = rows,
                                   .choices = choices,
                                   .named = choices->n_columns > 0,
                                   .is_blank = true,
                                   .line = 1,
                                   .row = 1 };
    json_reader_init(&nd->reader, read_token, nd);
}

void
dataset_ndjson_release(struct dataset_ndjson *nd)
{
    json_reader_release(&nd->reader);
    dataset_line_release(&nd->kept);
    free(nd->seen);
}

static struct dataset_spot
spot_of(const struct json_token *t)
{
    return (struct dataset_spot){ t->line, t->column };
}

/* --- columns -------------------------------------------------------------- */

static enum err
add_column(struct dataset_ndjson *nd, const char *name, size_t len,
           uint64_t byte, struct errinfo *e)
{
    size_t    n = nd->rows->n_columns;
    uint64_t *seen;
    char      where[64];
    enum err  rc;

    snprintf(where, sizeof(where), "line %" PRIu64 ", column %" PRIu64,
             nd->line, byte);
    rc = dataset_rows_add(nd->rows, name, len, 0, NULL, where, e);
    if (rc != ERR_OK || n < nd->n_marks)
        return rc;
    seen = mem_resize(nd->seen, 2 * n + 16, sizeof(*seen));
    if (seen == NULL)
        return DATASET_NOMEM(e);
    memset(seen + n, 0, (n + 16) * sizeof(*seen));
    nd->seen = seen;
    nd->n_marks = 2 * n + 16;
    return ERR_OK;
}

static enum err
add_named_columns(struct dataset_ndjson *nd, struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; i < nd->choices->n_columns && rc == ERR_OK; i++)
        rc = add_column(nd, nd->choices->column[i],
                        strlen(nd->choices->column[i]), 1, e);
    return rc;
}

/* The columns are there: rows are added to a dataset. */
static enum err
mark_columns(struct dataset_ndjson *nd, struct errinfo *e)
{
    nd->named = true;
    nd->n_marks = nd->rows->n_columns;
    nd->seen = mem_array(nd->n_marks, sizeof(*nd->seen), 0);
    return nd->seen != NULL ? ERR_OK : DATASET_NOMEM(e);
}

/* The column that a member belongs to.  Members mostly come in one order. */
static enum err
find_column(struct dataset_ndjson *nd, const struct json_token *t,
            struct errinfo *e)
{
    struct dataset_rows *rows = nd->rows;
    struct dataset_spot  spot = spot_of(t);
    size_t               i = nd->column + 1;

    if (i >= rows->n_columns || strcmp(rows->column[i].meta.name, t->text) != 0)
        i = dataset_names_find(&rows->names, t->text, t->len);
    if (i == rows->names.n && !nd->open && !nd->named) {
        enum err rc = add_column(nd, t->text, t->len, t->column, e);

        if (rc != ERR_OK)
            return rc;
    }
    if (i >= rows->n_columns)
        return dataset_refuse(
            e, &spot,
            "found '%.40s', a member that %s; name all columns by ?columns=",
            t->text,
            nd->rows->n_before > 0 ? "the dataset has not"
            : nd->named            ? "?columns= does not name"
                                   : "the first object has not");
    if (nd->seen[i] == nd->row)
        return dataset_refuse(e, &spot, "found '%.40s' twice in one object",
                              t->text);
    nd->seen[i] = nd->row;
    nd->column = i;
    return ERR_OK;
}

/* --- lines ---------------------------------------------------------------- */

static enum err
read_value(struct dataset_ndjson *nd, const struct json_token *t,
           struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    const char         *s = t->text;
    size_t              len = t->len;

    switch (t->event) {
    case JSON_NULL:
        s = NULL;
        break;
    case JSON_TRUE:
        s = "true";
        len = 4;
        break;
    case JSON_FALSE:
        s = "false";
        len = 5;
        break;
    case JSON_NUMBER:
    case JSON_STRING:
        break;
    default:
        return dataset_refuse(e, &spot,
                              "found %s in '%.40s', expected a number, a "
                              "string, true, false or null",
                              t->event == JSON_BEGIN_ARRAY ? "an array"
                                                           : "an object",
                              nd->rows->column[nd->column].meta.name);
    }
    nd->state = MEMBER;
    return dataset_line_add(&nd->kept, nd->column, s, len, &spot, e);
}

static enum err
read_token(void *arg, const struct json_token *t, struct errinfo *e)
{
    struct dataset_ndjson *nd = arg;
    struct dataset_spot    spot = spot_of(t);

    switch (nd->state) {
    case OBJECT:
        if (t->event != JSON_BEGIN_OBJECT)
            return dataset_refuse(e, &spot,
                                  "found something else, expected an object on "
                                  "every line");
        nd->state = MEMBER;
        nd->column = (size_t)-1;
        return ERR_OK;
    case MEMBER:
        if (t->event != JSON_KEY)
            return ERR_OK; /* the object's end */
        nd->state = VALUE;
        return find_column(nd, t, e);
    default:
        return read_value(nd, t, e);
    }
}

/* What this line does not mention is missing. */
static enum err
add_missing(struct dataset_ndjson *nd, struct errinfo *e)
{
    struct dataset_spot spot = { nd->line, 1 };
    enum err            rc = ERR_OK;

    for (size_t i = 0; i < nd->rows->n_columns && rc == ERR_OK; i++)
        if (nd->seen[i] != nd->row)
            rc = dataset_line_add(&nd->kept, i, NULL, 0, &spot, e);
    return rc;
}

static enum err
open_rows(struct dataset_ndjson *nd, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (nd->rows->n_before == 0)
        rc = dataset_choices_apply(nd->choices, nd->rows, e);
    if (rc == ERR_OK && nd->rows->n_before == 0)
        rc = dataset_rows_begin(nd->rows, 0, e);
    nd->open = rc == ERR_OK;
    return rc;
}

/* The first byte of an object has come: the columns may be known before it. */
static enum err
begin_object(struct dataset_ndjson *nd, struct errinfo *e)
{
    if (nd->seen == NULL && nd->rows->n_before > 0)
        return mark_columns(nd, e);
    if (nd->named && nd->rows->n_columns == 0)
        return add_named_columns(nd, e);
    return ERR_OK;
}

/* The object is whole.  *is_limit: it is a row, but cannot be stored. */
static enum err
end_object(struct dataset_ndjson *nd, bool *is_limit, struct errinfo *e)
{
    enum err rc = nd->open ? ERR_OK : open_rows(nd, e);

    if (rc == ERR_OK)
        rc = add_missing(nd, e);
    if (rc == ERR_OK)
        rc = dataset_line_check(&nd->kept, nd->rows, e);
    if (rc == ERR_OK) {
        rc = dataset_line_put(&nd->kept, nd->rows, e);
        *is_limit = rc != ERR_OK;
    }
    return rc;
}

static enum err
drop_line(struct dataset_ndjson *nd, enum err rc, struct errinfo *e)
{
    if ((rc != ERR_INVALID && rc != ERR_MALFORMED) || !nd->rows->skips ||
        !nd->open)
        return rc;
    return dataset_rows_skip(nd->rows, e);
}

static void
next_object(struct dataset_ndjson *nd)
{
    nd->row++;
    nd->state = OBJECT;
    dataset_line_reset(&nd->kept);
}

static void
begin_line(struct dataset_ndjson *nd)
{
    nd->line++;
    nd->line_bytes = 0;
    nd->is_blank = true;
    nd->skipping = false;
    next_object(nd);
    json_reader_restart(&nd->reader, nd->line);
}

/* Bytes of one line. */
static enum err
feed_line(struct dataset_ndjson *nd, const char *p, size_t n, struct errinfo *e)
{
    struct dataset_spot spot = { nd->line, 1 };
    enum err            rc = ERR_OK;

    while (nd->is_blank && n > 0 && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
        n--;
    }
    if (nd->skipping || n == 0)
        return ERR_OK;
    if (nd->is_blank)
        rc = begin_object(nd, e);
    nd->is_blank = false;
    nd->line_bytes += n;
    if (rc == ERR_OK)
        rc = dataset_rows_check_bytes(nd->rows, nd->line_bytes, &spot, e);
    if (rc == ERR_OK)
        rc = json_reader_feed(&nd->reader, p, n, e);
    if (rc == ERR_OK)
        return ERR_OK;
    nd->skipping = true;
    return drop_line(nd, rc, e);
}

static enum err
close_line(struct dataset_ndjson *nd, struct errinfo *e)
{
    bool     is_limit = false;
    enum err rc = ERR_OK;

    if (!nd->is_blank && !nd->skipping) {
        rc = json_reader_end(&nd->reader, e);
        if (rc == ERR_OK)
            rc = end_object(nd, &is_limit, e);
        if (rc != ERR_OK && !is_limit)
            rc = drop_line(nd, rc, e);
    }
    if (rc == ERR_OK)
        begin_line(nd);
    return rc;
}

enum err
dataset_ndjson_feed(struct dataset_ndjson *nd, const char *p, size_t n,
                    struct errinfo *e)
{
    const char *end = p + n;
    enum err    rc = ERR_OK;

    while (p < end && rc == ERR_OK) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));

        rc = feed_line(nd, p, (size_t)((lf != NULL ? lf : end) - p), e);
        if (lf == NULL)
            break;
        if (rc == ERR_OK)
            rc = close_line(nd, e);
        p = lf + 1;
    }
    return rc;
}

enum err
dataset_ndjson_element(struct dataset_ndjson *nd, const struct json_token *t,
                       struct errinfo *e)
{
    struct dataset_spot spot = spot_of(t);
    bool     is_end = nd->state == MEMBER && t->event == JSON_END_OBJECT;
    bool     unused;
    enum err rc = ERR_OK;

    nd->line = t->line; /* where a mistake is told to be */
    if (nd->state == OBJECT)
        rc = begin_object(nd, e);
    if (rc == ERR_OK)
        rc = read_token(nd, t, e);
    if (rc == ERR_OK)
        rc = dataset_rows_check_bytes(nd->rows, nd->kept.text.len, &spot, e);
    if (rc == ERR_OK && is_end) {
        rc = end_object(nd, &unused, e);
        next_object(nd);
    }
    return rc;
}

bool
dataset_ndjson_is_between(const struct dataset_ndjson *nd)
{
    return nd->state == OBJECT;
}

enum err
dataset_ndjson_end(struct dataset_ndjson *nd, uint64_t *out_n_rows,
                   struct errinfo *e)
{
    enum err rc = close_line(nd, e);

    if (rc != ERR_OK)
        return rc;
    if (!nd->open)
        return err_set(e, ERR_INVALID, "line 1, column 1",
                       "the body is empty, expected an object on every line");
    rc = dataset_rows_end(nd->rows, out_n_rows, e);
    return rc == ERR_OK && dataset_rows_are_none(nd->rows)
               ? dataset_rows_none(nd->rows, e)
               : rc;
}
