#include "dataset/chunk.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/internal.h"

#define MAGIC 0x31435042U /* "BPC1" */
#define HEAD_SIZE 32

enum { CELLS_U8, CELLS_FLOAT };

/* clang-format off */
enum { /* offsets of the head's fields */
    AT_MAGIC        = 0,
    AT_FIRST_COLUMN = 4,
    AT_N_COLUMNS    = 8,
    AT_N_ROWS       = 12,
    AT_FIRST_ROW    = 16,
    AT_CELL_TYPE    = 24,
    AT_ZERO         = 25
};
/* clang-format on */

static size_t
bitmap_size(size_t n_columns)
{
    return (n_columns + 63) / 64 * 8;
}

static void
put32(char *p, uint32_t x)
{
    x = htole32(x);
    memcpy(p, &x, sizeof(x));
}

static uint32_t
get32(const unsigned char *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof(x));
    return le32toh(x);
}

static uint64_t
get64(const unsigned char *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool
fits_bytes(const float *cell, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* NaN fails the first comparison. */
        if (!(cell[i] >= 0 && cell[i] <= 255) ||
            cell[i] != (float)(uint8_t)cell[i])
            return false;
    }
    return true;
}

void
dataset_chunk_encode(const struct dataset_block *block, const uint8_t *types,
                     struct buf *out)
{
    size_t n = block->n_rows * block->width;
    size_t n_bitmap = bitmap_size(block->n_columns);
    bool   bytes = fits_bytes(block->cell, n);
    size_t size = HEAD_SIZE + n_bitmap + (bytes ? n : n * sizeof(float));
    char  *p;

    buf_reset(out);
    p = buf_reserve(out, size);
    if (p == NULL)
        return;
    memset(p, 0, HEAD_SIZE + n_bitmap);
    put32(p + AT_MAGIC, MAGIC);
    put32(p + AT_FIRST_COLUMN, (uint32_t)block->first_column);
    put32(p + AT_N_COLUMNS, (uint32_t)block->n_columns);
    put32(p + AT_N_ROWS, (uint32_t)block->n_rows);
    put32(p + AT_FIRST_ROW, (uint32_t)block->first_row);
    put32(p + AT_FIRST_ROW + 4, (uint32_t)((uint64_t)block->first_row >> 32));
    p[AT_CELL_TYPE] = bytes ? CELLS_U8 : CELLS_FLOAT;
    p += HEAD_SIZE;
    for (size_t i = 0; i < block->n_columns; i++)
        if (types[i] == DATASET_CATEGORICAL)
            p[i / 8] = (char)(p[i / 8] | 1 << i % 8);
    p += n_bitmap;
    for (size_t i = 0; i < n; i++) {
        if (bytes) {
            p[i] = (char)(uint8_t)block->cell[i];
        } else {
            uint32_t bits;

            memcpy(&bits, &block->cell[i], sizeof(bits));
            put32(p + i * sizeof(bits), bits);
        }
    }
    out->len += size;
}

static enum err
corrupt(struct errinfo *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "", "a chunk of the dataset %s", what);
}

enum err
dataset_chunk_place(const struct dataset_meta *meta, const void *p, size_t len,
                    struct dataset_block *out, struct errinfo *e)
{
    static const char    zero[HEAD_SIZE - AT_ZERO];
    const unsigned char *u = p;
    struct dataset_block block = { 0 };
    size_t               need;

    if (len < HEAD_SIZE || get32(u + AT_MAGIC) != MAGIC)
        return corrupt(e, "has no head");
    block.first_column = get32(u + AT_FIRST_COLUMN);
    block.n_columns = get32(u + AT_N_COLUMNS);
    block.n_rows = get32(u + AT_N_ROWS);
    block.first_row = get64(u + AT_FIRST_ROW);
    if (u[AT_CELL_TYPE] > CELLS_FLOAT ||
        memcmp(u + AT_ZERO, zero, sizeof(zero)))
        return corrupt(e, "is of an unknown kind");
    if (block.first_column >= meta->n_columns || block.n_columns == 0 ||
        block.n_columns > meta->n_columns - block.first_column)
        return corrupt(e, "has columns that the dataset has not");
    if (block.first_row >= meta->n_rows || block.n_rows == 0 ||
        block.n_rows > meta->n_rows - block.first_row)
        return corrupt(e, "has rows that the dataset has not");
    for (size_t i = 0; i < block.n_columns; i++)
        block.width += meta->column[block.first_column + i].width;
    if (!mem_mul(block.n_rows, block.width, &need) ||
        !mem_mul(need, u[AT_CELL_TYPE] == CELLS_U8 ? 1 : sizeof(float),
                 &need) ||
        !mem_add(need, HEAD_SIZE + bitmap_size(block.n_columns), &need) ||
        need != len)
        return corrupt(e, "has another length than its head says");
    *out = block;
    return ERR_OK;
}

