#include "codec/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/list.h"
#include "codec/write.h"
#include "dataset/chunk.h"

/* A number takes about this many bytes. */
#define BYTES_A_NUMBER 12

struct codec_page {
    const struct dataset_meta *meta;
    uint64_t                   first, n;
    bool                       more;
    struct dataset_block       block;
    struct buf *cell; /* [n][n_columns]: JSON of a cell; empty: not there */
    struct buf  name;
};

enum err
codec_page_new(const struct dataset_meta *meta, uint64_t first, size_t n,
               size_t max_bytes, struct codec_page **out, struct errinfo *e)
{
    struct codec_page *rows = mem_array(1, sizeof(*rows), 0);
    size_t             width = meta->row_width * BYTES_A_NUMBER;

    if (rows == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rows->meta = meta;
    rows->first = first;
    rows->n = n;
    if (width > 0 && rows->n > max_bytes / width)
        rows->n = max_bytes / width > 0 ? max_bytes / width : 1;
    if (first >= meta->n_rows)
        rows->n = 0;
    else if (rows->n >= meta->n_rows - first)
        rows->n = meta->n_rows - first;
    rows->more = first < meta->n_rows && rows->n < meta->n_rows - first;
    rows->cell =
        mem_array((size_t)rows->n * meta->n_columns, sizeof(*rows->cell), 0);
    if (rows->cell == NULL) {
        codec_page_free(rows);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    *out = rows;
    return ERR_OK;
}

void
codec_page_free(struct codec_page *rows)
{
    if (rows == NULL)
        return;
    for (size_t i = 0;
         rows->cell != NULL && i < rows->n * rows->meta->n_columns; i++)
        buf_release(&rows->cell[i]);
    free(rows->cell);
    buf_release(&rows->name);
    dataset_block_release(&rows->block);
    free(rows);
}

uint64_t
codec_page_count(const struct codec_page *rows)
{
    return rows->n;
}

/* --- cells ---------------------------------------------------------------- */

static void
write_number(struct buf *out, float x)
{
    if (isnan(x))
        buf_puts(out, "null");
    else
        num_format_float(out, x);
}

/* Dimensions from k on, the last one fastest. */
static const float *
write_array(struct buf *out, const struct dataset_column *col, size_t k,
            const float *x)
{
    if (k == col->rank) {
        write_number(out, *x);
        return x + 1;
    }
    for (size_t i = 0; i < col->dim[k]; i++) {
        buf_putc(out, i == 0 ? '[' : ',');
        x = write_array(out, col, k + 1, x);
    }
    buf_putc(out, ']');
    return x;
}

static void
write_cell(struct codec_page *rows, const struct dataset_column *col,
           const float *x, struct buf *out)
{
    const char *s;
    size_t      len;

    if (dataset_type_cells(col->type) == DATASET_NUMBERS) {
        write_array(out, col, 0, x);
        return;
    }
    s = dataset_block_text(&rows->block, col, *x, &rows->name, &len);
    if (s == NULL)
        buf_puts(out, "null");
    else
        json_write_string(out, s, len);
}

enum err
codec_page_chunk(struct codec_page *rows, const void *p, size_t len,
                 struct errinfo *e)
{
    const struct dataset_meta *meta = rows->meta;
    struct dataset_block      *block = &rows->block;
    size_t                     offset = 0;
    enum err                   rc;

    rc = dataset_chunk_decode(meta, p, len, block, e);
    for (size_t i = 0; rc == ERR_OK && i < block->n_columns; i++) {
        size_t                       column = block->first_column + i;
        const struct dataset_column *col = &meta->column[column];

        for (size_t r = 0; r < block->n_rows; r++) {
            uint64_t row = block->first_row + r;

            if (col->type != DATASET_IGNORED && row >= rows->first &&
                row - rows->first < rows->n)
                write_cell(rows, col, block->cell + r * block->width + offset,
                           &rows->cell[(row - rows->first) * meta->n_columns +
                                       column]);
        }
        offset += col->width;
    }
    return rc;
}

enum err
codec_page_format(struct codec_page *rows, struct buf *out, struct errinfo *e)
{
    size_t n_columns = rows->meta->n_columns;

    codec_list_begin(out);
    for (size_t r = 0; r < rows->n; r++) {
        codec_list_next(out, r);
        write_begin(out);
        for (size_t i = 0; i < n_columns; i++) {
            const struct dataset_column *col = &rows->meta->column[i];
            const struct buf            *cell = &rows->cell[r * n_columns + i];

            if (col->type == DATASET_IGNORED)
                continue;
            if (cell->failed || cell->len == 0)
                return cell->failed
                           ? err_set(e, ERR_NOMEM, "", "out of memory")
                           : err_set(e, ERR_CORRUPT, "",
                                     "rows of the dataset are missing");
            write_json(out, col->name, cell->data);
        }
        write_end(out);
    }
    codec_list_end_number(out,
                          rows->more ? (int64_t)(rows->first + rows->n) : -1);
    return ERR_OK;
}
