/* num.c - the number that a text is */
#include "base/num.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num_exact.h"

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
    if (!d.exact || !num_double_fast(d.mantissa, d.exponent, &x))
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
    if (!num_float_fast(d.mantissa, d.exponent, &x))
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

    if (s[0] == '0' && s[1] == ',') { /* pictures are full of them */
        *out = 0;
        return s + 1;
    }
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
        num_float_fast(m, point != NULL ? point + 1 - p : 0, &x)) {
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
