#include <string.h>

#include "dataset/csv.h"
#include "dataset/internal.h"

/* Where the last piece ended, or the byte at hand stands. */
enum {
    BEGIN,       /* the body may begin with a byte order mark   */
    SEARCH,      /* in the first line, the delimiter not known  */
    CELL,        /* before the first byte of a cell             */
    PLAIN,       /* in a cell without quotes                    */
    QUOTED,      /* between quotes                              */
    QUOTE,       /* behind a quote that ends the cell, or is
                    the first of two that stand for one         */
    CR,          /* behind the CR of a row's end                */
    BLANK,       /* behind the CR of a line with nothing on it  */
    SKIP,        /* in what is left of a row that is dropped    */
    SKIP_QUOTED, /* the same, between quotes                    */
    SKIP_LINE    /* the same, where quotes make no sense        */
};

/* What ends a run of bytes that mean nothing to us. */
enum { IN_PLAIN = 1, IN_QUOTED = 2 };

static const char delimiters[] = ",;\t|";

static void
set_delimiter(struct dataset_csv *csv, char delimiter)
{
    csv->delimiter = delimiter;
    csv->stops['\0'] = IN_PLAIN | IN_QUOTED;
    csv->stops['\n'] = IN_PLAIN | IN_QUOTED;
    csv->stops['"'] = IN_PLAIN | IN_QUOTED;
    csv->stops['\r'] = IN_PLAIN;
    csv->stops[(unsigned char)delimiter] = IN_PLAIN;
}

void
dataset_csv_init(struct dataset_csv *csv, struct dataset_rows *rows,
                 const struct dataset_choices *choices)
{
    *csv = (struct dataset_csv){
        .rows = rows, .choices = choices, .state = BEGIN, .line = 1
    };
    if (choices->delimiter != '\0')
        set_delimiter(csv, choices->delimiter);
}

void
dataset_csv_release(struct dataset_csv *csv)
{
    buf_release(&csv->cell);
    buf_release(&csv->head);
    dataset_line_release(&csv->kept);
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
    csv->row_is_over = false;
}

static enum err
check_row_bytes(struct dataset_csv *csv, size_t n, struct errinfo *e)
{
    csv->row_bytes += n;
    return dataset_rows_check_bytes(csv->rows, csv->row_bytes, &csv->spot, e);
}

/* The byte c ends a cell, which may hold s[0..len) besides what was kept. */
static enum err
end_at(struct dataset_csv *csv, char c, const char *s, size_t len,
       struct errinfo *e)
{
    enum err rc = dataset_csv_end_cell(csv, s, len, e);

    csv->state = c == '\r' ? CR : CELL;
    if (c == '\n') {
        if (rc == ERR_OK)
            rc = dataset_csv_end_row(csv, e);
        csv->row_is_over = true;
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

    while (q < end && !(csv->stops[(unsigned char)*q] & kind))
        bits |= (unsigned char)*q++;
    csv->bits = bits;
    *p = q < end ? q + 1 : q;
    rc = check_row_bytes(csv, (size_t)(*p - s), e);
    if (rc != ERR_OK) {
        *p = q;
        return rc;
    }
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
    if (c == '"') {
        csv->state = QUOTED;
        buf_putc(&csv->cell, '"');
        return csv->cell.failed ? DATASET_NOMEM(e) : ERR_OK;
    }
    if (c == csv->delimiter || c == '\n' || c == '\r')
        return end_at(csv, c, "", 0, e);
    return dataset_refuse(e, &csv->spot,
                          "found more text behind the closing quote, expected "
                          "%s or the end of the row",
                          csv->delimiter == '\t'  ? "a tab"
                          : csv->delimiter == ';' ? "a semicolon"
                          : csv->delimiter == '|' ? "a bar"
                                                  : "a comma");
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
        rc = dataset_csv_end_row(csv, e);
    csv->row_is_over = true;
    csv->line++;
    csv->state = CELL;
    return rc;
}

/* --- rows that are dropped ------------------------------------------------ */

/* A row is wrong: either that ends the reading, or it is counted and what is
 * left of it passed over. */
static enum err
drop_row(struct dataset_csv *csv, enum err rc, struct errinfo *e)
{
    if (rc != ERR_INVALID || !csv->rows->skips || !csv->open || csv->is_fatal)
        return rc;
    dataset_line_reset(&csv->kept);
    csv->field = 0;
    csv->row_bytes = 0;
    if (csv->row_is_over)
        csv->state = CELL;
    else
        csv->state = csv->state == CELL || csv->state == CR ? SKIP : SKIP_LINE;
    return dataset_rows_skip(csv->rows, e);
}

static void
skip_byte(struct dataset_csv *csv, char c)
{
    csv->line += c == '\n';
    if (c == '\n' && csv->state != SKIP_QUOTED)
        csv->state = CELL;
    else if (c == '"' && csv->state != SKIP_LINE)
        csv->state = csv->state == SKIP ? SKIP_QUOTED : SKIP;
}

/* --- pieces --------------------------------------------------------------- */

static enum err
read_cell(struct dataset_csv *csv, const char **p, struct errinfo *e)
{
    char c = **p;

    begin_cell(csv, c == '"' ? QUOTED : PLAIN);
    if (c == '"') {
        ++*p;
        return check_row_bytes(csv, 1, e);
    }
    /* A line with nothing on it is no row. */
    if (csv->field == 0 && (c == '\n' || c == '\r')) {
        ++*p;
        csv->line += c == '\n';
        csv->state = c == '\n' ? CELL : BLANK;
    }
    return ERR_OK;
}

static enum err
read_bytes(struct dataset_csv *csv, const char *p, const char *end,
           struct errinfo *e)
{
    enum err rc = ERR_OK;

