#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t
clock_mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_tick_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_format(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
    int64_t   ms = wall_ms % 1000;
    time_t    s = (time_t)(wall_ms / 1000);
    struct tm tm;
    size_t    n;

    if (ms < 0) { /* before 1970: C rounds towards zero */
        ms += 1000;
        s--;
    }
    gmtime_r(&s, &tm); /* 64 bits of ms stay within its range */
    n = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_RFC3339_SIZE - n, ".%03dZ", (int)ms);
}
