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

/* The floats follow in the same block: the kernels' scratch, each layer's
 * outputs and, to train, what each layer keeps and the two buffers of error
 * terms; each on a cache line. */
struct nn_work {
    size_t max_batch;
    float *y[NN_MAX_LAYERS];    /* [i]: outputs of layer i, [n][out]    */
    float *kept[NN_MAX_LAYERS]; /* for its backward; NULL: nothing   */
    float *d[2];                /* error terms in turn; NULL: no training */
    float *scratch;
    float *output; /* of the last pass, borrowed from y[]  */
};

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_work) + FLOAT_SIZE - 1) / FLOAT_SIZE)

/* Floats for max_batch samples of width floats, and fixed more; false on
 * overflow. */
static bool
batch_floats(size_t max_batch, size_t width, size_t fixed, size_t *out)
{
    size_t n;

    if (!mem_mul(max_batch, width, &n) || !mem_add(n, fixed, &n) ||
        !mem_add(n, 15, &n))
        return false;
    *out = n / 16 * 16;
    return true;
}

/* How large each part is, in floats, and the whole. */
struct sizes {
    size_t y[NN_MAX_LAYERS], kept[NN_MAX_LAYERS], d, total;
};

static struct nn_layer_room
room_of(const struct nn_layer_spec *layer, const struct nn_shape *in)
{
    if (layer->type->room == NULL)
        return (struct nn_layer_room){ 0 };
    return layer->type->room(layer, in);
}

/* False on overflow. */
static bool
work_sizes(const struct nn_spec *spec, size_t max_batch, bool training,
           struct sizes *out)
{
    struct nn_layout layout = nn_layout_of(spec);
    struct sizes     s = { .total = HEADER_FLOATS };
    size_t           widest = 0;

    if (!mem_add(s.total, nn_kernel_scratch_floats(), &s.total))
        return false;
    for (size_t i = 0; i < spec->n_layers; i++) {
        struct nn_layer_room room = { 0 };
        size_t               width = nn_shape_size(&layout.shape[i + 1]);

        widest = width > widest ? width : widest;
        if (training)
            room = room_of(&spec->layer[i], &layout.shape[i]);
        if (!batch_floats(max_batch, width, 0, &s.y[i]) ||
            !batch_floats(max_batch, room.per_sample, room.fixed, &s.kept[i]) ||
            !mem_add(s.total, s.y[i], &s.total) ||
            !mem_add(s.total, s.kept[i], &s.total))
            return false;
    }
    if (training &&
        (!batch_floats(max_batch, widest, 0, &s.d) ||
         !mem_add(s.total, s.d, &s.total) || !mem_add(s.total, s.d, &s.total)))
        return false;
    *out = s;
    return true;
}

enum err
nn_work_bytes(const struct nn_spec *spec, size_t max_batch, bool training,
              size_t *out, struct errinfo *e)
{
    struct sizes sizes;
    size_t       bytes;

    if (!work_sizes(spec, max_batch, training, &sizes) ||
        !mem_mul(sizes.total, sizeof(float), &bytes))
        return err_set(e, ERR_INVALID, "/batch_size",
                       "%zu samples at once are more than memory can address",
                       max_batch);
    *out = bytes;
    return ERR_OK;
}

/* The next n floats of the block; NULL for none. */
static float *
take(float **next, size_t n)
{
    float *p = n > 0 ? *next : NULL;

    *next += n;
    return p;
}

enum err
nn_work_new(const struct nn_net *net, size_t max_batch, bool training,
            struct nn_work **out, struct errinfo *e)
{
    const struct nn_spec *spec = nn_net_spec(net);
    struct sizes          sizes;
    size_t                bytes;
    enum err rc = nn_work_bytes(spec, max_batch, training, &bytes, e);

    assert(max_batch > 0);
    if (rc != ERR_OK)
        return rc;
    work_sizes(spec, max_batch, training, &sizes);

    float          *next = mem_floats(sizes.total, 0);
    struct nn_work *work = (void *)next;

