#include "nn/train.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/kernel/kernel.h"
#include "nn/pass.h"
#include "nn/subnormal.h"
#include "nn/tiny.h"

/* --- what is right -------------------------------------------------------- */

static size_t
largest(const float *x, size_t n)
{
    size_t best = 0;
    float  most = x[0];

    /* By choices, not branches: which it is cannot be foretold. */
    for (size_t i = 1; i < n; i++) {
        best = x[i] > most ? i : best;
        most = x[i] > most ? x[i] : most;
    }
    return best;
}

static size_t
same_side(const float *y, const float *t, size_t n, float middle)
{
    size_t same = 0;

    for (size_t k = 0; k < n; k++)
        same += (y[k] > middle) == (t[k] > middle);
    return same;
}

double
nn_count_correct(const float *y, const float *t, size_t n, size_t n_out,
                 float middle, bool multi_label)
{
    size_t correct = 0;

    if (multi_label || n_out == 1)
        return (double)same_side(y, t, n * n_out, middle) / (double)n_out;
    for (size_t s = 0; s < n; s++, y += n_out, t += n_out)
        correct += largest(y, n_out) == largest(t, n_out);
    return (double)correct;
}

/* --- the gradient --------------------------------------------------------- */

static double
norm_of(const struct nn_net *net, const struct nn_sink *sink)
{
    double sum = 0;

    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++)
        sum += sink->squares[i];
    return sqrt(sum);
}

/* By norm, then by value; PyTorch's clip_grad_norm_() has the 1e-6 too. */
static void
clip(const struct nn_net *net, float *grad, double norm,
     const struct nn_train_options *options)
{
    double scale =
        options->clip_norm > 0 ? options->clip_norm / (norm + 1e-6) : 1;
    float factor = (float)scale, most = options->clip_value;

    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++) {
        float *g = grad + nn_net_layer_offset(net, i);
        size_t n = nn_net_layer_trained(net, i);

        for (size_t k = 0; scale < 1 && k < n; k++)
            g[k] *= factor;
        for (size_t k = 0; most > 0 && k < n; k++)
            g[k] = g[k] > most ? most : g[k] < -most ? -most : g[k];
    }
}

/* --- the update ----------------------------------------------------------- */

struct update {
    float               *params;
    const float         *grad;
    struct nn_optimizer *opt;
    float                rate;
};

static double
squares_of_range(void *ctx, size_t first, size_t n, const float *g)
{
    (void)ctx;
    (void)first;
    return nn_kernel()->sum_squares(g, n);
}

static double
update_range(void *ctx, size_t first, size_t n, const float *g)
{
    const struct update *u = ctx;

    return nn_optimizer_update(u->opt, u->params, g, first, n, u->rate);
}

static void
update_all(struct nn_net *net, struct update *u)
{
    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++)
        nn_optimizer_update(
            u->opt, u->params, u->grad + nn_net_layer_offset(net, i),
            nn_net_layer_offset(net, i), nn_net_layer_trained(net, i), u->rate);
}

#define PIECE 1024

/* The update of one layer, in pieces, so that no second copy of the parameters
 * is needed to see how far they moved. */
static double
measured_update(struct nn_net *net, struct nn_optimizer *opt, const float *grad,
                float rate, size_t layer)
{
    float *params = nn_net_params(net), before[PIECE];
    size_t first = nn_net_layer_offset(net, layer);
    size_t end = first + nn_net_layer_trained(net, layer);
    double moved = 0, were = 0;

    for (size_t n; first < end; first += n) {
        n = end - first < PIECE ? end - first : PIECE;
        memcpy(before, params + first, n * sizeof(*before));
        were += nn_kernel()->sum_squares(before, n);
        nn_optimizer_update(opt, params, grad + first, first, n, rate);
        for (size_t k = 0; k < n; k++)
            before[k] = params[first + k] - before[k];
        moved += nn_kernel()->sum_squares(before, n);
    }
    return were > 0 ? sqrt(moved / were) : 0;
}

/* --- the loop ------------------------------------------------------------- */

