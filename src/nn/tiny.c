#include "nn/tiny.h"

#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"

static bool
function_of(enum nn_activation a, enum nn_kernel_function *out)
{
    switch (a) {
    case NN_LINEAR:
        *out = NN_KERNEL_LINEAR;
        return true;
    case NN_SIGMOID:
        *out = NN_KERNEL_SIGMOID;
        return true;
    case NN_TANH:
        *out = NN_KERNEL_TANH;
        return true;
    case NN_RELU:
        *out = NN_KERNEL_RELU;
        return true;
    default:
        return false;
    }
}

/* Layer i; false where the path does not know such a one. */
static bool
plan_layer(struct nn_net *net, size_t i, struct nn_kernel_tiny_layer *out)
{
    const struct nn_spec       *spec = nn_net_spec(net);
    const struct nn_layer_spec *layer = &spec->layer[i];
    size_t n_in = i == 0 ? nn_net_n_in(net) : spec->layer[i - 1].units;

    if (layer->type != &nn_dense || layer->l1 != 0 || layer->l2 != 0 ||
        layer->max_norm != 0 || n_in > NN_KERNEL_TINY_WIDTH ||
        layer->units > NN_KERNEL_TINY_WIDTH ||
        !function_of(layer->activation, &out->f))
        return false;
    out->n_in = n_in;
    out->n_out = layer->units;
    out->biased = layer->use_bias;
    out->params = nn_net_params(net) + nn_net_layer_offset(net, i);
    return true;
}

static bool
plan_loss(const struct nn_spec *spec, size_t n_out, struct nn_kernel_tiny *out)
{
    switch (spec->loss.type) {
    case NN_SQUARED_ERROR:
        out->scale = 1;
        out->factor = 0.5;
        return true;
    case NN_MSE: /* Only where 1 / n_out is exact is a product the quotient. */
        out->scale = 2.0f / (float)n_out;
        out->factor = 1.0 / (double)n_out;
        return (n_out & (n_out - 1)) == 0;
    default:
        return false;
    }
}

bool
nn_tiny_plan(struct nn_net *net, const struct nn_optimizer *opt,
             const struct nn_train_options *options, const float *weight,
             struct nn_kernel_tiny *out)
{
    const struct nn_spec *spec = nn_net_spec(net);
    size_t                n_out = nn_net_n_out(net);

    if (options->batch_size != 1 || weight != NULL || options->clip_norm > 0 ||
        options->clip_value > 0 || (options->multi_label && n_out > 1) ||
        spec->n_layers > NN_KERNEL_TINY_LAYERS || !nn_optimizer_is_plain(opt) ||
        !plan_loss(spec, n_out, out))
        return false;
    out->n_layers = spec->n_layers;
    out->rate = options->rate;
    for (size_t i = 0; i < spec->n_layers; i++)
        if (!plan_layer(net, i, &out->layer[i]))
            return false;
    return true;
}

bool
nn_tiny_rows(const struct nn_kernel_tiny *tiny, struct nn_work *work,
             struct nn_optimizer *opt, const float *x, const float *t, size_t n,
             const struct nn_train_options *options, struct nn_train_sums *sums)
{
    /* A kernel may write a whole vector where the last row begins. */
    float                      y[(NN_TINY_ROWS + 1) * NN_KERNEL_TINY_WIDTH];
    size_t                     n_out = tiny->layer[tiny->n_layers - 1].n_out;
    struct nn_kernel_tiny_sums s = { sums->loss, sums->gradient_norm, { 0 } };

    for (size_t i = 0; i < tiny->n_layers; i++)
        s.layer_norm[i] = sums->layer_norm[i];
    size_t done = nn_kernel()->tiny(tiny, x, t, n, y, &s);

    nn_optimizer_skip(opt, done < n ? done + 1 : n);
    sums->loss = s.loss;
    sums->gradient_norm = s.norm;
    for (size_t i = 0; i < tiny->n_layers; i++)
        sums->layer_norm[i] = s.layer_norm[i];
    sums->n_rows += done;
    sums->n_batches += done;
    sums->n_correct += nn_count_correct(y, t, done, n_out, options->middle,
                                        options->multi_label);
    if (done > 0) {
        work->output = work->y[tiny->n_layers - 1];
        memcpy(work->output, y + (done - 1) * n_out, n_out * sizeof(*y));
    }
    return done == n;
}
