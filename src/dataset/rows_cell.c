#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/date.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

/* Bytes of text that the rows of a block and one more row may have. */
#define MAX_ROW_TEXT ((size_t)32 << 20)

/* How much of a client's text an error quotes. */
#define QUOTED(len) ((int)((len) < 40 ? (len) : 40))

/* What is wrong with a cell of a column, and how to mend it. */
static enum err
refuse_cell(struct errinfo *e, const struct dataset_spot *spot,
            const struct dataset_draft *col, const char *s, size_t len,
            const char *expected)
{
    return dataset_refuse(
        e, spot,
        "found '%.*s' in column '%.40s', expected %s: ?types= says "
        "that it is %s",
        QUOTED(len), s, col->meta.name, expected,
        dataset_type_name(col->meta.type));
}

static enum err
too_many(const struct dataset_rows *rows, const struct dataset_draft *col,
         const char *s, size_t len, const struct dataset_spot *spot,
         struct errinfo *e)
{
    size_t most = rows->limits.categories;

    if (col->meta.type == DATASET_NUMERIC)
        dataset_refuse(e, spot,
                       "'%.*s' is no number, and column '%.40s' has more than "
                       "%zu distinct values (dataset_categories), too many to "
                       "be categorical; mend it, or say ?types=%.40s:ignored",
                       QUOTED(len), s, col->meta.name, most, col->meta.name);
    else
        dataset_refuse(e, spot,
                       "categorical column '%.40s' has more than %zu distinct "
                       "values (dataset_categories); leave it out by "
                       "?types=%.40s:ignored",
                       col->meta.name, most, col->meta.name);
    return err_named(e, ERR_INVALID, "too_many_categories");
}

static enum err
too_large(const char *s, size_t len, const struct dataset_spot *spot,
          struct errinfo *e)
{
    return dataset_refuse(
        e, spot, "%.*s is beyond the range of float32, 3.4e38", QUOTED(len), s);
}

/* Where names have become too many or too long, may it hold texts instead? */
static bool
may_be_text(const struct dataset_draft *col)
{
    return !col->chosen && !col->meta.is_target;
}

/* --- categories ----------------------------------------------------------- */

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
            "may have %d; free text is read by ?types=%.40s:text",
            col->meta.name, len, DATASET_MAX_CATEGORY, col->meta.name);
    if (col->names.n == rows->limits.categories)
        return too_many(rows, col, s, len, spot, e);
    if (rows->name_bytes + len + 1 > DATASET_MAX_TEXT)
        return dataset_refuse(
            e, spot,
            "the names of all categories take more than %zu bytes; "
            "free text is read by ?types=%.40s:text",
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
    rows->name_bytes += len + 1;
    return dataset_names_add(&col->names, s, len) ? ERR_OK : DATASET_NOMEM(e);
}

/* The distinct numbers so far become categories, as often as they were. */
static enum err
name_numbers(struct dataset_rows *rows, struct dataset_draft *col,
             const struct dataset_spot *spot, struct errinfo *e)
{
    size_t    n = col->seen.n;
    uint64_t *count = mem_array(n, sizeof(*count), 0);
    enum err  rc = count != NULL ? ERR_OK : DATASET_NOMEM(e);

    for (size_t k = 0; k < n && rc == ERR_OK; k++) {
        dataset_cell_name(col->seen.at[k], &rows->text);
        count[k] = dataset_draft_count(col, k);
        rc = rows->text.failed ? DATASET_NOMEM(e)
                               : add_category(rows, col, rows->text.data,
                                              rows->text.len, spot, e);
    }
    if (rc != ERR_OK) {
        free(count);
        return rc;
    }
    col->count = count;
    col->n_counts = n;
    return ERR_OK;
}

/* A numeric column meets a text. */
static enum err
leave_numbers(struct dataset_rows *rows, size_t i, const char *s, size_t len,
              const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    enum dataset_type     type = DATASET_CATEGORICAL;
    enum err              rc;

    if (col->chosen)
        return refuse_cell(e, spot, col, s, len, "a number");
    rc = dataset_rows_flush(rows, e);
    if (rc != ERR_OK)
        return rc;
    if (col->too_many && !may_be_text(col))
        return too_many(rows, col, s, len, spot, e);
    if (col->too_many)
        type = DATASET_TEXT;
    else
        rc = name_numbers(rows, col, spot, e);
    if (rc != ERR_OK)
        return rc;
    if (!col->meta.is_target)
        rows->n_distinct -= col->seen.n;
    dataset_floats_release(&col->seen);
    dataset_rows_turn(rows, i, type);
    return ERR_OK;
}

