/* json_memory.c - jansson when memory is short */
#include "codec/json_memory.h"

#include <jansson.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define RESERVE MIB
/* What a text becomes, at most times its length: 40 bytes a number. */
#define TREE_FACTOR 16

static struct {
    pthread_mutex_t lock;
    char           *bytes;  /* [RESERVE]; NULL: there was none at the start */
    size_t          used;   /* handed out since it was whole                */
    size_t          n_live; /* pieces that are not back                     */
} reserve = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Pieces are handed out one behind the other; the reserve is whole again when
 * the last of them is back, which is when the request that needed it is over.
 */
static void *
reserve_take(size_t n)
{
    void *p = NULL;

    if (n > RESERVE)
        return NULL;
    n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) *
        alignof(max_align_t);
    pthread_mutex_lock(&reserve.lock);
    if (reserve.bytes != NULL && n <= RESERVE - reserve.used) {
        p = reserve.bytes + reserve.used;
        reserve.used += n;
        reserve.n_live++;
    }
    pthread_mutex_unlock(&reserve.lock);
    return p;
}

static void *
take(size_t n)
{
    void *p = malloc(n);

    /* cppcheck-suppress memleak ; it is the caller's */
    return p != NULL ? p : reserve_take(n);
}

void
codec_json_free(void *p)
{
    uintptr_t at = (uintptr_t)p, begin = (uintptr_t)reserve.bytes;

    if (begin == 0 || at < begin || at >= begin + RESERVE) {
        free(p);
        return;
    }
    pthread_mutex_lock(&reserve.lock);
    if (--reserve.n_live == 0)
        reserve.used = 0;
    pthread_mutex_unlock(&reserve.lock);
}

void
codec_json_init(void)
{
    if (reserve.bytes == NULL)
        reserve.bytes = malloc(RESERVE);
    json_set_alloc_funcs(take, codec_json_free);
    json_object_seed(0); /* at first use it would be a race */
}

bool
codec_json_has_room(size_t len)
{
    size_t n;
    void  *p;

    if (!mem_mul(len + 1024, TREE_FACTOR, &n))
        return false;
    p = malloc(n);
    free(p);
    return p != NULL;
}
