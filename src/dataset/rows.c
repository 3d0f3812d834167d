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
                                   .chunk_floats = DATASET_CHUNK_FLOATS };
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
    if (rows->n_columns == DATASET_MAX_COLUMNS)
        return err_set(e, ERR_INVALID, where,
                       "there are more than %d columns, the most a dataset may "
                       "have",
                       DATASET_MAX_COLUMNS);
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

/*
 * Fold the block's numbers of a column into its mean and m2.  Within a block
 * in two passes, then Chan, Golub and LeVeque's formula for two samples
 * ("Updating formulae and a pairwise algorithm", 1979): as stable as Welford's
 * and without a division for each cell.
 */
static void
fold_numbers(struct dataset_draft *col, const float *cell, size_t n_cells)
{
    struct dataset_column *meta = &col->meta;
    double                 min = col->present > 0 ? meta->min : INFINITY;
    double                 max = col->present > 0 ? meta->max : -INFINITY;
    double                 sum = 0, m2 = 0, mean, delta, total;
    uint64_t               n = 0;

    for (size_t i = 0; i < n_cells; i++) {
        double x = cell[i];

        if (isnan(x))
            continue;
        min = x < min ? x : min;
        max = x > max ? x : max;
        sum += x;
        n++;
    }
    meta->missing += n_cells - n;
    if (n == 0)
        return;
    mean = sum / (double)n;
    for (size_t i = 0; i < n_cells; i++) {
        double d = isnan(cell[i]) ? 0 : cell[i] - mean;

        m2 += d * d;
    }
    total = (double)(col->present + n);
    delta = mean - meta->mean;
    meta->min = min;
    meta->max = max;
    meta->mean += delta * ((double)n / total);
    col->m2 += m2 + delta * delta * ((double)col->present * (double)n / total);
    col->present += n;
}

static bool
is_byte(float x)
{
    return x >= 0 && x < 256 && x == (float)(uint8_t)x;
}

uint64_t
dataset_draft_count(const struct dataset_draft *col, size_t k)
{
    float x = col->seen.at[k];

    return is_byte(x) ? col->byte_count[(uint8_t)x] : col->seen.count[k];
}

/* Pixels and counts would spend their time in the hash table: only the first of
 * each goes there. */
static bool
add_distinct(struct dataset_draft *col, float x)
{
    if (!is_byte(x))
        return dataset_floats_add(&col->seen, x, 1);
    if (col->byte_count == NULL)
        col->byte_count = mem_array(256, sizeof(*col->byte_count), 0);
    return col->byte_count != NULL && (col->byte_count[(uint8_t)x]++ > 0 ||
                                       dataset_floats_add(&col->seen, x, 0));
}

static bool
fold_distinct(struct dataset_rows *rows, struct dataset_draft *col,
              const float *cell, size_t n_cells)
{
    size_t before = col->seen.n;

    for (size_t i = 0; i < n_cells && !col->too_many; i++) {
        if (isnan(cell[i]))
            continue;
        if (!add_distinct(col, cell[i]))
            return false;
        col->too_many = col->seen.n > DATASET_MAX_CATEGORIES;
    }
    if (!col->meta.is_target)
        rows->n_distinct += col->seen.n - before;
    if (rows->n_distinct > DATASET_MAX_DISTINCT && !col->meta.is_target)
        col->too_many = true;
    if (col->too_many) {
        if (!col->meta.is_target)
            rows->n_distinct -= col->seen.n;
        dataset_floats_release(&col->seen);
    }
    return true;
}

/* Count the block's categories. */
static bool
fold_names(struct dataset_draft *col, const float *cell, size_t n_cells)
{
    if (col->n_counts < col->names.n) {
        size_t    n = 2 * col->names.n;
        uint64_t *count = mem_resize(col->count, n, sizeof(*count));

        if (count == NULL)
            return false;
        memset(count + col->n_counts, 0, (n - col->n_counts) * sizeof(*count));
        col->count = count;
        col->n_counts = n;
    }
    for (size_t k = 0; k < n_cells; k++) {
        if (isnan(cell[k]))
            col->meta.missing++;
        else
            col->count[(size_t)cell[k]]++;
    }
    return true;
}

/* The cells of a column in the block.  One that shares it with others is
 * copied out first: they are read three times. */
static const float *
gather(const struct dataset_rows *rows, size_t i)
{
    const float *cell = rows->cell + rows->at[i];

    if (rows->column[i].meta.width == rows->width)
        return cell;
    for (size_t r = 0; r < rows->n_rows; r++)
        rows->gathered[r] = cell[r * rows->width];
    return rows->gathered;
}

static enum err
fold_column(struct dataset_rows *rows, size_t i, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    size_t                n = rows->n_rows * col->meta.width;
    const float          *cell;

    if (col->meta.type == DATASET_IGNORED)
        return ERR_OK;
    cell = gather(rows, i);
    switch (dataset_type_cells(col->meta.type)) {
    case DATASET_NUMBERS:
        fold_numbers(col, cell, n);
        if (col->meta.width == 1 && !col->too_many &&
            !fold_distinct(rows, col, cell, n))
            return DATASET_NOMEM(e);
        break;
    case DATASET_NAMES:
        if (!fold_names(col, cell, n))
            return DATASET_NOMEM(e);
        break;
    default:
        for (size_t k = 0; k < n; k++)
            col->meta.missing += isnan(cell[k]) != 0;
        break;
    }
    return ERR_OK;
}

enum err
dataset_rows_fold(struct dataset_rows *rows, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (!dataset_sample_take(&rows->sample, rows->cell, rows->n_rows))
        return DATASET_NOMEM(e);
    for (size_t i = rows->first; i < rows->n_columns && rc == ERR_OK; i++)
        rc = fold_column(rows, i, e);
    return rc;
}

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
dataset_rows_next(struct dataset_rows *rows, struct errinfo *e)
{
    if (rows->first_row + rows->n_rows == DATASET_MAX_ROWS)
        return err_set(e, ERR_INVALID, "",
                       "there are more than %" PRIu64
                       " rows, the most a dataset may have",
                       DATASET_MAX_ROWS);
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
