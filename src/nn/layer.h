/*
 * layer.h - what a kind of layer is: a row of functions
 *
 * Model    A row says how a layer's shape follows from its input, which tensors
 *          it has, and how a batch goes through it forward and backward.
 *          To add a kind: one file with its row, and the row's name in
 *          spec.c's list.  The rest of nn/ knows layers by their rows only.
 * Owner    Rows are constant.  A pass borrows everything it points to.
 */
#ifndef NN_LAYER_H
#define NN_LAYER_H

#include "base/random.h"
#include "nn/kernel/kernel.h"
#include "nn/spec.h"

/* Tensors of one layer at most.  The step of RANDOM_INIT is layer *
 * NN_MAX_TENSORS + tensor: with another number old seeds give other nets. */
#define NN_MAX_TENSORS 4

struct nn_tensor_rule {
    const char         *name;
    struct nn_shape     shape;
    struct nn_init_spec init;
    size_t              fan_in, fan_out; /* for init */
    float               start; /* what a tensor of zeros starts from instead */
    /* Measured while training, not trained: no gradient, clipping or decay.
     * Such tensors come last, so that what is trained lies together. */
    bool measured;
};

/* Floats that a training pass keeps from forward to backward. */
struct nn_layer_room {
    size_t per_sample, fixed;
};

/* Who is told that the gradient g of a layer's parameters first..first + n is
 * final: the next piece of this row.  fn NULL: nobody. */
struct nn_tell {
    void (*fn)(void *ctx, size_t row, size_t first, size_t n, const float *g);
    void *ctx;
    bool  passing; /* g need not lie in grad, nor be kept */
    /* Laid out as the layer's parameters: what fn or step will touch.  NULL:
     * none. */
    const float *beside[4];
    /* The step that these parameters are to take: who can take it as their
     * gradient is made (kernel.h) does, adds each row's squares to
     * squares[row], and does not tell.  NULL: fn is told. */
    const struct nn_kernel_step *step;
    double                      *squares;
};

/* What forward and backward work with, beside the data. */
struct nn_layer_pass {
    const struct nn_kernel     *kernel;
    const struct nn_layer_spec *spec;
    const struct nn_shape      *in, *out; /* of one sample             */
    size_t                      n;        /* samples                   */
    const float                *params;   /* of this layer             */
    const float                *turned;   /* nn_net_turned(); or NULL  */
    float                      *scratch;  /* for gemm                  */
    bool                        training; /* else it only predicts     */
    float                      *kept;  /* what room() asked for; NULL: none */
    const struct random_at     *draws; /* of this layer and batch; NULL: none */
    bool dz_given; /* backward gets dE/dz, the activation is dealt with */
};

/* The same of a pass in double, which checks gradients.  At a kink (of relu,
 * of |w|) it takes the side that float32 took, so that it can be differentiated
 * there too. */
struct nn_exact_pass {
    const struct nn_layer_spec *spec;
    const struct nn_shape      *in, *out;
    size_t                      n;
    const float                *params;
    size_t       moved; /* this parameter is larger by `by` than it says */
    double       by;
    const float *y;      /* what float32 gave [n][out]                 */
    bool         z_only; /* leave the activation out                   */
};

struct nn_layer_type {
    const char             *name;
    const struct nn_member *members;

    /* The shape of y.  `at` is the layer's pointer, "/layers/2"; what is wrong
     * is added to e. */
    enum err (*shape)(const struct nn_layer_spec *spec,
                      const struct nn_shape *in, const char *at,
                      struct nn_shape *out, struct errinfo *e);

    /* Fill rule[] in the order the tensors lie in memory; returns how many. */
    size_t (*tensors)(const struct nn_layer_spec *spec,
                      const struct nn_shape      *in,
                      struct nn_tensor_rule       rule[NN_MAX_TENSORS]);

    /* NULL: it keeps nothing. */
    struct nn_layer_room (*room)(const struct nn_layer_spec *spec,
                                 const struct nn_shape      *in);

    /* y [n][out] from x [n][in]. */
    void (*forward)(const struct nn_layer_pass *pass, const float *x, float *y);

    /*
     * Of a layer that is split (below): y[s][from..to] for every sample of the
     * batch, from the weights of these rows alone.  Threads that share it so
     * read the weights that they updated themselves; what another one wrote
     * comes slowly where two cores share no cache.  has_rows_apart() tells
     * whether y can be had so.  NULL: not.
     */
    bool (*has_rows_apart)(const struct nn_layer_spec *spec);
    void (*forward_rows)(const struct nn_layer_pass *pass, const float *x,
                         float *y, size_t from, size_t to);

    /* From d = dE/dy [n][out] (dE/dz where dz_given; overwritten) the gradient
     * of this layer's parameters and, where dx is not NULL, dE/dx [n][in].
     * The places of measured tensors get what this batch shows. */
    void (*backward)(const struct nn_layer_pass *pass, const float *x,
                     const float *y, float *d, float *grad, float *dx);

    /*
     * In place of backward(), for a layer whose samples know nothing of each
     * other and whose parameters lie in rows: threads share it then, each with
     * some of the samples or rows.  error() turns d into dE/dz and gives dx
     * (NULL: nobody needs it).  gradient() writes the gradient of the rows
     * from..to and tells of each piece while it is in the cache, or takes its
     * step; what belongs to no row (a bias) goes with the last and is told as
     * row n_rows.
     */
    void (*error)(const struct nn_layer_pass *pass, const float *y, float *d,
                  float *dx);
    size_t (*n_rows)(const struct nn_layer_spec *spec,
                     const struct nn_shape      *in);
    void (*gradient)(const struct nn_layer_pass *pass, const float *x,
                     const float *dz, float *grad, size_t from, size_t to,
                     const struct nn_tell *tell);

    /* y from x as a training pass has it, nothing left to chance. */
    void (*exact)(const struct nn_exact_pass *pass, const double *x, double *y);

    /* What is added to the loss for the parameters' sake; it is in the gradient
     * and not in the loss that is told.  NULL: nothing. */
    double (*penalty)(const struct nn_exact_pass *pass);

    /* After an update, from the same grad: move what is measured, hold what is
     * bounded.  NULL: nothing to do. */
    void (*settle)(const struct nn_layer_spec *spec, const struct nn_shape *in,
                   float *params, const float *grad);
};

/* Parameter i of an exact pass. */
static inline double
nn_exact_param(const struct nn_exact_pass *pass, size_t i)
{
    return pass->params[i] + (i == pass->moved ? pass->by : 0);
}

/* For shape(): what comes out is shaped as what goes in. */
enum err nn_layer_keeps_shape(const struct nn_layer_spec *spec,
                              const struct nn_shape *in, const char *at,
                              struct nn_shape *out, struct errinfo *e);
/* For tensors(): there are none. */
size_t nn_layer_no_tensors(const struct nn_layer_spec *spec,
                           const struct nn_shape      *in,
                           struct nn_tensor_rule       rule[NN_MAX_TENSORS]);

extern const struct nn_layer_type nn_dense, nn_activation_layer, nn_dropout,
    nn_flatten, nn_batch_norm, nn_layer_norm;

#endif
