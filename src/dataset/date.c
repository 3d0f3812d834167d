#include "dataset/date.h"

#include <math.h>
#include <string.h>

#define DAY 86400

struct scan {
    const char *p, *end;
};

/* Exactly n digits. */
static bool
scan_number(struct scan *t, size_t n, int *out)
{
    int x = 0;

    if ((size_t)(t->end - t->p) < n)
        return false;
    for (size_t i = 0; i < n; i++, t->p++) {
        if (*t->p < '0' || *t->p > '9')
            return false;
        x = 10 * x + (*t->p - '0');
    }
    *out = x;
    return true;
}

static bool
scan_char(struct scan *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the months before this one. */
static int
days_before(int year, int month)
{
    static const int before[] = { 0,   31,  59,  90,  120, 151, 181,
                                  212, 243, 273, 304, 334, 365 };

    return before[month - 1] + (month > 2 && is_leap(year));
}

/* Days of the years before this one, from year 0. */
static long
year_begins(int year)
{
    long y = year - 1;

    return year == 0 ? 0 : 366 + 365 * y + y / 4 - y / 100 + y / 400;
}

static bool
scan_day(struct scan *t, long *out)
{
    int  year, month, day;
    char c = t->end - t->p > 2 ? t->p[2] : '\0';

    if (c == '.') {
        if (!scan_number(t, 2, &day) || !scan_char(t, '.') ||
            !scan_number(t, 2, &month) || !scan_char(t, '.') ||
            !scan_number(t, 4, &year))
            return false;
    } else {
        if (!scan_number(t, 4, &year) || t->p == t->end)
            return false;
        c = *t->p;
        if ((c != '-' && c != '/') || !scan_char(t, c) ||
            !scan_number(t, 2, &month) || !scan_char(t, c) ||
            !scan_number(t, 2, &day))
            return false;
    }
    if (month < 1 || month > 12 || day < 1 ||
        day > days_before(year, month) * -1 +
                  (month < 12 ? days_before(year, month + 1)
                              : 365 + is_leap(year)))
        return false;
    *out = year_begins(year) + days_before(year, month) + day - 1 -
           year_begins(1970);
    return true;
}

static bool
scan_time(struct scan *t, double *out)
{
    int    hour, minute, second = 0;
    double fraction = 0, unit = 0.1;

    if (!scan_number(t, 2, &hour) || !scan_char(t, ':') ||
        !scan_number(t, 2, &minute))
        return false;
    if (scan_char(t, ':') && !scan_number(t, 2, &second))
        return false;
    if (scan_char(t, '.'))
        while (t->p < t->end && *t->p >= '0' && *t->p <= '9') {
            fraction += unit * (*t->p++ - '0');
            unit /= 10;
        }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *out = 3600 * hour + 60 * minute + second + fraction;
    return true;
}

static bool
scan_zone(struct scan *t, double *out)
{
    int  hour, minute;
    bool minus;

    *out = 0;
    if (t->p == t->end || scan_char(t, 'Z'))
        return true;
    minus = *t->p == '-';
    if (!minus && *t->p != '+')
        return false;
    t->p++;
    if (!scan_number(t, 2, &hour))
        return false;
    scan_char(t, ':');
    if (!scan_number(t, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *out = (minus ? -60 : 60) * (60 * hour + minute);
    return true;
}

bool
dataset_date_parse(const char *s, size_t len, struct dataset_date *out)
{
    struct scan t = { s, s + len };
    double      seconds = 0, zone = 0;
    long        days;

    /* The shortest is a day alone, and most cells are no dates. */
    if (len < 10 || s[0] < '0' || s[0] > '9' || !scan_day(&t, &days))
        return false;
    if (t.p < t.end) {
        if (!scan_char(&t, 'T') && !scan_char(&t, ' '))
            return false;
        if (!scan_time(&t, &seconds) || !scan_zone(&t, &zone) || t.p < t.end)
            return false;
    }
    seconds -= zone;
    while (seconds < 0) {
        seconds += DAY;
        days--;
    }
    while (seconds >= DAY) {
        seconds -= DAY;
        days++;
    }
    out->days = (float)days;
    out->seconds = (float)seconds;
    return true;
}

/* Month and day of the month of a day since 1970. */
static void
calendar(long days, int *month, int *day)
{
    long since = days + year_begins(1970);
    int  year = (int)(since / 366);

    while (year_begins(year + 1) <= since)
        year++;
    since -= year_begins(year);
    *month = 12;
    while (days_before(year, *month) > since)
        --*month;
    *day = (int)since - days_before(year, *month) + 1;
}

void
dataset_date_parts(const struct dataset_date *date,
                   float                      out[DATASET_DATE_PARTS])
{
    int  month, day;
    long days;

    if (isnan(date->days) || isnan(date->seconds)) {
        for (size_t i = 0; i < DATASET_DATE_PARTS; i++)
            out[i] = NAN;
        return;
    }
    days = (long)date->days;
    calendar(days, &month, &day);
    out[0] = (float)((double)days + (double)date->seconds / DAY);
    out[1] = (float)month;
    out[2] = (float)day;
    /* 1970 began on a Thursday, day 3 of the week. */
    out[3] = (float)(((days + 3) % 7 + 7) % 7);
    out[4] = (float)((double)date->seconds / 3600);
}
