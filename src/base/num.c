#include "base/num.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every double in here is exact: 10^22 is the largest power that is. */
static const double power10[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
#define MAX_EXACT_POWER 22
#define MAX_EXACT_INT ((uint64_t)1 << 53)

/* A text taken apart: (-1)^negative * mantissa * 10^exponent, where all
 * digits fitted the mantissa. */
struct decimal {
    bool     negative;
    bool     exact;    /* they did                          */
    uint64_t mantissa; /* the first 18 or 19 digits         */
    int64_t  exponent; /* of the mantissa                   */
    int64_t  written;  /* the exponent as the text gives it */
    size_t   n_text;   /* bytes of text before that         */
};

static bool
is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* The exponent behind "e".  It stops growing where no double is left, far
 * beyond what digits before it could make up for. */
static const char *
scan_exponent(const char *p, const char *end, int64_t *out)
{
    bool    negative = false;
    int64_t x = 0;

    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (!is_digit(p, end))
        return NULL;
    for (; is_digit(p, end); p++)
        if (x < INT64_MAX / 100)
            x = 10 * x + (*p - '0');
    *out = negative ? -x : x;
    return p;
}

static bool
scan(const char *s, size_t len, struct decimal *d)
{
    const uint64_t full = UINT64_MAX / 10 - 1;
    const char    *p = s, *end = s + len;
    uint64_t       m = 0;
    int64_t        shift = 0; /* digits dropped, less those behind the point */
    bool           exact = true;

    d->negative = p < end && *p == '-';
    p += d->negative;
    if (!is_digit(p, end))
        return false;
    if (*p == '0' && is_digit(p + 1, end))
        return false;
    for (; is_digit(p, end); p++) {
        if (m < full) {
            m = 10 * m + (uint64_t)(*p - '0');
        } else {
            shift++;
            exact = exact && *p == '0';
        }
    }
    if (p < end && *p == '.') {
        if (!is_digit(++p, end))
            return false;
        for (; is_digit(p, end); p++) {
            if (m < full) {
                m = 10 * m + (uint64_t)(*p - '0');
                shift--;
            } else {
                exact = exact && *p == '0';
            }
        }
    }
    d->n_text = (size_t)(p - s);
    d->written = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = scan_exponent(p + 1, end, &d->written);
        if (p == NULL)
            return false;
    }
    d->mantissa = m;
    d->exponent = shift + d->written;
    d->exact = exact;
    return p == end;
}

/* m * 10^exponent where both are exact doubles: one operation, rounded once
 * (Clinger, "How to read floating point numbers accurately", 1990). */
static bool
double_fast(uint64_t m, int64_t exponent, double *out)
{
    if (m == 0) {
        *out = 0;
        return true;
    }
    if (m > MAX_EXACT_INT || exponent < -MAX_EXACT_POWER ||
        exponent > MAX_EXACT_POWER)
        return false;
    *out = exponent < 0 ? (double)m / power10[-exponent]
                        : (double)m * power10[exponent];
    return true;
}

/*
 * The same for a float32, of any m.  The double y is the text's number v but
 * for two roundings, of m and of the quotient or product: |y - v| is at most
 * 2^-52 v, which is two units in the last place of y (digits that were dropped
 * behind 19 of them add less than a hundredth of one).  Rounding y once more is
 * right unless the middle of two floats lies between y and v, hence so near to
 * y.  y is at least 1e-22 where it is not 0, so all floats near it have 24
 * bits, up to the one that would be infinite, and the middle is where the 29
 * bits that go are 1000...
 */
static bool
float_fast(uint64_t m, int64_t exponent, float *out)
{
    const uint64_t dropped = ((uint64_t)1 << 29) - 1;
    const uint64_t middle = (uint64_t)1 << 28;
    const uint64_t margin = 4;
    uint64_t       bits;
    double         y;

    if (exponent < -MAX_EXACT_POWER || exponent > MAX_EXACT_POWER)
        return false;
    y = exponent < 0 ? (double)m / power10[-exponent]
                     : (double)m * power10[exponent];
    memcpy(&bits, &y, sizeof(bits));
    if ((bits & dropped) - (middle - margin) <= 2 * margin)
        return false;
    *out = (float)y;
    return true;
}

