/*
 * log.h - one line an event, on standard error
 *
 * Model    "2026-11-24T07:44:00.123Z info  http: request_id=… GET /v1/jobs 200"
 *          A line is at most 1 KiB; control characters in it are escaped, so
 *          that no input can forge a second line.  A failing write is ignored:
 *          logging never fails a request.
 * Threads  Any thread; a line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
/* Lines of a second beyond so many are left out, and the next one tells how
 * many; errors and warnings are not counted.  0: no limit. */
void     log_set_rate(unsigned lines_per_second);
uint64_t log_left_out(void); /* ever */
bool     log_level_parse(const char *word, enum log_level *out);

/* part: the floor that speaks, "http", "store", "training"… */
void log_write(enum log_level level, const char *part, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
