/*
 * network_data.h - a network made for a dataset
 *
 * Model    {"dataset": NAME, "missing": …, "validation": {"column": …},
 *          "sample_weight": …}, the last three as in the job to come, whose
 *          columns for splits and weights are no inputs: what a body that names a dataset
 *          leaves out follows from its columns and targets.  input_shape: the
 *          inputs that the columns give, encoded so.  The last layer, a dense
 *          one: softmax over the classes, or for two of them one sigmoid;
 *          linear for numbers.  loss: the one that goes with it.  What the body
 *          does say stands, and is checked as ever.
 */
#ifndef CODEC_NETWORK_DATA_H
#define CODEC_NETWORK_DATA_H

#include <jansson.h>

#include "base/err.h"
#include "store/store.h"

/* Fill in what is left out, and take "dataset" and what goes with it away; a
 * document without "dataset" stays as it is.  Mistakes are added to e. */
void codec_network_complete(json_t *document, struct store *db,
                            struct errinfo *e);

#endif