static bool
block_grow(struct dataset_block *block, size_t n)
{
    float *cell;

    if (n <= block->capacity)
        return true;
    cell = mem_floats(n, 0);
    if (cell == NULL)
        return false;
    free(block->cell);
    block->cell = cell;
    block->capacity = n;
    return true;
}

static void
read_cells(const unsigned char *p, bool bytes, float *cell, size_t n)
{
    if (bytes) {
        for (size_t i = 0; i < n; i++)
            cell[i] = p[i];
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = get32(p + i * sizeof(bits));

        memcpy(&cell[i], &bits, sizeof(bits));
    }
}

/* Cells of a column that is categorical now: indices are checked, numbers
 * become the index of the category that is called like them. */
static enum err
read_categories(const struct dataset_column *col, bool is_index, float *cell,
                size_t n_rows, size_t stride, struct errinfo *e)
{
    struct dataset_labels labels = { 0 };
    enum err              rc = ERR_OK;

    if (!is_index) {
        rc = dataset_labels_new(col->categories, col->n_categories, &labels, e);
        if (rc != ERR_OK)
            return rc;
    }
    for (size_t r = 0; r < n_rows && rc == ERR_OK; r++) {
        float *x = &cell[r * stride];

        if (isnan(*x))
            continue;
        if (!is_index)
            *x = dataset_labels_find(&labels, *x);
        if (!(*x >= 0 && *x < (float)col->n_categories) || *x != floorf(*x))
            rc = corrupt(e, "has a category that the dataset has not");
    }
    dataset_labels_release(&labels);
    return rc;
}

enum err
dataset_chunk_decode(const struct dataset_meta *meta, const void *p, size_t len,
                     struct dataset_block *block, struct errinfo *e)
{
    const unsigned char *bitmap;
    struct dataset_block place;
    size_t               n, offset = 0;
    bool                 bytes;
    enum err             rc;

    rc = dataset_chunk_place(meta, p, len, &place, e);
    if (rc != ERR_OK)
        return rc;
    bitmap = (const unsigned char *)p + HEAD_SIZE;
    n = place.n_rows * place.width;
    if (!block_grow(block, n))
        return DATASET_NOMEM(e);
    bytes = ((const unsigned char *)p)[AT_CELL_TYPE] == CELLS_U8;
    read_cells(bitmap + bitmap_size(place.n_columns), bytes, block->cell, n);
    for (size_t i = 0; !bytes && i < n; i++)
        if (isinf(block->cell[i]))
            return corrupt(e, "has an infinite cell");

    for (size_t i = 0; i < 8 * bitmap_size(place.n_columns); i++) {
        bool                         is_index = bitmap[i / 8] >> i % 8 & 1;
        const struct dataset_column *col;

        if (i >= place.n_columns) {
            if (is_index)
                return corrupt(e, "has columns that the dataset has not");
            continue;
        }
        col = &meta->column[place.first_column + i];
        if (col->type == DATASET_CATEGORICAL && col->width == 1) {
            rc = read_categories(col, is_index, block->cell + offset,
                                 place.n_rows, place.width, e);
            if (rc != ERR_OK)
                return rc;
        } else if (is_index) {
            return corrupt(e, "has categories where the dataset has numbers");
        }
        offset += col->width;
    }
    place.cell = block->cell;
    place.capacity = block->capacity;
    *block = place;
    return ERR_OK;
}

void
dataset_block_release(struct dataset_block *block)
{
    free(block->cell);
    *block = (struct dataset_block){ 0 };
}