/* All of them that 64 bits hold. */
static const uint64_t power5[] = {
    1U,
    5U,
    25U,
    125U,
    625U,
    3125U,
    15625U,
    78125U,
    390625U,
    1953125U,
    9765625U,
    48828125U,
    244140625U,
    1220703125U,
    6103515625UL,
    30517578125UL,
    152587890625UL,
    762939453125UL,
    3814697265625UL,
    19073486328125UL,
    95367431640625UL,
    476837158203125UL,
    2384185791015625UL,
    11920928955078125UL,
    59604644775390625UL,
    298023223876953125UL,
    1490116119384765625UL,
    7450580596923828125UL,
};
#define MAX_POWER5 27

/*
 * m * 10^exponent as bits * 2^shift, for the 16 and 17 digits that programs
 * write for a double.  10^k is 5^k * 2^k, so that one product or quotient of
 * 128 bits has it all; the last of the bits kept is set where any that goes
 * is, and bits can be rounded to 53 or 24 of them by one conversion.
 */
static bool
scale(uint64_t m, int64_t exponent, uint64_t *out_bits, int *out_shift)
{
    unsigned __int128 x;
    uint64_t          high;
    bool              rest = false;
    int               shift;

    if (m == 0 || exponent < -MAX_POWER5 || exponent > MAX_POWER5)
        return false;
    shift = (int)exponent;
    if (exponent >= 0) {
        x = (unsigned __int128)m * power5[exponent];
    } else {
        int lead = __builtin_clzll(m);

        x = (unsigned __int128)(m << lead) << 64;
        rest = x % power5[-exponent] != 0;
        x /= power5[-exponent]; /* still at least 2^64 */
        shift -= 64 + lead;
    }
    high = (uint64_t)(x >> 64);
    if (high != 0) {
        int n = 64 - __builtin_clzll(high);

        rest = rest || x << (128 - n) != 0;
        x >>= n;
        shift += n;
    }
    *out_bits = (uint64_t)x | rest;
    *out_shift = shift;
    return true;
}

/* No double needs more than 767 digits to be told from its neighbours'
 * middles; whether anything but zeros follows is one digit more. */
#define MAX_DIGITS 800
#define TEXT_SIZE (MAX_DIGITS + 32)

/* Write the number as "digits e exponent" for strtod(), which wants a NUL
 * and would take time and memory for a text of any length. */
static void
spell(const char *s, const struct decimal *d, char out[TEXT_SIZE])
{
    const char *end = s + d->n_text;
    int64_t     exponent = d->written;
    size_t      n = 0;
    bool        behind = false, rest = false;

    for (const char *p = s + d->negative; p < end; p++) {
        if (*p == '.') {
            behind = true;
        } else if (n == 0 && *p == '0') {
            exponent -= behind;
        } else if (n < MAX_DIGITS) {
            out[n++] = *p;
            exponent -= behind;
        } else {
            rest = rest || *p != '0';
            exponent += !behind;
        }
    }
    if (n == 0)
        out[n++] = '0';
    if (rest) {
        out[n++] = '1';
        exponent--;
    }
    if (exponent > 99999)
        exponent = 99999;
    if (exponent < -99999)
        exponent = -99999;
    snprintf(out + n, TEXT_SIZE - n, "e%d", (int)exponent);
}

bool
num_is_number(const char *s, size_t len)
{
    struct decimal d;

    return scan(s, len, &d);
}

static double
double_slow(const char *s, const struct decimal *d)
{
    char     text[TEXT_SIZE];
    uint64_t bits;
    int      shift;

    if (d->exact && scale(d->mantissa, d->exponent, &bits, &shift))
        return ldexp((double)bits, shift);
    spell(s, d, text);
    return strtod(text, NULL);
}

static float
float_slow(const char *s, const struct decimal *d)
{
    char     text[TEXT_SIZE];
    uint64_t bits;
    int      shift;

    if (d->exact && scale(d->mantissa, d->exponent, &bits, &shift))
        return ldexpf((float)bits, shift);
    spell(s, d, text);
    return strtof(text, NULL);
}

bool
num_parse(const char *s, size_t len, double *out)
{
    struct decimal d;
    double         x;

    if (!scan(s, len, &d))
        return false;
    if (!d.exact || !double_fast(d.mantissa, d.exponent, &x))
        x = double_slow(s, &d);
    if (isinf(x))
        return false;
    *out = d.negative ? -x : x;
    return true;
}

