#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "dataset/cell.h"
#include "dataset/csv.h"
#include "dataset/internal.h"

/* --- the first row -------------------------------------------------------- */

static enum err
add_column(struct dataset_csv *csv, size_t i, struct errinfo *e)
{
    struct dataset_line_cell cell = dataset_line_at(&csv->kept, i);
    const char              *s = csv->kept.text.data + cell.at;
    struct buf               name = { 0 }, where = { 0 };
    size_t                   len = cell.is_missing ? 0 : cell.len;
    enum err                 rc;

    buf_printf(&where, "line %llu, column %zu",
               (unsigned long long)cell.spot.line, i + 1);
    if (!csv->choices->header) {
        buf_printf(&name, "column_%zu", i + 1);
        s = name.data;
        len = name.len;
    }
    if (name.failed || where.failed) {
        rc = DATASET_NOMEM(e);
    } else {
        dataset_choices_rename(csv->choices, i, &s, &len);
        rc = dataset_rows_add(csv->rows, s, len, 0, NULL, where.data, e);
    }
    buf_release(&name);
    buf_release(&where);
    return rc;
}

/* The first row must name the columns that are there, or have a cell for each.
 */
static enum err
check_columns(const struct dataset_csv *csv, size_t n, struct errinfo *e)
{
    struct dataset_spot spot = { csv->line, n + 1 };
    enum err            rc = ERR_OK;

    for (size_t i = 0; csv->choices->header && i < n && rc == ERR_OK; i++) {
        struct dataset_line_cell cell = dataset_line_at(&csv->kept, i);
        const char              *s = csv->kept.text.data + cell.at;
        size_t                   len = cell.len;

        dataset_choices_rename(csv->choices, i, &s, &len);
        rc = dataset_rows_same(csv->rows, i, s, len, &cell.spot, e);
    }
    return rc == ERR_OK ? dataset_rows_all(csv->rows, n, &spot, e) : rc;
}

/* The first row has ended: it names the columns, or says how many there are. */
static enum err
open_rows(struct dataset_csv *csv, struct errinfo *e)
{
    size_t   n = dataset_line_count(&csv->kept);
    enum err rc = ERR_OK;

    if (csv->rows->n_before > 0) {
        rc = check_columns(csv, n, e);
    } else {
        for (size_t i = 0; i < n && rc == ERR_OK; i++)
            rc = add_column(csv, i, e);
        if (rc == ERR_OK)
            rc = dataset_choices_apply(csv->choices, csv->rows, e);
        if (rc == ERR_OK)
            rc = dataset_rows_begin(csv->rows, 0, e);
    }
    csv->open = rc == ERR_OK;
    return rc;
}

/* --- cells ---------------------------------------------------------------- */

/* What pictures and codes are made of, read without the general machinery:
 * worth a sixth of the time for a file of pixels. */
static bool
parse_small(const char *s, size_t len, float *out)
{
    unsigned x = 0;

    if (len == 0 || len > 3 || (len > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)s[i] - (unsigned)'0';

        if (digit > 9)
            return false;
        x = 10 * x + digit;
    }
    *out = (float)x;
    return true;
}

static enum err
keep_cell(struct dataset_csv *csv, size_t i, const char *s, size_t len,
          struct errinfo *e)
{
    /* The header is read as it stands: a column may be called "NA". */
    bool is_name = !csv->open && csv->choices->header;

    if (!is_name && dataset_cell_is_missing(s, len))
        s = NULL;
    return dataset_line_add(&csv->kept, i, s, len, &csv->spot, e);
}

static enum err
put_cell(struct dataset_csv *csv, size_t i, const char *s, size_t len,
         struct errinfo *e)
{
    if (dataset_cell_is_missing(s, len))
        return dataset_rows_missing(csv->rows, i, &csv->spot, e);
    return dataset_rows_text(csv->rows, i, s, len, &csv->spot, e);
}

enum err
dataset_csv_end_cell(struct dataset_csv *csv, const char *s, size_t len,
                     struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;
    size_t               i = csv->field++;
    bool                 keeps = !csv->open || rows->skips;

    if (csv->cut) {
        buf_append(&csv->cell, s, len);
        if (csv->cell.failed)
            return DATASET_NOMEM(e);
        s = csv->cell.data;
        len = csv->cell.len;
    }
    if (!keeps && i < rows->n_columns && rows->type[i] == DATASET_NUMERIC) {
        float *x = &rows->row[rows->at[i]];

        if (parse_small(s, len, x) || num_parse_float(s, len, x))
            return ERR_OK;
    }

    if (csv->bits >= 0x80 && !utf8_valid(s, len))
        return dataset_refuse(e, &csv->spot, "the text is not UTF-8");
    if (csv->open && i >= rows->n_columns)
        return dataset_refuse(e, &csv->spot,
                              "found '%.*s' as one more field, expected the "
                              "end of the row after %zu fields",
                              (int)(len < 40 ? len : 40), s, rows->n_columns);
    return keeps ? keep_cell(csv, i, s, len, e) : put_cell(csv, i, s, len, e);
}

/* --- rows ----------------------------------------------------------------- */

static enum err
end_row(struct dataset_csv *csv, size_t n, struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;
    bool                 is_first = !csv->open;
    enum err             rc;

    if (is_first) {
        rc = open_rows(csv, e);
        if (rc != ERR_OK || csv->choices->header)
            return rc;
    }
    if (n < rows->n_columns) {
        struct dataset_spot spot = { csv->line, n + 1 };

        return dataset_refuse(e, &spot,
                              "found the end of the row after %zu field%s, "
                              "expected %zu",
                              n, n == 1 ? "" : "s", rows->n_columns);
    }
    if (!rows->skips && !is_first)
        return dataset_rows_next(rows, e);
    rc = dataset_line_check(&csv->kept, rows, e);
    if (rc != ERR_OK)
        return rc;
    csv->is_fatal = true; /* from here on it is a limit, not this row */
    rc = dataset_line_put(&csv->kept, rows, e);
    csv->is_fatal = rc != ERR_OK;
    return rc;
}

enum err
dataset_csv_end_row(struct dataset_csv *csv, struct errinfo *e)
{
    size_t   n = csv->field;
    enum err rc;

    csv->field = 0;
    csv->row_bytes = 0;
    rc = end_row(csv, n, e);
    dataset_line_reset(&csv->kept);
    return rc;
}
