#include "base/rate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SECOND_NS INT64_C(1000000000)
#define PROBES 8

struct bucket {
    char    name[RATE_NAME_SIZE];
    int64_t full_ns; /* when it is full again; past: it is */
};

struct rate {
    pthread_mutex_t lock;
    int64_t         interval_ns; /* one takes so long to come back */
    struct bucket   bucket[RATE_PLACES];
};

enum err
rate_new(unsigned per_second, struct rate **out, struct errinfo *e)
{
    struct rate *rate = mem_array(1, sizeof(*rate), 0);

    if (rate == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_mutex_init(&rate->lock, NULL);
    rate->interval_ns = SECOND_NS / per_second;
    *out = rate;
    return ERR_OK;
}

void
rate_free(struct rate *rate)
{
    if (rate == NULL)
        return;
    pthread_mutex_destroy(&rate->lock);
    free(rate);
}

/* The bucket of this name: its own, or else, full, the one among a few places
 * that is full already or will be first.  `lock` is held here. */
static struct bucket *
bucket_locked(struct rate *rate, const char *name)
{
    uint32_t       hash = 2166136261u; /* FNV-1a */
    struct bucket *best = NULL;

    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (uint32_t i = 0; i < PROBES; i++) {
        struct bucket *b = &rate->bucket[(hash + i) % RATE_PLACES];

        if (strncmp(b->name, name, sizeof(b->name) - 1) == 0)
            return b;
        if (best == NULL || b->full_ns < best->full_ns)
            best = b;
    }
    snprintf(best->name, sizeof(best->name), "%s", name);
    best->full_ns = 0;
    return best;
}

bool
rate_take(struct rate *rate, const char *name, int64_t now_us)
{
    int64_t        now = now_us * 1000, full;
    struct bucket *b;
    bool           ok;

    pthread_mutex_lock(&rate->lock);
    b = bucket_locked(rate, name);
    full = (b->full_ns > now ? b->full_ns : now) + rate->interval_ns;
    ok = full - now <= SECOND_NS;
    if (ok)
        b->full_ns = full;
    pthread_mutex_unlock(&rate->lock);
    return ok;
}
