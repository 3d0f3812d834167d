/*
 * line.h - one row of a file, kept until it is known to be whole
 *
 * Model    A reader that may have to drop a row keeps its cells here, and puts
 *          them into the rows only after all of them were looked at.  So a row
 *          that is dropped leaves no trace, and neither does one that comes
 *          before the columns are known.
 * Owner    The caller's storage: start with { 0 }, end with _release().
 */
#ifndef DATASET_LINE_H
#define DATASET_LINE_H

#include "base/buf.h"
#include "dataset/rows.h"

struct dataset_line_cell {
    size_t              column;
    size_t              at, len; /* in the text */
    bool                is_missing;
    struct dataset_spot spot;
};

struct dataset_line {
    struct buf text, cells;
};

void dataset_line_release(struct dataset_line *line);
void dataset_line_reset(struct dataset_line *line);

/* s NULL: the cell is missing. */
enum err dataset_line_add(struct dataset_line *line, size_t column,
                          const char *s, size_t len,
                          const struct dataset_spot *spot, struct errinfo *e);

size_t                   dataset_line_count(const struct dataset_line *line);
struct dataset_line_cell dataset_line_at(const struct dataset_line *line,
                                         size_t                     i);

/* Is every cell one that its column can take?  Nothing is changed. */
enum err dataset_line_check(const struct dataset_line *line,
                            const struct dataset_rows *rows, struct errinfo *e);
/* Write all cells to the row under way and end it. */
enum err dataset_line_put(const struct dataset_line *line,
                          struct dataset_rows *rows, struct errinfo *e);

#endif
