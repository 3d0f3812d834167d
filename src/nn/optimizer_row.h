/*
 * optimizer_row.h - what an optimiser does to a piece of the parameters: a row
 *
 * Model    Every parameter moves by itself, by its gradient and by what the
 *          optimiser remembers of it, so that pieces of any size give the same
 *          bits.  To add one: a row, its members, and its line in the table of
 *          tests/unit/nn_optimizer.c.
 */
#ifndef NN_OPTIMIZER_ROW_H
#define NN_OPTIMIZER_ROW_H

#include "nn/optimizer.h"

/* n parameters at once. */
struct nn_optimizer_piece {
    const struct nn_optimizer_spec *spec;
    uint64_t                        steps;  /* with this one: 1 at first */
    const double                   *factor; /* of the step: by begin()  */
    float                           rate;
    size_t                          n;
    float                          *w;
    const float                    *g;
    float *state[NN_OPTIMIZER_VECTORS]; /* zeros before the first step */
};

struct nn_optimizer_type {
    const char             *name;
    const struct nn_member *members;
    bool                    full_batch; /* makes sense for whole epochs only */
    /* Floats a parameter that it keeps between steps. */
    size_t (*n_vectors)(const struct nn_optimizer_spec *spec);
    /* What all pieces of a step need of it; NULL: nothing. */
    void (*begin)(const struct nn_optimizer_spec *spec, uint64_t steps,
                  double factor[2]);
    /* The step of kernel.h that it is, for w and state; g is not looked at.
     * false, or NULL: there is none, and update() takes it, which may be NULL
     * where there is always one. */
    bool (*step)(const struct nn_optimizer_piece *piece,
                 struct nn_kernel_step           *out);
    void (*update)(const struct nn_optimizer_piece *piece);
};

#endif
