/*
 * distinct.h - two sets that remember the order in which they were filled
 *
 * Model    Open addressing over a list; the list is what callers read.  Where
 *          an element goes depends on a secret of this process, so that nobody
 *          can send values that all collide; the list does not.
 * Owner    The caller's storage: start with { 0 }, end with _release().
 */
#ifndef DATASET_DISTINCT_H
#define DATASET_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataset_slots {
    uint32_t *index; /* 1 + place in the list; 0: free */
    size_t    n;     /* a power of two                 */
    uint64_t  secret;
};

struct dataset_floats {
    float               *at;
    uint64_t            *count; /* how often each was added */
    size_t               n, capacity;
    struct dataset_slots slots;
};

struct dataset_names {
    char               **at;
    uint32_t            *hash;
    size_t               n, capacity;
    struct dataset_slots slots;
};

/* Have x (no NaN) in the set, n times more; 0 and -0 are one.  False: out of
 * memory. */
bool dataset_floats_add(struct dataset_floats *set, float x, uint64_t n);
void dataset_floats_release(struct dataset_floats *set);

/* The place of this name, or set->n where it is not there. */
size_t dataset_names_find(const struct dataset_names *set, const char *s,
                          size_t len);

/* Append a name that is not there.  False: out of memory. */
bool dataset_names_add(struct dataset_names *set, const char *s, size_t len);
void dataset_names_release(struct dataset_names *set);

#endif
