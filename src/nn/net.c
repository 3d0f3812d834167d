#include "nn/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "nn/floats.h"
#include "nn/init.h"
#include "nn/kernel/kernel.h"
#include "nn/layer.h"
#include "nn/layout.h"

/* The parameters follow in the same block, on the next cache line. */
struct nn_net {
    struct nn_spec   spec;
    struct nn_layout layout;
    float           *turned; /* NULL: none */
    size_t           turned_at[NN_MAX_LAYERS];
};

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_net) + FLOAT_SIZE - 1) / FLOAT_SIZE)

static size_t
net_floats(const struct nn_layout *layout, size_t n_layers)
{
    return HEADER_FLOATS + layout->offset[n_layers];
}

size_t
nn_net_bytes(const struct nn_spec *spec)
{
    struct nn_layout layout = nn_layout_of(spec);

    return net_floats(&layout, spec->n_layers) * sizeof(float);
}

enum err
nn_net_new(const struct nn_spec *spec, struct nn_net **out, struct errinfo *e)
{
    struct nn_layout layout = nn_layout_of(spec);
    size_t           n = net_floats(&layout, spec->n_layers);
    struct nn_net   *net = (void *)mem_floats(n, 0);

    if (net == NULL)
        return err_set(e, ERR_NOMEM, "",
                       "out of memory for a network of %zu "
                       "bytes",
                       n * sizeof(float));
    net->spec = *spec;
    net->layout = layout;
    *out = net;
    return ERR_OK;
}

enum err
nn_net_clone(const struct nn_net *net, struct nn_net **out, struct errinfo *e)
{
    struct nn_net *copy = NULL;
    enum err       rc = nn_net_new(&net->spec, &copy, e);

    if (rc != ERR_OK)
        return rc;
    memcpy(nn_net_params(copy), nn_net_params_const(net),
           nn_net_n_params(net) * sizeof(float));
    *out = copy;
    return ERR_OK;
}

void
nn_net_free(struct nn_net *net)
{
    if (net != NULL)
        free(net->turned);
    free(net);
}

/* Where each layer's turned weights begin, in floats, and all of them. */
static size_t
turned_layout(const struct nn_spec *spec, const struct nn_layout *layout,
              size_t at[NN_MAX_LAYERS])
{
    size_t sum = 0;

    for (size_t l = 0; l < spec->n_layers; l++) {
        size_t n = 0;

        if (spec->layer[l].type == &nn_dense &&
            !nn_kernel_turned_floats(nn_shape_size(&layout->shape[l + 1]),
                                     nn_shape_size(&layout->shape[l]), &n))
            return 0;
        at[l] = sum;
        if (!mem_add(sum, n, &sum))
            return 0;
    }
    return sum;
}

size_t
nn_net_turned_bytes(const struct nn_spec *spec)
{
    struct nn_layout layout = nn_layout_of(spec);
    size_t           at[NN_MAX_LAYERS];

    return turned_layout(spec, &layout, at) * sizeof(float);
}

