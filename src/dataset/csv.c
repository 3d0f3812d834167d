#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "dataset/cell.h"
#include "dataset/internal.h"
#include "dataset/readers.h"

/* Where the last piece ended, or the byte at hand stands. */
enum {
    BEGIN,  /* the body may begin with a byte order mark   */
    CELL,   /* before the first byte of a cell             */
    PLAIN,  /* in a cell without quotes                    */
    QUOTED, /* between quotes                              */
    QUOTE,  /* behind a quote that ends the cell, or is
               the first of two that stand for one         */
    CR,     /* behind the CR of a row's end                */
    BLANK   /* behind the CR of a line with nothing on it  */
};

/* What ends a run of bytes that mean nothing to us. */
enum { IN_PLAIN = 1, IN_QUOTED = 2 };

static const unsigned char stops[256] = {
    ['\0'] = IN_PLAIN | IN_QUOTED,
    ['\n'] = IN_PLAIN | IN_QUOTED,
    ['"'] = IN_PLAIN | IN_QUOTED,
    ['\r'] = IN_PLAIN,
    [','] = IN_PLAIN,
};

/* A cell of the first row, in `first`. */
struct first_cell {
    size_t              at, len;
    struct dataset_spot spot;
};

void
dataset_csv_init(struct dataset_csv *csv, struct dataset_rows *rows,
                 const struct dataset_choices *choices)
{
    *csv = (struct dataset_csv){
        .rows = rows, .choices = choices, .state = BEGIN, .line = 1
    };
}

void
dataset_csv_release(struct dataset_csv *csv)
{
    buf_release(&csv->cell);
    buf_release(&csv->first);
    buf_release(&csv->first_cells);
}

static enum err
put_cell(struct dataset_csv *csv, size_t column, const char *s, size_t len,
         const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;

    if (dataset_cell_is_missing(s, len))
        return dataset_rows_missing(rows, column, spot, e);
    return dataset_rows_text(rows, column, s, len, spot, e);
}

/* --- the first row -------------------------------------------------------- */

static enum err
keep_cell(struct dataset_csv *csv, const char *s, size_t len, struct errinfo *e)
{
    struct first_cell cell = { csv->first.len, len, csv->spot };

    buf_append(&csv->first, s, len);
    buf_append(&csv->first_cells, &cell, sizeof(cell));
    return csv->first.failed || csv->first_cells.failed ? DATASET_NOMEM(e)
                                                        : ERR_OK;
}

static enum err
add_column(struct dataset_csv *csv, const struct first_cell *cell, size_t i,
           struct errinfo *e)
{
    struct buf  name = { 0 }, where = { 0 };
    const char *s = csv->first.data + cell->at;
    size_t      len = cell->len;
    enum err    rc;

    buf_printf(&where, "line %llu, column %zu",
               (unsigned long long)cell->spot.line, i + 1);
    if (!csv->choices->header) {
        buf_printf(&name, "column_%zu", i + 1);
        s = name.data;
        len = name.len;
    }
    if (name.failed || where.failed)
        rc = DATASET_NOMEM(e);
    else
        rc = dataset_rows_add(csv->rows, s, len, 0, NULL, where.data, e);
    buf_release(&name);
    buf_release(&where);
    return rc;
}

/* The first row has ended: it names the columns, or is data. */
static enum err
open_rows(struct dataset_csv *csv, struct errinfo *e)
{
    size_t   n = csv->first_cells.len / sizeof(struct first_cell);
    enum err rc;

    csv->open = true;
    for (size_t i = 0; i < n; i++) {
        struct first_cell cell;

        memcpy(&cell, csv->first_cells.data + i * sizeof(cell), sizeof(cell));
        rc = add_column(csv, &cell, i, e);
        if (rc != ERR_OK)
            return rc;
    }
    rc = dataset_choices_apply(csv->choices, csv->rows, e);
    if (rc == ERR_OK)
        rc = dataset_rows_begin(csv->rows, 0, e);
    if (rc != ERR_OK || csv->choices->header)
        return rc;
    for (size_t i = 0; i < n; i++) {
        struct first_cell cell;

        memcpy(&cell, csv->first_cells.data + i * sizeof(cell), sizeof(cell));
        rc = put_cell(csv, i, csv->first.data + cell.at, cell.len, &cell.spot,
                      e);
        if (rc != ERR_OK)
            return rc;
    }
    return dataset_rows_next(csv->rows, e);
}

