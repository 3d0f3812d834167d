#include "nn_fixture.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"

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

struct nn_layer_spec
fix_layer_of(const char *type)
{
    struct nn_layer_spec layer;

    nn_layer_spec_init(&layer, nn_layer_type_find(type));
    layer.units = 5;   /* of dense */
    layer.rate = 0.4f; /* of dropout */
    return layer;
}

struct nn_layer_spec
fix_dense(size_t units, enum nn_activation activation)
{
    struct nn_layer_spec layer = fix_layer_of("dense");

    layer.units = units;
    layer.activation = activation;
    return layer;
}

void
fix_add(struct nn_spec *spec, struct nn_layer_spec layer)
{
    spec->layer[spec->n_layers++] = layer;
}

void
fix_ready(struct nn_spec *spec)
{
    struct errinfo e;

    err_clear(&e);
    ck_assert_msg(nn_spec_check(spec, &e) == ERR_OK, "%s: %s", e.item[0].where,
                  err_what(&e));
}

/* Every kind there is, with all that keeps state; of about this width. */
struct nn_spec
fix_all_layers(size_t width)
{
    struct nn_spec       spec = { .input = { .rank = 2, .dim = { 2, 3 } },
                                  .loss = nn_loss_spec(NN_CROSS_ENTROPY) };
    struct nn_layer_spec dense = fix_dense(width, NN_GELU);
    struct nn_layer_spec activation = fix_layer_of("activation");

    dense.l1 = 1e-4f;
    dense.l2 = 1e-3f;
    dense.max_norm = 0.8f;
    activation.activation = NN_SILU;
    fix_add(&spec, fix_layer_of("batch_norm")); /* of a sequence */
    fix_add(&spec, fix_layer_of("flatten"));
    fix_add(&spec, dense);
    fix_add(&spec, fix_layer_of("batch_norm"));
    fix_add(&spec, activation);
    fix_add(&spec, fix_layer_of("dropout"));
    fix_add(&spec, fix_dense(width - 3, NN_SOFTPLUS));
    fix_add(&spec, fix_layer_of("layer_norm"));
    fix_add(&spec, fix_dense(9, NN_ELU));
    fix_add(&spec, fix_dense(3, NN_SOFTMAX));
    spec.loss.label_smoothing = 0.1f;
    fix_ready(&spec);
    for (size_t i = 0; nn_layer_type_at(i) != NULL; i++) {
        bool found = false;

        for (size_t k = 0; k < spec.n_layers; k++)
            found |= spec.layer[k].type == nn_layer_type_at(i);
        ck_assert_msg(found, "%s", nn_layer_type_name(nn_layer_type_at(i)));
    }
    return spec;
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
