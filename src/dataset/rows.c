#include "dataset/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/internal.h"

void
dataset_rows_init(struct dataset_rows *rows, dataset_chunk_fn sink, void *arg)
{
    *rows = (struct dataset_rows){ .sink = sink,
                                   .sink_arg = arg,
                                   .chunk_floats = DATASET_CHUNK_FLOATS,
                                   .limits = DATASET_LIMITS };
}

void
dataset_rows_release(struct dataset_rows *rows)
{
    for (size_t i = 0; i < rows->n_columns; i++) {
        struct dataset_draft *col = &rows->column[i];

        dataset_column_release(&col->meta);
        dataset_floats_release(&col->seen);
        dataset_names_release(&col->names);
        free(col->count);
        free(col->byte_count);
    }
    free(rows->column);
    free(rows->type);
    free(rows->at);
    dataset_names_release(&rows->names);
    free(rows->cell);
    free(rows->gathered);
    buf_release(&rows->chunk);
    buf_release(&rows->text);
    dataset_texts_release(&rows->texts);
    dataset_texts_release(&rows->spare);
    dataset_sample_release(&rows->sample);
    free(rows->local);
    free(rows->skipped);
    *rows = (struct dataset_rows){ 0 };
}

/* --- columns -------------------------------------------------------------- */

static bool
columns_grow(struct dataset_rows *rows)
{
    size_t capacity = rows->capacity > 0 ? 2 * rows->capacity : 16;
    struct dataset_draft *column = mem_array(capacity, sizeof(*column), 0);
    uint8_t              *type = mem_array(capacity, sizeof(*type), 0);
    uint32_t             *at = mem_array(capacity, sizeof(*at), 0);

    if (column == NULL || type == NULL || at == NULL) {
        free(column);
        free(type);
        free(at);
        return false;
    }
    if (rows->n_columns > 0) {
        memcpy(column, rows->column, rows->n_columns * sizeof(*column));
        memcpy(type, rows->type, rows->n_columns * sizeof(*type));
        memcpy(at, rows->at, rows->n_columns * sizeof(*at));
    }
    free(rows->column);
    free(rows->type);
    free(rows->at);
    rows->column = column;
    rows->type = type;
    rows->at = at;
    rows->capacity = capacity;
    return true;
}

static enum err
check_name(const struct dataset_rows *rows, const char *name, size_t len,
           const char *where, struct errinfo *e)
{
    if (rows->n_columns == rows->limits.columns)
        return err_named(e,
                         err_set(e, ERR_INVALID, where,
                                 "there are more than %zu columns, the most a "
                                 "dataset may have (dataset_columns)",
                                 rows->limits.columns),
                         "too_many_columns");
    if (len == 0)
        return err_set(e, ERR_INVALID, where,
                       "the column's name is empty; every column needs one");
    if (len > DATASET_MAX_NAME)
        return err_set(e, ERR_INVALID, where,
                       "the column's name has %zu bytes, the longest may have "
                       "%d",
                       len, DATASET_MAX_NAME);
    if (dataset_names_find(&rows->names, name, len) < rows->names.n)
        return err_set(e, ERR_INVALID, where,
                       "two columns are called '%.*s'; names must differ",
                       (int)len, name);
    return ERR_OK;
}

enum err
dataset_rows_add(struct dataset_rows *rows, const char *name, size_t len,
                 size_t rank, const size_t *dim, const char *where,
                 struct errinfo *e)
{
    struct dataset_column *col;
    size_t                 width = 1;
    enum err               rc;

    rc = check_name(rows, name, len, where, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < rank; i++)
        if (!mem_mul(width, dim[i], &width) || width > DATASET_MAX_WIDTH)
            width = DATASET_MAX_WIDTH + 1;
    if (width > DATASET_MAX_WIDTH - rows->row_width)
        return err_set(e, ERR_INVALID, where,
                       "a row has more than %zu numbers, the most it may have",
                       DATASET_MAX_WIDTH);
    if (rows->n_columns == rows->capacity && !columns_grow(rows))
        return DATASET_NOMEM(e);

    col = &rows->column[rows->n_columns].meta;
    col->name = mem_dup(name, len);
    if (col->name == NULL || !dataset_names_add(&rows->names, name, len)) {
        free(col->name);
        col->name = NULL;
        return DATASET_NOMEM(e);
    }
    col->type = DATASET_NUMERIC;
    col->rank = rank;
    for (size_t i = 0; i < rank; i++)
        col->dim[i] = dim[i];
    col->width = width;
    rows->n_columns++;
    rows->row_width += width;
    return ERR_OK;
}

void
dataset_rows_choose(struct dataset_rows *rows, size_t column,
                    enum dataset_type type)
{
    struct dataset_draft *col = &rows->column[column];

    col->chosen = true;
    col->meta.type = type;
    col->all_dates = type == DATASET_DATETIME;
    if (type == DATASET_IGNORED) {
        rows->row_width -= col->meta.width;
        col->meta.width = 0;
    }
}

void
dataset_rows_turn(struct dataset_rows *rows, size_t column,
                  enum dataset_type type)
{
    rows->column[column].meta.type = type;
    rows->type[column] = (uint8_t)type;
    if (dataset_type_cells(type) == DATASET_TEXTS)
        rows->has_texts = true;
    if (type != DATASET_NUMERIC || rows->column[column].meta.width != 1)
        rows->has_others = true;
}

