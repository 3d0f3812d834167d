/*
 * check.h - our gradients against the definition of a derivative
 *
 * Model    For parameter w of the network, nn_net_gradient() in float32 is
 *          compared with (E(w + h) - E(w - h)) / 2h, E being the loss of a
 *          second forward pass in double, written apart from the first (the
 *          exact functions of the rows), with the penalties of the layers.
 *          Dropout lets everything through; batch_norm takes the batch's own
 *          mean and variance, as in training.  At a kink (relu at 0, |w| at 0)
 *          the second pass stays on the side that float32 took.
 *          The error is |g - g'| / max(|g|, |g'|, floor): the floor is 1 % of
 *          the largest gradient seen in that layer, at least 1e-6, because
 *          a small difference of large numbers in float32 has no more digits.
 * Errors   ERR_INVALID at "/inputs" where rows and parameters are more than
 *          one check may take, or where the loss is not finite (named
 *          loss_not_finite); ERR_NOMEM.
 * Limits   NN_CHECK_MAX_ROWS rows; in each layer as many parameters as a budget
 *          of multiply-adds allows, one from each of as many equal parts,
 *          always the same ones.
 */
#ifndef NN_CHECK_H
#define NN_CHECK_H

#include "nn/net.h"

#define NN_CHECK_MAX_ROWS 256

struct nn_check_layer {
    size_t n_checked;     /* parameters; 0: it has none    */
    double largest_error; /* relative, see above           */
    size_t parameter;     /* which one, within the layer   */
    double gradient;      /* ours there                    */
    double difference;    /* and the central difference    */
};

struct nn_check {
    double                loss;       /* in float32, without penalties */
    double                exact_loss; /* in double                     */
    struct nn_check_layer layer[NN_MAX_LAYERS];
};

/* Memory that a check of n rows takes; ERR_INVALID where it is beyond what one
 * check may do. */
enum err nn_check_bytes(const struct nn_net *net, size_t n, size_t *out,
                        struct errinfo *e);

/* Check at rows x [n][n_in], t [n][n_out]. */
enum err nn_check_gradient(const struct nn_net *net, const float *x,
                           const float *t, size_t n, struct nn_check *out,
                           struct errinfo *e);

#endif
