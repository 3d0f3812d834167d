/*
 * layout.h - what follows from a spec: every layer's shape, place and size
 */
#ifndef NN_LAYOUT_H
#define NN_LAYOUT_H

#include "nn/layer.h"
#include "nn/spec.h"

struct nn_layout {
    struct nn_shape shape[NN_MAX_LAYERS + 1];  /* [i]: into layer i       */
    size_t          offset[NN_MAX_LAYERS + 1]; /* in floats; last: total  */
    size_t          trained[NN_MAX_LAYERS];    /* of them, the first ones */
    size_t          n_tensors;
};

/* Work it out, layer by layer.  Adds to e the first layer whose shape does
 * not fit, or that there are too many parameters; *out only on ERR_OK. */
enum err nn_layout_make(const struct nn_spec *spec, struct nn_layout *out,
                        struct errinfo *e);

/* Of a spec that has been checked: cannot fail. */
struct nn_layout nn_layout_of(const struct nn_spec *spec);

#endif
