/*
 * malloc_fault.c - the n-th allocation of a process fails; an LD_PRELOAD library
 *
 * The file that MALLOC_FAULT names is mapped: three 64-bit numbers.  The first
 * counts down with every allocation of the process, in whatever thread or
 * library; the one that brings it to 0 fails, and where the second is not 0 all
 * after it, too.  The third counts those that failed.  A first of 0: none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static struct {
    _Atomic int64_t left, for_ever, failed;
} *control;

__attribute__((constructor)) static void
start(void)
{
    const char *path = getenv("MALLOC_FAULT");
    int         fd = path != NULL ? open(path, O_RDWR) : -1;

    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
                   fd, 0);
    if (p != MAP_FAILED)
        control = p;
    close(fd);
}

static int
fails(void)
{
    if (control == NULL || atomic_load(&control->left) == 0)
        return 0;
    int64_t left = atomic_fetch_sub(&control->left, 1);
    if (left == 1 && atomic_load(&control->for_ever) != 0)
        atomic_store(&control->left, -1);
    if (left > 1 || (left < 1 && atomic_load(&control->for_ever) == 0))
        return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}

void *
aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __libc_memalign(align, n);
}
