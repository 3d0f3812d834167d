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
    AT_ZERO         = 25,
    AT_N_TEXTS      = 28
};
/* clang-format on */

static size_t
kinds_size(size_t n_columns)
{
    return (n_columns + 7) / 8 * 8;
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

static char *
put_cells(char *p, const float *cell, size_t n, bool bytes)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes) {
            *p++ = (char)(uint8_t)cell[i];
        } else {
            uint32_t bits;

            memcpy(&bits, &cell[i], sizeof(bits));
            put32(p, bits);
            p += sizeof(bits);
        }
    }
    return p;
}

static char *
put_texts(char *p, const struct dataset_texts *texts)
{
    size_t n = dataset_texts_count(texts), end = 0, len;

    for (size_t i = 0; i < n; i++, p += sizeof(uint32_t)) {
        dataset_texts_at(texts, i, &len);
        end += len;
        put32(p, (uint32_t)end);
    }
    if (end > 0)
        memcpy(p, texts->bytes.data, end);
    return p + end;
}

void
dataset_chunk_encode(const struct dataset_block *block, const uint8_t *types,
                     struct buf *out)
{
    size_t n = block->n_rows * block->width;
    size_t n_kinds = kinds_size(block->n_columns);
    size_t n_texts = dataset_texts_count(&block->texts);
    bool   bytes = fits_bytes(block->cell, n);
    size_t size = HEAD_SIZE + n_kinds + (bytes ? n : n * sizeof(float)) +
                  n_texts * sizeof(uint32_t) + block->texts.bytes.len;
    char *p;

    buf_reset(out);
    p = buf_reserve(out, size);
    if (p == NULL)
        return;
    memset(p, 0, HEAD_SIZE + n_kinds);
    put32(p + AT_MAGIC, MAGIC);
    put32(p + AT_FIRST_COLUMN, (uint32_t)block->first_column);
    put32(p + AT_N_COLUMNS, (uint32_t)block->n_columns);
    put32(p + AT_N_ROWS, (uint32_t)block->n_rows);
    put32(p + AT_FIRST_ROW, (uint32_t)block->first_row);
    put32(p + AT_FIRST_ROW + 4, (uint32_t)((uint64_t)block->first_row >> 32));
    put32(p + AT_N_TEXTS, (uint32_t)n_texts);
    p[AT_CELL_TYPE] = bytes ? CELLS_U8 : CELLS_FLOAT;
    p += HEAD_SIZE;
    for (size_t i = 0; i < block->n_columns; i++)
        p[i] = dataset_type_cells(types[i]) == DATASET_NAMES ||
               dataset_type_cells(types[i]) == DATASET_TEXTS;
    p = put_cells(p + n_kinds, block->cell, n, bytes);
    put_texts(p, &block->texts);
    out->len += size;
}

static enum err
corrupt(struct errinfo *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "", "a chunk of the dataset %s", what);
}

/* Where a chunk's parts begin. */
struct parts {
    struct dataset_block place;
    bool                 bytes;
    const unsigned char *kinds, *cells, *ends, *text;
    size_t               n_texts, text_len;
};

static enum err
find_parts(const struct dataset_meta *meta, const void *p, size_t len,
           struct parts *out, struct errinfo *e)
{
    static const char    zero[AT_N_TEXTS - AT_ZERO];
    const unsigned char *u = p;
    struct dataset_block block = { 0 };
    size_t               kinds, cells, ends, need;

    if (len < HEAD_SIZE || get32(u + AT_MAGIC) != MAGIC)
        return corrupt(e, "has no head");
    block.first_column = get32(u + AT_FIRST_COLUMN);
    block.n_columns = get32(u + AT_N_COLUMNS);
    block.n_rows = get32(u + AT_N_ROWS);
    block.first_row = get64(u + AT_FIRST_ROW);
    if (u[AT_CELL_TYPE] > CELLS_FLOAT ||
        memcmp(u + AT_ZERO, zero, sizeof(zero)) != 0)
        return corrupt(e, "is of an unknown kind");
    if (block.first_column >= meta->n_columns || block.n_columns == 0 ||
        block.n_columns > meta->n_columns - block.first_column)
        return corrupt(e, "has columns that the dataset has not");
    if (block.first_row >= meta->n_rows || block.n_rows == 0 ||
        block.n_rows > meta->n_rows - block.first_row)
        return corrupt(e, "has rows that the dataset has not");
    for (size_t i = 0; i < block.n_columns; i++)
        block.width += meta->column[block.first_column + i].width;

