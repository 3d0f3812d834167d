/* num_write.c - the shortest text of a number */
#include "base/num.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num_exact.h"

/* Is m * 10^exponent the very x? */
static bool
reads_back(uint64_t m, int exponent, double x, bool single)
{
    char   text[64];
    double d;
    float  f;

    if (single && num_float_fast(m, exponent, &f))
        return f == (float)x;
    if (!single && num_double_fast(m, exponent, &d))
        return d == x;
    snprintf(text, sizeof(text), "%llue%d", (unsigned long long)m, exponent);
    return single ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x;
}

/* The number of n digits nearest to x > 0, up to one in the last place.  A
 * float32 has bits to spare in a double, so that scaling it by an exact
 * power of ten is good enough; reads_back() has the last word. */
static void
candidate(double x, bool single, int n, uint64_t *out_m, int *out_exponent)
{
    char     text[64];
    uint64_t m = 0;
    int      shift;

    if (single) {
        shift = n - 1 - (int)floor(ilogb(x) * 0.30103);
        if (shift > -MAX_EXACT_POWER && shift <= MAX_EXACT_POWER) {
            double y = num_times_power10(x, shift);

            if (y >= num_power10[n]) {
                shift--;
                y = num_times_power10(x, shift);
            }
            *out_m = (uint64_t)rint(y);
            *out_exponent = -shift;
            return;
        }
    }
    snprintf(text, sizeof(text), "%.*e", n - 1, x);
    for (const char *p = text; *p != 'e'; p++)
        if (*p != '.')
            m = 10 * m + (uint64_t)(*p - '0');
    *out_m = m;
    *out_exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10) - (n - 1);
}

/* rint() of 0 <= x < 2^51, without a call: no bits are left for a fraction. */
static double
nearest_integer(double x)
{
    return x + 0x1.8p52 - 0x1.8p52;
}

/*
 * The fewest digits of a float32 x that is normal and no power of two, all at
 * once: x is scaled to y of nine digits before the point, and half the distance
 * to x's neighbours to h (3 to 60).  A decimal is read back as x where it is
 * nearer to y than h.  Scaling rounded both by less than 2^-52 of them, 1e-7 of
 * y: where that could matter, the exact way below decides.
 */
static bool
shortest_float(double x, uint64_t *out_m, int *out_exponent)
{
    const double sure = 1e-6;
    uint64_t     bits, half_bits;
    double       y, h, half;
    int          shift;

    memcpy(&bits, &x, sizeof(bits));
    half_bits = (bits >> 52 << 52) - ((uint64_t)24 << 52);
    memcpy(&half, &half_bits, sizeof(half));
    /* log10 of 2^k for the k in question; never too large, at times one short
     */
    shift = 8 - (int)((((int64_t)(bits >> 52) - 1023) * 78913) >> 18);
    if (shift <= -MAX_EXACT_POWER || shift > MAX_EXACT_POWER)
        return false;
    y = num_times_power10(x, shift);
    h = num_times_power10(half, shift);
    if (y >= 1e9) {
        shift--;
        y = num_times_power10(x, shift);
        h = num_times_power10(half, shift);
    }
    /* Nine digits always do; where n of them do not, fewer do not either. */
    *out_m = (uint64_t)nearest_integer(y);
    *out_exponent = -shift;
    for (int drop = 1; drop <= FLT_DECIMAL_DIG - FLT_DIG; drop++) {
        double m = nearest_integer(y / num_power10[drop]);
        double distance = fabs(m * num_power10[drop] - y);

        if (distance >= h * (1 + sure))
            break;
        if (distance >= h * (1 - sure))
            return false;
        *out_m = (uint64_t)m;
        *out_exponent = drop - shift;
    }
    return true;
}

static char *
put_bytes(char *to, const char *from, int n)
{
    memcpy(to, from, (size_t)n);
    return to + n;
}

/* Write the digits of m with the point where the exponent wants it. */
static void
put(struct buf *b, uint64_t m, int exponent)
{
    char  digits[20], text[48];
    char *first = digits + sizeof(digits), *to = text;
    int   n, point;

    do
        *--first = (char)('0' + m % 10);
    while ((m /= 10) > 0);
    n = (int)(digits + sizeof(digits) - first);
    point = n + exponent;
    for (; first[n - 1] == '0' && n > 1; n--)
        ;

    if (point > 21 || point < -5) {
        to = put_bytes(to, first, 1);
        if (n > 1)
            *to++ = '.';
        to = put_bytes(to, first + 1, n - 1);
        to += snprintf(to, 8, "e%d", point - 1);
    } else if (point <= 0) {
        to = put_bytes(to, "0.00000", 2 - point);
        to = put_bytes(to, first, n);
    } else {
        to = put_bytes(to, first, n < point ? n : point);
        for (int i = n; i < point; i++)
            *to++ = '0';
        if (n > point) {
            *to++ = '.';
            to = put_bytes(to, first + point, n - point);
        }
    }
    buf_append(b, text, (size_t)(to - text));
}

static void
format(struct buf *b, double x, bool single)
{
    /* Texts of so many digits survive the way to binary and back, so that
     * fewer never need to be tried; but not below the normal numbers. */
    bool     normal = fabs(x) >= (single ? FLT_MIN : DBL_MIN);
    int      fewest = !normal ? 1 : single ? FLT_DIG : DBL_DIG;
    int      most = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
    uint64_t m = 0;
    uint64_t bits;
    int      exponent = 0;
    bool     is_power_of_2;

    if (!isfinite(x)) {
        buf_puts(b, "null");
        return;
    }
    if (x == 0 && signbit(x)) {
        /* "-0" is the integer 0 to many readers, who lose its sign. */
        buf_puts(b, "-0.0");
        return;
    }
    if (signbit(x))
        buf_putc(b, '-');
    x = fabs(x);
    memcpy(&bits, &x, sizeof(bits));
    is_power_of_2 =
        bits << 12 == 0; /* below the normal numbers it is no matter */
    if (single && normal && !is_power_of_2 &&
        shortest_float(x, &m, &exponent)) {
        put(b, m, exponent);
        return;
    }
    for (int n = fewest; x > 0 && n <= most; n++) {
        candidate(x, single, n, &m, &exponent);
        if (reads_back(m, exponent, x, single))
            break;
        /* Above a power of two the numbers are twice as far apart as below:
         * the nearest text may miss it where the next one above does not. */
        if (is_power_of_2 && reads_back(m + 1, exponent, x, single)) {
            m++;
            break;
        }
    }
    put(b, m, exponent);
}

void
num_format_float(struct buf *b, float x)
{
    format(b, (double)x, true);
}

void
num_format_double(struct buf *b, double x)
{
    format(b, x, false);
}

void
num_format_u64(struct buf *b, uint64_t x)
{
    put(b, x, 0);
}
