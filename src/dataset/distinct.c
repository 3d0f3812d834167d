#include "dataset/distinct.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define FIRST_CAPACITY 16

/* Knuth's multiplicative hash with a secret multiplier. */
static uint32_t
scatter(uint64_t secret, uint64_t x)
{
    x = (x ^ (secret >> 17)) * (secret | 1);
    x ^= x >> 29;
    x *= secret | 1;
    return (uint32_t)(x >> 32);
}

static uint32_t
scatter_float(const struct dataset_slots *slots, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return scatter(slots->secret, bits);
}

static uint32_t
scatter_text(const struct dataset_slots *slots, const char *s, size_t len)
{
    uint64_t x = len;

    for (; len >= 8; s += 8, len -= 8) {
        uint64_t word;

        memcpy(&word, s, sizeof(word));
        x = (x ^ word) * (slots->secret | 1);
        x ^= x >> 32;
    }
    for (size_t i = 0; i < len; i++)
        x = (x ^ (unsigned char)s[i]) * (slots->secret | 1) + 1;
    return scatter(slots->secret, x);
}

/* The first free slot for this hash. */
static size_t
free_slot(const struct dataset_slots *slots, uint32_t hash)
{
    size_t i = hash & (slots->n - 1);

    while (slots->index[i] != 0)
        i = (i + 1) & (slots->n - 1);
    return i;
}

/* Empty slots for capacity elements, at most half of them used. */
static bool
slots_new(const struct dataset_slots *old, size_t capacity,
          struct dataset_slots *out)
{
    struct dataset_slots slots = { .n = 2 * capacity, .secret = old->secret };

    slots.index = mem_array(slots.n, sizeof(*slots.index), 0);
    if (slots.index == NULL)
        return false;
    /* Before the kernel has entropy there is no secret, only a hash. */
    if (slots.secret == 0 && getrandom(&slots.secret, sizeof(slots.secret),
                                       GRND_NONBLOCK) != sizeof(slots.secret))
        slots.secret = UINT64_C(0x9e3779b97f4a7c15);
    *out = slots;
    return true;
}

static void
slots_replace(struct dataset_slots *slots, const struct dataset_slots *by)
{
    free(slots->index);
    *slots = *by;
}

/* A copy of the n elements of a list with room for capacity; the old list is
 * freed.  NULL, and the old list as it was: out of memory. */
static void *
list_grow(void *list, size_t n, size_t capacity, size_t size)
{
    void *more = mem_array(capacity, size, 0);

    if (more == NULL)
        return NULL;
    if (n > 0)
        memcpy(more, list, n * size);
    free(list);
    return more;
}

static bool
floats_grow(struct dataset_floats *set)
{
    size_t capacity = set->capacity > 0 ? 2 * set->capacity : FIRST_CAPACITY;
    struct dataset_slots slots;
    float               *at = list_grow(set->at, set->n, capacity, sizeof(*at));
    uint64_t            *count;

    if (at == NULL)
        return false;
    set->at = at;
    count = list_grow(set->count, set->n, capacity, sizeof(*count));
    if (count == NULL)
        return false;
    set->count = count;
    if (!slots_new(&set->slots, capacity, &slots))
        return false;
    for (size_t i = 0; i < set->n; i++)
        slots.index[free_slot(&slots, scatter_float(&slots, set->at[i]))] =
            (uint32_t)i + 1;
    slots_replace(&set->slots, &slots);
    set->capacity = capacity;
    return true;
}

bool
dataset_floats_add(struct dataset_floats *set, float x, uint64_t n)
{
    const struct dataset_slots *slots = &set->slots;
    size_t                      i;

    if (x == 0)
        x = 0; /* not -0, which has other bits */
    if (set->n == set->capacity && !floats_grow(set))
        return false;
    i = scatter_float(slots, x) & (slots->n - 1);
    for (; slots->index[i] != 0; i = (i + 1) & (slots->n - 1)) {
        if (set->at[slots->index[i] - 1] == x) {
            set->count[slots->index[i] - 1] += n;
            return true;
        }
    }
    set->count[set->n] = n;
    set->at[set->n++] = x;
    slots->index[i] = (uint32_t)set->n;
    return true;
}

void
dataset_floats_release(struct dataset_floats *set)
{
    free(set->at);
    free(set->count);
    free(set->slots.index);
    *set = (struct dataset_floats){ 0 };
}

static bool
names_grow(struct dataset_names *set)
{
    size_t capacity = set->capacity > 0 ? 2 * set->capacity : FIRST_CAPACITY;
    struct dataset_slots slots;
    char               **at = list_grow(set->at, set->n, capacity, sizeof(*at));
    uint32_t            *hash;

    if (at == NULL)
        return false;
    set->at = at;
    hash = list_grow(set->hash, set->n, capacity, sizeof(*hash));
    if (hash == NULL)
        return false;
    set->hash = hash;
    if (!slots_new(&set->slots, capacity, &slots))
        return false;
    for (size_t i = 0; i < set->n; i++)
        slots.index[free_slot(&slots, set->hash[i])] = (uint32_t)i + 1;
    slots_replace(&set->slots, &slots);
    set->capacity = capacity;
    return true;
}

size_t
dataset_names_find(const struct dataset_names *set, const char *s, size_t len)
{
    const struct dataset_slots *slots = &set->slots;
    uint32_t                    hash;

    if (set->n == 0)
        return 0;
    hash = scatter_text(slots, s, len);
    for (size_t i = hash & (slots->n - 1); slots->index[i] != 0;
         i = (i + 1) & (slots->n - 1)) {
        size_t      place = slots->index[i] - 1;
        const char *name = set->at[place];

        /* strncmp() stops at the end of a name that is shorter than s. */
        if (set->hash[place] == hash && strncmp(name, s, len) == 0 &&
            name[len] == '\0')
            return place;
    }
    return set->n;
}

bool
dataset_names_add(struct dataset_names *set, const char *s, size_t len)
{
    uint32_t hash;
    char    *name;

    if (set->n == set->capacity && !names_grow(set))
        return false;
    name = mem_dup(s, len);
    if (name == NULL)
        return false;
    hash = scatter_text(&set->slots, s, len);
    set->at[set->n] = name;
    set->hash[set->n++] = hash;
    set->slots.index[free_slot(&set->slots, hash)] = (uint32_t)set->n;
    return true;
}

void
dataset_names_release(struct dataset_names *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->at[i]);
    free(set->at);
    free(set->hash);
    free(set->slots.index);
    *set = (struct dataset_names){ 0 };
}