/* Names have become too many, or too long. */
static enum err
leave_names(struct dataset_rows *rows, size_t i, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    struct dataset_date   unused;
    enum err              rc = dataset_rows_flush(rows, e);

    if (rc != ERR_OK)
        return rc;
    col->all_dates = true;
    for (size_t k = 0; k < col->names.n; k++) {
        const char *name = col->names.at[k];
        size_t      len = strlen(name);

        rows->name_bytes -= len + 1;
        col->all_dates =
            col->all_dates && dataset_date_parse(name, len, &unused);
    }
    dataset_names_release(&col->names);
    dataset_rows_turn(rows, i, DATASET_TEXT);
    return ERR_OK;
}

/* A number in a categorical column goes by its own name, so that "1.0" and
 * "1" are one; but where the type was chosen, no digits may be lost: it may be
 * an identifier. */
static bool
canonical(struct dataset_rows *rows, const struct dataset_draft *col,
          const char **s, size_t *len)
{
    float x;

    if (dataset_cell_parse(*s, *len, &x) != DATASET_CELL_NUMBER)
        return true;
    dataset_cell_name(x, &rows->text);
    if (rows->text.failed)
        return false;
    if (!col->chosen || dataset_cell_is_exact(*s, *len, &rows->text)) {
        *s = rows->text.data;
        *len = rows->text.len;
    }
    return true;
}

static enum err put_text(struct dataset_rows *rows, size_t i, const char *s,
                         size_t len, const struct dataset_spot *spot,
                         struct errinfo *e);

static enum err
put_category(struct dataset_rows *rows, size_t i, const char *text,
             size_t text_len, const struct dataset_spot *spot,
             struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    const char           *s = text;
    size_t                len = text_len, place;

    if (!canonical(rows, col, &s, &len))
        return DATASET_NOMEM(e);
    place = dataset_names_find(&col->names, s, len);
    if (place == col->names.n) {
        enum err rc = check_category(rows, col, s, len, spot, e);

        if (rc != ERR_OK && may_be_text(col)) {
            err_clear(e);
            rc = leave_names(rows, i, e);
            return rc == ERR_OK ? put_text(rows, i, text, text_len, spot, e)
                                : rc;
        }
        if (rc == ERR_OK)
            rc = add_category(rows, col, s, len, spot, e);
        if (rc != ERR_OK)
            return rc;
    }
    rows->row[rows->at[i]] = (float)place;
    return ERR_OK;
}

/* --- the other types ------------------------------------------------------ */

/* The category of this column that says the same as this word; names.n where
 * none does so far.  False: it is no word of the pair that the column uses. */
static bool
find_truth(const struct dataset_draft *col, const char *s, size_t len,
           size_t *out)
{
    unsigned pair, other;
    bool     truth, other_truth;

    if (!dataset_cell_truth(s, len, &pair, &truth))
        return false;
    for (*out = 0; *out < col->names.n; ++*out) {
        const char *name = col->names.at[*out];

        dataset_cell_truth(name, strlen(name), &other, &other_truth);
        if (other != pair)
            return false;
        if (other_truth == truth)
            break;
    }
    return true;
}

static enum err
put_boolean(struct dataset_rows *rows, size_t i, const char *s, size_t len,
            const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    size_t                place;
    enum err              rc = ERR_OK;

    if (!find_truth(col, s, len, &place))
        return refuse_cell(e, spot, col, s, len,
                           "true or false, or one other such pair of words");
    if (place == col->names.n)
        rc = add_category(rows, col, s, len, spot, e);
    rows->row[rows->at[i]] = (float)place;
    return rc;
}

/* Integers that a float32 holds exactly. */
static bool
is_code(float x)
{
    return x == floorf(x) && fabsf(x) <= 0x1p24f;
}

static enum err
put_code(struct dataset_rows *rows, size_t i, const char *s, size_t len,
         const struct dataset_spot *spot, struct errinfo *e)
{
    float *x = &rows->row[rows->at[i]];

    if (dataset_cell_parse(s, len, x) != DATASET_CELL_NUMBER || !is_code(*x))
        return refuse_cell(e, spot, &rows->column[i], s, len,
                           "a whole number of at most 16777216");
    return ERR_OK;
}

static enum err
check_text(const struct dataset_rows *rows, const struct dataset_draft *col,
           const char *s, size_t len, const struct dataset_spot *spot,
           struct errinfo *e)
{
    struct dataset_date unused;

