/*
 * init.h - initial values of a tensor
 *
 * Model    With limit L, stddev S and random_uniform() or random_normal():
 *          glorot_uniform L = sqrt(6 / (fan_in + fan_out)), glorot_normal
 *          S = sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010);
 *          he_uniform L = sqrt(6 / fan_in), he_normal S = sqrt(2 / fan_in)
 *          (He et al. 2015); lecun_normal S = sqrt(1 / fan_in) (LeCun et al.
 *          1998); uniform and normal as their scale says.  Normals are
 *          not truncated.
 */
#ifndef NN_INIT_H
#define NN_INIT_H

#include "base/random.h"
#include "nn/layer.h"

/* Fill a tensor [n] as its rule says, from the draws at this place. */
void nn_init_fill(const struct nn_tensor_rule *rule, const struct random_at *at,
                  float *out, size_t n);

/* The scale of a type where none was given; 0 where it takes none. */
float nn_init_default_scale(enum nn_init i);

#endif
