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
    size_t                m, n, k;
    const float          *a;
    size_t                a_row, a_col;
    const float          *b;
    size_t                b_row, b_col;
    float                *c;
    size_t                c_row;
    bool                  accumulate;
    struct nn_kernel_then then;
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
    for (size_t r = 0; r < rows; r++) {
        size_t j = 0;

        for (; j + LANES <= cols; j += LANES)
            store(c + r * c_row + j, load(edge + r * width + j));
        for (; j < cols; j++)
            c[r * c_row + j] = edge[r * width + j];
    }
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

/* Scratch: a block of B in panels [k][TILE_COLS], then some tiles' rows of A,
 * [k][rows]. */
#define B_FLOATS ((size_t)64 * 1024)
_Static_assert(B_FLOATS + A_TILES * A_TILE_FLOATS <= SCRATCH_FLOATS, "room");

/* Would the rows of a panel fight over the sets of the first-level cache?  Or
 * is each read so often that it is worth a copy anyway? */
static bool
packs_b(const struct product *p)
{
    return p->b_col != 1 ||
           (p->k > 16 && p->m > (p->b_row % 64 == 0 ? 4 : 32) * TILE_ROWS);
}

/* Do A's rows lie as columns, and are they read often enough? */
static bool
packs_a(const struct product *p)
{
    return p->a_col != 1 && p->n > 4 * TILE_COLS;
}

/* A tile's rows from i on: packed with those of the tiles that come next, so
 * that a line of A is read once, as long as all of them are whole and a vector
 * more is there. */
static const float *
packed_a(const struct product *p, size_t i, size_t rows, float *out)
{
    const size_t group = A_TILES * TILE_ROWS;
    const float *a = p->a + i * p->a_row;

    if (p->a_row != 1 || i - i % group + group + LANES > p->m) {
        pack_tile(rows, p->m - i, p->k, a, p->a_row, p->a_col, out);
        return out;
    }
    if (i % group == 0)
        pack_tiles(p->k, a, p->a_col, out);
    return out + i % group / TILE_ROWS * A_TILE_FLOATS;
}

/* Steps of Adam that rows left to later, all as long as the rows are. */
struct due {
    size_t                 n;
    struct nn_kernel_later row[TILE_ROWS];
};

/* Take those of the columns from first on. */
static void
take_due(const struct due *due, size_t first)
{
    for (size_t i = 0; i < due->n; i++) {
        const struct nn_kernel_later *l = &due->row[i];

        adam(l->w + first, l->m + first, l->v + first, l->g + first,
             l->n - first, &l->how);
    }
}

/* These rows are done; tell of them. */
static void
tell_rows(const struct product *p, size_t i, size_t rows, float *c,
          struct due *due)
{
    due->n = 0;
    for (size_t r = 0; p->then.fn != NULL && r < rows; r++) {
        struct nn_kernel_later *later = &due->row[due->n];

        later->n = 0;
        p->then.fn(p->then.ctx, i + r, 0, p->n, c + r * p->c_row,
                   TILE_TAKES_STEPS ? later : NULL);
        due->n += later->n > 0;
    }
}

/* One row of tiles, and what the one before it left; b: panels, b_panel floats
 * apart. */
