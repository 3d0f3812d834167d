/*
 * base_num.c - numbers to text and back
 *
 * The C library's strtod() and strtof() round correctly and are the oracle;
 * src/base/num.c uses them only where its own two ways do not reach.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/random.h"
#include "base_suites.h"

static const struct random_at at = { .seed = 1, .purpose = RANDOM_TEST };

/* clang-format off */
static const char *const numbers[] = {
    "0", "-0", "1", "-1", "10", "0.5", "-0.0", "1e0", "1E5", "1e+5", "1e-5",
    "123456789", "0.1", "0e5", "0.0e-999999999999999999999",
    "1e-999999999999999999999", "9007199254740993", "9007199254740992.5",
    "18446744073709551615", "18446744073709551616", "184467440737095516160",
    "0.10000000149011612", "3.4028235e38", "3.4028234663852886e38",
    "1.17549435e-38", "1e-45", "7e-46", "7.1e-46", "2.2250738585072011e-308",
    "4.9406564584124654e-324", "2.4703282292062327e-324", "1.7976931348623157e308",
    "16777217", "16777219", "1.00000005960464477539", "1.000000059604644775391",
    "0.000000000000000000000000000001", "100000000000000000000000000000000000",
};
static const char *const not_numbers[] = {
    "", "-", "+1", "+", ".5", "5.", "-.5", "01", "-01", "00", "1e", "1e+", "1.e5",
    "1.5.", "0x10", "nan", "NaN", "inf", "Infinity", "-inf", " 1", "1 ", "1,5",
    "1f", "1e5.5", "--1", "1-", "e5", "1_000",
};
/* clang-format on */

/* The text in a block of exactly its size, so that reading on is caught. */
static bool
parse(const char *s, double *d)
{
    char *copy = malloc(strlen(s) + 1);
    bool  ok;

    memcpy(copy, s, strlen(s));
    copy = realloc(copy, strlen(s) > 0 ? strlen(s) : 1);
    ok = num_parse(copy, strlen(s), d);
    free(copy);
    return ok;
}

/* Both parsers against the C library, to the sign of zero. */
static void
assert_agrees(const char *s)
{
    double d = -7, expected = strtod(s, NULL);
    float  f = -7, expected_f = strtof(s, NULL);
    float  g = -7;
    bool   ok = parse(s, &d), ok_f = num_parse_float(s, strlen(s), &f);

    ck_assert_msg(num_read_float(s, &g) == (ok_f ? s + strlen(s) : NULL),
                  "%s is read to its end", s);
    ck_assert_msg(memcmp(&f, &g, sizeof(f)) == 0, "%s gave %a, then %a", s, f,
                  g);

    ck_assert_msg(num_is_number(s, strlen(s)), "%s is a number", s);
    ck_assert_msg(ok == isfinite(expected), "%s as double: %d", s, ok);
    ck_assert_msg(ok_f == isfinite(expected_f), "%s as float: %d", s, ok_f);
    if (!ok)
        expected = -7; /* untouched */
    if (!ok_f)
        expected_f = -7;
    ck_assert_msg(memcmp(&d, &expected, sizeof(d)) == 0, "%s gave %a, not %a",
                  s, d, expected);
    ck_assert_msg(memcmp(&f, &expected_f, sizeof(f)) == 0, "%s gave %a, not %a",
                  s, f, expected_f);
}

START_TEST(parse_takes_numbers)
{
    assert_agrees(numbers[_i]);
}
END_TEST

START_TEST(parse_refuses_all_else)
{
    const char *s = not_numbers[_i];
    double      d = -7;
    float       f = -7;

    ck_assert(!parse(s, &d));
    ck_assert(!num_parse_float(s, strlen(s), &f));
    ck_assert(!num_is_number(s, strlen(s)));
    ck_assert(d == -7 && f == -7);
}
END_TEST

START_TEST(parse_stops_at_its_length)
{
    double d;

    ck_assert(num_parse("123456", 3, &d));
    ck_assert(d == 123);
    ck_assert(!num_parse("1\0002", 3, &d));
}
END_TEST

