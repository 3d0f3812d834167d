/*
 * two_layers_impl.h - one sample through two small layers, and back
 *
 * Model    Columns hold a layer's weights over its units, an input each; rows
 *          those of the second over its inputs.  Loops over what a struct shape
 *          says dissolve where it is known: what they walk over are registers.
 */
#ifndef NN_KERNEL_TWO_LAYERS_IMPL_H
#define NN_KERNEL_TWO_LAYERS_IMPL_H

#include "nn/kernel/kernel.h"
#include "nn/kernel/math_impl.h"
#include "nn/kernel/vector.h"

#define MOST_IN 4
#define MOST_OUT 4
#define MOST_QUADS (NN_KERNEL_TINY_WIDTH / 4)

/* Bounds that are known where this is compiled let a loop dissolve. */
#define UNROLL _Pragma("GCC unroll 16")

/* Known where a function is compiled for one shape. */
struct shape {
    size_t n_in, n_hidden, n_out;
    size_t quads; /* of hidden units; the lanes beyond are 0 */
};

struct net {
    vec w1[MOST_IN][MOST_QUADS], b1[MOST_QUADS]; /* columns             */
    vec w2[4 * MOST_QUADS], b2;                  /* columns             */
    vec row[MOST_OUT][MOST_QUADS];               /* of the second layer */
};

/* What does not change. */
struct plan {
    const struct nn_kernel_tiny *net;
    double (*sum_squares)(const float *x, size_t n);
    uvec   used[MOST_QUADS];       /* hidden units: all ones   */
    vec    scale;                  /* 0 beyond the outputs     */
    vec    back, back_b1, back_b2; /* - rate; 0 without biases */
    double biased_1, biased_2;     /* 1, or 0                  */
};

/* What one sample makes of a net. */
struct pass {
    vec y1[MOST_QUADS], d1[MOST_QUADS], y2, d2;
};

static ALWAYS_INLINE vec
lane(vec v, uint32_t i)
{
    return pick(v, v, (uvec){ i, i, i, i });
}

static ALWAYS_INLINE vec
activate(enum nn_kernel_function f, vec z)
{
    switch (f) {
    case NN_KERNEL_SIGMOID:
        return vec_sigmoid(z);
    case NN_KERNEL_TANH:
        return vec_tanh(z);
    case NN_KERNEL_RELU:
        return vec_relu(z);
    default:
        return z;
    }
}

static ALWAYS_INLINE vec
slope(enum nn_kernel_function f, vec d, vec y)
{
    switch (f) {
    case NN_KERNEL_SIGMOID:
        return d * (y * (1.0f - y));
    case NN_KERNEL_TANH:
        return d * ((1.0f - y) * (1.0f + y));
    case NN_KERNEL_RELU:
        return choose(y > 0.0f, d, splat(0));
    default:
        return d;
    }
}

/* z of the hidden units. */
static ALWAYS_INLINE void
weigh(const struct shape *of, const struct net *net, const float *x, vec *z)
{
    UNROLL
    for (size_t q = 0; q < of->quads; q++)
        z[q] = net->b1[q];
    UNROLL
    for (size_t i = 0; i < MOST_IN; i++) {
        if (i == of->n_in)
            break;
        UNROLL
        for (size_t q = 0; q < of->quads; q++)
            z[q] = fused(splat(x[i]), net->w1[i][q], z[q]);
    }
}

static ALWAYS_INLINE void
forward_output(const struct shape *of, const struct net *net,
               enum nn_kernel_function f, struct pass *p)
{
    vec z = net->b2;

    UNROLL
    for (size_t k = 0; k < 4 * of->quads; k++) {
        if (k == of->n_hidden)
            break;
        z = fused(lane(p->y1[k / 4], (uint32_t)k % 4), net->w2[k], z);
    }
    p->y2 = activate(f, z);
}

/* dE/dz of both layers. */
static ALWAYS_INLINE void
backward(const struct shape *of, const struct net *net, const struct plan *plan,
         const float *t, struct pass *p)
{
    vec s[MOST_QUADS], target = splat(0);

    UNROLL
    for (size_t j = 0; j < MOST_OUT; j++) {
        if (j == of->n_out)
            break;
        target[j] = t[j];
    }
    p->d2 = slope(plan->net->layer[1].f, plan->scale * (p->y2 - target), p->y2);
    UNROLL
    for (size_t q = 0; q < of->quads; q++)
        s[q] = lane(p->d2, 0) * net->row[0][q];
    UNROLL
    for (size_t j = 1; j < MOST_OUT; j++) {
        if (j == of->n_out)
            break;
        UNROLL
        for (size_t q = 0; q < of->quads; q++)
            s[q] = fused(lane(p->d2, (uint32_t)j), net->row[j][q], s[q]);
    }
    UNROLL
    for (size_t q = 0; q < of->quads; q++)
        p->d1[q] = slope(plan->net->layer[0].f, s[q], p->y1[q]);
}

/* A gradient: a product of one term.  As a matrix product has it, but for the
 * sign of a zero, which a weight that is not -0 does not see. */
static ALWAYS_INLINE vec
times(vec d, vec x)
{
    return d * x;
}

static ALWAYS_INLINE void
update_hidden(const struct shape *of, struct net *net, const struct plan *plan,
              const float *x, const struct pass *p)
{
    UNROLL
    for (size_t q = 0; q < of->quads; q++) {
        UNROLL
        for (size_t i = 0; i < MOST_IN; i++) {
            if (i == of->n_in)
                break;
            net->w1[i][q] =
                fused(plan->back, times(p->d1[q], splat(x[i])), net->w1[i][q]);
        }
        net->b1[q] = fused(plan->back_b1, splat(0) + p->d1[q], net->b1[q]);
    }
}

static ALWAYS_INLINE void
update_output(const struct shape *of, struct net *net, const struct plan *plan,
              const struct pass *p)
{
    UNROLL
    for (size_t k = 0; k < 4 * of->quads; k++) {
        if (k == of->n_hidden)
            break;

        vec y = lane(p->y1[k / 4], (uint32_t)k % 4);
        net->w2[k] = fused(plan->back, times(p->d2, y), net->w2[k]);
    }
    net->b2 = fused(plan->back_b2, splat(0) + p->d2, net->b2);
    UNROLL
    for (size_t q = 0; q < of->quads; q++) {
        vec y = bits_to_float(float_to_bits(p->y1[q]) & plan->used[q]);

        UNROLL
        for (size_t j = 0; j < MOST_OUT; j++) {
            if (j == of->n_out)
                break;
            net->row[j][q] = fused(
                plan->back, times(lane(p->d2, (uint32_t)j), y), net->row[j][q]);
        }
    }
}

#endif
