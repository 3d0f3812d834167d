#include "http/tries.h"

#include <string.h>

#include "http/keys.h"

#define ONE_US (HTTP_TRY_SECONDS * INT64_C(1000000))

void
tries_init(struct tries *t)
{
    *t = (struct tries){ 0 };
    pthread_mutex_init(&t->lock, NULL);
}

void
tries_release(struct tries *t)
{
    pthread_mutex_destroy(&t->lock);
}

/* The slot of this address, else the one whose bucket is fullest. */
static struct tries_slot *
slot_of(struct tries *t, const uint8_t address[HTTP_ADDRESS_SIZE])
{
    struct tries_slot *least = &t->slot[0];

    for (size_t i = 0; i < TRIES_SLOTS; i++) {
        struct tries_slot *s = &t->slot[i];

        if (s->full_us > 0 &&
            memcmp(s->address, address, HTTP_ADDRESS_SIZE) == 0)
            return s;
        if (s->full_us < least->full_us)
            least = s;
    }
    memcpy(least->address, address, HTTP_ADDRESS_SIZE);
    least->full_us = 0;
    return least;
}

bool
tries_take(struct tries *t, const uint8_t address[HTTP_ADDRESS_SIZE],
           int64_t now_us)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    uint8_t              of[HTTP_ADDRESS_SIZE] = { 0 };
    struct tries_slot   *s;
    bool                 ok;

    memcpy(of, address,
           memcmp(address, mapped, sizeof(mapped)) == 0 ? sizeof(of) : 8);
    pthread_mutex_lock(&t->lock);
    s = slot_of(t, of);
    if (s->full_us < now_us)
        s->full_us = now_us;
    ok = s->full_us + ONE_US <= now_us + HTTP_TRIES * ONE_US;
    if (ok)
        s->full_us += ONE_US;
    pthread_mutex_unlock(&t->lock);
    return ok;
}
