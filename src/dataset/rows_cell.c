#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataset/cell.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

/* How much of a client's text an error quotes. */
#define QUOTED(len) ((int)((len) < 40 ? (len) : 40))

enum err
dataset_refuse(struct errinfo *e, const struct dataset_spot *spot,
               const char *fmt, ...)
{
    char    where[64], what[512];
    va_list ap;

    snprintf(where, sizeof(where), "line %" PRIu64 ", column %" PRIu64,
             spot->line, spot->column);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, where, "%s", what);
}

static enum err
too_many(const struct dataset_draft *col, const char *s, size_t len,
         const struct dataset_spot *spot, struct errinfo *e)
{
    if (col->meta.type == DATASET_NUMERIC)
        return dataset_refuse(e, spot,
                              "'%.*s' is no number, and column '%.40s' has too "
                              "many distinct values to be categorical (%d at "
                              "most); mend it, or say ?types=%.40s:ignored",
                              QUOTED(len), s, col->meta.name,
                              DATASET_MAX_CATEGORIES, col->meta.name);
    return dataset_refuse(
        e, spot,
        "categorical column '%.40s' has more than %d distinct "
        "values; leave it out by ?types=%.40s:ignored",
        col->meta.name, DATASET_MAX_CATEGORIES, col->meta.name);
}

/* Could this be one more category of the column? */
static enum err
check_category(const struct dataset_rows *rows, const struct dataset_draft *col,
               const char *s, size_t len, const struct dataset_spot *spot,
               struct errinfo *e)
{
    if (len > DATASET_MAX_CATEGORY)
        return dataset_refuse(
            e, spot,
            "a category of column '%.40s' has %zu bytes, the longest "
            "may have %d; free text is left out by "
            "?types=%.40s:ignored",
            col->meta.name, len, DATASET_MAX_CATEGORY, col->meta.name);
    if (col->names.n == DATASET_MAX_CATEGORIES)
        return too_many(col, s, len, spot, e);
    if (rows->text_bytes + len + 1 > DATASET_MAX_TEXT)
        return dataset_refuse(
            e, spot,
            "the names of all categories take more than %zu bytes; "
            "leave columns of free text out by ?types=%.40s:ignored",
            DATASET_MAX_TEXT, col->meta.name);
    return ERR_OK;
}

static enum err
add_category(struct dataset_rows *rows, struct dataset_draft *col,
             const char *s, size_t len, const struct dataset_spot *spot,
             struct errinfo *e)
{
    enum err rc = check_category(rows, col, s, len, spot, e);

    if (rc != ERR_OK)
        return rc;
    rows->text_bytes += len + 1;
    return dataset_names_add(&col->names, s, len) ? ERR_OK : DATASET_NOMEM(e);
}

static enum err
no_number(const struct dataset_draft *col, const char *s, size_t len,
          const struct dataset_spot *spot, struct errinfo *e)
{
    return dataset_refuse(e, spot,
                          "found '%.*s' in column '%.40s', expected a number: "
                          "?types= says that it is numeric",
                          QUOTED(len), s, col->meta.name);
}

static enum err
too_large(const char *s, size_t len, const struct dataset_spot *spot,
          struct errinfo *e)
{
    return dataset_refuse(
        e, spot, "%.*s is beyond the range of float32, 3.4e38", QUOTED(len), s);
}

