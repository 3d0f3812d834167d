/*
 * clock.h - two clocks: one to measure with, one to show
 *
 * Model    clock_mono_us() never jumps: every duration and timeout uses it.
 *          clock_tick_us() is the same clock as it was at the kernel's last
 *          tick, some milliseconds ago at most, and costs a quarter: for
 *          deadlines of seconds.
 *          clock_wall_ms() is UTC since 1970 and is only shown and stored.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_RFC3339_SIZE 32

int64_t clock_mono_us(void);
int64_t clock_tick_us(void);
int64_t clock_wall_ms(void);

/* "2026-11-24T07:44:00.123Z" */
void clock_format(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);

#endif
