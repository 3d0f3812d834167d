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
 *          does say stands, unless no job on that dataset could use it: then it
 *          is a mistake.  A network made without "dataset" takes any.
 */
#ifndef CODEC_NETWORK_DATA_H
#define CODEC_NETWORK_DATA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "codec/network.h"
#include "store/store.h"

/* What the named dataset asks of a network. */
struct codec_made_for {
    char   dataset[CODEC_NAME_SIZE]; /* "": none was named                   */
    size_t n_in, n_in_told;          /* inputs; with an indicator            */
    size_t n_out, n_out_least;       /* outputs; for two classes one will do */
    bool   has_classes;
};

/* Fill in what is left out, and take "dataset" and what goes with it away; a
 * document without "dataset" stays as it is.  Mistakes are added to e, and then
 * it is false: what is filled in is only there to be read, so that the rest of
 * the document can be. */
bool codec_network_complete(json_t *document, struct store *db,
                            struct codec_made_for *out, struct errinfo *e);

/* Does what the body said of shape and outputs contradict the dataset?  spec is
 * checked; mistakes are added to e. */
void codec_network_fits(const struct codec_made_for *made,
                        const struct nn_spec *spec, struct errinfo *e);

#endif
