/*
 * two_layers_norms_impl.h - gradient norms of a sample, as sum_squares() has
 * them
 */
#ifndef NN_KERNEL_TWO_LAYERS_NORMS_IMPL_H
#define NN_KERNEL_TWO_LAYERS_NORMS_IMPL_H

#include "nn/kernel/sets.h"
#include "nn/kernel/two_layers_impl.h"

/* Where a sum of squares is one that sum_squares() has in float32, or there is
 * nothing in it at all. */
static ALWAYS_INLINE ivec
plain(vec sum, vec terms)
{
    return ((sum > SQUARES_LEAST) & (sum < SQUARES_MOST)) | (terms == 0.0f);
}

static ALWAYS_INLINE vec
bits_of_both(vec a, vec b)
{
    return bits_to_float(float_to_bits(a) | float_to_bits(b));
}

/* x[0] + ... + x[n - 1] of at most 16, lane by lane in the order of
 * sum_squares(). */
static ALWAYS_INLINE vec
tree(vec *x, size_t n)
{
    UNROLL
    for (size_t width = 8; width > 0; width /= 2)
        UNROLL
    for (size_t i = 0; i < width; i++)
        if (i + width < n)
            x[i] += x[i + width];
    return x[0];
}

/* The same of one vector's lanes, in lane 0. */
static ALWAYS_INLINE vec
tree_of_lanes(vec x)
{
    x += pick(x, x, (uvec){ 2, 3, 2, 3 });
    return x + lane(x, 1);
}

static ALWAYS_INLINE vec
bits_of_lanes(vec x)
{
    x = bits_of_both(x, pick(x, x, (uvec){ 2, 3, 2, 3 }));
    return bits_of_both(x, lane(x, 1));
}

/* The first n lanes of x, one after the other. */
static ALWAYS_INLINE double
sum_of_lanes(const vec *x, size_t most, size_t n)
{
    double sum = 0;

    UNROLL
    for (size_t k = 0; k < most; k++) {
        if (k == n)
            break;
        sum += (double)x[k / 4][k % 4];
    }
    return sum;
}

/* A row of hidden weights in each lane. */
static ALWAYS_INLINE vec
squares_hidden(const struct shape *of, const struct pass *p, size_t q,
               const float *x, ivec *ok)
{
    vec s[MOST_IN], terms = splat(0);

    UNROLL
    for (size_t i = 0; i < MOST_IN; i++)
        s[i] = splat(0);
    UNROLL
    for (size_t i = 0; i < MOST_IN; i++) {
        if (i == of->n_in)
            break;

        vec g = times(p->d1[q], splat(x[i]));
        s[i] = g * g;
        terms = bits_of_both(terms, g);
    }
    vec sum = tree(s, MOST_IN);
    *ok &= plain(sum, terms);
    return sum;
}

/* A row of the output's weights in each lane. */
static ALWAYS_INLINE vec
squares_output(const struct shape *of, const struct pass *p, ivec *ok)
{
    vec s[4 * MOST_QUADS], terms = splat(0);

    UNROLL
    for (size_t k = 0; k < 4 * of->quads; k++)
        s[k] = splat(0);
    UNROLL
    for (size_t k = 0; k < 4 * of->quads; k++) {
        if (k == of->n_hidden)
            break;

        vec g = times(p->d2, splat(((const float *)p->y1)[k]));
        s[k] = g * g;
        terms = bits_of_both(terms, g);
    }
    vec sum = tree(s, 4 * of->quads);
    *ok &= plain(sum, terms);
    return sum;
}

/* The squared norm of each layer's gradient; false where float32 is not enough
 * for a sum. */
static ALWAYS_INLINE bool
squares(const struct shape *of, const struct plan *plan, const struct pass *p,
        const float *x, double out[2])
{
    vec  s[MOST_QUADS], b[MOST_QUADS], terms = splat(0);
    ivec ok = splat(0) == splat(0);

    UNROLL
    for (size_t q = 0; q < of->quads; q++) {
        ivec ok_q = ok;

        s[q] = squares_hidden(of, p, q, x, &ok_q);
        b[q] = p->d1[q] * p->d1[q];
        terms = bits_of_both(terms, p->d1[q]);
        ok &= ok_q | ~(ivec)plan->used[q];
    }
    vec    b1 = tree_of_lanes(tree(b, of->quads));
    double sum = sum_of_lanes(s, 4 * of->quads, of->n_hidden);
    out[0] = sum + (double)b1[0] * plan->biased_1;

    vec s2 = squares_output(of, p, &ok), b2 = tree_of_lanes(p->d2 * p->d2);
    out[1] =
        sum_of_lanes(&s2, MOST_OUT, of->n_out) + (double)b2[0] * plan->biased_2;

    const uvec firsts = { 0, 4, 0, 4 };

    terms = pick(bits_of_lanes(terms), bits_of_lanes(p->d2), firsts);
    return all_true(ok & plain(pick(b1, b2, firsts), terms));
}

/* The same, by each row of weights. */
static double
squares_by_rows(double (*sum_squares)(const float *x, size_t n),
                const struct nn_kernel_tiny_layer *layer, const float *d,
                const float *x)
{
    float  g[NN_KERNEL_TINY_WIDTH];
    double sum = 0;

    for (size_t j = 0; j < layer->n_out; j++) {
        for (size_t i = 0; i < layer->n_in; i++)
            g[i] = d[j] * x[i];
        sum += sum_squares(g, layer->n_in);
    }
    return layer->biased ? sum + sum_squares(d, layer->n_out) : sum;
}

static __attribute__((noinline)) void
squares_exactly(const struct plan *plan, const struct pass *p, const float *x,
                double out[2])
{
    out[0] = squares_by_rows(plan->sum_squares, &plan->net->layer[0],
                             (const float *)p->d1, x);
    out[1] = squares_by_rows(plan->sum_squares, &plan->net->layer[1],
                             (const float *)&p->d2, (const float *)p->y1);
}

#endif
