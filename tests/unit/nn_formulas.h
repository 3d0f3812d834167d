/*
 * nn_formulas.h - what an activation should be, for the suites of check_nn
 */
#ifndef NN_FORMULAS_H
#define NN_FORMULAS_H

#include "nn/spec.h"

/* f(z) and f'(z), each by itself. */
struct fix_pair {
    double y, slope;
};

struct fix_formula {
    enum nn_activation a;
    struct fix_pair (*of)(double z, double slope); /* slope: of leaky_relu */
    double y_ulps, slope; /* how far float32 may be off */
};

/* All but softmax, which is not of one number; NULL past the end. */
const struct fix_formula *fix_formula_at(size_t i);
const struct fix_formula *fix_formula_of(enum nn_activation a);

#endif