START_TEST(parse_knows_its_range)
{
    double d;
    float  f;

    ck_assert(!num_parse("1e999", 5, &d));
    ck_assert(!num_parse("-1e309", 6, &d));
    ck_assert(!num_parse("1e99999999999999999999", 22, &d));
    ck_assert(num_is_number("1e999", 5));
    ck_assert(!num_parse_float("3.4028236e38", 12, &f));
    ck_assert(!num_parse_float("1e39", 4, &f));
    ck_assert(num_parse("1e39", 4, &d));
}
END_TEST

static void
random_digits(char *to, size_t n, uint32_t *index)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)('0' + random_u32(&at, (*index)++) % 10);
    to[n] = '\0';
}

/* Up to 40 digits around a point anywhere, with and without exponent. */
START_TEST(parse_agrees_on_random_texts)
{
    char     head[24], tail[24], text[64];
    uint32_t index = 0;

    for (int i = 0; i < 100000; i++) {
        uint32_t x = random_u32(&at, index++);

        random_digits(head, x % 20, &index);
        random_digits(tail, 1 + (x >> 8) % 20, &index);
        if (x >> 31)
            snprintf(text, sizeof(text), "-7%s.%s", head, tail);
        else
            snprintf(text, sizeof(text), "0.%s%se%d", head, tail,
                     (int)(x >> 16 & 127) - 64);
        assert_agrees(text);
    }
}
END_TEST

/* Where rounding twice goes wrong: on, and just beside, the middle of two
 * neighbouring floats. */
START_TEST(parse_agrees_between_floats)
{
    char text[256];

    for (uint32_t i = 0; i < 50000; i++) {
        uint32_t bits = random_u32(&at, i) & 0x7f7fffff;
        float    f;
        double   middle;

        memcpy(&f, &bits, sizeof(f));
        middle = ((double)f + (double)nextafterf(f, INFINITY)) / 2;
        snprintf(text, sizeof(text), "%.160e", middle);
        assert_agrees(text);
        snprintf(text, sizeof(text), "%.*e", (int)(i % 24), middle);
        assert_agrees(text);
        if (middle > 1e-20 && middle < 1e20) {
            snprintf(text, sizeof(text), "%.90f1", middle);
            assert_agrees(text);
        }
    }
}
END_TEST

/*
 * The same in plain decimals of at most 19 digits, as programs write them: the
 * middle cut off at every digit, and one more or less of the last.  Those of 17
 * digits and more lie nearer to the middle than a double can tell.
 */
START_TEST(parse_agrees_beside_the_middle)
{
    for (uint32_t i = 0; i < 20000; i++) {
        float    f = ldexpf(1 + random_uniform(&at, i), (int)(i % 40) - 20);
        double   middle = ((double)f + (double)nextafterf(f, INFINITY)) / 2;
        char     text[64];
        unsigned whole = (unsigned)snprintf(text, sizeof(text), "%.0f", middle);

        for (unsigned n = 17 - whole; n <= 19 - whole; n++) {
            char *last =
                text + snprintf(text, sizeof(text), "%.*f", (int)n, middle) - 1;

            assert_agrees(text);
            *last = *last == '9' ? '8' : (char)(*last + 1);
            assert_agrees(text);
            *last = *last == '0' ? '1' : (char)(*last - 1);
            assert_agrees(text);
        }
    }
}
END_TEST

START_TEST(read_leaves_what_comes_behind)
{
    static const struct {
        const char *text;
        int         used; /* -1: no number */
        float       value;
    } row[] = {
        { "1,2", 1, 1 },
        { "-0.5]", 4, -0.5F },
        { "12 ", 2, 12 },
        { "1e2]", 3, 100 },
        { "1E-2}", 4, 0.01F },
        { "0x10", 1, 0 },
        { "01", -1, 0 },
        { "-", -1, 0 },
        { "-,", -1, 0 },
        { ".5", -1, 0 },
        { "5.,", -1, 0 },
        { "1.2.3", -1, 0 },
        { "1e", -1, 0 },
        { "1e39,", -1, 0 },
        { "nan", -1, 0 },
        { "", -1, 0 },
        { "-01", -1, 0 },
        { "00.5", -1, 0 },
        { "1234567890123456789,", 19, 1234567890123456789.F },
        { "12345678901234567890,", 20, 12345678901234567890.F },
    };

    for (size_t i = 0; i < COUNT_OF(row); i++) {
        float       x = -7;
        const char *end = num_read_float(row[i].text, &x);

        if (row[i].used < 0) {
            ck_assert_msg(end == NULL && x == -7, "%s", row[i].text);
            continue;
        }
        ck_assert_msg(end == row[i].text + row[i].used, "%s", row[i].text);
        ck_assert_msg(x == row[i].value, "%s gave %a", row[i].text, x);
    }
}
END_TEST

