/*
 * two_layers.c - one update a sample for a net of two small layers
 *
 * Model    Such a net is a chain of operations that wait for each other, from
 *          one sample's inputs to the next one's, so all that counts is how
 *          long it is.  Weights stay in registers, or beside each other, while
 *          the rows last, as vectors of four, in which any lane is one cycle
 *          away from any other: those of a layer as columns (over its units, an
 *          input each), those of the second as rows too.  Operations and their
 *          order are those of the general path, as tiny_impl.h has them, but
 *          that a sum of one term does not begin with a 0: a weight of -0 may
 *          become +0 then, and nothing else.
 *
 * Compiled as set.c is, once for each instruction set, with vectors of four.
 */
#define NN_FOUR_LANES

#include <math.h>

#include "nn/kernel/sets.h"
#include "nn/kernel/two_layers_impl.h"
#include "nn/kernel/two_layers_norms_impl.h"

/* --- parameters ----------------------------------------------------------- */

static void
load_net(struct net *net, const struct nn_kernel_tiny *from)
{
    const struct nn_kernel_tiny_layer *a = &from->layer[0];
    const struct nn_kernel_tiny_layer *b = &from->layer[1];
    size_t                             n_in = a->n_in, n_hidden = a->n_out;

    memset(net, 0, sizeof(*net));
    for (size_t j = 0; j < n_hidden; j++) {
        for (size_t i = 0; i < n_in; i++)
            net->w1[i][j / 4][j % 4] = a->params[j * n_in + i];
        if (a->biased)
            net->b1[j / 4][j % 4] = a->params[n_hidden * n_in + j];
    }
    for (size_t j = 0; j < b->n_out; j++) {
        for (size_t i = 0; i < n_hidden; i++)
            net->row[j][i / 4][i % 4] = net->w2[i][j] =
                b->params[j * n_hidden + i];
        if (b->biased)
            net->b2[j] = b->params[b->n_out * n_hidden + j];
    }
}

static void
store_net(const struct net *net, const struct nn_kernel_tiny *to)
{
    const struct nn_kernel_tiny_layer *a = &to->layer[0], *b = &to->layer[1];
    size_t                             n_in = a->n_in, n_hidden = a->n_out;

    for (size_t j = 0; j < n_hidden; j++) {
        for (size_t i = 0; i < n_in; i++)
            a->params[j * n_in + i] = net->w1[i][j / 4][j % 4];
        if (a->biased)
            a->params[n_hidden * n_in + j] = net->b1[j / 4][j % 4];
    }
    for (size_t j = 0; j < b->n_out; j++) {
        for (size_t i = 0; i < n_hidden; i++)
            b->params[j * n_hidden + i] = net->w2[i][j];
        if (b->biased)
            b->params[b->n_out * n_hidden + j] = net->b2[j];
    }
}

static void
make_plan(struct plan *plan, const struct nn_kernel_tiny *net)
{
    const struct nn_kernel_tiny_layer *a = &net->layer[0], *b = &net->layer[1];

    memset(plan, 0, sizeof(*plan));
    plan->net = net;
    for (size_t j = 0; j < a->n_out; j++)
        plan->used[j / 4][j % 4] = ~0u;
    for (size_t j = 0; j < b->n_out; j++)
        plan->scale[j] = net->scale;
    plan->back = splat(-net->rate);
    plan->back_b1 = splat(a->biased ? -net->rate : 0);
    plan->back_b2 = splat(b->biased ? -net->rate : 0);
    plan->biased_1 = a->biased;
    plan->biased_2 = b->biased;
}

/* --- all samples ---------------------------------------------------------- */

struct sums {
    double loss, norm;
    dvec   layer_norm;
};

/* Adds what is told of a sample; false where it is not finite. */
static ALWAYS_INLINE bool
add(const struct shape *of, const struct plan *plan, const struct pass *p,
    const float *x, const float *t, struct sums *sums)
{
    double loss = 0, s[2];

    UNROLL
    for (size_t j = 0; j < MOST_OUT; j++) {
        if (j == of->n_out)
            break;

        double error = (double)t[j] - p->y2[j];
        loss += error * error;
    }
    loss *= plan->net->factor;
    if (!squares(of, plan, p, x, s))
        squares_exactly(plan, p, x, s);
    if (!isfinite(loss + s[0] + s[1])) /* none is negative */
        return false;
    sums->loss += loss;
    sums->norm += root((dvec){ s[0] + s[1] })[0];
    sums->layer_norm += root((dvec){ s[0], s[1] });
    return true;
}

