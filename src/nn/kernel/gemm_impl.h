/*
 * gemm_impl.h - the matrix product, written over vec
 *
 * Model    C is cut into tiles (tile_impl.h).  An element's sum is one chain
 *          of fused multiply-adds over k ascending: a later block of k starts
 *          from what the earlier left in C.  So neither the blocking, nor the
 *          place of an element in its tile, nor which operand is the one in
 *          vectors can be seen in its bits, and each shape may take the way
 *          that suits it:
 *
 *          wide     vectors run along the rows of B, which lie in one piece
 *                   (gradients of weights and inputs), read where they are or
 *                   packed where their stride would fight over cache sets
 *          turned   B's columns lie in one piece (y = W x, many samples):
 *                   vectors run over the samples instead, because turning X
 *                   and Y costs less than turning W
 *          column   one sample: W is turned in registers as it passes
 */
#ifndef NN_KERNEL_GEMM_IMPL_H
#define NN_KERNEL_GEMM_IMPL_H

#include "nn/kernel/pack_impl.h"
#include "nn/kernel/sets.h"
#include "nn/kernel/tile_impl.h"
#include "nn/kernel/vector.h"

struct product {
    size_t       m, n, k;
    const float *a;
    size_t       a_row, a_col;
    const float *b;
    size_t       b_row, b_col;
    float       *c;
    size_t       c_row;
    bool         accumulate;
};

/* A tile whose columns end before its vectors do goes by a copy. */
static void
edge_tile(size_t rows, size_t cols, size_t k, const float *a, size_t a_row,
          size_t a_col, const float *b, size_t b_row, float *c, size_t c_row,
          bool accumulate)
{
    float  edge[TILE_ROWS * TILE_COLS];
    size_t vecs = cols > LANES ? 2 : 1, width = vecs * LANES;

    if (accumulate)
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < width; j++)
                edge[r * width + j] = j < cols ? c[r * c_row + j] : 0;
    tiles[rows - 1][vecs - 1](k, a, a_row, a_col, b, b_row, edge, width,
                              accumulate);
    for (size_t r = 0; r < rows; r++)
        memcpy(c + r * c_row, edge + r * width, cols * sizeof(*c));
}

