/*
 * serving.h - live models: published snapshots that predictions come from
 *
 * Model    A model is an immutable, counted snapshot: net, encoder, version.
 *          The registry maps a network's name to the model that serves;
 *          publishing swaps one pointer, and the old model dies with its last
 *          request.  Whoever holds a reference sees one version, whole.
 * Owner    find_ref and get give a new reference: back with _unref().
 * Threads  Any.  One mutex guards the map; it is never held across the store
 *          or a pass.
 * Errors   ERR_NOTFOUND (network, version), ERR_CORRUPT (the stored weights do
 *          not fit their digest: never served), ERR_BUSY (memory budget).
 */
#ifndef SERVING_SERVING_H
#define SERVING_SERVING_H

#include "base/mem.h"
#include "codec/predict.h"
#include "dataset/encoder.h"
#include "nn/net.h"
#include "store/store.h"

struct serving_model;

const struct nn_net          *serving_model_net(const struct serving_model *m);
const struct dataset_encoder *serving_model_encoder(const struct serving_model *m);
int64_t serving_model_version(const struct serving_model *m);
/* Floats of a raw row. */
size_t  serving_model_width(const struct serving_model *m);
bool    serving_model_has_classes(const struct serving_model *m);
void    serving_model_unref(struct serving_model *m); /* NULL is fine */

struct serving_registry;

/* db and budget are borrowed. */
enum err serving_registry_new(struct store *db, struct mem_budget *budget,
                              struct serving_registry **out, struct errinfo *e);
void     serving_registry_free(struct serving_registry *reg);

/* A version of a network (-1: the one that serves) where it is in memory; never
 * blocks.  NULL: not loaded. */
struct serving_model *serving_registry_find_ref(struct serving_registry *reg,
                                                const char *network,
                                                int64_t     version);

/* The same, loaded where needed (reads the store) and kept as the budget
 * allows. */
enum err serving_registry_get(struct serving_registry *reg, const char *network,
                              int64_t version, struct serving_model **out,
                              struct errinfo *e);

/* A model of a net that is no stored version, for the caller alone; takes net and
 * encoder, also where it fails.  Its version is -1. */
enum err serving_registry_wrap(struct serving_registry *reg, struct nn_net *net,
                               struct dataset_encoder *encoder,
                               struct serving_model  **out, struct errinfo *e);

/* A network's versions or pin changed, after the commit: the serving model is
 * loaded anew if it was in memory, and versions asked for by number are
 * forgotten, so that the next prediction sees the change. */
void serving_registry_refresh(struct serving_registry *reg,
                              const char *network);
/* A network was deleted. */
void serving_registry_forget(struct serving_registry *reg, const char *network);

/* Take n bytes of the budget, at the cost of models that nobody uses now. */
enum err serving_registry_take(struct serving_registry *reg, size_t n,
                               const char *what, struct errinfo *e);
void     serving_registry_give(struct serving_registry *reg, size_t n);

/* Other parts of the program need n bytes of the budget: models that nobody
 * holds leave, the one asked for longest ago first, until those are free. */
void serving_registry_make_room(struct serving_registry *reg, size_t n_bytes);

/* Models in memory, and the bytes of the budget they hold. */
void serving_registry_usage(struct serving_registry *reg, size_t *out_n,
                            size_t *out_bytes);

/* Run n raw rows (serving_model_encoder()'s, or inputs where it is NULL) and
 * write y [n][n_out].  Allocates nothing once warm. */
enum err serving_predict(struct serving_model *m, const float *raw, size_t n,
                         float *y, struct errinfo *e);

/* Class names of outputs y: label[i] borrowed from the model, which must have
 * classes. */
void serving_labels(const struct serving_model *m, const float *y, size_t n,
                    const char **label);

/* Run a stored dataset through the model and append the answer of API.md. */
enum err serving_evaluate(struct serving_registry *reg, struct serving_model *m,
                          const char *network, const char *dataset,
                          struct buf *out, struct errinfo *e);

#endif
