#include "nn/layout.h"

#include <assert.h>
#include <stdio.h>

#include "base/mem.h"

/* Floats of layer i, for an input of this shape, and how many of them are
 * trained; false on overflow. */
static bool
layer_size(const struct nn_layer_spec *layer, const struct nn_shape *in,
           size_t *n_tensors, size_t *trained, size_t *out)
{
    struct nn_tensor_rule rule[NN_MAX_TENSORS];
    size_t                n = layer->type->tensors(layer, in, rule), sum = 0;

    *trained = 0;

    for (size_t i = 0; i < n; i++) {
        size_t size = 1;

        for (size_t d = 0; d < rule[i].shape.rank; d++)
            if (!mem_mul(size, rule[i].shape.dim[d], &size))
                return false;
        if (!mem_add(sum, size, &sum))
            return false;
        if (!rule[i].measured)
            *trained = sum;
    }
    *n_tensors += n;
    *out = sum;
    return true;
}

enum err
nn_layout_make(const struct nn_spec *spec, struct nn_layout *out,
               struct errinfo *e)
{
    struct nn_layout l = { .shape = { spec->input } };

    for (size_t i = 0; i < spec->n_layers; i++) {
        const struct nn_layer_spec *layer = &spec->layer[i];
        size_t                      size, total;
        char                        at[40];
        enum err                    rc;

        snprintf(at, sizeof(at), "/layers/%zu", i);
        rc = layer->type->shape(layer, &l.shape[i], at, &l.shape[i + 1], e);
        if (rc != ERR_OK)
            return rc;
        if (!layer_size(layer, &l.shape[i], &l.n_tensors, &l.trained[i],
                        &size) ||
            !mem_add(l.offset[i], size, &total) || total > NN_MAX_PARAMETERS)
            return err_add(e, ERR_INVALID, at,
                           "the network would have more than %zu parameters, "
                           "which is the limit: make this layer or one before "
                           "it smaller",
                           NN_MAX_PARAMETERS);
        l.offset[i + 1] = total;
    }
    *out = l;
    return ERR_OK;
}

struct nn_layout
nn_layout_of(const struct nn_spec *spec)
{
    struct nn_layout l;
    enum err         rc = nn_layout_make(spec, &l, NULL);

    assert(rc == ERR_OK);
    (void)rc;
    return l;
}