/* A tile of whole vectors, or at the edge. */
static ALWAYS_INLINE void
any_tile(size_t rows, size_t cols, size_t k, const float *a, size_t a_row,
         size_t a_col, const float *b, size_t b_row, float *c, size_t c_row,
         bool accumulate)
{
    if (cols == TILE_COLS)
        tiles[rows - 1][1](k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    else
        edge_tile(rows, cols, k, a, a_row, a_col, b, b_row, c, c_row,
                  accumulate);
}

/* --- wide ----------------------------------------------------------------- */

/* One or two rows, whose tiles would wait for their own sums: wider ones.
 * Returns how many columns are done. */
static size_t
thin(const struct product *p)
{
    tile_fn fn = p->m == 1 ? tile_1x8 : tile_2x4;
    size_t  width = (p->m == 1 ? 8 : 4) * LANES, j = 0;

    if (p->m > 2 || p->b_col != 1)
        return 0;
    for (; j + width <= p->n; j += width)
        fn(p->k, p->a, p->a_row, p->a_col, p->b + j, p->b_row, p->c + j,
           p->c_row, p->accumulate);
    return j;
}

/* Scratch: a block of B in panels [k][TILE_COLS], then a group of rows of A in
 * tiles [k][rows]. */
#define N_BLOCK 256
#define GROUP (8 * TILE_ROWS)
#define B_FLOATS ((size_t)K_BLOCK * N_BLOCK)

/* Would the rows of a panel fight over the sets of the first-level cache?  And
 * is each read often enough to be worth a copy? */
static bool
packs_b(const struct product *p)
{
    return p->b_col != 1 ||
           (p->m > 4 * TILE_ROWS && p->k > 16 && p->b_row % 64 == 0);
}

/* One block of k and of columns, a group of rows after the other. */
static void
wide_block(const struct product *p, float *scratch)
{
    bool   pack_b = packs_b(p), pack_a = p->a_col != 1 && p->n > 4 * TILE_COLS;
    size_t rows, group, tail = p->n % TILE_COLS, whole = p->n - tail;

    for (size_t j = pack_b ? 0 : whole; j < p->n; j += TILE_COLS)
        pack_panel(p->k, j < whole ? TILE_COLS : tail, TILE_COLS,
                   p->b + j * p->b_col, p->b_row, p->b_col,
                   pack_b ? scratch + j * p->k : scratch);
    for (size_t g = 0; g < p->m; g += group) {
        group = p->m - g < GROUP + TILE_ROWS ? p->m - g : GROUP;

        if (pack_a)
            pack_group(group, p->k, p->a + g * p->a_row, p->a_row, p->a_col,
                       scratch + B_FLOATS);
        for (size_t j = 0; j < p->n; j += TILE_COLS) {
            size_t       cols = p->n - j < TILE_COLS ? p->n - j : TILE_COLS;
            const float *b = p->b + j;
            size_t       b_row = p->b_row;

            if (pack_b || cols < TILE_COLS) {
                b = pack_b ? scratch + j * p->k : scratch;
                b_row = TILE_COLS;
            }
            for (size_t i = 0; i < group; i += rows) {
                const float *a = p->a + (g + i) * p->a_row;
                size_t       a_row = p->a_row, a_col = p->a_col;

                rows = tile_rows(group - i);
                if (pack_a) {
                    a = scratch + B_FLOATS + i * p->k;
                    a_row = 1;
                    a_col = rows;
                }
                any_tile(rows, cols, p->k, a, a_row, a_col, b, b_row,
                         p->c + (g + i) * p->c_row + j, p->c_row,
                         p->accumulate);
            }
        }
    }
}

static void
wide(struct product p, float *scratch)
{
    size_t         k = p.k, n = p.n, done = thin(&p);
    size_t         block = packs_b(&p) ? N_BLOCK : n;
    struct product q = p;

    for (size_t j = done; j < n; j += block) {
        q = p;
        q.b += j * p.b_col;
        q.c += j;
        q.n = n - j < block ? n - j : block;
        for (size_t from = 0; from < k; from += q.k) {
            q.k = k - from < K_BLOCK ? k - from : K_BLOCK;
            wide_block(&q, scratch);
            q.a += q.k * q.a_col;
            q.b += q.k * q.b_row;
            q.accumulate = true;
        }
    }
}

/* --- turned --------------------------------------------------------------- */

/* Scratch: panels of turned X [k][TILE_COLS], then a group of turned C. */
#define TURNED_FLOATS (SCRATCH_FLOATS - GROUP * TURNED_ROWS)

/* Samples at once. */
static size_t
turned_rows(const struct product *p)
{
    size_t rows = TURNED_FLOATS / p->k;

    rows = rows < TURNED_ROWS ? rows : TURNED_ROWS;
    return rows - rows % TILE_COLS;
}

static bool
turns(const struct product *p)
{
    return p->b_row == 1 && p->a_col == 1 && p->m >= LANES &&
           p->m * (p->k + 2 * p->n) < p->n * p->k &&
           turned_rows(p) >= TILE_COLS;
}

/* A group of units for m samples: ct [panel][units][TILE_COLS]. */
static void
turned_group(const struct product *p, size_t from, size_t units,
             const float *xt, float *ct)
{
    size_t cols;

    if (p->accumulate)
        for (size_t i = 0; i < p->m; i += TILE_COLS) {
            cols = p->m - i < TILE_COLS ? p->m - i : TILE_COLS;
            turn(cols, units, p->c + i * p->c_row + from, p->c_row,
                 ct + i * units, TILE_COLS);
        }
    for (size_t q = 0; q < p->k; q += K_BLOCK) {
        size_t depth = p->k - q < K_BLOCK ? p->k - q : K_BLOCK;

        for (size_t i = 0; i < p->m; i += TILE_COLS)
            for (size_t u = 0, rows; u < units; u += rows) {
                rows = tile_rows(units - u);
                tiles[rows - 1][1](depth, p->b + (from + u) * p->b_col + q,
                                   p->b_col, 1, xt + i * p->k + q * TILE_COLS,
                                   TILE_COLS, ct + i * units + u * TILE_COLS,
                                   TILE_COLS, p->accumulate || q > 0);
            }
    }
    for (size_t i = 0; i < p->m; i += TILE_COLS) {
        cols = p->m - i < TILE_COLS ? p->m - i : TILE_COLS;
        turn(units, cols, ct + i * units, TILE_COLS, p->c + i * p->c_row + from,
             p->c_row);
    }
}

static void
turned(struct product p, float *scratch)
{
    size_t m = p.m, most = turned_rows(&p);
    float *ct = scratch + TURNED_FLOATS;

    for (size_t i = 0; i < m; i += p.m) {
        p.m = m - i < most ? m - i : most;
        for (size_t s = 0; s < p.m; s += TILE_COLS)
            pack_panel(p.k, p.m - s < TILE_COLS ? p.m - s : TILE_COLS,
                       TILE_COLS, p.a + s * p.a_row, 1, p.a_row,
                       scratch + s * p.k);
        for (size_t j = 0; j < p.n; j += GROUP)
            turned_group(&p, j, p.n - j < GROUP ? p.n - j : GROUP, scratch, ct);
        p.a += p.m * p.a_row;
        p.c += p.m * p.c_row;
    }
}

/* --- column --------------------------------------------------------------- */

/* vecs * LANES units of one sample; k in whole vectors. */
static ALWAYS_INLINE void
column_units(size_t vecs, size_t k, const float *x, const float *w,
             size_t w_row, float *y)
{
    vec sum[4];

#pragma GCC unroll 4
    for (size_t j = 0; j < vecs; j++)
        sum[j] = load(y + j * LANES);
    for (size_t q = 0; q < k; q += LANES) {
#pragma GCC unroll 4
        for (size_t j = 0; j < vecs; j++) {
            vec r[LANES];

#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                r[l] = load(w + (j * LANES + l) * w_row + q);
            transpose(r);
#pragma GCC unroll 16
            for (size_t l = 0; l < LANES; l++)
                sum[j] = fused(splat(x[q + l]), r[l], sum[j]);
        }
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < vecs; j++)
        store(y + j * LANES, sum[j]);
}

/* One float at a time through a vector: fused() is the set's own. */
static ALWAYS_INLINE float
fused_one(float a, float b, float c)
{
    return fused(splat(a), splat(b), splat(c))[0];
}

static void
column(const struct product *p)
{
    size_t       full_k = p->k - p->k % LANES, j = 0;
    const float *x = p->a, *w = p->b;

    if (!p->accumulate)
        memset(p->c, 0, p->n * sizeof(*p->c));
    for (; j + 4 * LANES <= p->n; j += 4 * LANES)
        column_units(4, full_k, x, w + j * p->b_col, p->b_col, p->c + j);
    for (; j + LANES <= p->n; j += LANES)
        column_units(1, full_k, x, w + j * p->b_col, p->b_col, p->c + j);
    for (size_t i = 0; i < p->n; i++)
        for (size_t q = i < j ? full_k : 0; q < p->k; q++)
            p->c[i] = fused_one(x[q], w[i * p->b_col + q], p->c[i]);
}

/* --- the choice ----------------------------------------------------------- */

static void
gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_col,
     const float *b, size_t b_row, size_t b_col, float *c, size_t c_row,
     bool accumulate, float *scratch)
{
    struct product p = { m, n,     k,     a, a_row, a_col,
                         b, b_row, b_col, c, c_row, accumulate };

    if (k == 0 && !accumulate)
        for (size_t i = 0; i < m; i++)
            memset(c + i * c_row, 0, n * sizeof(*c));
    if (k == 0)
        return;
    if (m == 1 && b_row == 1 && b_col != 1 && a_col == 1)
        column(&p);
    else if (turns(&p))
        turned(p, scratch);
    else
        wide(p, scratch);
}

#endif