    while (p < end && rc == ERR_OK) {
        switch (csv->state) {
        case CELL:
            if (csv->field == 0)
                rc = dataset_csv_plain_rows(csv, &p, end, e);
            if (rc == ERR_OK && p < end)
                rc = read_cell(csv, &p, e);
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
        case SKIP:
        case SKIP_QUOTED:
        case SKIP_LINE:
            skip_byte(csv, *p++);
            break;
        default:
            rc = read_lf(csv, *p++, e);
            break;
        }
        if (rc != ERR_OK)
            rc = drop_row(csv, rc, e);
    }
    return rc;
}

/* The first line that has anything on it is there, or nothing more comes: what
 * stands in it most often, outside quotes, is the delimiter. */
static enum err
settle_delimiter(struct dataset_csv *csv, struct errinfo *e)
{
    size_t   best = 0;
    enum err rc;

    for (size_t i = 1; i < sizeof(csv->n_found) / sizeof(*csv->n_found); i++)
        if (csv->n_found[i] > csv->n_found[best])
            best = i;
    set_delimiter(csv, delimiters[best]);
    csv->state = CELL;
    rc = read_bytes(csv, csv->head.data, csv->head.data + csv->head.len, e);
    buf_release(&csv->head);
    return rc;
}

/* Take bytes of the first line; *p moves behind them. */
static enum err
search_delimiter(struct dataset_csv *csv, const char **p, const char *end,
                 struct errinfo *e)
{
    const char *s = *p;
    bool        found = false;

    for (; *p < end && !found; ++*p) {
        const char *d = **p != '\0' ? strchr(delimiters, **p) : NULL;

        if (**p == '"')
            csv->in_quotes = !csv->in_quotes;
        else if (d != NULL && !csv->in_quotes)
            csv->n_found[d - delimiters]++;
        if (**p != '\n' && **p != '\r')
            csv->row_bytes++;
        else
            found = !csv->in_quotes && csv->row_bytes > 0;
        found = found || csv->row_bytes > csv->rows->limits.row_bytes;
    }
    buf_append(&csv->head, s, (size_t)(*p - s));
    if (csv->head.failed)
        return DATASET_NOMEM(e);
    if (!found)
        return ERR_OK;
    csv->row_bytes = 0;
    return settle_delimiter(csv, e);
}

static const char bom[] = "\xef\xbb\xbf";

/* Behind the mark, or where there was none; bytes that only looked like one
 * are text. */
static enum err
begin_text(struct dataset_csv *csv, struct errinfo *e)
{
    const char *p = bom, *end = bom + (csv->n_bom < 3 ? csv->n_bom : 0);

    csv->state = csv->delimiter != '\0' ? CELL : SEARCH;
    return csv->state == SEARCH ? search_delimiter(csv, &p, end, e)
                                : read_bytes(csv, p, end, e);
}

enum err
dataset_csv_feed(struct dataset_csv *csv, const char *p, size_t n,
                 struct errinfo *e)
{
    const char *end = p + n;
    enum err    rc = ERR_OK;

    while (csv->state == BEGIN && p < end && rc == ERR_OK) {
        bool fits = *p == bom[csv->n_bom];

        if (fits) {
            p++;
            csv->n_bom++;
        }
        if (!fits || csv->n_bom == 3)
            rc = begin_text(csv, e);
    }
    if (rc == ERR_OK && csv->state == SEARCH)
        rc = search_delimiter(csv, &p, end, e);
    return rc == ERR_OK ? read_bytes(csv, p, end, e) : rc;
}

/* Nothing more comes: the last row may lack its end. */
static enum err
end_text(struct dataset_csv *csv, struct errinfo *e)
{
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
            return ERR_OK;
        begin_cell(csv, PLAIN);
        return end_at(csv, '\n', "", 0, e);
    case PLAIN:
    case QUOTE:
        return end_at(csv, '\n', "", 0, e);
    default:
        return ERR_OK;
    }
}

enum err
dataset_csv_end(struct dataset_csv *csv, uint64_t *out_n_rows,
                struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (csv->state == BEGIN)
        rc = begin_text(csv, e);
    if (rc == ERR_OK && csv->state == SEARCH) {
        csv->row_bytes = 0;
        rc = settle_delimiter(csv, e);
    }
    if (rc == ERR_OK)
        rc = end_text(csv, e);
    if (rc != ERR_OK)
        rc = drop_row(csv, rc, e);
    if (rc != ERR_OK)
        return rc;
    if (!csv->open)
        return err_set(e, ERR_INVALID, "line 1, column 1",
                       "the body is empty, expected a row of names and rows of "
                       "data");
    rc = dataset_rows_end(csv->rows, out_n_rows, e);
    if (rc == ERR_OK && dataset_rows_are_none(csv->rows))
        return dataset_rows_none(csv->rows, e);
    return rc;
}