/*
 * Returns the samples done; where they are fewer than n, the one that follows
 * has a loss or a gradient that is not finite, and *kept and *total are as they
 * were.
 *
 * What is told of a sample is worked out while the next one waits for its
 * outputs, and from memory: so it takes no registers from the chain, nor does
 * the chain stand in line behind it.
 */
static ALWAYS_INLINE size_t
train(const struct shape *of, struct net *kept, const struct plan *plan,
      const float *x, const float *t, size_t n, float *y, struct sums *total)
{
    struct net  net = *kept;
    struct sums sums = *total;
    struct pass told[2];
    vec         z[MOST_QUADS];

    weigh(of, &net, x, z);
    for (size_t row = 0;; row++, x += of->n_in, t += of->n_out) {
        struct pass p;

        UNROLL
        for (size_t q = 0; q < of->quads; q++)
            p.y1[q] = activate(plan->net->layer[0].f, z[q]);
        if (row > 0 && !add(of, plan, &told[(row - 1) % 2], x - of->n_in,
                            t - of->n_out, &sums))
            return row - 1;
        if (row == n)
            break;
        forward_output(of, &net, plan->net->layer[1].f, &p);
        store(y + row * of->n_out, p.y2);
        backward(of, &net, plan, t, &p);
        update_hidden(of, &net, plan, x, &p);
        weigh(of, &net, x + (row + 1 < n) * of->n_in, z);
        update_output(of, &net, plan, &p);
        UNROLL
        for (size_t q = 0; q < of->quads; q++) {
            told[row % 2].y1[q] = p.y1[q];
            told[row % 2].d1[q] = p.d1[q];
        }
        told[row % 2].y2 = p.y2;
        told[row % 2].d2 = p.d2;
    }
    *kept = net;
    *total = sums;
    return n;
}

typedef size_t train_fn(const struct shape *of, struct net *net,
                        const struct plan *plan, const float *x, const float *t,
                        size_t n, float *y, struct sums *sums);

/* clang-format off */
#define TRAIN(name, n_in, n_hidden, n_out, quads)                              \
    static size_t                                                              \
    name(const struct shape *of, struct net *net, const struct plan *plan,     \
         const float *x, const float *t, size_t n, float *y,                   \
         struct sums *sums)                                                    \
    {                                                                          \
        const struct shape shape = { n_in, n_hidden, n_out, quads };           \
                                                                               \
        (void)of;                                                              \
        return train(&shape, net, plan, x, t, n, y, sums);                     \
    }
TRAIN(train_2_2_1, 2, 2, 1, 1)
TRAIN(train_4_10_3, 4, 10, 3, 3)
TRAIN(train_1, of->n_in, of->n_hidden, of->n_out, 1)
TRAIN(train_2, of->n_in, of->n_hidden, of->n_out, 2)
TRAIN(train_3, of->n_in, of->n_hidden, of->n_out, 3)
TRAIN(train_4, of->n_in, of->n_hidden, of->n_out, 4)
/* clang-format on */

static train_fn *
train_of(const struct shape *of)
{
    static train_fn *const by_quads[] = { train_1, train_2, train_3, train_4 };

    if (of->n_in == 2 && of->n_hidden == 2 && of->n_out == 1)
        return train_2_2_1;
    if (of->n_in == 4 && of->n_hidden == 10 && of->n_out == 3)
        return train_4_10_3;
    return by_quads[of->quads - 1];
}

bool
JOIN(nn_kernel_two_layers_,
     NN_SET)(const struct nn_kernel_tiny *net, const float *x, const float *t,
             size_t n, float *y, struct nn_kernel_tiny_sums *sums,
             double (*sum_squares)(const float *, size_t), size_t *done)
{
    const struct nn_kernel_tiny_layer *a = &net->layer[0], *b = &net->layer[1];
    struct shape of = { a->n_in, a->n_out, b->n_out, (a->n_out + 3) / 4 };
    struct sums  s = { sums->loss,
                       sums->norm,
                       { sums->layer_norm[0], sums->layer_norm[1] } };
    struct net   params;
    struct plan  plan;

    if (net->n_layers != 2 || of.n_in > MOST_IN || of.n_out > MOST_OUT)
        return false;
    load_net(&params, net);
    make_plan(&plan, net);
    plan.sum_squares = sum_squares;

    train_fn *fn = train_of(&of);
    *done = n == 0 ? 0 : fn(&of, &params, &plan, x, t, n, y, &s);
    if (*done<n && * done> 0) /* again, as far as it is good */
        fn(&of, &params, &plan, x, t, *done, y, &s);
    store_net(&params, net);
    sums->loss = s.loss;
    sums->norm = s.norm;
    sums->layer_norm[0] = s.layer_norm[0];
    sums->layer_norm[1] = s.layer_norm[1];
    return true;
}