/* Texts longer than anything they can mean. */
START_TEST(parse_agrees_on_long_texts)
{
    static char text[20000];
    uint32_t    index = 0;

    for (int n = 101; n < 8000; n += 397) {
        random_digits(text, (size_t)n, &index);
        text[0] = '1';
        snprintf(text + n, 16, "e-%d", n);
        assert_agrees(text);

        memset(text, '0', (size_t)n);
        text[1] = '.';
        text[n] = '7';
        random_digits(text + n + 1, 1000, &index);
        snprintf(text + n + 1001, 16, "e%d", n - 100);
        assert_agrees(text);

        /* The middle of 1 and the float above it; then a little more. */
        memset(text, '0', (size_t)n);
        memcpy(text, "1.000000059604644775390625", 26);
        text[n] = '\0';
        assert_agrees(text);
        text[n - 1] = '1';
        assert_agrees(text);
    }
}
END_TEST

START_TEST(u64_is_strict)
{
    static const char *const bad[] = { "",
                                       "-1",
                                       "+1",
                                       "01",
                                       "1.0",
                                       "1 ",
                                       " 1",
                                       "x",
                                       "1e3",
                                       "0x1",
                                       "18446744073709551616",
                                       "99999999999999999999" };
    uint64_t                 x = 7;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(!num_parse_u64(bad[i], strlen(bad[i]), &x) && x == 7,
                      "\"%s\" was taken", bad[i]);
    ck_assert(num_parse_u64("0", 1, &x) && x == 0);
    ck_assert(num_parse_u64("18446744073709551615", 20, &x));
    ck_assert(x == UINT64_MAX);
    ck_assert(num_parse_u64("12345", 3, &x) && x == 123);
}
END_TEST

/* clang-format off */
static const struct {
    double      x;
    const char *as_float, *as_double;
} formats[] = {
    { 0,               "0",               "0" },
    { -0.0,            "-0.0",            "-0.0" },
    { 1,               "1",               "1" },
    { -1.5,            "-1.5",            "-1.5" },
    { 100,             "100",             "100" },
    { 0.1,             "0.1",             "0.1" },
    { 0.1f,            "0.1",             "0.10000000149011612" },
    { 1.0 / 3,         "0.33333334",      "0.3333333333333333" },
    { 123456.789,      "123456.79",       "123456.789" },
    { 1700000000123,   "1700000000000",   "1700000000123" },
    { 16777216,        "16777216",        "16777216" },
    { 1e20,            "100000000000000000000", "100000000000000000000" },
    { 1e21,            "1e21",            "1e21" },
    { 1e-6,            "0.000001",        "0.000001" },
    { 1e-7,            "1e-7",            "1e-7" },
    { 1.25e-7,         "1.25e-7",         "1.25e-7" },
    { 0x1p-44,         "5.684342e-14",    "5.684341886080802e-14" },
    { 3.40282347e+38,  "3.4028235e38",    "3.40282347e38" },
    { 1.7976931348623157e308, "null",     "1.7976931348623157e308" },
    { 0x1p-149,        "1e-45",           "1.401298464324817e-45" },
    { 0x1p-1074,       "0",               "5e-324" },
    { INFINITY,        "null",            "null" },
    { -INFINITY,       "null",            "null" },
    { NAN,             "null",            "null" },
};
/* clang-format on */

