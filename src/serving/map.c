#include "serving/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int
order_of(const struct serving_entry *entry, const char *name, int64_t asked)
{
    int order = strcmp(entry->name, name);

    if (order != 0)
        return order;
    return entry->asked < asked ? -1 : entry->asked > asked;
}

/* The place of a name's version, or where it would be. */
static size_t
place_of(const struct serving_map *map, const char *name, int64_t asked,
         bool *found)
{
    size_t low = 0, high = map->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int    order = order_of(&map->entry[middle], name, asked);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

void
serving_map_release(struct serving_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        serving_model_unref(map->entry[i].model);
        free(map->entry[i].name);
    }
    free(map->entry);
    *map = (struct serving_map){ 0 };
}

struct serving_entry *
serving_map_find(const struct serving_map *map, const char *name, int64_t asked)
{
    bool   found;
    size_t place = place_of(map, name, asked, &found);

    return found ? &map->entry[place] : NULL;
}

struct serving_entry *
serving_map_first(const struct serving_map *map, const char *name,
                  int64_t asked)
{
    bool   found;
    size_t place = place_of(map, name, asked, &found);

    if (place == map->n || strcmp(map->entry[place].name, name) != 0)
        return NULL;
    return &map->entry[place];
}

/* One with a single reference is only ours: new ones come from this map. */
struct serving_entry *
serving_map_idlest(const struct serving_map *map)
{
    struct serving_entry *oldest = NULL;

    for (size_t i = 0; i < map->n; i++) {
        struct serving_entry *entry = &map->entry[i];

        if (atomic_load(&entry->model->n_refs) == 1 &&
            (oldest == NULL || entry->used < oldest->used))
            oldest = entry;
    }
    return oldest;
}

void
serving_map_use(struct serving_map *map, struct serving_entry *entry)
{
    entry->used = ++map->uses;
}

bool
serving_map_insert(struct serving_map *map, const char *name, int64_t asked,
                   struct serving_model *model, uint64_t loaded)
{
    bool   found;
    size_t place = place_of(map, name, asked, &found);

    if (map->n == map->capacity) {
        size_t capacity = map->capacity == 0 ? 16 : 2 * map->capacity;
        struct serving_entry *entry =
            mem_resize(map->entry, capacity, sizeof(*entry));

        if (entry == NULL)
            return false;
        map->entry = entry;
        map->capacity = capacity;
    }
    char *copy = mem_dup(name, strlen(name));
    if (copy == NULL)
        return false;
    memmove(map->entry + place + 1, map->entry + place,
            (map->n - place) * sizeof(*map->entry));
    map->entry[place] = (struct serving_entry){
        .name = copy,
        .asked = asked,
        .model = model,
        .loaded = loaded,
    };
    map->n++;
    serving_map_use(map, &map->entry[place]);
    return true;
}

struct serving_model *
serving_map_remove(struct serving_map *map, struct serving_entry *entry)
{
    struct serving_model *model = entry->model;
    size_t                place = (size_t)(entry - map->entry);

    free(entry->name);
    map->n--;
    memmove(entry, entry + 1, (map->n - place) * sizeof(*entry));
    return model;
}
