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

#include "nn/kernel/stepping_impl.h"

/* --- wide ----------------------------------------------------------------- */

/* One block of k and of columns.  The last panel is packed in any case where
 * its vectors would read beyond B, and stands first then. */
static void
wide_block(const struct product *p, float *scratch)
{
    const struct nn_kernel_then *then = &p->then;
    size_t                       tail = p->n % TILE_COLS, rows;
    struct panels                b = { p->b, scratch, p->b_row, TILE_COLS };
    /* Rows cannot share their places while k is not at its end. */
    bool passing = !p->accumulate && (then->passing || then->step != NULL);
    struct stepping stepping;
    bool            steps;

    if (tail > 0)
        pack_panel(p->k, tail, TILE_COLS, p->b + (p->n - tail) * p->b_col,
                   p->b_row, p->b_col, scratch);
    if (packs_b(p)) {
        float *to = scratch + (tail > 0 ? p->k * TILE_COLS : 0);

        b = (struct panels){ to, scratch, TILE_COLS, p->k * TILE_COLS };
        pack_panels(p->k, p->n / TILE_COLS, p->b, p->b_row, p->b_col, to);
    }
    steps = stepping_begin(&stepping, p, &b);
    for (size_t i = 0; i < p->m; i += rows) {
        float           *c = p->c + (passing ? 0 : i) * p->c_row;
        struct tile_of_a a;

        rows = tile_rows(p->m - i);
        a = tile_of_a(p, i, rows, scratch);
        if (steps && rows == TILE_ROWS) {
            stepping_row(&stepping, i, a.a);
        } else {
            wide_row(p, i, rows, a, &b, c);
            rows_done(p, i, rows, c);
        }
    }
    if (steps)
        stepping_end(&stepping);
}

/* A block of columns, from j, of a product that something follows. */
struct block {
    const struct nn_kernel_then *then;
    size_t                       j;
    struct nn_kernel_step        step;
};

static void
block_done(void *ctx, size_t row, size_t first, size_t n, float *c)
{
    const struct block *b = ctx;

    b->then->fn(b->then->ctx, row, b->j + first, n, c);
}

static struct nn_kernel_then
then_of(struct block *b)
{
    struct nn_kernel_then then = *b->then;

    for (size_t q = 0; q < 4 && then.beside[q] != NULL; q++)
        then.beside[q] += b->j;
    if (then.fn != NULL)
        then.fn = block_done;
    then.ctx = b;
    if (then.step != NULL) {
        b->step = nn_kernel_step_from(then.step, b->j);
        then.step = &b->step;
    }
    return then;
}

static bool
is_followed(const struct product *p)
{
    return p->then.fn != NULL || p->then.step != NULL;
}

static void
wide(const struct product *p, float *scratch)
{
    size_t depth = p->k < K_BLOCK ? p->k : K_BLOCK;
    /* The same for every set: who is told of pieces adds up each for itself. */
    size_t width = B_FLOATS / depth / 32 * 32;
    size_t done = is_followed(p) ? 0 : thin(p);

    for (size_t j = done; j < p->n; j += width) {
        struct product q = *p;
        struct block   block = { .then = &p->then, .j = j };

        q.b += j * p->b_col;
        q.c += j;
        q.n = p->n - j < width ? p->n - j : width;
        q.then = (struct nn_kernel_then){ 0 };
        for (size_t from = 0; from < p->k; from += q.k) {
            q.k = p->k - from < K_BLOCK ? p->k - from : K_BLOCK;
            if (is_followed(p) && from + q.k == p->k)
                q.then = then_of(&block);
            wide_block(&q, scratch);
            q.a += q.k * q.a_col;
            q.b += q.k * q.b_row;
            q.accumulate = true;
        }
    }
}

/* --- turned --------------------------------------------------------------- */

/* Scratch: panels of turned X [k][TILE_COLS], then a group of turned C. */
#define GROUP (8 * TILE_ROWS)
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
    for (size_t q = 0; q < p->k; q += TURNED_DEPTH) {
        size_t depth = p->k - q < TURNED_DEPTH ? p->k - q : TURNED_DEPTH;

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
gemm_then(size_t m, size_t n, size_t k, const float *a, size_t a_row,
          size_t a_col, const float *b, size_t b_row, size_t b_col, float *c,
          size_t c_row, const struct nn_kernel_then *then, float *scratch)
{
    const struct product p = { m,     n,     k, a,     a_row, a_col, b,
                               b_row, b_col, c, c_row, false, *then };

    wide(&p, scratch);
}

static void
gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_col,
     const float *b, size_t b_row, size_t b_col, float *c, size_t c_row,
     bool accumulate, float *scratch)
{
    const struct product p = { m,     n,     k, a,     a_row,      a_col, b,
                               b_row, b_col, c, c_row, accumulate, { 0 } };

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
        wide(&p, scratch);
}

#endif
