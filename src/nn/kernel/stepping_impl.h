/*
 * stepping_impl.h - a gradient whose parameters take their steps meanwhile
 *
 * Model    Roots and quotients have a unit of their own, which stands idle in a
 *          product.  So the parameters that a tile has the gradient of take
 *          their steps between the multiply-adds of the next tile, and the
 *          gradient itself goes no further than the first-level cache.  Where
 *          registers are few, sums would have to go through memory meanwhile:
 *          only sets of 16 lanes do it.
 */
#ifndef NN_KERNEL_STEPPING_IMPL_H
#define NN_KERNEL_STEPPING_IMPL_H

#include "nn/kernel/wide_impl.h"

#if LANES == 16

#define TERMS 4 /* of the sums, between the steps of two rows */

/* The rows of a tile whose steps are to be taken. */
struct due {
    const struct nn_kernel_step *step;
    float                       *w, *m, *v; /* of the next row; or NULL    */
    const float                 *g;
    vec                         *part; /* of that row's squares: these two */
    size_t                       row;  /* floats from row to row of w      */
    size_t                       left; /* rows                             */
};

static ALWAYS_INLINE void
due_passes(struct due *d, enum nn_kernel_rule rule)
{
    d->w += d->row;
    if (rule >= NN_KERNEL_MOMENTUM)
        d->m += d->row;
    if (rule >= NN_KERNEL_ADAM)
        d->v += d->row;
    d->g += TILE_COLS;
    d->part += N_PARTS;
    d->left--;
}

/* A row of Adam's whose roots are not awaited until the next one. */
struct rooting {
    float *w; /* NULL: none */
    vec    m[2], under[2];
};

static ALWAYS_INLINE void
rooting_end(enum nn_kernel_rule rule, const struct due *d, struct rooting *r)
{
    if (rule < NN_KERNEL_ADAM || r->w == NULL)
        return;
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; j++)
        store(r->w + j * LANES,
              adam_moved(rule, d->step, load(r->w + j * LANES), r->m[j],
                         r->under[j]));
    r->w = NULL;
}

/* A vector of the next row, whose squares are finite. */
static ALWAYS_INLINE void
due_vec(enum nn_kernel_rule rule, const struct due *d, struct rooting *r,
        size_t j, vec g)
{
    size_t at = j * LANES;
    vec    w, m = splat(0), v = splat(0);

    if (rule >= NN_KERNEL_MOMENTUM)
        m = load(d->m + at);
    if (rule >= NN_KERNEL_ADAM) {
        v = load(d->v + at);
        adam_moments(d->step, &m, &v, g);
        store(d->v + at, v);
        r->m[j] = m;
        r->under[j] = square_root(v) + splat(d->step->epsilon);
    } else {
        w = load(d->w + at);
        step_vec(rule, false, d->step, &w, &m, &v, g);
        store(d->w + at, w);
    }
    if (rule >= NN_KERNEL_MOMENTUM)
        store(d->m + at, m);
}

static ALWAYS_INLINE void
prefetch_vec(enum nn_kernel_rule rule, const struct due *d, size_t at)
{
    __builtin_prefetch(d->w + at, 1);
    if (rule >= NN_KERNEL_MOMENTUM)
        __builtin_prefetch(d->m + at, 1);
    if (rule >= NN_KERNEL_ADAM)
        __builtin_prefetch(d->v + at, 1);
}

static ALWAYS_INLINE void
due_row(enum nn_kernel_rule rule, struct due *d, struct rooting *r)
{
    rooting_end(rule, d, r);
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; j++) {
        vec g = load(d->g + j * LANES);

        prefetch_vec(rule, d, TILE_COLS + j * LANES); /* for the next tile */
        d->part[j] = fused(g, g, d->part[j]);
        due_vec(rule, d, r, j, g);
    }
    r->w = d->w;
    due_passes(d, rule);
}

static ALWAYS_INLINE void
due_all(enum nn_kernel_rule rule, struct due *d, struct rooting *r)
{
    while (d->left > 0)
        due_row(rule, d, r);
    rooting_end(rule, d, r);
}

/* The first cols columns, with no tile to hide them in. */
static void
due_at_once(struct due *d, size_t cols)
{
    while (d->left > 0) {
        struct nn_kernel_step s = *d->step;

        s.w = d->w;
        s.m = d->m;
        s.v = d->v;
        step_freely(&s, d->g, cols);
        for (size_t j = 0; j * LANES < cols; j++) {
            vec g = load(d->g + j * LANES);

            d->part[j] = fused(g, g, d->part[j]);
        }
        due_passes(d, d->step->rule);
    }
}

