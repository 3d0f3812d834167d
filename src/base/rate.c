#include "base/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SECOND_NS 1e9
#define PROBES 8

struct bucket {
    char   name[RATE_NAME_SIZE];
    double full_ns; /* when it is full again; past: it is */
};

struct rate {
    pthread_mutex_t lock;
    double          interval_ns; /* one takes so long to come back */
    double          burst_ns;
    atomic_ullong   n_refused;
    struct bucket   bucket[RATE_PLACES];
};

enum err
rate_new(double per_second, double burst, struct rate **out, struct errinfo *e)
{
    struct rate *rate = mem_array(1, sizeof(*rate), 0);

    if (rate == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_mutex_init(&rate->lock, NULL);
    rate->interval_ns = SECOND_NS / per_second;
    rate->burst_ns = burst * rate->interval_ns;
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
rate_take(struct rate *rate, const char *name, double n, int64_t now_us,
          unsigned *out_seconds)
{
    double         now = (double)now_us * 1e3, wait;
    struct bucket *b;

    pthread_mutex_lock(&rate->lock);
    b = bucket_locked(rate, name);
    if (b->full_ns < now)
        b->full_ns = now;
    wait = b->full_ns + rate->interval_ns - now - rate->burst_ns; /* for one */
    if (wait <= 0)
        b->full_ns += n * rate->interval_ns;
    pthread_mutex_unlock(&rate->lock);
    if (wait <= 0)
        return true;
    atomic_fetch_add(&rate->n_refused, 1);
    if (out_seconds != NULL)
        *out_seconds =
            wait < 3600 * SECOND_NS ? (unsigned)(wait / SECOND_NS) + 1 : 3600;
    return false;
}

uint64_t
rate_n_refused(const struct rate *rate)
{
    return rate != NULL ? atomic_load(&rate->n_refused) : 0;
}
