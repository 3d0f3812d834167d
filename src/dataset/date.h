/*
 * date.h - a day, and a time of it, written as ISO 8601 or as people do
 *
 * Model    2024-02-29, 2024/02/29 or 29.02.2024, then perhaps a T or a blank
 *          and 17:30, 17:30:15 or 17:30:15.25, then perhaps Z, +02:00 or +0200.
 *          A time of another zone is moved to UTC; one without a zone is taken
 *          as it stands.
 * Threads  Pure functions.
 */
#ifndef DATASET_DATE_H
#define DATASET_DATE_H

#include <stdbool.h>
#include <stddef.h>

/* A day's number is exact in a float32, and so is a second of it; all seconds
 * since 1970 together would not be. */
struct dataset_date {
    float days;    /* since 1970-01-01 */
    float seconds; /* of the day       */
};

bool dataset_date_parse(const char *s, size_t len, struct dataset_date *out);

/* As numbers: the day with its fraction; month, day of the month, weekday
 * (Monday is 0), hour with its fraction. */
#define DATASET_DATE_PARTS 5
void dataset_date_parts(const struct dataset_date *date,
                        float                      out[DATASET_DATE_PARTS]);

#endif