/* One term of all sums of a tile. */
static ALWAYS_INLINE void
term(size_t vecs, const float *a, const float *b, vec sum[TILE_ROWS][2])
{
    vec row[2];

#pragma GCC unroll 2
    for (size_t j = 0; j < vecs; j++)
        row[j] = load(b + j * LANES);
#pragma GCC unroll 8
    for (size_t i = 0; i < TILE_ROWS; i++) {
        vec x = splat(a[i]);

#pragma GCC unroll 2
        for (size_t j = 0; j < vecs; j++)
            sum[i][j] = fused(x, row[j], sum[i][j]);
    }
}

/* g [TILE_ROWS][TILE_COLS] = a [k][TILE_ROWS]^T b [k][TILE_COLS], and all steps
 * that are due.  They come early: the last root is to be there at the end. */
static ALWAYS_INLINE void
stepping_tile(enum nn_kernel_rule rule, size_t vecs, size_t k, const float *a,
              const float *b, struct due *rows, float *g)
{
    struct due     due = *rows;
    struct rooting rooting = { 0 };
    size_t         p = 0;
    vec            sum[TILE_ROWS][2];

#pragma GCC unroll 8
    for (size_t i = 0; i < TILE_ROWS; i++)
        sum[i][0] = sum[i][1] = splat(0);
    for (; p + TERMS <= k; p += TERMS) {
#pragma GCC unroll 4
        for (size_t q = 0; q < TERMS; q++) {
            term(vecs, a, b, sum);
            a += TILE_ROWS;
            b += TILE_COLS;
        }
        if (due.left > 0)
            due_row(rule, &due, &rooting);
    }
    for (; p < k; p++) {
        term(vecs, a, b, sum);
        a += TILE_ROWS;
        b += TILE_COLS;
    }
    due_all(rule, &due, &rooting);
    rows->left = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 2
        for (size_t j = 0; j < vecs; j++)
            store(g + i * TILE_COLS + j * LANES, sum[i][j]);
}

/* --- rows of tiles -------------------------------------------------------- */

/* What is under way in a block of a product. */
struct stepping {
    const struct product *p;
    const struct panels  *b;
    struct due            due;
    /* Gradients: of the tile that is made, and of the one before. */
    float    tile[2][TILE_ROWS * TILE_COLS] __attribute__((aligned(64)));
    unsigned tile_turn;
    /* Squares: of the row of tiles that is made, and of the one before, which
     * begins at row `before`, or at NONE. */
    vec      part[2][TILE_ROWS][N_PARTS];
    unsigned part_turn;
    size_t   before;
};

#define NONE SIZE_MAX

/* The largest of |x|; infinite where one is no number. */
static double
largest(size_t rows, size_t n, const float *x, size_t x_row)
{
    __m512i most = _mm512_setzero_si512(), sign = _mm512_set1_epi32(INT32_MIN);
    double  all = 0;
    float   some[LANES];

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j += LANES) {
            const float *at = x + i * x_row + j;
            vec          v = n - j < LANES ? load_part(at, n - j) : load(at);

            /* Without their signs, bits are in the order of numbers. */
            most =
                _mm512_max_epi32(most, _mm512_andnot_si512(sign, (__m512i)v));
        }
    store(some, (vec)most);
    for (size_t l = 0; l < LANES; l++)
        all = some[l] <= all ? all : isnan(some[l]) ? INFINITY : some[l];
    return all;
}

/* Begin to take the steps of p, whose B is packed; false: this is not for p.
 * No square of a gradient may be infinite (kernel.h): nobody looks any more. */
static bool
stepping_begin(struct stepping *s, const struct product *p,
               const struct panels *b)
{
    if (p->then.step == NULL || p->accumulate || !packs_a(p) || !packs_b(p) ||
        p->a_row != 1 || p->b_col != 1)
        return false;
    s->p = p;
    s->b = b;
    s->due.left = 0;
    s->tile_turn = s->part_turn = 0;
    s->before = NONE;
    return largest(p->k, p->m, p->a, p->a_col) *
               largest(p->k, p->n, p->b, p->b_row) * (double)p->k <
           1e19;
}

/* Lane l is the sum of two lanes, `apart` from each other: of a in its first
 * half, of b in the other. */
static ALWAYS_INLINE vec
lanes_added(uint32_t apart, vec a, vec b)
{
    uvec first;

#pragma GCC unroll 16
    for (uint32_t l = 0; l < LANES; l++)
        first[l] = l / apart * 2 * apart + l % apart;
    return pick(a, b, first) + pick(a, b, first + apart);
}

