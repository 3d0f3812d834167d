#include "dataset/line.h"

#include <string.h>

#include "dataset/internal.h"

void
dataset_line_release(struct dataset_line *line)
{
    buf_release(&line->text);
    buf_release(&line->cells);
}

void
dataset_line_reset(struct dataset_line *line)
{
    buf_reset(&line->text);
    buf_reset(&line->cells);
}

enum err
dataset_line_add(struct dataset_line *line, size_t column, const char *s,
                 size_t len, const struct dataset_spot *spot, struct errinfo *e)
{
    struct dataset_line_cell cell = { .column = column,
                                      .at = line->text.len,
                                      .len = len,
                                      .is_missing = s == NULL,
                                      .spot = *spot };

    if (s != NULL)
        buf_append(&line->text, s, len);
    /* A cell of no bytes still has a place. */
    buf_putc(&line->text, '\0');
    buf_append(&line->cells, &cell, sizeof(cell));
    return line->text.failed || line->cells.failed ? DATASET_NOMEM(e) : ERR_OK;
}

size_t
dataset_line_count(const struct dataset_line *line)
{
    return line->cells.len / sizeof(struct dataset_line_cell);
}

struct dataset_line_cell
dataset_line_at(const struct dataset_line *line, size_t i)
{
    struct dataset_line_cell cell;

    memcpy(&cell, line->cells.data + i * sizeof(cell), sizeof(cell));
    return cell;
}

enum err
dataset_line_check(const struct dataset_line *line,
                   const struct dataset_rows *rows, struct errinfo *e)
{
    size_t   n = dataset_line_count(line);
    enum err rc = ERR_OK;

    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        struct dataset_line_cell cell = dataset_line_at(line, i);
        const char              *s = line->text.data + cell.at;

        rc = dataset_rows_check(rows, cell.column, cell.is_missing ? NULL : s,
                                cell.len, &cell.spot, e);
    }
    return rc;
}

enum err
dataset_line_put(const struct dataset_line *line, struct dataset_rows *rows,
                 struct errinfo *e)
{
    size_t   n = dataset_line_count(line);
    enum err rc = ERR_OK;

    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        struct dataset_line_cell cell = dataset_line_at(line, i);
        const char              *s = line->text.data + cell.at;

        rc = cell.is_missing
                 ? dataset_rows_missing(rows, cell.column, &cell.spot, e)
                 : dataset_rows_text(rows, cell.column, s, cell.len, &cell.spot,
                                     e);
    }
    return rc == ERR_OK ? dataset_rows_next(rows, e) : rc;
}
