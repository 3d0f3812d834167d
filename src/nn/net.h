/*
 * net.h - a feed-forward network: its parameters, and one pass through it
 *
 * Model    A chain of layers.  A dense layer computes z = W x + b, y = f(z).
 *          W is row-major [n_out][n_in]: W[j * n_in + i] is the textbook's
 *          w_ij, from unit i to unit j.  All is float32; a batch's loss is the
 *          mean over its samples.  Error terms are the textbook's with the sign
 *          of a gradient: dz_j = dE/dz_j = -(delta_j), so that
 *          w += eta * delta_j * y_i  is  w -= eta * dz_j * y_i.
 * Owner    nn_net_new() gives the caller one block: header, layout and all
 *          parameters; nn_net_free() takes it back.  Pointers into a net are
 *          borrowed and live as long as the net does.
 * Threads  No hidden state.  A net that nobody trains may be read by any
 *          number of threads; all that a pass writes is in struct nn_work,
 *          one per thread.
 * Errors   Only the _new and _import functions can fail: ERR_NOMEM,
 *          ERR_CORRUPT. Shapes that do not match are a bug of the caller and
 *          assert.
 */
#ifndef NN_NET_H
#define NN_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/spec.h"

struct nn_net;
struct nn_work; /* activations and error terms of one pass */

/* --- a net ---------------------------------------------------------------- */

/* Bytes a net of this checked spec takes; never overflows (the check saw to
 * it). */
size_t nn_net_bytes(const struct nn_spec *spec);

/* A net of this checked spec (nn_spec_check()), all parameters zero. */
enum err nn_net_new(const struct nn_spec *spec, struct nn_net **out,
                    struct errinfo *e);
enum err nn_net_clone(const struct nn_net *net, struct nn_net **out,
                      struct errinfo *e);
void     nn_net_free(struct nn_net *net); /* NULL is fine */

/* Set all parameters as the spec's init members and this seed say. */
void nn_net_init(struct nn_net *net, uint64_t seed);

/*
 * Keep the weights of dense layers turned (kernel.h) beside those as they are:
 * a pass over a few samples then takes half the time or less and gives the same
 * bytes.  For a net that is trained no more: parameters that change later are
 * not seen.  nn_net_turned_bytes() more bytes; freed with the net.
 */
enum err nn_net_turn(struct nn_net *net, struct errinfo *e);
size_t   nn_net_turned_bytes(const struct nn_spec *spec);
/* Layer i's turned weights; NULL where there are none. */
const float *nn_net_turned(const struct nn_net *net, size_t i);

const struct nn_spec  *nn_net_spec(const struct nn_net *net);
size_t                 nn_net_n_in(const struct nn_net *net);
size_t                 nn_net_n_out(const struct nn_net *net);
const struct nn_shape *nn_net_output_shape(const struct nn_net *net);
/* Of layer i: the shape it gives, and how many parameters it has. */
const struct nn_shape *nn_net_layer_shape(const struct nn_net *net, size_t i);
size_t nn_net_layer_parameters(const struct nn_net *net, size_t i);
/* How many of them are trained: the first ones.  The rest (running means) is
 * measured, and neither a gradient nor an optimiser touches it. */
size_t nn_net_layer_trained(const struct nn_net *net, size_t i);
/* Where they begin, in floats from the first parameter. */
size_t nn_net_layer_offset(const struct nn_net *net, size_t i);

/* All parameters, in layer order, a layer's tensors in the order of its row. */
size_t       nn_net_n_params(const struct nn_net *net);
float       *nn_net_params(struct nn_net *net);
const float *nn_net_params_const(const struct nn_net *net);

/* A named part of the parameters: "weight" [n_out][n_in], "bias" [n_out]. */
struct nn_tensor {
    size_t          layer;
    const char     *name;
    struct nn_shape shape;
    size_t          offset; /* in floats, from the first parameter */
};
size_t           nn_net_n_tensors(const struct nn_net *net);
struct nn_tensor nn_net_tensor(const struct nn_net *net, size_t i);

/* Parameters as stored: little-endian float32, nothing else.  Import refuses
 * a wrong length and numbers that are not finite (ERR_CORRUPT). */
size_t   nn_net_params_bytes(const struct nn_net *net);
void     nn_net_export(const struct nn_net *net, void *out);
enum err nn_net_import(struct nn_net *net, const void *p, size_t len,
                       struct errinfo *e);

/* --- a pass --------------------------------------------------------------- */

/* Room for passes of up to max_batch samples; training also makes room for
 * error terms.  nn_work_bytes() is what it takes (ERR_INVALID on overflow). */
enum err nn_work_bytes(const struct nn_spec *spec, size_t max_batch,
                       bool training, size_t *out, struct errinfo *e);
enum err nn_work_new(const struct nn_net *net, size_t max_batch, bool training,
                     struct nn_work **out, struct errinfo *e);
void     nn_work_free(struct nn_work *work); /* NULL is fine */
size_t   nn_work_max_batch(const struct nn_work *work);

/* Let this team share passes over work from now on; borrowed.  What the room
 * for its parts takes is beside nn_work_bytes(). */
struct nn_team;
size_t   nn_work_team_bytes(unsigned most);
/* Parts that passes over n samples are cut into at most; 1: no team pays. */
size_t   nn_work_most_parts(const struct nn_spec *spec, size_t n);
enum err nn_work_set_team(struct nn_work *work, struct nn_team *team,
                          struct errinfo *e);

/*
 * Run n samples forward to predict.  x is [n][n_in].  Returns y [n][n_out],
 * borrowed from work: the next pass over the same work overwrites it.
 */
const float *nn_net_forward(const struct nn_net *net, struct nn_work *work,
                            const float *x, size_t n);

/*
 * The mean loss of outputs y [n][n_out] against targets t [n][n_out]; weight
 * [n] multiplies a sample's loss (NULL: ones), the sum is divided by n.
 * Summed in double.
 */
double nn_loss_mean(const struct nn_spec *spec, const float *y, const float *t,
                    const float *weight, size_t n, size_t n_out);

/* Where a training pass draws its random numbers: the same place gives the same
 * numbers, whatever was drawn before. */
struct nn_draws {
    uint64_t seed;
    uint32_t epoch;
    uint32_t batch; /* within the epoch */
};

/*
 * A training pass, forward and backward: writes the gradient of the mean loss
 * over n samples to grad [n_params] and returns that loss.  What is measured
 * rather than trained gets this batch's measurement there, for nn_net_settle().
 * draws NULL: nothing is left to chance, dropout lets everything through.
 * dx [n][n_in] gets the gradient with respect to the inputs where it is not
 * NULL.  Outputs stay readable in work until the next pass: nn_work_output().
 */
double nn_net_gradient(const struct nn_net *net, struct nn_work *work,
                       const struct nn_draws *draws, const float *x,
                       const float *t, const float *weight, size_t n,
                       float *grad, float *dx);

/* After the update by grad: running means move, bounded weights are held. */
void nn_net_settle(struct nn_net *net, const float *grad);

const float *nn_work_output(const struct nn_work *work);
/* The same of layer i, [n][its shape]. */
const float *nn_work_layer_output(const struct nn_work *work, size_t i);

#endif
