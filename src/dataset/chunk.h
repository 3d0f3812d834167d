/*
 * chunk.h - some rows of some neighbouring columns, as stored
 *
 * Model    A chunk is a rectangle: rows first_row… of columns first_column…
 *          It is written before all rows are seen, so a column may hold numbers
 *          here and turn out categorical later: each chunk says per column
 *          which of the two its cells are, and decoding maps numbers to the
 *          category that is called like them.
 * Format   Little-endian.  u32 magic "BPC1", u32 first_column, u32 n_columns,
 *          u32 n_rows, u64 first_row, u8 cell type (0: u8, 1: float32),
 *          7 bytes 0, then a bitmap of n_columns (bit set: indices of
 *          categories), padded to 8 bytes, then cells [n_rows][width].
 *          Cells that are all integers 0 to 255 are stored as bytes.
 * Errors   ERR_CORRUPT for bytes that do not fit meta.
 */
#ifndef DATASET_CHUNK_H
#define DATASET_CHUNK_H

#include "base/err.h"
#include "dataset/meta.h"

/* A decoded chunk.  cell is [n_rows][width], row-major, NaN: missing. */
struct dataset_block {
    size_t first_column, n_columns;
    size_t first_row, n_rows;
    size_t width;
    float *cell;
    size_t capacity; /* floats cell has room for */
};

/* Decode into *block, whose memory is used again and grown as needed: start
 * with { 0 }, end with dataset_block_release(). */
enum err dataset_chunk_decode(const struct dataset_meta *meta, const void *p,
                              size_t len, struct dataset_block *block,
                              struct errinfo *e);
void     dataset_block_release(struct dataset_block *block);

#endif
