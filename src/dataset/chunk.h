/*
 * chunk.h - some rows of some neighbouring columns, as stored
 *
 * Model    A chunk is a rectangle: rows first_row… of columns first_column…
 *          It is written before all rows are seen, so it does not know what a
 *          column turns out to be: a cell is a number, or one of the chunk's
 *          texts.  Decoding makes of both what meta says: a number, the index
 *          of the category that is called so, or a text.
 * Format   Little-endian.  u32 magic "BPC1", u32 first_column, u32 n_columns,
 *          u32 n_rows, u64 first_row, u8 cell type (0: u8, 1: float32),
 *          3 bytes 0, u32 n_texts, then a byte a column (1: cells are indices of
 *          texts), padded to 8 bytes, then cells [n_rows][width], then a u32 a
 *          text (where it ends), then the texts.  Cells that are all integers 0
 *          to 255 are stored as bytes.
 * Errors   ERR_CORRUPT for bytes that do not fit meta.
 */
#ifndef DATASET_CHUNK_H
#define DATASET_CHUNK_H

#include "base/err.h"
#include "dataset/distinct.h"
#include "dataset/meta.h"
#include "dataset/texts.h"

/* Takes one chunk: store it under the next number, from 0. */
typedef enum err (*dataset_chunk_fn)(void *arg, const void *p, size_t len,
                                     struct errinfo *e);

/* Where chunks come from: each() hands every chunk to sink, in order; it is
 * called several times. */
struct dataset_source {
    const struct dataset_meta *meta;
    enum err (*each)(void *arg, dataset_chunk_fn sink, void *sink_arg,
                     struct errinfo *e);
    void *arg;
};

/* A decoded chunk.  cell is [n_rows][width], row-major, NaN: missing; a text's
 * is its place in texts. */
struct dataset_block {
    size_t first_column, n_columns;
    size_t first_row, n_rows;
    size_t width;
    float *cell;
    size_t capacity; /* floats cell has room for */

    struct dataset_texts texts;

    /* Decoding remembers the names of meta's categories from chunk to chunk. */
    const struct dataset_meta *lookup_of;
    struct dataset_names      *lookup; /* [lookup_of->n_columns] */
    uint32_t                  *mapped; /* [n_mapped] 1 + column that asked… */
    float                     *index;  /* [n_mapped] …and its category      */
    size_t                     n_mapped;
};

/* Decode into *block, whose memory is used again and grown as needed: start
 * with { 0 }, end with dataset_block_release(). */
enum err dataset_chunk_decode(const struct dataset_meta *meta, const void *p,
                              size_t len, struct dataset_block *block,
                              struct errinfo *e);
/* Which rows a chunk has, without a meta; false where it is none. */
bool     dataset_chunk_rows(const void *p, size_t len, uint64_t *first,
                            uint64_t *n);
void     dataset_block_release(struct dataset_block *block);

/* A cell of column col as a client would write it: the number, the category's
 * name, the text.  name is room for a number's.  NULL: missing, or (name has
 * failed) out of memory. */
const char *dataset_block_text(const struct dataset_block  *block,
                               const struct dataset_column *col, float cell,
                               struct buf *name, size_t *len);

#endif