    if (work == NULL)
        return err_set(e, ERR_NOMEM, "",
                       "out of memory for a pass of %zu samples (%zu bytes)",
                       max_batch, bytes);
    work->max_batch = max_batch;
    next += HEADER_FLOATS;
    work->scratch = take(&next, nn_kernel_scratch_floats());
    for (size_t i = 0; i < spec->n_layers; i++) {
        work->y[i] = take(&next, sizes.y[i]);
        work->kept[i] = take(&next, sizes.kept[i]);
    }
    for (int i = 0; i < 2; i++)
        work->d[i] = take(&next, sizes.d);
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

const float *
nn_work_layer_output(const struct nn_work *work, size_t i)
{
    return work->y[i];
}

/* --- a pass --------------------------------------------------------------- */

struct pass {
    const struct nn_net   *net;
    struct nn_work        *work;
    size_t                 n;
    bool                   training;
    const struct nn_draws *draws;
};

/* Where layer i draws. */
static struct random_at
draws_of(const struct nn_draws *draws, size_t i)
{
    if (draws == NULL)
        return (struct random_at){ 0 };
    return (struct random_at){
        .seed = draws->seed,
        .purpose = RANDOM_DROPOUT | (uint32_t)i << 8,
        .epoch = draws->epoch,
        .step = draws->batch,
    };
}

/* What layer i needs to know. */
static struct nn_layer_pass
layer_pass(const struct pass *p, size_t i, const struct random_at *draws)
{
    const struct nn_spec *spec = nn_net_spec(p->net);

    return (struct nn_layer_pass){
        .kernel = nn_kernel(),
        .spec = &spec->layer[i],
        .in = i == 0 ? &spec->input : nn_net_layer_shape(p->net, i - 1),
        .out = nn_net_layer_shape(p->net, i),
        .n = p->n,
        .params = nn_net_params_const(p->net) + nn_net_layer_offset(p->net, i),
        .scratch = p->work->scratch,
        .training = p->training,
        .kept = p->training ? p->work->kept[i] : NULL,
        .draws = p->draws != NULL ? draws : NULL,
    };
}

static const float *
forward(const struct pass *p, const float *x)
{
    const struct nn_spec *spec = nn_net_spec(p->net);
    struct nn_work       *work = p->work;

    assert(p->n > 0 && p->n <= work->max_batch);
    for (size_t i = 0; i < spec->n_layers; i++) {
        struct random_at     draws = draws_of(p->draws, i);
        struct nn_layer_pass pass = layer_pass(p, i, &draws);

        spec->layer[i].type->forward(&pass, i == 0 ? x : work->y[i - 1],
                                     work->y[i]);
    }
    work->output = work->y[spec->n_layers - 1];
    return work->output;
}

const float *
nn_net_forward(const struct nn_net *net, struct nn_work *work, const float *x,
               size_t n)
{
    const struct pass p = { .net = net, .work = work, .n = n };

    return forward(&p, x);
}

double
nn_net_gradient(const struct nn_net *net, struct nn_work *work,
                const struct nn_draws *draws, const float *x, const float *t,
                const float *weight, size_t n, float *grad, float *dx)
{
    const struct pass     p = { net, work, n, true, draws };
    const struct nn_spec *spec = nn_net_spec(net);
    size_t                n_out = nn_net_n_out(net);
    const float          *y = forward(&p, x);
    float                *d = work->d[0], *other = work->d[1];

    assert(d != NULL);
    nn_loss_delta(&spec->loss, d, y, t, weight, n, n_out);
    for (size_t i = spec->n_layers; i-- > 0;) {
        struct random_at     at = draws_of(draws, i);
        struct nn_layer_pass pass = layer_pass(&p, i, &at);
        float               *before = i > 0 ? other : dx;

        pass.dz_given =
            i + 1 == spec->n_layers &&
            nn_loss_row(spec->loss.type)->output != NN_ACTIVATION_COUNT;
        spec->layer[i].type->backward(
            &pass, i > 0 ? work->y[i - 1] : x, work->y[i], d,
            grad + nn_net_layer_offset(net, i), before);
        other = d;
        d = before;
    }
    return nn_loss_mean(spec, y, t, weight, n, n_out);
}