START_TEST(format_is_as_documented)
{
    struct buf b = { 0 };

    num_format_float(&b, (float)formats[_i].x);
    ck_assert_str_eq(b.data, formats[_i].as_float);
    buf_reset(&b);
    num_format_double(&b, formats[_i].x);
    ck_assert_str_eq(b.data, formats[_i].as_double);
    buf_release(&b);
}
END_TEST

/* Significant digits of a decimal text. */
static int
n_digits(const char *s)
{
    int n = 0, n_zeros = 0;

    for (; *s != '\0' && *s != 'e'; s++) {
        if (*s < '0' || *s > '9' || (n == 0 && *s == '0'))
            continue;
        n++;
        n_zeros = *s == '0' ? n_zeros + 1 : 0;
    }
    return n - n_zeros;
}

static void
assert_float_survives(uint32_t bits, struct buf *b)
{
    char  text[64];
    float x, back;

    memcpy(&x, &bits, sizeof(x));
    if (!isfinite(x))
        return;
    buf_reset(b);
    num_format_float(b, x);
    if (!num_parse_float(b->data, b->len, &back) ||
        memcmp(&x, &back, sizeof(x)) != 0)
        ck_abort_msg("%a became %s", x, b->data);
    for (int n = 1; x != 0 && n < n_digits(b->data); n++) {
        snprintf(text, sizeof(text), "%.*e", n - 1, x);
        if (strtof(text, NULL) == x)
            ck_abort_msg("%a became %s, longer than %s", x, b->data, text);
    }
}

START_TEST(format_float_is_short_and_reads_back)
{
    struct buf b = { 0 };

    for (uint32_t exponent = 0; exponent < 255; exponent++) {
        assert_float_survives(exponent << 23, &b);
        assert_float_survives((exponent << 23) + 1, &b);
        assert_float_survives((exponent << 23) - 1, &b);
    }
    for (uint32_t i = 0; i < 100000; i++)
        assert_float_survives(random_u32(&at, i), &b);
    for (uint32_t i = 0; i < 100000; i++) { /* the sizes that occur */
        float    x = random_normal(&at, i);
        uint32_t bits;

        memcpy(&bits, &x, sizeof(bits));
        assert_float_survives(bits, &b);
    }
    buf_release(&b);
}
END_TEST

START_TEST(format_double_reads_back)
{
    struct buf b = { 0 };

    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t bits =
            (uint64_t)random_u32(&at, 2 * i) << 32 | random_u32(&at, 2 * i + 1);
        double x, back;

        memcpy(&x, &bits, sizeof(x));
        if (!isfinite(x))
            continue;
        buf_reset(&b);
        num_format_double(&b, x);
        if (!num_parse(b.data, b.len, &back) ||
            memcmp(&x, &back, sizeof(x)) != 0)
            ck_abort_msg("%a became %s", x, b.data);
    }
    buf_release(&b);
}
END_TEST

Suite *
suite_base_num(void)
{
    Suite *s = suite_create("base/num");
    TCase *t = tcase_create("parse");

    tcase_set_timeout(t, 60); /* sanitizers are slow */
    tcase_add_loop_test(t, parse_takes_numbers, 0, (int)COUNT_OF(numbers));
    tcase_add_loop_test(t, parse_refuses_all_else, 0,
                        (int)COUNT_OF(not_numbers));
    tcase_add_test(t, parse_stops_at_its_length);
    tcase_add_test(t, parse_knows_its_range);
    tcase_add_test(t, parse_agrees_on_random_texts);
    tcase_add_test(t, parse_agrees_between_floats);
    tcase_add_test(t, parse_agrees_beside_the_middle);
    tcase_add_test(t, read_leaves_what_comes_behind);
    tcase_add_test(t, parse_agrees_on_long_texts);
    tcase_add_test(t, u64_is_strict);
    suite_add_tcase(s, t);

    t = tcase_create("format");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, format_is_as_documented, 0, (int)COUNT_OF(formats));
    tcase_add_test(t, format_float_is_short_and_reads_back);
    tcase_add_test(t, format_double_reads_back);
    suite_add_tcase(s, t);
    return s;
}
