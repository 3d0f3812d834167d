/*
 * pass.c - one batch forward, and backward
 *
 * Backpropagation as in Rumelhart, Hinton & Williams 1986: with d = dE/dz of
 * a layer, dE/dW = d x^T and dE/dx = W^T d, and dE/dz of the layer before is
 * dE/dx times its f'.  A layer's row does its own part; here is the chain.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/floats.h"
#include "nn/layout.h"
#include "nn/loss.h"
#include "nn/net.h"

/* The floats follow in the same block: each layer's outputs, the two buffers
 * of error terms (training), the kernels' scratch; each on a cache line. */
struct nn_work {
    size_t max_batch;
    float *y[NN_MAX_LAYERS]; /* [i]: outputs of layer i, [n][out]    */
    float *d[2];             /* error terms in turn; NULL: no training */
    float *scratch;
    float *output;           /* of the last pass, borrowed from y[]  */
};

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_work) + FLOAT_SIZE - 1) / FLOAT_SIZE)

/* Floats for max_batch samples of width floats; false on overflow. */
static bool
batch_floats(size_t max_batch, size_t width, size_t *out)
{
    size_t n;

    if (!mem_mul(max_batch, width, &n) || !mem_add(n, 15, &n))
        return false;
    *out = n / 16 * 16;
    return true;
}

/* Floats of the whole block, and of one buffer of error terms. */
static bool
work_floats(const struct nn_spec *spec, const struct nn_layout *layout,
            size_t max_batch, bool training, size_t *total, size_t *d_floats)
{
    size_t sum = HEADER_FLOATS, widest = 0, size;

    if (!mem_add(sum, nn_kernel_scratch_floats(), &sum))
        return false;
    for (size_t i = 0; i < spec->n_layers; i++) {
        size_t width = nn_shape_size(&layout->shape[i + 1]);

        widest = width > widest ? width : widest;
        if (!batch_floats(max_batch, width, &size) ||
            !mem_add(sum, size, &sum))
            return false;
    }
    if (!batch_floats(max_batch, widest, &size))
        return false;
    for (int i = 0; training && i < 2; i++)
        if (!mem_add(sum, size, &sum))
            return false;
    *total = sum;
    *d_floats = size;
    return true;
}

enum err
nn_work_bytes(const struct nn_spec *spec, size_t max_batch, bool training,
              size_t *out, struct errinfo *e)
{
    struct nn_layout layout = nn_layout_of(spec);
    size_t           total, d_floats, bytes;

    if (!work_floats(spec, &layout, max_batch, training, &total, &d_floats) ||
        !mem_mul(total, sizeof(float), &bytes))
        return err_set(e, ERR_INVALID, "/batch_size",
                       "%zu samples at once are more than memory can address",
                       max_batch);
    *out = bytes;
    return ERR_OK;
}

enum err
nn_work_new(const struct nn_net *net, size_t max_batch, bool training,
            struct nn_work **out, struct errinfo *e)
{
    const struct nn_spec *spec = nn_net_spec(net);
    struct nn_layout      layout = nn_layout_of(spec);
    size_t                total, d_floats, bytes;
    enum err rc = nn_work_bytes(spec, max_batch, training, &bytes, e);

    assert(max_batch > 0);
    if (rc != ERR_OK)
        return rc;
    work_floats(spec, &layout, max_batch, training, &total, &d_floats);

    float          *next = mem_floats(total, 0);
    struct nn_work *work = (void *)next;

    if (work == NULL)
        return err_set(e, ERR_NOMEM, "",
                       "out of memory for a pass of %zu samples (%zu bytes)",
                       max_batch, bytes);
    work->max_batch = max_batch;
    next += HEADER_FLOATS;
    work->scratch = next;
    next += nn_kernel_scratch_floats();
    for (size_t i = 0; i < spec->n_layers; i++) {
        work->y[i] = next;
        next += nn_floats_padded(max_batch *
                                 nn_shape_size(&layout.shape[i + 1]));
    }
    for (int i = 0; training && i < 2; i++) {
        work->d[i] = next;
        next += d_floats;
    }
    *out = work;
    return ERR_OK;
}

void
nn_work_free(struct nn_work *work)
{
    free(work);
}

size_t
nn_work_max_batch(const struct nn_work *work)
{
    return work->max_batch;
}

const float *
nn_work_output(const struct nn_work *work)
{
    assert(work->output != NULL);
    return work->output;
}

/* What layer i needs to know of a pass over n samples. */
static struct nn_layer_pass
layer_pass(const struct nn_net *net, const struct nn_work *work, size_t i,
           size_t n)
{
    const struct nn_spec *spec = nn_net_spec(net);

    return (struct nn_layer_pass){
        .kernel = nn_kernel(),
        .spec = &spec->layer[i],
        .in = i == 0 ? &spec->input : nn_net_layer_shape(net, i - 1),
        .out = nn_net_layer_shape(net, i),
        .n = n,
        .params = nn_net_params_const(net) + nn_net_layer_offset(net, i),
        .scratch = work->scratch,
    };
}

const float *
nn_net_forward(const struct nn_net *net, struct nn_work *work, const float *x,
               size_t n)
{
    const struct nn_spec *spec = nn_net_spec(net);

    assert(n > 0 && n <= work->max_batch);
    for (size_t i = 0; i < spec->n_layers; i++) {
        struct nn_layer_pass pass = layer_pass(net, work, i, n);

        spec->layer[i].type->forward(&pass, i == 0 ? x : work->y[i - 1],
                                     work->y[i]);
    }
    work->output = work->y[spec->n_layers - 1];
    return work->output;
}

double
nn_net_gradient(const struct nn_net *net, struct nn_work *work, const float *x,
                const float *t, const float *weight, size_t n, float *grad,
                float *dx)
{
    const struct nn_spec *spec = nn_net_spec(net);
    size_t                n_out = nn_net_n_out(net);
    const float          *y = nn_net_forward(net, work, x, n);
    float                *d = work->d[0], *other = work->d[1];

    assert(d != NULL);
    nn_loss_delta(spec->loss, d, y, t, weight, n, n_out);
    for (size_t i = spec->n_layers; i-- > 0;) {
        struct nn_layer_pass pass = layer_pass(net, work, i, n);
        float               *before = i > 0 ? other : dx;

        pass.dz_given = i + 1 == spec->n_layers &&
                        nn_loss_row(spec->loss)->output != NN_ACTIVATION_COUNT;
        spec->layer[i].type->backward(&pass, i > 0 ? work->y[i - 1] : x,
                                      work->y[i], d,
                                      grad + nn_net_layer_offset(net, i),
                                      before);
        other = d;
        d = before;
    }
    return nn_loss_mean(spec, y, t, weight, n, n_out);
}
