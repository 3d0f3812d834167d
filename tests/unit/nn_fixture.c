#include "nn_fixture.h"

#include <check.h>
#include <math.h>
#include <string.h>

struct nn_spec
fix_spec(size_t n_in, const struct fix_layer *layer, size_t n_layers,
         enum nn_loss loss)
{
    struct nn_spec spec = {
        .input = { .rank = 1, .dim = { n_in } },
        .n_layers = n_layers,
        .loss = nn_loss_spec(loss),
    };
    struct errinfo e;

    err_clear(&e);
    for (size_t i = 0; i < n_layers; i++) {
        nn_layer_spec_init(&spec.layer[i], nn_layer_type_find("dense"));
        spec.layer[i].units = layer[i].units;
        spec.layer[i].activation = layer[i].activation;
    }
    ck_assert_msg(nn_spec_check(&spec, &e) == ERR_OK, "%s: %s", e.item[0].where,
                  err_what(&e));
    return spec;
}

struct nn_net *
fix_net(const struct nn_spec *spec, uint64_t seed)
{
    struct nn_net *net = NULL;

    ck_assert_int_eq(nn_net_new(spec, &net, NULL), ERR_OK);
    nn_net_init(net, seed);
    return net;
}

struct nn_work *
fix_work(const struct nn_net *net, size_t max_batch)
{
    struct nn_work *work = NULL;

    ck_assert_int_eq(nn_work_new(net, max_batch, true, &work, NULL), ERR_OK);
    return work;
}

struct nn_optimizer *
fix_optimizer(const char *name, float momentum, size_t n_params)
{
    struct nn_optimizer_spec spec;
    struct nn_optimizer     *opt = NULL;

    nn_optimizer_spec_init(&spec, nn_optimizer_type_find(name));
    spec.momentum = momentum;
    ck_assert_int_eq(nn_optimizer_new(&spec, n_params, &opt, NULL), ERR_OK);
    return opt;
}

void
fix_step(struct nn_optimizer *opt, float *params, const float *grad, size_t n,
         float rate)
{
    nn_optimizer_begin(opt);
    nn_optimizer_update(opt, params, grad, 0, n, rate);
}

void
fix_sine(float *out, size_t n, double a, double b, double scale)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(scale * sin(a * (double)i + b));
}

bool
fix_same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof(*a)) == 0;
}

double
fix_ulps(float got, double want)
{
    float  nearest = (float)want;
    int    exponent;
    double unit;

    if (isnan(want) || isinf(nearest))
        return (isnan(want) ? isnan(got) : got == nearest) ? 0 : INFINITY;
    frexp(want, &exponent);
    unit = ldexp(1, exponent - 24);
    if (unit < 0x1p-149) /* subnormal */
        unit = 0x1p-149;
    return fabs(got - want) / unit;
}
