/*
 * matvec_impl.h - one sample through turned weights, written over vec
 *
 * Model    y[j] = start[j] + sum over k of x[k] w[j][k], k ascending, by fused
 *          multiply-adds: the chain of gemm_impl.h, so that an answer's bytes
 *          do not depend on how many samples came together.  w lies in panels
 *          of NN_KERNEL_PANEL units, [k][units], which are read from one end to
 *          the other: what bounds such a product is how fast weights come from
 *          the cache.  So inputs that are zero are left out, about half of
 *          those of a picture and of those behind a relu.
 *            Leaving out a product of zero changes a sum in one case only: if
 *          it was -0, it would have become +0.  A sum that ends as -0 is made
 *          again with all products.
 */
#ifndef NN_KERNEL_MATVEC_IMPL_H
#define NN_KERNEL_MATVEC_IMPL_H

#include <stdbool.h>

#include "nn/kernel/kernel.h"
#include "nn/kernel/vector.h"

/* Inputs at once: their list stays in the first-level cache. */
#define MATVEC_DEPTH 1024
/* How far in front rows are asked for: where some are left out, the processor
 * does not see by itself which come next. */
#define MATVEC_AHEAD 8
#define MATVEC_VECS (NN_KERNEL_PANEL / LANES < 8 ? NN_KERNEL_PANEL / LANES : 8)

struct matvec {
    size_t       n, k;
    const float *x, *w;
    float       *y;
};

/* Inputs to multiply by, and the rows of the panel that they meet. */
struct matvec_list {
    size_t   n;
    float    x[MATVEC_DEPTH];
    uint32_t at[MATVEC_DEPTH + MATVEC_AHEAD];
};

static void
matvec_list_fill(struct matvec_list *list, const float *x, size_t n, bool all)
{
    size_t to = 0;

    for (size_t k = 0; k < n; k++) {
        list->x[to] = x[k];
        list->at[to] = (uint32_t)k;
        to += all || x[k] != 0;
    }
    list->n = to;
    memset(list->at + to, 0, MATVEC_AHEAD * sizeof(*list->at));
}

/* vecs * LANES units of a panel that is `width` wide. */
static ALWAYS_INLINE void
matvec_units(size_t vecs, const struct matvec_list *list, const float *w,
             size_t width, float *y)
{
    vec sum[MATVEC_VECS];

#pragma GCC unroll 8
    for (size_t j = 0; j < vecs; j++)
        sum[j] = load(y + j * LANES);
    for (size_t i = 0; i < list->n; i++) {
        const float *row = w + list->at[i] * width;
        const float *soon = w + list->at[i + MATVEC_AHEAD] * width;
        vec          x = splat(list->x[i]);

#pragma GCC unroll 8
        for (size_t j = 0; j < vecs * LANES; j += 16)
            __builtin_prefetch(soon + j);
#pragma GCC unroll 8
        for (size_t j = 0; j < vecs; j++)
            sum[j] = fused(x, load(row + j * LANES), sum[j]);
    }
#pragma GCC unroll 8
    for (size_t j = 0; j < vecs; j++)
        store(y + j * LANES, sum[j]);
}

static void
matvec_panel(const struct matvec_list *list, const float *w, size_t width,
             float *y)
{
    size_t j = 0;

    for (; j + MATVEC_VECS * LANES <= width; j += MATVEC_VECS * LANES)
        matvec_units(MATVEC_VECS, list, w + j, width, y + j);
    for (; j < width; j += 16)
        matvec_units(16 / LANES, list, w + j, width, y + j);
}

static bool
has_negative_zero(const float *y, size_t n)
{
    bool found = false;

    for (size_t j = 0; j < n; j++) {
        uint32_t bits;

        memcpy(&bits, y + j, sizeof(bits));
        found |= bits == UINT32_C(0x80000000);
    }
    return found;
}

/* The product over `depth` inputs, from input `from` on, of all that are asked
 * for.  False: it must be made again, with all inputs. */
static bool
matvec_block(const struct matvec *p, size_t from, size_t depth, bool all)
{
    struct matvec_list list;
    float              edge[NN_KERNEL_PANEL] = { 0 };
    bool               exact = true;

    matvec_list_fill(&list, p->x + from, depth, all);
    for (size_t j = 0; j < p->n; j += NN_KERNEL_PANEL) {
        size_t       units = p->n - j, width;
        float       *y = p->y + j;
        const float *w = p->w + j * p->k;

        units = units < NN_KERNEL_PANEL ? units : NN_KERNEL_PANEL;
        width = nn_kernel_panel_width(units);
        if (width > units)
            y = memcpy(edge, y, units * sizeof(*y));
        matvec_panel(&list, w + from * width, width, y);
        exact = exact && (list.n == depth || !has_negative_zero(y, units));
        if (y == edge)
            memcpy(p->y + j, edge, units * sizeof(*y));
    }
    return exact;
}

static bool
matvec_run(const struct matvec *p, const float *start, bool all)
{
    bool exact = true;

    if (start != NULL)
        memcpy(p->y, start, p->n * sizeof(*p->y));
    else
        memset(p->y, 0, p->n * sizeof(*p->y));
    for (size_t k = 0; exact && k < p->k; k += MATVEC_DEPTH)
        exact = matvec_block(
            p, k, p->k - k < MATVEC_DEPTH ? p->k - k : MATVEC_DEPTH, all);
    return exact;
}

static void
matvec(size_t n, size_t k, const float *x, const float *w, const float *start,
       float *y)
{
    const struct matvec p = { n, k, x, w, y };

    if (!matvec_run(&p, start, false))
        matvec_run(&p, start, true);
}

#endif
