/*
 * pack_impl.h - matrices put where a tile reads them fast, over vec
 */
#ifndef NN_KERNEL_PACK_IMPL_H
#define NN_KERNEL_PACK_IMPL_H

#include "nn/kernel/sets.h"
#include "nn/kernel/tile_impl.h"
#include "nn/kernel/vector.h"

/* Turn LANES rows into columns: one bit of the two indices after another. */
static ALWAYS_INLINE void
transpose(vec r[LANES])
{
    uvec lane;

    for (uint32_t i = 0; i < LANES; i++)
        lane[i] = i;
#pragma GCC unroll 4
    for (uint32_t bit = 1; bit < LANES; bit *= 2) {
        uvec set = (uvec)((lane & bit) != 0);
        uvec low = (set & ((lane ^ bit) + LANES)) | (~set & lane);
        uvec high = (set & (lane + LANES)) | (~set & (lane ^ bit));

#pragma GCC unroll 16
        for (uint32_t i = 0; i < LANES; i++) {
            if ((i & bit) != 0)
                continue;
            vec a = r[i], b = r[i + bit];

            r[i] = pick(a, b, low);
            r[i + bit] = pick(a, b, high);
        }
    }
}

/* out[j][i] = x[i][j] for rows x cols floats of x. */
static void
turn(size_t rows, size_t cols, const float *x, size_t x_row, float *out,
     size_t out_row)
{
    size_t full_rows = rows - rows % LANES, full_cols = cols - cols % LANES;

    for (size_t i = 0; i < full_rows; i += LANES) {
        for (size_t j = 0; j < full_cols; j += LANES) {
            vec r[LANES];

#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                r[l] = load(x + (i + l) * x_row + j);
            transpose(r);
#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                store(out + (j + l) * out_row + i, r[l]);
        }
        for (size_t j = full_cols; j < cols; j++)
            for (size_t l = 0; l < LANES; l++)
                out[j * out_row + i + l] = x[(i + l) * x_row + j];
    }
    for (size_t i = full_rows; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            out[j * out_row + i] = x[i * x_row + j];
}

/* Pack k rows and n <= width columns of B into out [k][width]; beyond n: 0. */
static void
pack_panel(size_t k, size_t n, size_t width, const float *b, size_t b_row,
           size_t b_col, float *out)
{
    if (n < width)
        memset(out, 0, k * width * sizeof(*out));
    if (b_row == 1) { /* columns lie in one piece: W of y = W x */
        turn(n, k, b, b_col, out, width);
    } else {
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++)
                out[p * width + j] = b[p * b_row + j * b_col];
    }
}

/* n whole panels [k][TILE_COLS].  Rows that lie in one piece are read so, since
 * their stride is what packing is for. */
static void
pack_panels(size_t k, size_t n, const float *b, size_t b_row, size_t b_col,
            float *out)
{
    if (b_col == 1) {
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++) {
                const float *from = b + p * b_row + j * TILE_COLS;
                float       *to = out + (j * k + p) * TILE_COLS;

                store(to, load(from));
                store(to + LANES, load(from + LANES));
            }
        return;
    }
    for (size_t j = 0; j < n; j++)
        pack_panel(k, TILE_COLS, TILE_COLS, b + j * TILE_COLS * b_col, b_row,
                   b_col, out + j * k * TILE_COLS);
}

/* Pack `rows` of the `left` rows of A: out [k][rows].  A whole vector is copied
 * where it stays within A; what it writes too much the next one overwrites,
 * and behind the last there is room. */
static void
pack_tile(size_t rows, size_t left, size_t k, const float *a, size_t a_row,
          size_t a_col, float *out)
{
    if (a_row == 1 && left >= LANES && rows <= LANES) {
        for (size_t p = 0; p < k; p++)
            store(out + p * rows, load(a + p * a_col));
        return;
    }
    for (size_t p = 0; p < k; p++)
        for (size_t r = 0; r < rows; r++)
            out[p * rows + r] = a[p * a_col + r * a_row];
}

/* The same for the A_TILES tiles of most of a matrix, whose rows are TILE_ROWS:
 * tile t is out[t * A_TILE_FLOATS].  A row of A is read in one piece, while its
 * lines are near. */
#define A_TILES 8
#define A_TILE_FLOATS ((size_t)(K_BLOCK * TILE_ROWS + LANES))

static void
pack_tiles(size_t k, const float *a, size_t a_col, float *out)
{
    for (size_t p = 0; p < k; p++)
#pragma GCC unroll 8
        for (size_t t = 0; t < A_TILES; t++)
            store(out + t * A_TILE_FLOATS + p * TILE_ROWS,
                  load(a + p * a_col + t * TILE_ROWS));
}

#endif
