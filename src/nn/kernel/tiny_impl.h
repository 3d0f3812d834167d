/*
 * tiny_impl.h - one update a sample for a tiny net, written over vec
 *
 * Model    All weights live in local arrays, a layer's as columns (a vector
 *          over its units for each input) and, where its input has a gradient,
 *          as rows too; nothing is allocated, locked or called a weight.  The
 *          operations on each number, and their order, are those of the general
 *          path: the same bytes come out (tests/unit/nn_tiny.c).
 */
#ifndef NN_KERNEL_TINY_IMPL_H
#define NN_KERNEL_TINY_IMPL_H

#include <math.h>

#include "nn/kernel/kernel.h"
#include "nn/kernel/math_impl.h"
#include "nn/kernel/sets.h"
#include "nn/kernel/update_impl.h"
#include "nn/kernel/vector.h"

#define WIDTH NN_KERNEL_TINY_WIDTH

struct tiny_layer {
    size_t                  n_in, n_out, vecs;
    enum nn_kernel_function f;
    bool                    biased;
    float column[WIDTH][WIDTH]; /* [input][unit]; zeros beyond */
    float row[WIDTH][WIDTH];    /* [unit][input]               */
    float bias[WIDTH];
    float y[WIDTH], d[WIDTH];
};

static void
tiny_load(struct tiny_layer *l, const struct nn_kernel_tiny_layer *from)
{
    memset(l, 0, sizeof(*l));
    l->n_in = from->n_in;
    l->n_out = from->n_out;
    l->vecs = (l->n_out + LANES - 1) / LANES;
    l->f = from->f;
    l->biased = from->biased;
    for (size_t j = 0; j < l->n_out; j++)
        for (size_t i = 0; i < l->n_in; i++)
            l->row[j][i] = l->column[i][j] = from->params[j * l->n_in + i];
    if (l->biased)
        memcpy(l->bias, from->params + l->n_out * l->n_in,
               l->n_out * sizeof(float));
}

static void
tiny_store(const struct tiny_layer *l, const struct nn_kernel_tiny_layer *to)
{
    for (size_t j = 0; j < l->n_out; j++)
        for (size_t i = 0; i < l->n_in; i++)
            to->params[j * l->n_in + i] = l->column[i][j];
    if (l->biased)
        memcpy(to->params + l->n_out * l->n_in, l->bias,
               l->n_out * sizeof(float));
}

static ALWAYS_INLINE void
tiny_forward(struct tiny_layer *l, const float *x)
{
    for (size_t v = 0; v < l->vecs; v++) {
        vec z = load(l->bias + v * LANES);

        for (size_t i = 0; i < l->n_in; i++)
            z = fused(splat(x[i]), load(&l->column[i][v * LANES]), z);
        if (l->f == NN_KERNEL_SIGMOID)
            z = vec_sigmoid(z);
        else if (l->f == NN_KERNEL_TANH)
            z = vec_tanh(z);
        else if (l->f == NN_KERNEL_RELU)
            z = vec_relu(z);
        store(l->y + v * LANES, z);
    }
}

/* dE/dy becomes dE/dz. */
static ALWAYS_INLINE void
tiny_slope(struct tiny_layer *l)
{
    for (size_t v = 0; v < l->vecs; v++) {
        vec d = load(l->d + v * LANES), y = load(l->y + v * LANES);

        if (l->f == NN_KERNEL_SIGMOID)
            d *= y * (1.0f - y);
        else if (l->f == NN_KERNEL_TANH)
            d *= (1.0f - y) * (1.0f + y);
        else if (l->f == NN_KERNEL_RELU)
            d = choose(y > 0.0f, d, splat(0));
        store(l->d + v * LANES, d);
    }
}

/* dE/dx, which is dE/dy of the layer before. */
static ALWAYS_INLINE void
tiny_error(const struct tiny_layer *l, struct tiny_layer *before)
{
    for (size_t v = 0; v < before->vecs; v++) {
        vec s = splat(0);

        for (size_t j = 0; j < l->n_out; j++)
            s = fused(splat(l->d[j]), load(&l->row[j][v * LANES]), s);
        store(before->d + v * LANES, s);
    }
}

/* Sums of 16, of which only n are not 0, in the order of sum_squares(). */
static ALWAYS_INLINE vec
tiny_tree(vec s[WIDTH], size_t n)
{
    for (size_t width = WIDTH / 2; width > 0; width /= 2)
        for (size_t i = 0; i < width && i + width < n; i++)
            s[i] += s[i + width];
    return s[0];
}

/* The squares of a row, as sum_squares() has them; `quick` is its sum in
 * floats. */