/* Lane r is the sum of row r's parts, added as in sum_squares(). */
static ALWAYS_INLINE vec
sum_all_parts(vec part[TILE_ROWS][N_PARTS])
{
    vec v[TILE_ROWS];

    _Static_assert(N_PARTS == 4 && TILE_ROWS == 8, "a tree of these");
#pragma GCC unroll 8
    for (size_t r = 0; r < 8; r++)
        v[r] = (part[r][0] + part[r][2]) + (part[r][1] + part[r][3]);
#pragma GCC unroll 4
    for (size_t r = 0; r < 4; r++)
        v[r] = lanes_added(8, v[2 * r], v[2 * r + 1]);
#pragma GCC unroll 2
    for (size_t r = 0; r < 2; r++)
        v[r] = lanes_added(4, v[2 * r], v[2 * r + 1]);
    v[0] = lanes_added(2, v[0], v[1]);
    return lanes_added(1, v[0], v[0]);
}

/* The squares of row i, which floats do not hold: it is made once more. */
static double
squares_again(const struct stepping *s, size_t i)
{
    const struct product  *p = s->p;
    const struct tile_of_a a = { p->a + i, 1, p->a_col };
    float                 *c = p->c + i * p->c_row;

    wide_row(p, i, 1, a, s->b, c);
    return sum_squares_exactly(c, p->n);
}

/* Did no sample of the batch wake this unit?  Many of relu's sleep. */
static bool
is_asleep(const struct product *p, size_t i)
{
    for (size_t q = 0; q < p->k; q++)
        if (p->a[q * p->a_col + i] != 0)
            return false;
    return true;
}

/* All steps of the row of tiles before are taken. */
static void
squares_done(struct stepping *s)
{
    const struct product *p = s->p;
    float                 sum[LANES];

    if (s->before == NONE)
        return;
    store(sum, sum_all_parts(s->part[s->part_turn ^ 1]));
    for (size_t r = 0; r < TILE_ROWS; r++) {
        size_t i = s->before + r;

        if (sum[r] > SQUARES_LEAST && sum[r] < SQUARES_MOST)
            p->then.squares[i] += sum[r];
        else if (sum[r] != 0 || !is_asleep(p, i))
            p->then.squares[i] += squares_again(s, i);
    }
    s->before = NONE;
}

/* Rows i.. of whole tiles, a [k][TILE_ROWS]. */
static ALWAYS_INLINE void
stepping_row_by(enum nn_kernel_rule rule, struct stepping *s, size_t i,
                const float *a)
{
    const struct product *p = s->p;
    const struct panels  *b = s->b;
    struct nn_kernel_step from;
    vec(*part)[N_PARTS] = s->part[s->part_turn];

    memset(part, 0, sizeof(s->part[0]));
    for (size_t t = 0; t * TILE_COLS < p->n; t++) {
        size_t j = t * TILE_COLS;
        size_t cols = p->n - j < TILE_COLS ? p->n - j : TILE_COLS;
        float *g = s->tile[s->tile_turn ^= 1];

        if (cols == TILE_COLS)
            stepping_tile(rule, 2, p->k, a, b->b + t * b->panel, &s->due, g);
        else if (cols > LANES)
            stepping_tile(rule, 2, p->k, a, b->tail, &s->due, g);
        else
            stepping_tile(rule, 1, p->k, a, b->tail, &s->due, g);
        squares_done(s);
        from = nn_kernel_step_from(p->then.step, i * p->c_row + j);
        s->due = (struct due){
            .step = p->then.step,
            .w = from.w,
            .m = from.m,
            .v = from.v,
            .g = g,
            .part = &part[0][2 * t % N_PARTS],
            .row = p->c_row,
            .left = TILE_ROWS,
        };
        if (cols < TILE_COLS)
            due_at_once(&s->due, cols);
    }
    s->before = i;
    s->part_turn ^= 1;
}

static void
stepping_row(struct stepping *s, size_t i, const float *a)
{
    switch (s->p->then.step->rule) {
    case NN_KERNEL_SGD:
        stepping_row_by(NN_KERNEL_SGD, s, i, a);
        break;
    case NN_KERNEL_MOMENTUM:
        stepping_row_by(NN_KERNEL_MOMENTUM, s, i, a);
        break;
    case NN_KERNEL_ADAM:
        stepping_row_by(NN_KERNEL_ADAM, s, i, a);
        break;
    case NN_KERNEL_ADAMW:
        stepping_row_by(NN_KERNEL_ADAMW, s, i, a);
        break;
    }
}

static void
stepping_end(struct stepping *s)
{
    due_at_once(&s->due, TILE_COLS);
    squares_done(s);
}

#else

struct stepping {
    char none;
};

static bool
stepping_begin(struct stepping *s, const struct product *p,
               const struct panels *b)
{
    (void)s;
    (void)p;
    (void)b;
    return false;
}

static void
stepping_row(struct stepping *s, size_t i, const float *a)
{
    (void)s;
    (void)i;
    (void)a;
}

static void
stepping_end(struct stepping *s)
{
    (void)s;
}

#endif
#endif