enum err
nn_net_turn(struct nn_net *net, struct errinfo *e)
{
    const struct nn_layout *layout = &net->layout;
    size_t n = turned_layout(&net->spec, layout, net->turned_at);
    float *to = n > 0 ? mem_floats(n, 0) : NULL;

    if (n > 0 && to == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory for turned weights");
    for (size_t l = 0; l < net->spec.n_layers; l++)
        if (net->spec.layer[l].type == &nn_dense)
            nn_kernel_turn(nn_shape_size(&layout->shape[l + 1]),
                           nn_shape_size(&layout->shape[l]),
                           nn_net_params_const(net) + layout->offset[l],
                           to + net->turned_at[l]);
    free(net->turned);
    net->turned = to;
    return ERR_OK;
}

const float *
nn_net_turned(const struct nn_net *net, size_t i)
{
    if (net->turned == NULL || net->spec.layer[i].type != &nn_dense)
        return NULL;
    return net->turned + net->turned_at[i];
}

const struct nn_spec *
nn_net_spec(const struct nn_net *net)
{
    return &net->spec;
}

size_t
nn_net_n_in(const struct nn_net *net)
{
    return nn_shape_size(&net->spec.input);
}

size_t
nn_net_n_out(const struct nn_net *net)
{
    return nn_shape_size(nn_net_output_shape(net));
}

const struct nn_shape *
nn_net_output_shape(const struct nn_net *net)
{
    return &net->layout.shape[net->spec.n_layers];
}

const struct nn_shape *
nn_net_layer_shape(const struct nn_net *net, size_t i)
{
    assert(i < net->spec.n_layers);
    return &net->layout.shape[i + 1];
}

size_t
nn_net_layer_parameters(const struct nn_net *net, size_t i)
{
    assert(i < net->spec.n_layers);
    return net->layout.offset[i + 1] - net->layout.offset[i];
}

size_t
nn_net_layer_trained(const struct nn_net *net, size_t i)
{
    assert(i < net->spec.n_layers);
    return net->layout.trained[i];
}

size_t
nn_net_layer_offset(const struct nn_net *net, size_t i)
{
    assert(i < net->spec.n_layers);
    return net->layout.offset[i];
}

size_t
nn_net_n_params(const struct nn_net *net)
{
    return net->layout.offset[net->spec.n_layers];
}

float *
nn_net_params(struct nn_net *net)
{
    return (float *)(void *)net + HEADER_FLOATS;
}

const float *
nn_net_params_const(const struct nn_net *net)
{
    return (const float *)(const void *)net + HEADER_FLOATS;
}

/* --- tensors -------------------------------------------------------------- */

/* The rules of layer i; returns how many. */
static size_t
layer_rules(const struct nn_net *net, size_t i,
            struct nn_tensor_rule rule[NN_MAX_TENSORS])
{
    const struct nn_layer_spec *layer = &net->spec.layer[i];

    return layer->type->tensors(layer, &net->layout.shape[i], rule);
}

size_t
nn_net_n_tensors(const struct nn_net *net)
{
    return net->layout.n_tensors;
}

struct nn_tensor
nn_net_tensor(const struct nn_net *net, size_t i)
{
    struct nn_tensor_rule rule[NN_MAX_TENSORS];
    size_t                layer = 0, n;

    assert(i < net->layout.n_tensors);
    while (i >= (n = layer_rules(net, layer, rule))) {
        i -= n;
        layer++;
    }

    struct nn_tensor t = {
        .layer = layer,
        .name = rule[i].name,
        .shape = rule[i].shape,
        .offset = net->layout.offset[layer],
    };

    for (size_t before = 0; before < i; before++)
        t.offset += nn_shape_size(&rule[before].shape);
    return t;
}

void
nn_net_init(struct nn_net *net, uint64_t seed)
{
    float *params = nn_net_params(net);

    for (size_t i = 0; i < net->spec.n_layers; i++) {
        struct nn_tensor_rule rule[NN_MAX_TENSORS];
        size_t                n = layer_rules(net, i, rule);

        for (size_t t = 0; t < n; t++) {
            struct random_at at = {
                .seed = seed,
                .purpose = RANDOM_INIT,
                .step = (uint32_t)(i * NN_MAX_TENSORS + t),
            };
            size_t size = nn_shape_size(&rule[t].shape);

            nn_init_fill(&rule[t], &at, params, size);
            params += size;
        }
    }
}

void
nn_net_settle(struct nn_net *net, const float *grad)
{
    for (size_t i = 0; i < net->spec.n_layers; i++) {
        const struct nn_layer_spec *layer = &net->spec.layer[i];
        size_t                      at = net->layout.offset[i];

        if (layer->type->settle != NULL)
            layer->type->settle(layer, &net->layout.shape[i],
                                nn_net_params(net) + at, grad + at);
    }
}

/* --- as stored ------------------------------------------------------------ */

size_t
nn_net_params_bytes(const struct nn_net *net)
{
    return nn_net_n_params(net) * FLOAT_SIZE;
}

void
nn_net_export(const struct nn_net *net, void *out)
{
    nn_floats_export(nn_net_params_const(net), nn_net_n_params(net), out);
}

enum err
nn_net_import(struct nn_net *net, const void *p, size_t len, struct errinfo *e)
{
    if (len != nn_net_params_bytes(net))
        return err_set(e, ERR_CORRUPT, "",
                       "%zu bytes of parameters where the network has %zu", len,
                       nn_net_params_bytes(net));
    if (!nn_floats_finite(p, nn_net_n_params(net)))
        return err_set(e, ERR_CORRUPT, "",
                       "a parameter is not a finite number");
    nn_floats_import(p, nn_net_n_params(net), nn_net_params(net));
    return ERR_OK;
}