bool
num_parse_float(const char *s, size_t len, float *out)
{
    struct decimal d;
    float          x;

    if (!scan(s, len, &d))
        return false;
    if (!float_fast(d.mantissa, d.exponent, &x))
        x = float_slow(s, &d);
    if (isinf(x))
        return false;
    *out = d.negative ? -x : x;
    return true;
}

/* Where the number at s ends, by its letters; the reader checks its grammar. */
static size_t
word_length(const char *s)
{
    return strspn(s, "0123456789+-.eE");
}

/*
 * Nearly all numbers that programs write are digits with a point somewhere
 * among them, 19 of them at most; they are read here in one go, all others as
 * above.
 */
const char *
num_read_float(const char *s, float *out)
{
    const char *p = s + (*s == '-'), *first = p, *point = NULL;
    uint64_t    m = 0;
    unsigned    digit;
    float       x;
    size_t      len;

    while ((digit = (unsigned)*p - '0') < 10) {
        m = 10 * m + digit;
        p++;
    }
    if (*p == '.' && p > first) {
        point = p;
        while ((digit = (unsigned)*++p - '0') < 10)
            m = 10 * m + digit;
    }
    if (p > first && p - first - (point != NULL) <= 19 && *p != 'e' &&
        *p != 'E' && *p != '.' &&
        (*first != '0' || p - first == 1 || point == first + 1) &&
        p - 1 != point &&
        float_fast(m, point != NULL ? point + 1 - p : 0, &x)) {
        *out = *s == '-' ? -x : x;
        return p;
    }
    len = word_length(s);
    return num_parse_float(s, len, out) ? s + len : NULL;
}

bool
num_parse_u64(const char *s, size_t len, uint64_t *out)
{
    uint64_t x = 0;

    if (len == 0 || (len > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(x, 10, &x) ||
            __builtin_add_overflow(x, (uint64_t)(s[i] - '0'), &x))
            return false;
    }
    *out = x;
    return true;
}

/* Is m * 10^exponent the very x? */
static bool
reads_back(uint64_t m, int exponent, double x, bool single)
{
    char   text[64];
    double d;
    float  f;

    if (single && float_fast(m, exponent, &f))
        return f == (float)x;
    if (!single && double_fast(m, exponent, &d))
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
            double y = shift < 0 ? x / power10[-shift] : x * power10[shift];

            if (y >= power10[n]) {
                shift--;
                y = shift < 0 ? x / power10[-shift] : x * power10[shift];
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
    y = shift < 0 ? x / power10[-shift] : x * power10[shift];
    h = shift < 0 ? half / power10[-shift] : half * power10[shift];
    if (y >= 1e9) {
        shift--;
        y = shift < 0 ? x / power10[-shift] : x * power10[shift];
        h = shift < 0 ? half / power10[-shift] : half * power10[shift];
    }
    for (int drop = 9 - FLT_DIG; drop >= 0; drop--) {
        double m = rint(y / power10[drop]);
        double distance = fabs(m * power10[drop] - y);

        if (distance < h * (1 - sure)) {
            *out_m = (uint64_t)m;
            *out_exponent = drop - shift;
            return true;
        }
        if (distance < h * (1 + sure))
            break;
    }
    return false;
}

/* Write the digits of m with the point where the exponent wants it. */
static void
put(struct buf *b, uint64_t m, int exponent)
{
    char  digits[20], text[48];
    char *first = digits + sizeof(digits), *to = text;
    int   n, point;

    for (; m % 10 == 0 && m > 0; m /= 10)
        exponent++;
    do
        *--first = (char)('0' + m % 10);
    while ((m /= 10) > 0);
    n = (int)(digits + sizeof(digits) - first);
    point = n + exponent;

    if (point > 21 || point < -5) {
        *to++ = *first;
        if (n > 1)
            *to++ = '.';
        for (int i = 1; i < n; i++)
            *to++ = first[i];
        to += snprintf(to, 8, "e%d", point - 1);
    } else {
        if (point <= 0) {
            *to++ = '0';
            *to++ = '.';
        }
        for (int i = point; i < 0; i++)
            *to++ = '0';
        for (int i = 0; i < n; i++) {
            if (i == point && i > 0)
                *to++ = '.';
            *to++ = first[i];
        }
        for (int i = n; i < point; i++)
            *to++ = '0';
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
    int      exponent = 0, unused;
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
    is_power_of_2 = frexp(x, &unused) == 0.5;
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