/* --- cells and rows ------------------------------------------------------- */

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

/* A cell is whole: s[0..len), or `cell` with that at its end. */
static enum err
end_cell(struct dataset_csv *csv, const char *s, size_t len, struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;
    size_t               i = csv->field++;

    if (csv->cut) {
        buf_append(&csv->cell, s, len);
        if (csv->cell.failed)
            return DATASET_NOMEM(e);
        s = csv->cell.data;
        len = csv->cell.len;
    }
    if (csv->open && i < rows->n_columns && rows->type[i] == DATASET_NUMERIC) {
        float *x = &rows->row[rows->at[i]];

        if (parse_small(s, len, x) || num_parse_float(s, len, x))
            return ERR_OK;
    }

    if (csv->bits >= 0x80 && !utf8_valid(s, len))
        return dataset_refuse(e, &csv->spot, "the text is not UTF-8");
    if (!csv->open)
        return keep_cell(csv, s, len, e);
    if (i >= rows->n_columns)
        return dataset_refuse(e, &csv->spot,
                              "found '%.*s' as one more field, expected the "
                              "end of the row after %zu fields",
                              (int)(len < 40 ? len : 40), s, rows->n_columns);
    return put_cell(csv, i, s, len, &csv->spot, e);
}

static enum err
end_row(struct dataset_csv *csv, struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;
    size_t               n = csv->field;

    csv->field = 0;
    csv->row_bytes = 0;
    if (!csv->open)
        return open_rows(csv, e);
    if (n < rows->n_columns) {
        struct dataset_spot spot = { csv->line, n + 1 };

        return dataset_refuse(e, &spot,
                              "found the end of the row after %zu field%s, "
                              "expected %zu",
                              n, n == 1 ? "" : "s", rows->n_columns);
    }
    return dataset_rows_next(rows, e);
}

/* --- bytes ---------------------------------------------------------------- */

static void
begin_cell(struct dataset_csv *csv, int state)
{
    csv->state = state;
    csv->cut = state == QUOTED;
    csv->bits = 0;
    csv->cell.len = 0;
    csv->spot.line = csv->line;
    csv->spot.column = csv->field + 1;
}

static enum err
check_row_bytes(struct dataset_csv *csv, size_t n, struct errinfo *e)
{
    csv->row_bytes += n;
    if (csv->row_bytes > DATASET_MAX_ROW_BYTES)
        return dataset_refuse(e, &csv->spot,
                              "the row has more than %zu bytes, the most it "
                              "may have",
                              DATASET_MAX_ROW_BYTES);
    return ERR_OK;
}

/* The byte c ends a cell, which may hold s[0..len) besides what was kept. */
static enum err
end_at(struct dataset_csv *csv, char c, const char *s, size_t len,
       struct errinfo *e)
{
    enum err rc = end_cell(csv, s, len, e);

    csv->state = c == '\r' ? CR : CELL;
    if (rc == ERR_OK && c == '\n') {
        rc = end_row(csv, e);
        csv->line++;
    }
    return rc;
}

/* Take a run of bytes that ends at a stop or with the piece; *p moves behind
 * the run and the stop. */
static enum err
read_run(struct dataset_csv *csv, unsigned char kind, const char **p,
         const char *end, struct errinfo *e)
{
    const char *s = *p, *q = s;
    unsigned    bits = csv->bits;
    enum err    rc;

    while (q < end && !(stops[(unsigned char)*q] & kind))
        bits |= (unsigned char)*q++;
    csv->bits = bits;
    *p = q < end ? q + 1 : q;
    rc = check_row_bytes(csv, (size_t)(*p - s), e);
    if (rc != ERR_OK)
        return rc;
    if (q == end || kind == IN_QUOTED) {
        csv->cut = true;
        buf_append(&csv->cell, s, (size_t)(q - s));
        if (csv->cell.failed)
            return DATASET_NOMEM(e);
    }
    if (q == end)
        return ERR_OK;

    switch (*q) {
    case '\0':
        return dataset_refuse(e, &csv->spot,
                              "found a zero byte, expected text in UTF-8; is "
                              "the file in UTF-16?");
    case '"':
        if (kind == IN_PLAIN)
            return dataset_refuse(e, &csv->spot,
                                  "found a quote inside a field, expected it "
                                  "at the field's begin; inside quotes it is "
                                  "written twice");
        csv->state = QUOTE;
        return ERR_OK;
    case '\n':
        if (kind == IN_PLAIN)
            break;
        csv->line++;
        buf_putc(&csv->cell, '\n');
        return csv->cell.failed ? DATASET_NOMEM(e) : ERR_OK;
    }
    return end_at(csv, *q, s, (size_t)(q - s), e);
}

