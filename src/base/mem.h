/*
 * mem.h - checked sizes, and memory whose size a client can influence
 *
 * Model    Sizes from outside go through mem_array(): the product is checked,
 *          compared with a cap, and the memory is zeroed.  A struct mem_budget
 *          is a promise of bytes taken before they are allocated, because
 *          malloc succeeds and the out-of-memory killer comes later.
 * Owner    mem_* blocks go back with free(), mem_floats() too.
 * Threads  A budget may be used by any number of threads.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* *out = a * b (a + b); false, and *out untouched, where it does not fit. */
bool mem_mul(size_t a, size_t b, size_t *out);
bool mem_add(size_t a, size_t b, size_t *out);

/* n zeroed elements of size bytes; NULL where the product overflows, exceeds
 * cap (bytes; 0: no cap) or memory is short.  n of 0 gives one element. */
void *mem_array(size_t n, size_t size, size_t cap);

/* Once, before there are threads: blocks of some megabytes go back to the
 * system when they are freed. */
void mem_return_large(void);

/* p (NULL: none yet) with room for n elements of size bytes; what is new is not
 * set.  NULL, and p is still there, where the product overflows or memory is
 * short. */
void *mem_resize(void *p, size_t n, size_t size);

/* As mem_array() for floats, aligned to 64 bytes for vector instructions. */
float *mem_floats(size_t n, size_t cap);

/* n zeroed bytes of the file fd, which grows to that and is closed: memory that
 * the machine may write out and read again.  NULL, errno set: no room there.
 * Goes back by mem_unmap(). */
void *mem_map_file(int fd, size_t n);
void  mem_unmap(void *p, size_t n); /* NULL is fine */

/* n bytes of p copied, a NUL behind them; NULL where memory is short. */
char *mem_dup(const void *p, size_t n);

struct mem_budget {
    size_t        limit; /* bytes */
    atomic_size_t used;  /* bytes */
    const char   *name;  /* of the option that sets it, for errors; borrowed */
};

void mem_budget_init(struct mem_budget *b, size_t limit, const char *name);

/* Take n bytes for `what` ("the dataset"): ERR_BUSY where they are there but
 * in use ("memory_full"), ERR_INVALID where n is more than the whole budget
 * ("too_much_memory"); the sentence names both numbers.  Give the same n
 * back. */
enum err mem_budget_take(struct mem_budget *b, size_t n, const char *what,
                         struct errinfo *e);
void     mem_budget_give(struct mem_budget *b, size_t n);

#endif
