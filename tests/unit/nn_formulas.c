/*
 * nn_formulas.c - every activation as its formula has it, in double
 *
 * A new activation is a row here, and everything is tested: its values on every
 * instruction set, and gradients through it in every place of a network.
 */
#include "nn_formulas.h"

#include <math.h>

#include "base/mem.h"

static struct fix_pair
sigmoid_of(double z, double slope)
{
    (void)slope;
    double y = z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));

    return (struct fix_pair){ y, exp(-fabs(z)) / pow(1 + exp(-fabs(z)), 2) };
}

static struct fix_pair
tanh_of(double z, double slope)
{
    (void)slope;
    return (struct fix_pair){ tanh(z), 1 / pow(cosh(z), 2) };
}

static struct fix_pair
linear_of(double z, double slope)
{
    (void)slope;
    return (struct fix_pair){ z, 1 };
}

static struct fix_pair
relu_of(double z, double slope)
{
    (void)slope;
    return (struct fix_pair){ z > 0 ? z : 0, z > 0 };
}

static struct fix_pair
leaky_relu_of(double z, double slope)
{
    return (struct fix_pair){ z > 0 ? z : slope * z, z > 0 ? 1 : slope };
}

static struct fix_pair
elu_of(double z, double slope)
{
    (void)slope;
    return (struct fix_pair){ z > 0 ? z : expm1(z), z > 0 ? 1 : exp(z) };
}

static struct fix_pair
gelu_of(double z, double slope)
{
    (void)slope;
    double share = erfc(-z / sqrt(2)) / 2;

    return (struct fix_pair){ z * share, share + z * exp(-z * z / 2) /
                                                     sqrt(2 * acos(-1)) };
}

static struct fix_pair
silu_of(double z, double slope)
{
    double s = sigmoid_of(z, slope).y;

    return (struct fix_pair){ z * s, s * (1 + z * (1 - s)) };
}

static struct fix_pair
softplus_of(double z, double slope)
{
    return (struct fix_pair){ z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)),
                              sigmoid_of(z, slope).y };
}

static struct fix_pair
softsign_of(double z, double slope)
{
    (void)slope;
    return (struct fix_pair){ z / (1 + fabs(z)), 1 / pow(1 + fabs(z), 2) };
}

/*
 * How far float32 may be off.  y: in units of the last place.  Its slope: of 1,
 * because that is what it is compared with where errors are propagated; a slope
 * told by y knows no more than y's digits (near 1, of sigmoid and tanh).
 */
/* clang-format off */
static const struct fix_formula rows[] = {
    { NN_LINEAR,     linear_of,     0,   0    },
    { NN_SIGMOID,    sigmoid_of,    2,   2e-7 },
    { NN_TANH,       tanh_of,       2,   3e-7 },
    { NN_RELU,       relu_of,       0,   0    },
    { NN_LEAKY_RELU, leaky_relu_of, 0.5, 0    },
    { NN_ELU,        elu_of,        3,   2e-7 },
    { NN_GELU,       gelu_of,       5,   4e-7 },
    { NN_SILU,       silu_of,       3,   4e-7 },
    { NN_SOFTPLUS,   softplus_of,   3,   3e-7 },
    { NN_SOFTSIGN,   softsign_of,   1.5, 2e-7 },
};
/* clang-format on */

const struct fix_formula *
fix_formula_at(size_t i)
{
    return i < COUNT_OF(rows) ? &rows[i] : NULL;
}

const struct fix_formula *
fix_formula_of(enum nn_activation a)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].a == a)
            return &rows[i];
    return NULL;
}