/* A numeric column meets a text. */
static enum err
become_categorical(struct dataset_rows *rows, size_t i, const char *s,
                   size_t len, const struct dataset_spot *spot,
                   struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    enum err              rc;

    if (col->chosen)
        return no_number(col, s, len, spot, e);
    rc = dataset_rows_flush(rows, e);
    if (rc != ERR_OK)
        return rc;
    if (col->too_many)
        return too_many(col, s, len, spot, e);
    for (size_t k = 0; k < col->seen.n; k++) {
        dataset_cell_name(col->seen.at[k], &rows->text);
        if (rows->text.failed)
            return DATASET_NOMEM(e);
        rc = add_category(rows, col, rows->text.data, rows->text.len, spot, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (!col->meta.is_target)
        rows->n_distinct -= col->seen.n;
    dataset_floats_release(&col->seen);
    col->meta.type = DATASET_CATEGORICAL;
    rows->type[i] = DATASET_CATEGORICAL;
    return ERR_OK;
}

/* A number in a categorical column goes by its own name, so that "1.0" and
 * "1" are one; but where the type was chosen, no digits may be lost: it may be
 * an identifier. */
static enum err
put_category(struct dataset_rows *rows, size_t i, const char *s, size_t len,
             const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    size_t                place;
    float                 x;

    if (dataset_cell_parse(s, len, &x) == DATASET_CELL_NUMBER) {
        dataset_cell_name(x, &rows->text);
        if (rows->text.failed)
            return DATASET_NOMEM(e);
        if (!col->chosen || dataset_cell_is_exact(s, len, &rows->text)) {
            s = rows->text.data;
            len = rows->text.len;
        }
    }
    place = dataset_names_find(&col->names, s, len);
    if (place == col->names.n) {
        enum err rc = add_category(rows, col, s, len, spot, e);

        if (rc != ERR_OK)
            return rc;
    }
    rows->row[rows->at[i]] = (float)place;
    return ERR_OK;
}

enum err
dataset_rows_text(struct dataset_rows *rows, size_t column, const char *s,
                  size_t len, const struct dataset_spot *spot,
                  struct errinfo *e)
{
    enum err rc;

    if (rows->type[column] == DATASET_IGNORED)
        return ERR_OK;
    if (rows->type[column] == DATASET_NUMERIC) {
        switch (dataset_cell_parse(s, len, &rows->row[rows->at[column]])) {
        case DATASET_CELL_NUMBER:
            return ERR_OK;
        case DATASET_CELL_TOO_LARGE:
            return too_large(s, len, spot, e);
        case DATASET_CELL_TEXT:
            rc = become_categorical(rows, column, s, len, spot, e);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return put_category(rows, column, s, len, spot, e);
}

static enum err
no_target(const struct dataset_column *col, const struct dataset_spot *spot,
          struct errinfo *e)
{
    return dataset_refuse(e, spot,
                          "the target '%.80s' is missing; every row needs one",
                          col->name);
}

enum err
dataset_rows_missing(struct dataset_rows *rows, size_t column,
                     const struct dataset_spot *spot, struct errinfo *e)
{
    const struct dataset_column *col = &rows->column[column].meta;

    if (col->type == DATASET_IGNORED)
        return ERR_OK;
    if (col->is_target)
        return no_target(col, spot, e);
    rows->row[rows->at[column]] = NAN;
    return ERR_OK;
}

/* --- rows that may be dropped --------------------------------------------- */

enum err
dataset_rows_check(const struct dataset_rows *rows, size_t column,
                   const char *s, size_t len, const struct dataset_spot *spot,
                   struct errinfo *e)
{
    const struct dataset_draft *col = &rows->column[column];
    enum dataset_cell           kind;
    float                       unused;

    if (col->meta.type == DATASET_IGNORED)
        return ERR_OK;
    if (s == NULL)
        return col->meta.is_target ? no_target(&col->meta, spot, e) : ERR_OK;
    if (col->meta.type == DATASET_NUMERIC) {
        kind = dataset_cell_parse(s, len, &unused);
        if (kind == DATASET_CELL_NUMBER)
            return ERR_OK;
        if (kind == DATASET_CELL_TOO_LARGE)
            return too_large(s, len, spot, e);
        if (col->chosen)
            return no_number(col, s, len, spot, e);
        if (col->too_many)
            return too_many(col, s, len, spot, e);
    } else if (dataset_names_find(&col->names, s, len) < col->names.n) {
        return ERR_OK;
    }
    return check_category(rows, col, s, len, spot, e);
}

enum err
dataset_rows_skip(struct dataset_rows *rows, struct errinfo *e)
{
    struct dataset_skipped *s;

    if (rows->skipped == NULL) {
        rows->skipped =
            mem_array(DATASET_MAX_SKIPPED, sizeof(*rows->skipped), 0);
        if (rows->skipped == NULL)
            return DATASET_NOMEM(e);
    }
    if (rows->n_skipped < DATASET_MAX_SKIPPED && e != NULL && e->n > 0) {
        s = &rows->skipped[rows->n_skipped];
        snprintf(s->where, sizeof(s->where), "%s", e->item[0].where);
        snprintf(s->what, sizeof(s->what), "%s", e->item[0].what);
    }
    rows->n_skipped++;
    err_clear(e);
    return ERR_OK;
}

enum err
dataset_rows_none(const struct dataset_rows *rows, struct errinfo *e)
{
    if (rows->n_skipped > 0 && rows->skipped != NULL)
        return err_set(e, ERR_INVALID, rows->skipped[0].where,
                       "all %" PRIu64
                       " rows were skipped; the first one: %.120s",
                       rows->n_skipped, rows->skipped[0].what);
    return err_set(e, ERR_INVALID, "line 2, column 1",
                   "there is a row of names and no row of data");
}
