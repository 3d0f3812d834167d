/* base_rate.c - so many a second, by name */
#include <stdio.h>

#include "base/rate.h"
#include "base_suites.h"

#define SECOND INT64_C(1000000)

static unsigned
take_all(struct rate *rate, const char *name, int64_t now)
{
    unsigned n = 0;

    while (rate_take(rate, name, 1, now, NULL))
        n++;
    return n;
}

START_TEST(a_seconds_worth_then_the_rate)
{
    struct rate *rate;
    int64_t      now = 7 * SECOND;

    ck_assert_int_eq(rate_new(10, 10, &rate, NULL), ERR_OK);
    ck_assert_uint_eq(take_all(rate, "a", now), 10);
    ck_assert_uint_eq(take_all(rate, "b", now), 10);
    ck_assert(!rate_take(rate, "a", 1, now + SECOND / 10 - 1, NULL));
    ck_assert(rate_take(rate, "a", 1, now + SECOND / 10, NULL));
    ck_assert(!rate_take(rate, "a", 1, now + SECOND / 10, NULL));
    ck_assert_uint_eq(take_all(rate, "a", now + SECOND / 2), 4);
    ck_assert_uint_eq(take_all(rate, "a", now + 100 * SECOND), 10);
    rate_free(rate);
}
END_TEST

/* Refusals cost nothing: whoever keeps asking gets his rate. */
START_TEST(a_storm_gets_its_rate)
{
    struct rate *rate;
    unsigned     n = 0;

    ck_assert_int_eq(rate_new(100, 100, &rate, NULL), ERR_OK);
    for (int64_t now = SECOND; now < 11 * SECOND; now += 100)
        n += rate_take(rate, "a", 1, now, NULL);
    ck_assert_uint_ge(n, 1095);
    ck_assert_uint_le(n, 1101);
    rate_free(rate);
}
END_TEST

START_TEST(more_names_than_places)
{
    struct rate *rate;
    char         name[32];

    ck_assert_int_eq(rate_new(1, 1, &rate, NULL), ERR_OK);
    for (unsigned i = 0; i < 10 * RATE_PLACES; i++) {
        snprintf(name, sizeof(name), "name-%u", i);
        ck_assert(rate_take(rate, name, 1, SECOND, NULL));
        ck_assert(!rate_take(rate, name, 1, SECOND, NULL));
    }
    rate_free(rate);
}
END_TEST

START_TEST(a_large_one_passes_and_is_waited_for)
    {
        struct rate *rate;
        unsigned     wait = 0;

        ck_assert_int_eq(rate_new(2, 10, &rate, NULL), ERR_OK);
        ck_assert(rate_take(rate, "a", 110, SECOND, &wait));
        ck_assert(!rate_take(rate, "a", 1, SECOND, &wait));
        ck_assert_uint_ge(wait, 50);
        ck_assert_uint_le(wait, 52);
        ck_assert(rate_take(rate, "b", 1, SECOND, &wait));
        ck_assert(rate_take(rate, "a", 1, (1 + wait) * SECOND, &wait));
        ck_assert_uint_eq(rate_n_refused(rate), 1);
        rate_free(rate);
    }
    END_TEST

Suite *
suite_base_rate(void)
{
        Suite *s = suite_create("base/rate");
    TCase *t = tcase_create("rate");

    suite_add_tcase(s, t);
    tcase_add_test(t, a_seconds_worth_then_the_rate);
    tcase_add_test(t, a_storm_gets_its_rate);
    tcase_add_test(t, more_names_than_places);
    tcase_add_test(t, a_large_one_passes_and_is_waited_for);
    return s;
}