/* The byte behind a quote. */
static enum err
read_quote(struct dataset_csv *csv, char c, struct errinfo *e)
{
    enum err rc = check_row_bytes(csv, 1, e);

    if (rc != ERR_OK)
        return rc;
    switch (c) {
    case '"':
        csv->state = QUOTED;
        buf_putc(&csv->cell, '"');
        return csv->cell.failed ? DATASET_NOMEM(e) : ERR_OK;
    case ',':
    case '\n':
    case '\r':
        return end_at(csv, c, "", 0, e);
    default:
        return dataset_refuse(e, &csv->spot,
                              "found more text behind the closing quote, "
                              "expected a comma or the end of the row");
    }
}

static enum err
read_lf(struct dataset_csv *csv, char c, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (c != '\n')
        return dataset_refuse(e, &csv->spot,
                              "found a CR alone, expected LF or CR LF at the "
                              "end of a row");
    if (csv->state == CR)
        rc = end_row(csv, e);
    csv->line++;
    csv->state = CELL;
    return rc;
}

static enum err
read_bytes(struct dataset_csv *csv, const char *p, const char *end,
           struct errinfo *e)
{
    enum err rc = ERR_OK;

    while (p < end && rc == ERR_OK) {
        switch (csv->state) {
        case CELL:
            begin_cell(csv, *p == '"' ? QUOTED : PLAIN);
            if (*p == '"') {
                p++;
                rc = check_row_bytes(csv, 1, e);
            } else if (csv->field == 0 && (*p == '\n' || *p == '\r')) {
                /* A line with nothing on it is no row. */
                csv->line += *p == '\n';
                csv->state = *p++ == '\n' ? CELL : BLANK;
            }
            break;
        case PLAIN:
            rc = read_run(csv, IN_PLAIN, &p, end, e);
            break;
        case QUOTED:
            rc = read_run(csv, IN_QUOTED, &p, end, e);
            break;
        case QUOTE:
            rc = read_quote(csv, *p++, e);
            break;
        default:
            rc = read_lf(csv, *p++, e);
            break;
        }
    }
    return rc;
}

static const char bom[] = "\xef\xbb\xbf";

enum err
dataset_csv_feed(struct dataset_csv *csv, const char *p, size_t n,
                 struct errinfo *e)
{
    const char *end = p + n;

    while (csv->state == BEGIN && p < end) {
        enum err rc;

        if (*p == bom[csv->n_bom]) {
            p++;
            if (++csv->n_bom < 3)
                continue;
            csv->n_bom = 0;
        }
        /* What only looked like a mark is text. */
        csv->state = CELL;
        rc = read_bytes(csv, bom, bom + csv->n_bom, e);
        if (rc != ERR_OK)
            return rc;
    }
    return read_bytes(csv, p, end, e);
}

enum err
dataset_csv_end(struct dataset_csv *csv, uint64_t *out_n_rows,
                struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (csv->state == BEGIN && csv->n_bom > 0) {
        csv->state = CELL;
        rc = read_bytes(csv, bom, bom + csv->n_bom, e);
        if (rc != ERR_OK)
            return rc;
    }
    switch (csv->state) {
    case QUOTED:
        return dataset_refuse(e, &csv->spot,
                              "the quote that opens this field is never "
                              "closed");
    case CR:
    case BLANK:
        return read_lf(csv, '\0', e);
    case CELL:
        if (csv->field == 0)
            break;
        begin_cell(csv, PLAIN);
        rc = end_at(csv, '\n', "", 0, e);
        break;
    case PLAIN:
    case QUOTE:
        rc = end_at(csv, '\n', "", 0, e);
        break;
    }
    if (rc != ERR_OK)
        return rc;
    if (!csv->open)
        return err_set(e, ERR_INVALID, "line 1, column 1",
                       "the body is empty, expected a row of names and rows of "
                       "data");
    rc = dataset_rows_end(csv->rows, out_n_rows, e);
    if (rc == ERR_OK && *out_n_rows == 0)
        return err_set(e, ERR_INVALID, "line 2, column 1",
                       "there is a row of names and no row of data");
    return rc;
}
