/*
 * tile_impl.h - one tile of a matrix product, in registers, over vec
 *
 * Model    c[i][j] (+)= sum over p < k of a[i][p] b[p][j] for a few rows and a
 *          few vectors of columns.  The sums stay in registers while k runs;
 *          a row of b is loaded once and meets one float of every row of a.
 *          Twelve sums of eight lanes hide the latency of their FMAs; a tile
 *          of few rows gets more vectors instead.
 */
#ifndef NN_KERNEL_TILE_IMPL_H
#define NN_KERNEL_TILE_IMPL_H

#include <stdbool.h>

#include "nn/kernel/vector.h"

#define TILE_COLS (2 * LANES)
#define THIN_VECS 8 /* of a tile of one row */
#define LINE_FLOATS 16

static ALWAYS_INLINE void
tile(size_t rows, size_t vecs, size_t k, const float *a, size_t a_row,
     size_t a_col, const float *b, size_t b_row, float *c, size_t c_row,
     bool accumulate)
{
    vec sum[TILE_ROWS][THIN_VECS];

#pragma GCC unroll 8
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < vecs; j++)
            sum[i][j] = accumulate ? load(c + i * c_row + j * LANES) : splat(0);

    /* Beside a busy neighbour on the same core a thread gets half of what the
     * core can issue: there the loop's own instructions took a tenth of the
     * time. */
#pragma GCC unroll 4
    for (size_t p = 0; p < k; p++) {
        vec row[THIN_VECS];

#pragma GCC unroll 8
        for (size_t j = 0; j < vecs; j++)
            row[j] = load(b + j * LANES);
#pragma GCC unroll 8
        for (size_t i = 0; i < rows; i++) {
            vec x = splat(a[i * a_row]);

#pragma GCC unroll 8
            for (size_t j = 0; j < vecs; j++)
                sum[i][j] = fused(x, row[j], sum[i][j]);
        }
        a += a_col;
        b += b_row;
    }

    /* C's addresses are worked out anew: kept over the loop, they push its own
     * strides out of the registers, into vectors even, with a multiply-add's
     * unit to bring each of them back. */
    __asm__("" : "+r"(c), "+r"(c_row));
#pragma GCC unroll 8
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (size_t j = 0; j < vecs; j++)
            store(c + i * c_row + j * LANES, sum[i][j]);
}

typedef void (*tile_fn)(size_t k, const float *a, size_t a_row, size_t a_col,
                        const float *b, size_t b_row, float *c, size_t c_row,
                        bool accumulate);

/* A row of tiles, b_panel floats apart in B. */
struct strip {
    size_t       n_tiles, k;
    const float *a;
    size_t       a_row, a_col;
    const float *b;
    size_t       b_row, b_panel;
    float       *c;
    size_t       c_row;
    bool         accumulate;
    /* Up to 4 matrices laid out as C, of which these rows are brought near for
     * whoever comes after.  NULL: no more. */
    const float *const *beside;
};

static ALWAYS_INLINE void
strip(size_t rows, const struct strip *s)
{
    const float *b = s->b;
    float       *c = s->c;

    for (size_t j = 0; j < s->n_tiles; j++) {
        for (size_t q = 0; q < 4 && s->beside[q] != NULL; q++)
#pragma GCC unroll 8
            for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
                for (size_t l = 0; l < TILE_COLS; l += LINE_FLOATS)
                    __builtin_prefetch(
                        s->beside[q] + r * s->c_row + j * TILE_COLS + l, 0, 2);
        tile(rows, 2, s->k, s->a, s->a_row, s->a_col, b, s->b_row, c, s->c_row,
             s->accumulate);
        b += s->b_panel;
        c += TILE_COLS;
    }
}

typedef void (*strip_fn)(const struct strip *s);

/* A function for every height and width, so that the loops above unroll. */
#define TILE(rows, vecs)                                                       \
    static void tile_##rows##x##vecs(                                          \
        size_t k, const float *a, size_t a_row, size_t a_col, const float *b,  \
        size_t b_row, float *c, size_t c_row, bool accumulate)                 \
    {                                                                          \
        tile(rows, vecs, k, a, a_row, a_col, b, b_row, c, c_row, accumulate);  \
    }
#define TILE_PAIR(rows)                                                        \
    TILE(rows, 1)                                                              \
    TILE(rows, 2)                                                              \
    static void strip_##rows(const struct strip *s)                            \
    {                                                                          \
        strip(rows, s);                                                        \
    }

/* clang-format off */
#define TILE_NAMES(rows) { tile_##rows##x1, tile_##rows##x2 }
TILE_PAIR(1) TILE_PAIR(2) TILE_PAIR(3) TILE_PAIR(4)
#if TILE_ROWS >= 6
TILE_PAIR(5) TILE_PAIR(6)
#endif
#if TILE_ROWS >= 8
TILE_PAIR(7) TILE_PAIR(8)
#endif
TILE(1, 8) TILE(2, 4)

static const tile_fn tiles[TILE_ROWS][2] = {
    TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4),
#if TILE_ROWS >= 6
    TILE_NAMES(5), TILE_NAMES(6),
#endif
#if TILE_ROWS >= 8
    TILE_NAMES(7), TILE_NAMES(8),
#endif
};

static const strip_fn strips[TILE_ROWS] = {
    strip_1, strip_2, strip_3, strip_4,
#if TILE_ROWS >= 6
    strip_5, strip_6,
#endif
#if TILE_ROWS >= 8
    strip_7, strip_8,
#endif
};
/* clang-format on */

/* The height of the next tile where `left` rows are left: the last two share
 * what a short one alone would waste. */
static ALWAYS_INLINE size_t
tile_rows(size_t left)
{
    if (left >= 2 * TILE_ROWS || left == TILE_ROWS)
        return TILE_ROWS;
    return left > TILE_ROWS ? (left + 1) / 2 : left;
}

#endif