static ALWAYS_INLINE double
tiny_row_squares(float quick, const float *x, float d, size_t n)
{
    float g[WIDTH];

    if (quick > SQUARES_LEAST && quick < SQUARES_MOST)
        return quick;
    for (size_t i = 0; i < n; i++)
        g[i] = d * x[i];
    return sum_squares_exactly(g, n);
}

/* The squared norm of the gradient. */
static ALWAYS_INLINE double
tiny_squares(const struct tiny_layer *l, const float *x)
{
    double sum = 0;

    for (size_t v = 0; v < l->vecs; v++) {
        vec d = load(l->d + v * LANES), s[WIDTH];

        for (size_t i = 0; i < l->n_in; i++) {
            vec g = d * x[i];

            s[i] = g * g;
        }
        s[0] = tiny_tree(s, l->n_in);
        for (size_t j = 0; j < LANES && v * LANES + j < l->n_out; j++)
            sum += tiny_row_squares(s[0][j], x, l->d[v * LANES + j], l->n_in);
    }
    return l->biased ? sum + sum_squares(l->d, l->n_out) : sum;
}

/* w -= rate g, g = d x + 0 as a product of one term has it. */
static ALWAYS_INLINE void
tiny_update(struct tiny_layer *l, const float *x, vec back, bool rows)
{
    size_t in_vecs = (l->n_in + LANES - 1) / LANES;

    for (size_t v = 0; v < l->vecs; v++) {
        vec d = load(l->d + v * LANES);

        for (size_t i = 0; i < l->n_in; i++) {
            float *w = &l->column[i][v * LANES];

            store(w, fused(back, fused(d, splat(x[i]), splat(0)), load(w)));
        }
        if (l->biased)
            store(l->bias + v * LANES,
                  fused(back, splat(0) + d, load(l->bias + v * LANES)));
    }
    for (size_t v = 0; rows && v < in_vecs; v++) {
        vec xv = load(x + v * LANES);

        for (size_t j = 0; j < l->n_out; j++) {
            float *w = &l->row[j][v * LANES];

            store(w, fused(back, fused(splat(l->d[j]), xv, splat(0)), load(w)));
        }
    }
}

/* The loss, and dE/dy of the last layer. */
static ALWAYS_INLINE double
tiny_loss(struct tiny_layer *last, const float *t, float scale, double factor)
{
    double sum = 0;

    for (size_t k = 0; k < last->n_out; k++) {
        double error = (double)t[k] - last->y[k];

        sum += error * error;
        last->d[k] = scale * (last->y[k] - t[k]);
    }
    return sum * factor;
}

static size_t
tiny(const struct nn_kernel_tiny *net, const float *x, const float *t, size_t n,
     float *y, struct nn_kernel_tiny_sums *sums)
{
    struct tiny_layer layer[NN_KERNEL_TINY_LAYERS];
    size_t            n_layers = net->n_layers, n_in = net->layer[0].n_in, row;
    size_t            n_out = net->layer[n_layers - 1].n_out;
    const vec         back = splat(-net->rate);

    if (JOIN(nn_kernel_two_layers_, NN_SET)(net, x, t, n, y, sums, sum_squares,
                                            &row))
        return row;
    for (size_t i = 0; i < n_layers; i++)
        tiny_load(&layer[i], &net->layer[i]);
    for (row = 0; row < n; row++, x += n_in, t += n_out, y += n_out) {
        double squares[NN_KERNEL_TINY_LAYERS], all = 0;

        for (size_t i = 0; i < n_layers; i++)
            tiny_forward(&layer[i], i == 0 ? x : layer[i - 1].y);
        memcpy(y, layer[n_layers - 1].y, n_out * sizeof(*y));
        double loss =
            tiny_loss(&layer[n_layers - 1], t, net->scale, net->factor);
        for (size_t i = n_layers; i-- > 0;) {
            tiny_slope(&layer[i]);
            if (i > 0)
                tiny_error(&layer[i], &layer[i - 1]);
        }
        for (size_t i = 0; i < n_layers; i++) {
            squares[i] = tiny_squares(&layer[i], i == 0 ? x : layer[i - 1].y);
            all += squares[i];
        }
        if (!isfinite(loss) || !isfinite(all))
            break;
        for (size_t i = 0; i < n_layers; i++) {
            tiny_update(&layer[i], i == 0 ? x : layer[i - 1].y, back, i > 0);
            sums->layer_norm[i] += sqrt(squares[i]);
        }
        sums->loss += loss;
        sums->norm += sqrt(all);
    }
    for (size_t i = 0; i < n_layers; i++)
        tiny_store(&layer[i], &net->layer[i]);
    return row;
}

#undef WIDTH
#endif
