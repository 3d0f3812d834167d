/*
 * nn_fixture.h - small networks for the suites of check_nn
 *
 * Owner    What a make_ function returns goes back with its nn_…_free(); a
 *          failure to make it ends the test.
 */
#ifndef NN_FIXTURE_H
#define NN_FIXTURE_H

#include "nn/net.h"
#include "nn/optimizer.h"

struct fix_layer {
    size_t             units;
    enum nn_activation activation;
};

/* Dense layers on n_in inputs, all members at their defaults; checked. */
struct nn_spec fix_spec(size_t n_in, const struct fix_layer *layer,
                        size_t n_layers, enum nn_loss loss);

/* A layer of this type, 5 units or a rate of 0.4 where it has such a member. */
struct nn_layer_spec fix_layer_of(const char *type);
struct nn_layer_spec fix_dense(size_t units, enum nn_activation activation);
void                 fix_add(struct nn_spec *spec, struct nn_layer_spec layer);
/* Check it; a mistake ends the test. */
void fix_ready(struct nn_spec *spec);
/* Every kind of layer, with all that keeps state, from [2][3] to 3 outputs; the
 * dense ones are about this wide. */
struct nn_spec fix_all_layers(size_t width);

struct nn_net       *fix_net(const struct nn_spec *spec, uint64_t seed);
struct nn_work      *fix_work(const struct nn_net *net, size_t max_batch);
struct nn_optimizer *fix_optimizer(const char *name, float momentum,
                                   size_t n_params);

/* One step over all n parameters. */
void fix_step(struct nn_optimizer *opt, float *params, const float *grad,
              size_t n, float rate);

/* out[i] = scale sin(a i + b) */
void fix_sine(float *out, size_t n, double a, double b, double scale);

/* The same floats, bit for bit. */
bool fix_same(const float *a, const float *b, size_t n);

/* Distance in units of the last place of the float32 nearest to want. */
double fix_ulps(float got, double want);

#endif