    kinds = kinds_size(block.n_columns);
    out->n_texts = get32(u + AT_N_TEXTS);
    out->bytes = u[AT_CELL_TYPE] == CELLS_U8;
    if (!mem_mul(block.n_rows, block.width, &cells) ||
        !mem_mul(cells, out->bytes ? 1 : sizeof(float), &cells) ||
        !mem_mul(out->n_texts, sizeof(uint32_t), &ends) ||
        !mem_add(cells, ends, &need) ||
        !mem_add(need, HEAD_SIZE + kinds, &need) || need > len)
        return corrupt(e, "has another length than its head says");
    out->kinds = u + HEAD_SIZE;
    out->cells = out->kinds + kinds;
    out->ends = out->cells + cells;
    out->text = out->ends + ends;
    out->text_len = len - need;
    if (out->text_len != (ends > 0 ? get32(out->text - sizeof(uint32_t)) : 0))
        return corrupt(e, "has another length than its head says");
    out->place = block;
    return ERR_OK;
}

enum err
dataset_chunk_place(const struct dataset_meta *meta, const void *p, size_t len,
                    struct dataset_block *out, struct errinfo *e)
{
    struct parts parts;
    enum err     rc = find_parts(meta, p, len, &parts, e);

    if (rc == ERR_OK)
        *out = parts.place;
    return rc;
}

