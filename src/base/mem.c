#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VECTOR_ALIGN ((size_t)64)
#define HUGE_PAGE ((size_t)2 * 1024 * 1024)
#define LARGE_BLOCK (4 * MIB)

bool
mem_mul(size_t a, size_t b, size_t *out)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

bool
mem_add(size_t a, size_t b, size_t *out)
{
    size_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

/* Bytes of n elements; false where they overflow or exceed cap. */
static bool
array_bytes(size_t n, size_t size, size_t cap, size_t *out)
{
    size_t bytes;

    if (!mem_mul(n > 0 ? n : 1, size > 0 ? size : 1, &bytes))
        return false;
    if (cap > 0 && bytes > cap)
        return false;
    *out = bytes;
    return true;
}

void *
mem_array(size_t n, size_t size, size_t cap)
{
    size_t bytes;

    if (!array_bytes(n, size, cap, &bytes))
        return NULL;
    return calloc(1, bytes);
}

void *
mem_resize(void *p, size_t n, size_t size)
{
    size_t bytes;

    if (!mem_mul(n, size, &bytes))
        return NULL;
    return realloc(p, bytes > 0 ? bytes : 1);
}

float *
mem_floats(size_t n, size_t cap)
{
    size_t bytes, align = VECTOR_ALIGN;
    float *p;

    if (!array_bytes(n, sizeof(float), cap, &bytes))
        return NULL;
    /* Large matrices are walked across their rows, which 4 KiB pages make
     * dear: a miss of the translation buffer a row. */
    if (bytes >= 2 * HUGE_PAGE)
        align = HUGE_PAGE;
    if (!mem_add(bytes, VECTOR_ALIGN - 1, &bytes))
        return NULL;
    bytes -= bytes % VECTOR_ALIGN;
    if (posix_memalign((void **)&p, align, bytes) != 0)
        return NULL;
    if (align == HUGE_PAGE) /* a hint: without it all works the same */
        (void)madvise(p, bytes - bytes % HUGE_PAGE, MADV_HUGEPAGE);
    memset(p, 0, bytes);
    return p;
}

void *
mem_map_file(int fd, size_t n)
{
    /* All of it now: a full disk would be a SIGBUS later. */
    int   rc = posix_fallocate(fd, 0, (off_t)n);
    void *p = MAP_FAILED;

    if (rc == 0) {
        p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        rc = errno;
    }
    close(fd);
    errno = rc;
    return p != MAP_FAILED ? p : NULL;
}

void
mem_unmap(void *p, size_t n)
{
    if (p != NULL)
        munmap(p, n);
}

char *
mem_dup(const void *p, size_t n)
{
    size_t size;
    char  *copy;

    if (!mem_add(n, 1, &size))
        return NULL;
    copy = malloc(size);
    if (copy == NULL)
        return NULL;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

/* glibc keeps what it has once freed, up to 32 MiB a block, in heaps that each
 * thread has: what a budget counts as given back would still be resident, some
 * times over.  Smaller ones it may keep, or each would cost page faults. */
void
mem_return_large(void)
{
#ifdef M_MMAP_THRESHOLD
    /* NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet */
    mallopt(M_MMAP_THRESHOLD, (int)LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, (int)(2 * LARGE_BLOCK));
    /* NOLINTEND(concurrency-mt-unsafe) */
#endif
}

void
mem_budget_init(struct mem_budget *b, size_t limit, const char *name)
{
    b->limit = limit;
    b->name = name;
    atomic_init(&b->used, 0);
}

enum err
mem_budget_take(struct mem_budget *b, size_t n, const char *what,
                struct errinfo *e)
{
    size_t used = atomic_load(&b->used);

    if (n > b->limit)
        return err_named(e,
                         err_set(e, ERR_INVALID, "",
                                 "%s needs %zu bytes; the memory budget "
                                 "(%s) is %zu",
                                 what, n, b->name, b->limit),
                         "too_much_memory");
    do {
        if (n > b->limit - used)
            return err_named(e,
                             err_set(e, ERR_BUSY, "",
                                     "%s needs %zu bytes; of the memory budget "
                                     "(%s) %zu are free now",
                                     what, n, b->name, b->limit - used),
                             "memory_full");
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + n));
    return ERR_OK;
}

void
mem_budget_give(struct mem_budget *b, size_t n)
{
    size_t before = atomic_fetch_sub(&b->used, n);

    assert(before >= n);
    (void)before;
}