static void
wide_row(const struct product *p, size_t i, size_t rows, const float *b,
         size_t b_row, size_t b_panel, float *c, const struct due *due,
         float *scratch)
{
    const float *a = p->a + i * p->a_row, *beside[5] = { NULL };
    size_t       a_row = p->a_row, a_col = p->a_col;
    size_t       tail = p->n % TILE_COLS;

    if (packs_a(p)) {
        a = packed_a(p, i, rows, scratch + B_FLOATS);
        a_row = 1;
        a_col = rows;
    }
    for (size_t q = 0; q < 4 && p->then.beside[q] != NULL; q++)
        beside[q] = p->then.beside[q] + i * p->c_row;
    const struct strip s = {
        .n_tiles = p->n / TILE_COLS,
        .k = p->k,
        .a = a,
        .a_row = a_row,
        .a_col = a_col,
        .b = b,
        .b_row = b_row,
        .b_panel = b_panel,
        .c = c,
        .c_row = p->c_row,
        .accumulate = p->accumulate,
        .beside = beside,
        .due = due->row,
        .n_due = due->n,
    };

    if (TILE_TAKES_STEPS && due->n > 0 && packs_a(p) && rows == TILE_ROWS) {
        strip_stepping(&s);
        take_due(due, p->n - tail);
    } else {
        strips[rows - 1](&s);
        take_due(due, 0);
    }
    if (tail > 0)
        edge_tile(rows, tail, p->k, a, a_row, a_col, scratch, TILE_COLS,
                  c + p->n - tail, p->c_row, p->accumulate);
}

/* One block of k and of columns.  The last panel is packed in any case where
 * its vectors would read beyond B, and stands first then. */
static void
wide_block(const struct product *p, float *scratch)
{
    bool         packed = packs_b(p);
    size_t       tail = p->n % TILE_COLS, rows;
    size_t       first_rows = tile_rows(p->m), place = 0;
    struct due   due = { 0 };
    const float *b = p->b;
    size_t       b_row = p->b_row, b_panel = TILE_COLS;

    if (tail > 0)
        pack_panel(p->k, tail, TILE_COLS, p->b + (p->n - tail) * p->b_col,
                   p->b_row, p->b_col, scratch);
    if (packed) {
        float *next = scratch + (tail > 0 ? p->k * TILE_COLS : 0);

        b = next;
        b_row = TILE_COLS;
        b_panel = p->k * TILE_COLS;
        pack_panels(p->k, p->n / TILE_COLS, p->b, p->b_row, p->b_col, next);
    }
    /* Rows that pass go to two places in turn, as those before are still read.
     * No later tile is higher than the first, so that the second fits too. */
    for (size_t i = 0; i < p->m; i += rows) {
        place = due.n > 0 ? first_rows - place : 0;
        float *c = p->c + (p->then.passing ? place : i) * p->c_row;

        rows = tile_rows(p->m - i);
        wide_row(p, i, rows, b, b_row, b_panel, c, &due, scratch);
        tell_rows(p, i, rows, c, &due);
    }
    take_due(&due, 0);
}

/* A block of columns, from j, of a product that somebody is told of. */
struct block {
    const struct nn_kernel_then *then;
    size_t                       j;
};

static void
block_done(void *ctx, size_t row, size_t first, size_t n, float *c,
           struct nn_kernel_later *later)
{
    const struct block *b = ctx;

    b->then->fn(b->then->ctx, row, b->j + first, n, c, later);
}

/* Rows cannot share their places while k is not at its end. */
static struct nn_kernel_then
then_of(struct block *b, bool passing)
{
    struct nn_kernel_then then = *b->then;

    for (size_t q = 0; q < 4 && then.beside[q] != NULL; q++)
        then.beside[q] += b->j;
    then.fn = block_done;
    then.ctx = b;
    then.passing &= passing;
    return then;
}

static void
wide(const struct product *p, float *scratch)
{
    size_t depth = p->k < K_BLOCK ? p->k : K_BLOCK;
    /* The same for every set: who is told of pieces adds up each for itself. */
    size_t width = B_FLOATS / depth / 32 * 32;
    size_t done = p->then.fn == NULL ? thin(p) : 0;

    for (size_t j = done; j < p->n; j += width) {
        struct product q = *p;
        struct block   block = { &p->then, j };

        q.b += j * p->b_col;
        q.c += j;
        q.n = p->n - j < width ? p->n - j : width;
        q.then = (struct nn_kernel_then){ 0 };
        for (size_t from = 0; from < p->k; from += q.k) {
            q.k = p->k - from < K_BLOCK ? p->k - from : K_BLOCK;
            if (p->then.fn != NULL && from + q.k == p->k)
                q.then = then_of(&block, q.k == p->k);
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
