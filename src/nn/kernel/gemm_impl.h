/*
 * gemm_impl.h - the matrix product, written over vec
 *
 * Model    C is cut into tiles of TILE_ROWS rows and two vectors of columns,
 *          held in registers while k runs.  B is packed, a block of
 *          K_BLOCK rows at a time, into panels as wide as a tile with zeros
 *          beyond its edge; A is read where it lies, because a tile uses
 *          one of its floats for a whole row of C.
 *
 * An element's sum is one chain of fused multiply-adds over k ascending: a
 * later block of k starts from what the earlier left in C.  So neither the
 * blocking nor the place of an element in its tile can be seen in its bits.
 */
#ifndef NN_KERNEL_GEMM_IMPL_H
#define NN_KERNEL_GEMM_IMPL_H

#include "nn/kernel/sets.h"
#include "nn/kernel/vector.h"

#define TILE_COLS (2 * LANES)
#define ROW_BLOCK 512 /* rows of A that stay in the second-level cache */

/* One tile: c[i][j] (+)= sum over p of a[i][p] b[p][j], b packed. */
static ALWAYS_INLINE void
tile(size_t rows, size_t vecs, size_t k, const float *a, size_t a_row,
     size_t a_col, const float *b, float *c, size_t c_row, bool accumulate)
{
    vec sum[TILE_ROWS][2];

#pragma GCC unroll 8
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (size_t j = 0; j < vecs; j++)
            sum[i][j] = accumulate ? load(c + i * c_row + j * LANES)
                                   : splat(0);

    for (size_t p = 0; p < k; p++) {
        vec row[2];

#pragma GCC unroll 2
        for (size_t j = 0; j < vecs; j++)
            row[j] = load(b + j * LANES);
#pragma GCC unroll 8
        for (size_t i = 0; i < rows; i++) {
            vec x = splat(a[i * a_row]);

#pragma GCC unroll 2
            for (size_t j = 0; j < vecs; j++)
                sum[i][j] = fused(x, row[j], sum[i][j]);
        }
        a += a_col;
        b += vecs * LANES;
    }

#pragma GCC unroll 8
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (size_t j = 0; j < vecs; j++)
            store(c + i * c_row + j * LANES, sum[i][j]);
}

typedef void (*tile_fn)(size_t k, const float *a, size_t a_row, size_t a_col,
                        const float *b, float *c, size_t c_row,
                        bool accumulate);

/* A function for every height and width, so that the loops above unroll. */
#define TILE(rows, vecs)                                                       \
    static void tile_##rows##x##vecs(                                          \
        size_t k, const float *a, size_t a_row, size_t a_col, const float *b,  \
        float *c, size_t c_row, bool accumulate)                               \
    {                                                                          \
        tile(rows, vecs, k, a, a_row, a_col, b, c, c_row, accumulate);         \
    }
#define TILE_PAIR(rows) TILE(rows, 1) TILE(rows, 2)
#define TILE_NAMES(rows) { tile_##rows##x1, tile_##rows##x2 }

/* clang-format off */
TILE_PAIR(1) TILE_PAIR(2) TILE_PAIR(3) TILE_PAIR(4)
#if TILE_ROWS >= 6
TILE_PAIR(5) TILE_PAIR(6)
#endif
#if TILE_ROWS >= 8
TILE_PAIR(7) TILE_PAIR(8)
#endif

static const tile_fn tiles[TILE_ROWS][2] = {
    TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4),
#if TILE_ROWS >= 6
    TILE_NAMES(5), TILE_NAMES(6),
#endif
#if TILE_ROWS >= 8
    TILE_NAMES(7), TILE_NAMES(8),
#endif
};
/* clang-format on */

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

/* Pack k rows and n <= width columns of B into out [k][width]; beyond n: 0. */
static void
pack_panel(size_t k, size_t n, size_t width, const float *b, size_t b_row,
           size_t b_col, float *out)
{
    size_t done = 0; /* rows */

    if (b_row == 1) { /* columns lie in one piece: W of y = W x */
        for (; done + LANES <= k; done += LANES) {
            for (size_t j = 0; j < width; j += LANES) {
                vec r[LANES];

                for (size_t i = 0; i < LANES; i++)
                    r[i] = j + i < n ? load(b + done + (j + i) * b_col)
                                     : splat(0);
                transpose(r);
                for (size_t i = 0; i < LANES; i++)
                    store(out + (done + i) * width + j, r[i]);
            }
        }
    } else if (b_col == 1 && n == width) {
        for (; done < k; done++)
            for (size_t j = 0; j < width; j += LANES)
                store(out + done * width + j, load(b + done * b_row + j));
    }
    for (; done < k; done++)
        for (size_t j = 0; j < width; j++)
            out[done * width + j] =
                j < n ? b[done * b_row + j * b_col] : 0.0f;
}

/* All rows of C in one panel's columns; c has n of them that are real. */
static void
panel(size_t m, size_t n, size_t vecs, size_t k, const float *a, size_t a_row,
      size_t a_col, const float *b, float *c, size_t c_row, bool accumulate)
{
    size_t width = vecs * LANES;

    for (size_t i = 0; i < m; i += TILE_ROWS) {
        size_t       rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;
        const float *ai = a + i * a_row;
        float       *ci = c + i * c_row;
        tile_fn      fn = tiles[rows - 1][vecs - 1];

        if (n == width) {
            fn(k, ai, a_row, a_col, b, ci, c_row, accumulate);
            continue;
        }
        float edge[TILE_ROWS * TILE_COLS] = { 0 };

        if (accumulate)
            for (size_t r = 0; r < rows; r++)
                memcpy(edge + r * width, ci + r * c_row, n * sizeof(*c));
        fn(k, ai, a_row, a_col, b, edge, width, accumulate);
        for (size_t r = 0; r < rows; r++)
            memcpy(ci + r * c_row, edge + r * width, n * sizeof(*c));
    }
}

/* One block of k and of columns: pack B, then go down the rows. */
static void
block(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_col,
      const float *b, size_t b_row, size_t b_col, float *c, size_t c_row,
      bool accumulate, float *packed)
{
    for (size_t i = 0; i < m; i += ROW_BLOCK) {
        size_t rows = m - i < ROW_BLOCK ? m - i : ROW_BLOCK;

        for (size_t j = 0; j < n; j += TILE_COLS) {
            size_t cols = n - j < TILE_COLS ? n - j : TILE_COLS;
            size_t vecs = cols > LANES ? 2 : 1;
            float *bj = packed + j * k;

            if (i == 0)
                pack_panel(k, cols, vecs * LANES, b + j * b_col, b_row, b_col,
                           bj);
            panel(rows, cols, vecs, k, a + i * a_row, a_row, a_col, bj,
                  c + i * c_row + j, c_row, accumulate);
        }
    }
}

static void
gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_col,
     const float *b, size_t b_row, size_t b_col, float *c, size_t c_row,
     bool accumulate, float *scratch)
{
    if (k == 0 && !accumulate)
        for (size_t i = 0; i < m; i++)
            memset(c + i * c_row, 0, n * sizeof(*c));

    for (size_t j = 0; j < n; j += N_BLOCK) {
        size_t cols = n - j < N_BLOCK ? n - j : N_BLOCK;

        for (size_t p = 0; p < k; p += K_BLOCK) {
            size_t depth = k - p < K_BLOCK ? k - p : K_BLOCK;

            block(m, cols, depth, a + p * a_col, a_row, a_col,
                  b + p * b_row + j * b_col, b_row, b_col, c + j, c_row,
                  accumulate || p > 0, scratch);
        }
    }
}

#endif
