/*
 * health.h - what the activations of a batch tell about a net
 *
 * Model    A unit of relu that answers 0 to every row gets no gradient and
 *          cannot learn: it is dead.  Which rows are asked is the caller's
 *          choice.
 * Threads  As a pass: net is read, work written.
 */
#ifndef NN_HEALTH_H
#define NN_HEALTH_H

#include <stdbool.h>

#include "nn/net.h"

/* Can units of layer i die, as those of relu do? */
bool nn_health_can_die(const struct nn_spec *spec, size_t i);

/*
 * Run x [n][n_in] forward, n at most work's, and tell for each layer which part
 * of its units is 0 for all of it; NaN where units cannot die.
 */
void nn_health_dead(const struct nn_net *net, struct nn_work *work,
                    const float *x, size_t n, double dead[NN_MAX_LAYERS]);

#endif