/* A cell of text that is not written yet must not look like one. */
static void
begin_row(struct dataset_rows *rows)
{
    for (size_t i = rows->first; rows->has_texts && i < rows->n_columns; i++)
        if (dataset_type_cells(rows->type[i]) == DATASET_TEXTS)
            rows->row[rows->at[i]] = NAN;
}

enum err
dataset_rows_begin(struct dataset_rows *rows, size_t first, struct errinfo *e)
{
    size_t offset = 0, start;

    for (size_t i = 0; i < first; i++)
        offset += rows->column[i].meta.width;
    start = offset;
    for (size_t i = first; i < rows->n_columns; i++) {
        struct dataset_column *col = &rows->column[i].meta;

        col->offset = offset;
        dataset_rows_turn(rows, i, col->type);
        rows->at[i] = (uint32_t)(offset - start);
        offset += col->width;
    }
    rows->first = first;
    rows->width = offset - start;
    rows->max_rows = rows->chunk_floats / (rows->width > 0 ? rows->width : 1);
    if (rows->max_rows == 0)
        rows->max_rows = 1;
    rows->n_rows = 0;
    rows->first_row = 0;
    free(rows->cell);
    free(rows->gathered);
    rows->cell = mem_floats(rows->max_rows * rows->width, 0);
    rows->gathered = mem_floats(rows->max_rows, 0);
    rows->row = rows->cell;
    if (rows->cell == NULL || rows->gathered == NULL)
        return DATASET_NOMEM(e);
    begin_row(rows);
    return dataset_sample_begin(&rows->sample, rows->width) ? ERR_OK
                                                            : DATASET_NOMEM(e);
}

/* --- blocks --------------------------------------------------------------- */

/* Texts of the row under way go along with it. */
static bool
move_texts(struct dataset_rows *rows)
{
    struct dataset_texts old = rows->texts;

    rows->texts = rows->spare;
    rows->spare = old;
    dataset_texts_reset(&rows->texts);
    for (size_t i = rows->first; rows->has_texts && i < rows->n_columns; i++) {
        float      *cell = &rows->row[rows->at[i]];
        const char *s;
        size_t      len;

        if (dataset_type_cells(rows->type[i]) != DATASET_TEXTS || isnan(*cell))
            continue;
        s = dataset_texts_at(&rows->spare, (size_t)*cell, &len);
        *cell = (float)dataset_texts_count(&rows->texts);
        if (!dataset_texts_add(&rows->texts, s, len))
            return false;
    }
    return true;
}

enum err
dataset_rows_flush(struct dataset_rows *rows, struct errinfo *e)
{
    struct dataset_block block = { .first_column = rows->first,
                                   .n_columns = rows->n_columns - rows->first,
                                   .first_row = rows->first_row,
                                   .n_rows = rows->n_rows,
                                   .width = rows->width,
                                   .cell = rows->cell };
    enum err             rc;

    if (rows->n_rows == 0)
        return ERR_OK;
    rc = dataset_rows_fold(rows, e);
    if (rc == ERR_OK)
        rc = dataset_rows_name(rows, e);
    if (rc != ERR_OK)
        return rc;
    block.texts = rows->texts; /* borrowed */
    dataset_chunk_encode(&block, rows->type + rows->first, &rows->chunk);
    if (rows->chunk.failed)
        return DATASET_NOMEM(e);
    rc = rows->sink(rows->sink_arg, rows->chunk.data, rows->chunk.len, e);
    if (rc != ERR_OK)
        return rc;
    if (rows->n_rows < rows->max_rows)
        memcpy(rows->cell, rows->row, rows->width * sizeof(float));
    rows->row = rows->cell;
    if (rows->n_rows == rows->max_rows)
        begin_row(rows);
    rows->first_row += rows->n_rows;
    rows->n_rows = 0;
    return move_texts(rows) ? ERR_OK : DATASET_NOMEM(e);
}

enum err
dataset_rows_check_bytes(const struct dataset_rows *rows, size_t n,
                         const struct dataset_spot *spot, struct errinfo *e)
{
    if (n <= rows->limits.row_bytes)
        return ERR_OK;
    return err_named(e,
                     dataset_refuse(e, spot,
                                    "the row has more than %zu bytes, the most "
                                    "it may have (dataset_row_kib)",
                                    rows->limits.row_bytes),
                     "row_too_long");
}

enum err
dataset_rows_next(struct dataset_rows *rows, struct errinfo *e)
{
    if (rows->first_row + rows->n_rows >= rows->limits.rows)
        return err_named(e,
                         err_set(e, ERR_INVALID, "",
                                 "there are more than %" PRIu64
                                 " rows, the most a dataset may have "
                                 "(dataset_rows)",
                                 rows->limits.rows),
                         "too_many_rows");
    rows->n_rows++;
    rows->row += rows->width;
    if (rows->n_rows == rows->max_rows)
        return dataset_rows_flush(rows, e);
    begin_row(rows);
    return rows->texts.bytes.len > DATASET_CHUNK_TEXT
               ? dataset_rows_flush(rows, e)
               : ERR_OK;
}

enum err
dataset_rows_end(struct dataset_rows *rows, uint64_t *out_n, struct errinfo *e)
{
    enum err rc = dataset_rows_flush(rows, e);

    for (size_t i = rows->first; i < rows->n_columns && rc == ERR_OK; i++) {
        struct dataset_column *col = &rows->column[i].meta;

        if (i < DATASET_MAX_SUMMARIES && col->type != DATASET_IGNORED)
            rc = dataset_sample_summary(&rows->sample, rows->at[i], col, e);
    }
    if (rc == ERR_OK)
        *out_n = rows->first_row;
    return rc;
}