    if (col->meta.type == DATASET_DATETIME &&
        !dataset_date_parse(s, len, &unused))
        return refuse_cell(e, spot, col, s, len,
                           "a date as 2024-02-29 or 29.02.2024, perhaps with a "
                           "time as 17:30:15");
    if (rows->texts.bytes.len + len > MAX_ROW_TEXT)
        return dataset_refuse(e, spot,
                              "the texts of the row have more than %zu bytes, "
                              "the most they may have",
                              MAX_ROW_TEXT);
    return ERR_OK;
}

static enum err
put_text(struct dataset_rows *rows, size_t i, const char *s, size_t len,
         const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    struct dataset_date   unused;
    enum err              rc = check_text(rows, col, s, len, spot, e);

    if (rc != ERR_OK)
        return rc;
    if (col->meta.type == DATASET_TEXT)
        col->all_dates = col->all_dates && dataset_date_parse(s, len, &unused);
    rows->row[rows->at[i]] = (float)dataset_texts_count(&rows->texts);
    return dataset_texts_add(&rows->texts, s, len) ? ERR_OK : DATASET_NOMEM(e);
}

/* --- cells ---------------------------------------------------------------- */

/* A number of a numeric column; *is_text: it turned out not to be one, and the
 * column is no longer numeric. */
static enum err
put_number(struct dataset_rows *rows, size_t i, const char *s, size_t len,
           const struct dataset_spot *spot, bool *is_text, struct errinfo *e)
{
    *is_text = false;
    switch (dataset_cell_parse(s, len, &rows->row[rows->at[i]])) {
    case DATASET_CELL_NUMBER:
        return ERR_OK;
    case DATASET_CELL_TOO_LARGE:
        return too_large(s, len, spot, e);
    case DATASET_CELL_TEXT:
        break;
    }
    *is_text = true;
    return leave_numbers(rows, i, s, len, spot, e);
}

enum err
dataset_rows_text(struct dataset_rows *rows, size_t column, const char *s,
                  size_t len, const struct dataset_spot *spot,
                  struct errinfo *e)
{
    if (rows->type[column] == DATASET_NUMERIC) {
        bool     is_text;
        enum err rc = put_number(rows, column, s, len, spot, &is_text, e);

        if (rc != ERR_OK || !is_text)
            return rc;
    }
    switch ((enum dataset_type)rows->type[column]) {
    case DATASET_CATEGORICAL:
        return put_category(rows, column, s, len, spot, e);
    case DATASET_BOOLEAN:
        return put_boolean(rows, column, s, len, spot, e);
    case DATASET_CLASS:
        return put_code(rows, column, s, len, spot, e);
    case DATASET_DATETIME:
    case DATASET_TEXT:
        return put_text(rows, column, s, len, spot, e);
    case DATASET_NUMERIC:
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    return ERR_OK;
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
    size_t                      place;
    float                       x;

    if (col->meta.type == DATASET_IGNORED)
        return ERR_OK;
    if (s == NULL)
        return col->meta.is_target ? no_target(&col->meta, spot, e) : ERR_OK;
    switch (col->meta.type) {
    case DATASET_NUMERIC:
        kind = dataset_cell_parse(s, len, &x);
        if (kind == DATASET_CELL_NUMBER)
            return ERR_OK;
        if (kind == DATASET_CELL_TOO_LARGE)
            return too_large(s, len, spot, e);
        if (col->chosen)
            return refuse_cell(e, spot, col, s, len, "a number");
        if (col->too_many && !may_be_text(col))
            return too_many(rows, col, s, len, spot, e);
        break;
    case DATASET_CLASS:
        if (dataset_cell_parse(s, len, &x) == DATASET_CELL_NUMBER && is_code(x))
            return ERR_OK;
        return refuse_cell(e, spot, col, s, len,
                           "a whole number of at most 16777216");
    case DATASET_BOOLEAN:
        return find_truth(col, s, len, &place)
                   ? ERR_OK
                   : refuse_cell(e, spot, col, s, len,
                                 "true or false, or one other such pair of "
                                 "words");
    case DATASET_DATETIME:
    case DATASET_TEXT:
        return check_text(rows, col, s, len, spot, e);
    case DATASET_CATEGORICAL:
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    if (may_be_text(col) ||
        dataset_names_find(&col->names, s, len) < col->names.n)
        return ERR_OK;
    return check_category(rows, col, s, len, spot, e);
}
