/*
 * map.h - models in memory, by their network's name and the version asked for
 *
 * Model    An array, sorted by name, then version, searched by halves.
 * Owner    Each entry owns its name and one reference to its model.
 * Threads  The registry's lock is held by whoever calls.
 */
#ifndef SERVING_MAP_H
#define SERVING_MAP_H

#include "serving/model.h"

struct serving_entry {
    char                 *name;
    int64_t               asked; /* a version; -1: whichever serves */
    struct serving_model *model;
    uint64_t              loaded; /* the number of its load         */
    uint64_t              used;   /* larger: more recently asked for */
};

struct serving_map {
    struct serving_entry *entry; /* [n] */
    size_t                n, capacity;
    uint64_t              uses;
};

void serving_map_release(struct serving_map *map);

/* NULL where there is none.  Entries move when one is put in or taken out. */
struct serving_entry *serving_map_find(const struct serving_map *map,
                                       const char *name, int64_t asked);
/* The first of a name that was asked for as this version or a later one. */
struct serving_entry *serving_map_first(const struct serving_map *map,
                                        const char *name, int64_t asked);
/* The one that was asked for longest ago among those whose model nobody else
 * holds; NULL where there is none. */
struct serving_entry *serving_map_idlest(const struct serving_map *map);
void serving_map_use(struct serving_map *map, struct serving_entry *entry);

/* Takes model; false where memory is short. */
bool serving_map_insert(struct serving_map *map, const char *name,
                        int64_t asked, struct serving_model *model,
                        uint64_t loaded);
/* Its model is the caller's now. */
struct serving_model *serving_map_remove(struct serving_map   *map,
                                         struct serving_entry *entry);

#endif
