#include "nn/health.h"

#include <math.h>

bool
nn_health_can_die(const struct nn_spec *spec, size_t i)
{
    return spec->layer[i].activation == NN_RELU;
}

/* How many columns of y [n][width] are 0 from top to bottom. */
static size_t
zero_columns(const float *y, size_t n, size_t width)
{
    size_t n_zero = 0;

    for (size_t k = 0; k < width; k++) {
        size_t s = 0;

        while (s < n && y[s * width + k] == 0.0f)
            s++;
        n_zero += s == n;
    }
    return n_zero;
}

void
nn_health_dead(const struct nn_net *net, struct nn_work *work, const float *x,
               size_t n, double dead[NN_MAX_LAYERS])
{
    const struct nn_spec *spec = nn_net_spec(net);

    nn_net_forward(net, work, x, n);
    for (size_t i = 0; i < spec->n_layers; i++) {
        size_t width = nn_shape_size(nn_net_layer_shape(net, i));

        dead[i] = NAN;
        if (nn_health_can_die(spec, i))
            dead[i] =
                (double)zero_columns(nn_work_layer_output(work, i), n, width) /
                (double)width;
    }
}
