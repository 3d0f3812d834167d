/*
 * pass.h - what the two directions of a pass share
 */
#ifndef NN_PASS_H
#define NN_PASS_H

#include "nn/layer.h"
#include "nn/net.h"
#include "nn/team.h"

/* The floats follow in the same block: the kernels' scratch, each layer's
 * outputs and, to train, what each layer keeps and its error terms; each on a
 * cache line. */
struct nn_work {
    size_t          max_batch;
    float          *y[NN_MAX_LAYERS];    /* [i]: outputs of layer i, [n][out] */
    float          *kept[NN_MAX_LAYERS]; /* for its backward; NULL: nothing   */
    float          *d[NN_MAX_LAYERS];    /* dE/dy, then dE/dz; NULL: predicts */
    double         *squares[NN_MAX_LAYERS]; /* of the gradient, a row   */
    float          *scratch;                /* of part 0                     */
    float          *more;                   /* of the others                 */
    struct nn_team *team;                   /* NULL: nobody helps            */
    float          *output; /* of the last pass, borrowed from y[]           */
};

struct nn_pass {
    const struct nn_net   *net;
    struct nn_work        *work;
    size_t                 n;
    bool                   training;
    const struct nn_draws *draws;
};

/* Some of a batch's samples. */
struct nn_slice {
    size_t first, n;
};

/* Where layer i draws. */
struct random_at nn_pass_draws(const struct nn_pass *p, size_t i);

/* What layer i needs to know of these samples; *draws is its own. */
struct nn_layer_pass nn_pass_layer(const struct nn_pass *p, size_t i,
                                   const struct random_at *draws, unsigned part,
                                   struct nn_slice slice);

/* Rows of layer i, which has n_rows() (layer.h). */
size_t nn_pass_n_rows(const struct nn_pass *p, size_t i);

/* The samples of one part of several; none for some where they are few. */
struct nn_slice nn_pass_slice(const struct nn_pass *p, unsigned part,
                              unsigned n_parts);

/* fn for all parts: at once where there is a team, and enough to do for each
 * (n_pieces at most). */
void nn_pass_share(const struct nn_pass *p, size_t n_pieces, nn_part_fn fn,
                   void *ctx);
/* Pieces that samples can be cut into without making them slower. */
size_t nn_pass_pieces(const struct nn_pass *p);

/* Can layer i be shared by threads? */
bool nn_pass_is_split(const struct nn_pass *p, size_t i);

const float *nn_pass_forward(const struct nn_pass *p, const float *x);

/*
 * Who is told of gradients.  ready(ctx, first, n, g): those of parameters
 * first..first + n are final, g, and in the cache, and nobody reads these
 * parameters any more in this pass.  It returns the sum of their squares.
 * Called once a range, from any part's thread.
 */
struct nn_sink {
    double (*ready)(void *ctx, size_t first, size_t n, const float *g);
    void *ctx;
    bool  passing; /* who needs no gradient again: it may not be in grad */
    const float *beside[4]; /* [n_params]: what it will touch; NULL: none */
    /* Of all parameters: taken as their gradients are made wherever it can be,
     * and ready() is told of the others only.  NULL: of all. */
    const struct nn_kernel_step *step;
    double squares[NN_MAX_LAYERS]; /* out: each layer's sum */
};

/*
 * As nn_net_gradient(), telling sink (NULL: nobody).  With a sink a loss that
 * is not finite ends the pass: grad is not written then and nobody is told.
 */
double nn_pass_gradient(const struct nn_pass *p, const float *x, const float *t,
                        const float *weight, float *grad, float *dx,
                        struct nn_sink *sink);

#endif
