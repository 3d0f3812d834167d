#include "http/rate.h"

#include <string.h>

#define PROBES 8 /* slots that a name may be in */

void
rate_init(struct rate *r, double per_second, double burst)
{
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    if (per_second > 0) {
        r->us_each = 1e6 / per_second;
        r->burst_us = burst * r->us_each;
    }
}

void
rate_release(struct rate *r)
{
    pthread_mutex_destroy(&r->lock);
}

void
rate_name_address(const struct http_request *req, struct rate_name *out)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    uint8_t              a[HTTP_ADDRESS_SIZE];

    http_request_client(req, a);
    memset(out, 0, sizeof(*out));
    out->bytes[0] = '@'; /* no key's name begins so */
    memcpy(out->bytes + 1, a,
           memcmp(a, mapped, sizeof(mapped)) == 0 ? sizeof(a) : 8);
}

void
rate_name_caller(const struct http_request *req, struct rate_name *out)
{
    if (req->key[0] == '\0') {
        rate_name_address(req, out);
        return;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, req->key, strnlen(req->key, sizeof(out->bytes)));
}

/* FNV-1a: anything that spreads names over the slots will do. */
static size_t
hash(const struct rate_name *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < sizeof(name->bytes); i++)
        h = (h ^ (unsigned char)name->bytes[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h >> 32);
}

/* The slot of this name, else the one whose bucket is fullest. */
static struct rate_slot *
slot_of(struct rate *r, const struct rate_name *name)
{
    size_t            at = hash(name);
    struct rate_slot *least = &r->slot[at % RATE_SLOTS];

    for (size_t i = 0; i < PROBES; i++) {
        struct rate_slot *s = &r->slot[(at + i) % RATE_SLOTS];

        if (s->full_us > 0 && memcmp(&s->name, name, sizeof(*name)) == 0)
            return s;
        if (s->full_us < least->full_us)
            least = s;
    }
    least->name = *name;
    least->full_us = 0;
    return least;
}

bool
rate_take(struct rate *r, const struct rate_name *who, double n, int64_t now_us,
          unsigned *out_seconds)
{
    struct rate_slot *s;
    double            wait, now = (double)now_us;

    if (r->us_each == 0)
        return true;
    pthread_mutex_lock(&r->lock);
    s = slot_of(r, who);
    if (s->full_us < now)
        s->full_us = now;
    /* Until there is one again. */
    wait = s->full_us + r->us_each - now - r->burst_us;
    if (wait <= 0)
        s->full_us += n * r->us_each;
    pthread_mutex_unlock(&r->lock);
    if (wait <= 0)
        return true;
    *out_seconds = wait > 3600e6 ? 3600 : (unsigned)(wait / 1e6) + 1;
    return false;
}
