/*
 * registry.h - what evaluate.c needs of the registry
 */
#ifndef SERVING_REGISTRY_H
#define SERVING_REGISTRY_H

#include <pthread.h>

#include "serving/serving.h"

struct store *serving_registry_store(struct serving_registry *reg);

/* Who holds it is the only one to update this network, and a few others that
 * share the lock. */
pthread_mutex_t *serving_registry_live_lock(struct serving_registry *reg,
                                            const char              *network);

#endif
