/*
 * wide_impl.h - a row of tiles of a product whose B lies in rows, over vec
 *
 * Model    Vectors run along the rows of B, read where they are or packed where
 *          their stride would fight over cache sets (gemm_impl.h).
 */
#ifndef NN_KERNEL_WIDE_IMPL_H
#define NN_KERNEL_WIDE_IMPL_H

#include "nn/kernel/pack_impl.h"
#include "nn/kernel/sets.h"
#include "nn/kernel/tile_impl.h"
#include "nn/kernel/update_impl.h"

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
    size_t often = p->b_row % 64 == 0 ? 4 : p->then.step != NULL ? 8 : 32;

    return p->b_col != 1 || (p->k > 16 && p->m > often * TILE_ROWS);
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

/* Where the tiles of a block of B lie.  A last one that is not whole is packed,
 * at `tail`. */
struct panels {
    const float *b, *tail;
    size_t       row, panel; /* floats from row to row, from tile to tile */
};

/* A's rows from i on, as a tile reads them. */
struct tile_of_a {
    const float *a;
    size_t       row, col;
};

static struct tile_of_a
tile_of_a(const struct product *p, size_t i, size_t rows, float *scratch)
{
    if (packs_a(p))
        return (struct tile_of_a){ packed_a(p, i, rows, scratch + B_FLOATS), 1,
                                   rows };
    return (struct tile_of_a){ p->a + i * p->a_row, p->a_row, p->a_col };
}

/* One row of tiles, into c. */
static void
wide_row(const struct product *p, size_t i, size_t rows, struct tile_of_a a,
         const struct panels *b, float *c)
{
    const float *beside[5] = { NULL };
    size_t       tail = p->n % TILE_COLS;

    for (size_t q = 0; q < 4 && p->then.beside[q] != NULL; q++)
        beside[q] = p->then.beside[q] + i * p->c_row;
    const struct strip s = {
        .n_tiles = p->n / TILE_COLS,
        .k = p->k,
        .a = a.a,
        .a_row = a.row,
        .a_col = a.col,
        .b = b->b,
        .b_row = b->row,
        .b_panel = b->panel,
        .c = c,
        .c_row = p->c_row,
        .accumulate = p->accumulate,
        .beside = beside,
    };

    strips[rows - 1](&s);
    if (tail > 0)
        edge_tile(rows, tail, p->k, a.a, a.row, a.col, b->tail, TILE_COLS,
                  c + p->n - tail, p->c_row, p->accumulate);
}

/* These rows are done: tell of them, or take their step. */
static void
rows_done(const struct product *p, size_t i, size_t rows, float *c)
{
    const struct nn_kernel_then *then = &p->then;

    for (size_t r = 0; r < rows; r++, c += p->c_row)
        if (then->step != NULL) {
            struct nn_kernel_step s =
                nn_kernel_step_from(then->step, (i + r) * p->c_row);

            then->squares[i + r] += step(&s, c, p->n);
        } else if (then->fn != NULL) {
            then->fn(then->ctx, i + r, 0, p->n, c);
        }
}

#endif
