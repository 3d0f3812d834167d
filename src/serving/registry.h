/*
 * registry.h - what evaluate.c needs of the registry
 */
#ifndef SERVING_REGISTRY_H
#define SERVING_REGISTRY_H

#include "serving/serving.h"

struct store *serving_registry_store(struct serving_registry *reg);

/* Take n bytes of the budget, at the cost of models that nobody uses now. */
enum err serving_registry_take(struct serving_registry *reg, size_t n,
                               const char *what, struct errinfo *e);
void     serving_registry_give(struct serving_registry *reg, size_t n);

#endif
