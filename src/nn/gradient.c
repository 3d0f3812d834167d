/*
 * gradient.c - one batch backward
 *
 * Backpropagation as in Rumelhart, Hinton & Williams 1986: with d = dE/dz of
 * a layer, dE/dW = d x^T and dE/dx = W^T d, and dE/dz of the layer before is
 * dE/dx times its f'.  A layer's row does its own part; here is the chain.
 *
 * Layers that are split (layer.h) go in two steps: the error terms of all of
 * them, each thread for its samples; then the gradients, each thread for its
 * rows of parameters.  Squares are kept a row and added in order, so that a
 * norm does not depend on the number of threads either.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/pass.h"

struct backward {
    const struct nn_pass *p;
    const float          *x;
    float                *grad, *dx;
    struct nn_sink       *sink;
    size_t                from, to; /* layers, the last one first */
};

static float *
offset_or_null(float *p, size_t n)
{
    return p != NULL ? p + n : NULL;
}

struct telling {
    const struct backward *b;
    double                *squares; /* of the layer */
    size_t                 offset;
};

/* A piece of a layer's gradient is there. */
static void
tell(void *ctx, size_t row, size_t first, size_t n, const float *g)
{
    const struct telling *t = ctx;
    const struct nn_sink *sink = t->b->sink;

    t->squares[row] += sink->ready(sink->ctx, t->offset + first, n, g);
}

/* dE/dz of a loss that gives it, so that the activation is dealt with. */
static bool
dz_given(const struct nn_pass *p, size_t i)
{
    const struct nn_spec *spec = nn_net_spec(p->net);

    return i + 1 == spec->n_layers &&
           nn_loss_row(spec->loss.type)->output != NN_ACTIVATION_COUNT;
}

/* --- layers that are split ------------------------------------------------ */

static void
error_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct backward *b = ctx;
    struct nn_work        *work = b->p->work;
    struct nn_slice        slice = nn_pass_slice(b->p, part, n_parts);

    for (size_t i = b->to; i-- > b->from;) {
        struct random_at     draws = nn_pass_draws(b->p, i);
        struct nn_layer_pass pass = nn_pass_layer(b->p, i, &draws, part, slice);
        size_t               in = slice.first * nn_shape_size(pass.in);
        size_t               out = slice.first * nn_shape_size(pass.out);

        pass.dz_given = dz_given(b->p, i);
        pass.spec->type->error(
            &pass, work->y[i] + out, work->d[i] + out,
            offset_or_null(i > 0 ? work->d[i - 1] : b->dx, in));
    }
}

/* Some rows of layer i, and their squares. */
static void
gradient_rows(const struct backward *b, size_t i, unsigned part, size_t from,
              size_t to)
{
    struct random_at     draws = nn_pass_draws(b->p, i);
    struct nn_layer_pass pass =
        nn_pass_layer(b->p, i, &draws, part, (struct nn_slice){ 0, b->p->n });
    size_t                offset = nn_net_layer_offset(b->p->net, i);
    double               *squares = b->p->work->squares[i];
    struct telling        telling = { b, squares, offset };
    struct nn_tell        how = { .ctx = &telling, .squares = squares };
    struct nn_kernel_step step;

    if (b->sink != NULL) {
        how.fn = tell;
        how.passing = b->sink->passing;
    }
    for (size_t k = 0; b->sink != NULL && b->sink->beside[k] != NULL; k++)
        how.beside[k] = b->sink->beside[k] + offset;
    if (b->sink != NULL && b->sink->step != NULL) {
        step = nn_kernel_step_from(b->sink->step, offset);
        how.step = &step;
    }
    for (size_t r = from; r <= to; r++)
        if (r < to || r == nn_pass_n_rows(b->p, i))
            squares[r] = 0;
    pass.spec->type->gradient(&pass, i > 0 ? b->p->work->y[i - 1] : b->x,
                              b->p->work->d[i], b->grad + offset, from, to,
                              &how);
}

static void
gradient_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct backward *b = ctx;

    for (size_t i = b->to; i-- > b->from;) {
        size_t n = nn_pass_n_rows(b->p, i);
        size_t from = n * part / n_parts, to = n * (part + 1) / n_parts;

        if (from < to)
            gradient_rows(b, i, part, from, to);
    }
}

static void
split_layers(struct backward *b)
{
    size_t most = 0;

    for (size_t i = b->from; i < b->to; i++)
        most = nn_pass_n_rows(b->p, i) > most ? nn_pass_n_rows(b->p, i) : most;
    nn_pass_share(b->p, nn_pass_pieces(b->p), error_part, b);
    nn_pass_share(b->p, most, gradient_part, b);
    for (size_t i = b->from; b->sink != NULL && i < b->to; i++) {
        b->sink->squares[i] = 0;
        for (size_t r = 0; r <= nn_pass_n_rows(b->p, i); r++)
            b->sink->squares[i] += b->p->work->squares[i][r];
    }
}

/* --- layers that are not -------------------------------------------------- */

static void
whole_layer(struct backward *b, size_t i)
{
    const struct nn_pass *p = b->p;
    struct nn_work       *work = p->work;
    struct random_at      draws = nn_pass_draws(p, i);
    struct nn_layer_pass  pass =
        nn_pass_layer(p, i, &draws, 0, (struct nn_slice){ 0, p->n });
    size_t         offset = nn_net_layer_offset(p->net, i);
    struct telling telling = { b, work->squares[i], offset };

    pass.dz_given = dz_given(p, i);
    pass.spec->type->backward(&pass, i > 0 ? work->y[i - 1] : b->x, work->y[i],
                              work->d[i], b->grad + offset,
                              i > 0 ? work->d[i - 1] : b->dx);
    if (b->sink == NULL)
        return;
    work->squares[i][0] = 0;
    tell(&telling, 0, 0, nn_net_layer_trained(p->net, i), b->grad + offset);
    b->sink->squares[i] = work->squares[i][0];
}

/* --- the chain ------------------------------------------------------------ */

double
nn_pass_gradient(const struct nn_pass *p, const float *x, const float *t,
                 const float *weight, float *grad, float *dx,
                 struct nn_sink *sink)
{
    const struct nn_spec *spec = nn_net_spec(p->net);
    size_t                n_out = nn_net_n_out(p->net);
    const float          *y = nn_pass_forward(p, x);
    float                *d = p->work->d[spec->n_layers - 1];
    struct backward       b = { p, x, grad, dx, sink, .to = spec->n_layers };
    double                loss = nn_loss_mean(spec, y, t, weight, p->n, n_out);

    assert(d != NULL);
    if (sink != NULL && !isfinite(loss))
        return loss;
    nn_loss_delta(&spec->loss, d, y, t, weight, p->n, n_out);
    for (; b.to > 0; b.to = b.from) {
        b.from = b.to - 1;
        if (nn_pass_is_split(p, b.from)) {
            while (b.from > 0 && nn_pass_is_split(p, b.from - 1))
                b.from--;
            split_layers(&b);
        } else {
            whole_layer(&b, b.from);
        }
    }
    return loss;
}

double
nn_net_gradient(const struct nn_net *net, struct nn_work *work,
                const struct nn_draws *draws, const float *x, const float *t,
                const float *weight, size_t n, float *grad, float *dx)
{
    const struct nn_pass p = { net, work, n, true, draws };

    return nn_pass_gradient(&p, x, t, weight, grad, dx, NULL);
}
