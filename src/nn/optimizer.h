/*
 * optimizer.h - how a gradient moves the parameters
 *
 * Model    sgd:   v = momentum v - rate g, w += v     (the textbook's rule with
 *                 its momentum term; momentum 0: w -= rate g)
 *          The others stand in optimizer_row.c and README.md.
 *          A row in a table, as the layers are: name, members, state, step or
 *          update.
 * Owner    nn_optimizer_new() gives the caller an optimiser with zeroed state.
 * Threads  One thread at a time, the one that trains the net.
 * Format   State as stored: "steps" uint64 LE, then the vectors, float32 LE.
 */
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/net.h"
#include "nn/spec.h"

#define NN_OPTIMIZER_VECTORS 2

struct nn_optimizer_type; /* a row */

struct nn_optimizer_spec {
    const struct nn_optimizer_type *type;
    float                           learning_rate; /* > 0; rprop has none: 0 */
    float                           momentum;      /* [0, 1)     */
    bool                            nesterov;
    float                           weight_decay;
    float                           rho; /* of rmsprop */
    float                           beta_1, beta_2, epsilon;
    float                           eta_plus, eta_minus; /* of rprop */
    float                           delta_0, delta_min, delta_max;
};

const struct nn_optimizer_type *nn_optimizer_type_find(const char *name);
const struct nn_optimizer_type *nn_optimizer_type_at(size_t i);
const char *nn_optimizer_type_name(const struct nn_optimizer_type *t);
/* Does it make sense only where a batch is all rows (rprop)?  Such a one takes
 * no learning rate either. */
bool nn_optimizer_type_wants_full_batch(const struct nn_optimizer_type *t);
/* Members, offsets in struct nn_optimizer_spec; learning_rate is one of them.
 */
const struct nn_member      *
nn_optimizer_type_members(const struct nn_optimizer_type *t);
void nn_optimizer_spec_init(struct nn_optimizer_spec       *spec,
                            const struct nn_optimizer_type *type);

/* Check what no single member tells; adds to e, at "/optimizer/...". */
enum err nn_optimizer_spec_check(const struct nn_optimizer_spec *spec,
                                 struct errinfo                 *e);

struct nn_optimizer;
struct nn_kernel_step;

size_t   nn_optimizer_bytes(const struct nn_optimizer_spec *spec,
                            size_t                          n_params);
enum err nn_optimizer_new(const struct nn_optimizer_spec *spec, size_t n_params,
                          struct nn_optimizer **out, struct errinfo *e);
void     nn_optimizer_free(struct nn_optimizer *opt); /* NULL is fine */

/*
 * One update is a step that begins, and then every parameter that is trained,
 * once, in pieces of any size: parameters first..first + n of params [n_params]
 * by their mean gradient grad [n], at this rate.  The pieces do not matter to
 * the result.  Returns the sum of grad's squares; where that is no finite
 * number, what is not finite moves nothing, and other elements of it may not.
 */
void   nn_optimizer_begin(struct nn_optimizer *opt);
double nn_optimizer_update(struct nn_optimizer *opt, float *params,
                           const float *grad, size_t first, size_t n,
                           float rate);
/* The same as a step that kernel.h can take, of all parameters, for whoever
 * takes it piece by piece.  false: it has none for this optimiser. */
bool nn_optimizer_step(const struct nn_optimizer *opt, float *params,
                       float rate, struct nn_kernel_step *out);
/* So many steps were made by somebody else. */
void nn_optimizer_skip(struct nn_optimizer *opt, size_t n_steps);

/* The vectors that an update of a parameter touches beside it, [n_params]. */
void nn_optimizer_vectors(const struct nn_optimizer *opt,
                          const float               *out[NN_OPTIMIZER_VECTORS]);

/* Is it w -= rate g and nothing else? */
bool nn_optimizer_is_plain(const struct nn_optimizer *opt);

size_t   nn_optimizer_state_bytes(const struct nn_optimizer *opt);
void     nn_optimizer_export(const struct nn_optimizer *opt, void *out);
enum err nn_optimizer_import(struct nn_optimizer *opt, const void *p,
                             size_t len, struct errinfo *e);

#endif