static void
add_norms(const struct nn_net *net, struct nn_train_sums *sums, double norm,
          const double squares[NN_MAX_LAYERS])
{
    sums->gradient_norm += norm;
    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++)
        sums->layer_norm[i] += sqrt(squares[i]);
}

static bool
stopped(const atomic_bool *stop)
{
    return stop != NULL && atomic_load_explicit(stop, memory_order_relaxed);
}

static bool
train_rows(struct nn_net *net, struct nn_work *work, struct nn_optimizer *opt,
           float *grad, const float *x, const float *t, const float *weight,
           size_t n, const struct nn_train_options *options,
           struct nn_train_sums *sums)
{
    size_t          n_in = nn_net_n_in(net), n_out = nn_net_n_out(net);
    size_t          batch_size = options->batch_size;
    struct nn_draws draws = options->draws;
    bool            clips = options->clip_norm > 0 || options->clip_value > 0;

    struct update         u = { nn_net_params(net), grad, opt, options->rate };
    struct nn_sink        sink = { .ctx = &u };
    struct nn_kernel_step step;
    struct nn_pass        p = { net, work, 0, true, &draws };

    struct nn_kernel_tiny tiny;
    bool is_tiny = nn_tiny_plan(net, opt, options, weight, &tiny);

    sink.beside[0] = u.params;
    nn_optimizer_vectors(opt, sink.beside + 1);

    assert(batch_size > 0 && batch_size <= nn_work_max_batch(work));
    size_t row = 0;

    /* A batch that is to be measured takes the general path. */
    while (is_tiny && row + options->measure < n && !stopped(options->stop)) {
        size_t size = n - options->measure - row;

        size = size < NN_TINY_ROWS ? size : NN_TINY_ROWS;
        if (!nn_tiny_rows(&tiny, work, opt, x + row * n_in, t + row * n_out,
                          size, options, sums))
            return false;
        row += size;
    }
    for (; row < n; row += batch_size, draws.batch++) {
        size_t       size = n - row < batch_size ? n - row : batch_size;
        bool         measure = options->measure && row + size == n;
        const float *ti = t + row * n_out;
        double       loss, norm;

        if (stopped(options->stop))
            break;

        /* Unless the whole gradient is looked at first, each part of it is
         * applied as soon as it is there. */
        nn_optimizer_begin(opt);
        sink.passing = !clips && !measure;
        sink.step = sink.passing && nn_optimizer_step(opt, u.params,
                                                      options->rate, &step)
                        ? &step
                        : NULL;
        sink.ready = sink.passing ? update_range : squares_of_range;
        p.n = size;
        loss = nn_pass_gradient(&p, x + row * n_in, ti,
                                weight != NULL ? weight + row : NULL, grad,
                                NULL, &sink);
        if (!isfinite(loss))
            return false;
        norm = norm_of(net, &sink);
        /* A gradient may overflow before the loss does, and would leave
         * parameters that are not numbers. */
        if (!isfinite(norm))
            return false;
        if (clips)
            clip(net, grad, norm, options);
        for (size_t i = 0; measure && i < nn_net_spec(net)->n_layers; i++)
            sums->update_ratio[i] =
                measured_update(net, opt, grad, options->rate, i);
        if (clips && !measure)
            update_all(net, &u);
        nn_net_settle(net, grad);

        sums->loss += loss * (double)size;
        add_norms(net, sums, norm, sink.squares);
        sums->n_rows += size;
        sums->n_batches++;
        sums->n_correct +=
            nn_count_correct(nn_work_output(work), ti, size, n_out,
                             options->middle, options->multi_label);
    }
    return true;
}

bool
nn_train_rows(struct nn_net *net, struct nn_work *work,
              struct nn_optimizer *opt, float *grad, const float *x,
              const float *t, const float *weight, size_t n,
              const struct nn_train_options *options,
              struct nn_train_sums          *sums)
{
    unsigned mode = nn_subnormal_flush();
    bool ok = train_rows(net, work, opt, grad, x, t, weight, n, options, sums);

    nn_subnormal_set(mode);
    return ok;
}