bool
dataset_chunk_rows(const void *p, size_t len, uint64_t *first, uint64_t *n)
{
    const unsigned char *u = p;

    if (len < HEAD_SIZE || get32(u + AT_MAGIC) != MAGIC)
        return false;
    *first = get64(u + AT_FIRST_ROW);
    *n = get32(u + AT_N_ROWS);
    return true;
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

static enum err
read_texts(const struct parts *parts, struct dataset_texts *out,
           struct errinfo *e)
{
    size_t begin = 0;

    dataset_texts_reset(out);
    for (size_t i = 0; i < parts->n_texts; i++) {
        size_t end = get32(parts->ends + i * sizeof(uint32_t));

        if (end < begin || end > parts->text_len)
            return corrupt(e, "has texts that overlap");
        if (!dataset_texts_add(out, (const char *)parts->text + begin,
                               end - begin))
            return DATASET_NOMEM(e);
        begin = end;
    }
    return ERR_OK;
}

/* --- what meta makes of the cells ----------------------------------------- */

/* Numbers become the index of the category that is called like them. */
static enum err
name_numbers(const struct dataset_column *col, float *cell, size_t n_rows,
             size_t stride, struct errinfo *e)
{
    struct dataset_labels labels = { 0 };
    enum err              rc;

    rc = dataset_labels_new(col->categories, col->n_categories, &labels, e);
    for (size_t r = 0; r < n_rows && rc == ERR_OK; r++) {
        float *x = &cell[r * stride];

        if (isnan(*x))
            continue;
        *x = dataset_labels_find(&labels, *x);
        if (isnan(*x))
            rc = corrupt(e, "has a category that the dataset has not");
    }
    dataset_labels_release(&labels);
    return rc;
}

static bool
lookup_make(const struct dataset_meta *meta, struct dataset_block *block)
{
    size_t n = dataset_texts_count(&block->texts);

    if (block->lookup_of != meta) {
        dataset_block_forget(block);
        block->lookup = mem_array(meta->n_columns, sizeof(*block->lookup), 0);
        if (block->lookup == NULL)
            return false;
        block->lookup_of = meta;
    }
    if (n > block->n_mapped) {
        uint32_t *mapped = mem_resize(block->mapped, 2 * n, sizeof(*mapped));
        float    *index;

        if (mapped == NULL)
            return false;
        block->mapped = mapped;
        index = mem_resize(block->index, 2 * n, sizeof(*index));
        if (index == NULL)
            return false;
        block->index = index;
        block->n_mapped = 2 * n;
    }
    if (n > 0)
        memset(block->mapped, 0, n * sizeof(*block->mapped));
    return true;
}

static bool
lookup_fill(struct dataset_names *names, const struct dataset_column *col)
{
    for (size_t i = names->n; i < col->n_categories; i++)
        if (!dataset_names_add(names, col->categories[i],
                               strlen(col->categories[i])))
            return false;
    return true;
}

/* Texts become the index of the category that is called like them. */
static enum err
name_texts(const struct dataset_meta *meta, size_t column,
           struct dataset_block *block, float *cell, size_t n_rows,
           size_t stride, struct errinfo *e)
{
    const struct dataset_column *col = &meta->column[column];
    struct dataset_names        *names = &block->lookup[column];

    if (!lookup_fill(names, col))
        return DATASET_NOMEM(e);
    for (size_t r = 0; r < n_rows; r++) {
        float *x = &cell[r * stride];
        size_t i;

        if (isnan(*x))
            continue;
        i = (size_t)*x;
        if (block->mapped[i] != column + 1) {
            size_t      len;
            const char *s = dataset_texts_at(&block->texts, i, &len);
            size_t      place = dataset_names_find(names, s, len);

            if (place == names->n)
                return corrupt(e, "has a category that the dataset has not");
            block->mapped[i] = (uint32_t)column + 1;
            block->index[i] = (float)place;
        }
        *x = block->index[i];
    }
    return ERR_OK;
}

/* Numbers become the texts that they are written as. */
static enum err
write_numbers(struct dataset_block *block, float *cell, size_t n_rows,
              size_t stride, struct errinfo *e)
{
    struct buf name = { 0 };
    enum err   rc = ERR_OK;

    for (size_t r = 0; r < n_rows && rc == ERR_OK; r++) {
        float *x = &cell[r * stride];

        if (isnan(*x))
            continue;
        dataset_cell_name(*x, &name);
        *x = (float)dataset_texts_count(&block->texts);
        if (name.failed ||
            !dataset_texts_add(&block->texts, name.data, name.len))
            rc = DATASET_NOMEM(e);
    }
    buf_release(&name);
    return rc;
}

/* Every cell is the place of a text. */
static bool
are_texts(const float *cell, size_t n_rows, size_t stride, size_t n_texts)
{
    for (size_t r = 0; r < n_rows; r++) {
        float x = cell[r * stride];

        if (!isnan(x) && (!(x >= 0 && x < (float)n_texts) || x != floorf(x)))
            return false;
    }
    return true;
}

static enum err
settle_column(const struct dataset_meta *meta, size_t column,
              const struct parts *parts, struct dataset_block *block,
              float *cell, struct errinfo *e)
{
    const struct dataset_column *col = &meta->column[column];
    size_t n = parts->place.n_rows, stride = parts->place.width;
    bool   is_text = parts->kinds[column - parts->place.first_column] == 1;

    if (is_text &&
        (col->width != 1 || !are_texts(cell, n, stride, parts->n_texts)))
        return corrupt(e, "has a text that is not there");
    switch (dataset_type_cells(col->type)) {
    case DATASET_NUMBERS:
        return is_text ? corrupt(e, "has texts where the dataset has numbers")
                       : ERR_OK;
    case DATASET_NAMES:
        return is_text ? name_texts(meta, column, block, cell, n, stride, e)
                       : name_numbers(col, cell, n, stride, e);
    case DATASET_TEXTS:
        return is_text ? ERR_OK : write_numbers(block, cell, n, stride, e);
    case DATASET_NO_CELLS:
        break;
    }
    return ERR_OK;
}

enum err
dataset_chunk_decode(const struct dataset_meta *meta, const void *p, size_t len,
                     struct dataset_block *block, struct errinfo *e)
{
    struct parts parts;
    size_t       n, offset = 0;
    enum err     rc;

    rc = find_parts(meta, p, len, &parts, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < kinds_size(parts.place.n_columns); i++)
        if (parts.kinds[i] > (i < parts.place.n_columns))
            return corrupt(e, "has columns of an unknown kind");
    n = parts.place.n_rows * parts.place.width;
    if (!block_grow(block, n))
        return DATASET_NOMEM(e);
    read_cells(parts.cells, parts.bytes, block->cell, n);
    for (size_t i = 0; !parts.bytes && i < n; i++)
        if (isinf(block->cell[i]))
            return corrupt(e, "has an infinite cell");
    rc = read_texts(&parts, &block->texts, e);
    if (rc == ERR_OK && !lookup_make(meta, block))
        rc = DATASET_NOMEM(e);
    for (size_t i = 0; i < parts.place.n_columns && rc == ERR_OK; i++) {
        size_t column = parts.place.first_column + i;

        rc =
            settle_column(meta, column, &parts, block, block->cell + offset, e);
        offset += meta->column[column].width;
    }
    if (rc != ERR_OK)
        return rc;
    block->first_column = parts.place.first_column;
    block->n_columns = parts.place.n_columns;
    block->first_row = parts.place.first_row;
    block->n_rows = parts.place.n_rows;
    block->width = parts.place.width;
    return ERR_OK;
}
