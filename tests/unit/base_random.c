/*
 * base_random.c - Philox against its authors' answers, and what we make of it
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "base_suites.h"

/* The known answers of Random123 for philox4x32-10: counter, key, output. */
static const struct {
    uint32_t counter[4], key[2], out[4];
} answers[] = {
    { { 0, 0, 0, 0 },
      { 0, 0 },
      { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
      { 0xffffffff, 0xffffffff },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

START_TEST(block_is_philox)
{
    struct random_at at = {
        .seed = answers[_i].key[0] | (uint64_t)answers[_i].key[1] << 32,
        .step = answers[_i].counter[1],
        .epoch = answers[_i].counter[2],
        .purpose = answers[_i].counter[3],
    };
    uint32_t out[4];

    random_block(&at, answers[_i].counter[0], out);
    ck_assert_mem_eq(out, answers[_i].out, sizeof(out));
}
END_TEST

static const struct random_at place = {
    .seed = 0x0123456789abcdef, .purpose = RANDOM_TEST, .epoch = 3, .step = 7
};

/* What the same formulas gave in a few lines of Python. */
START_TEST(draws_stay_what_they_are)
{
    static const uint32_t draws[] = { 0x82d5fe57, 0xcdbb2943, 0x1b51be8e,
                                      0xa73e323f, 0x06ef5a39, 0x6d251d54,
                                      0x483a5db7, 0x24ed237d };
    static const double normals[] = { 0.3831286758301431,  -1.0934712560754276,
                                      -1.2077636647371712, -1.7367999240761176,
                                      -2.403916422166642,  1.1993277839683856,
                                      0.9809872581693275,  1.2523432161764207 };
    static const uint32_t order[] = { 7, 4, 3, 6, 9, 2, 1, 8, 0, 5 };
    uint32_t              perm[COUNT_OF(order)];

    for (uint32_t i = 0; i < COUNT_OF(draws); i++) {
        ck_assert_uint_eq(random_u32(&place, i), draws[i]);
        ck_assert(random_uniform(&place, i) ==
                  (float)(draws[i] >> 8) / 16777216);
        /* Two libms may differ in a double's last bits; a float32 has an
         * ulp of 2.4e-7 below 4. */
        ck_assert_double_eq_tol(random_normal(&place, i), normals[i], 2.4e-7);
    }
    random_permutation(&place, perm, COUNT_OF(perm));
    ck_assert_mem_eq(perm, order, sizeof(order));
}
END_TEST

/* Each part of the place changes all that is drawn there. */
START_TEST(places_share_nothing)
{
    struct random_at other[] = { place, place, place, place, place };
    uint32_t         a[4], b[4];

    other[0].seed ^= 1;
    other[1].seed ^= (uint64_t)1 << 63;
    other[2].purpose ^= 1;
    other[3].epoch ^= 1;
    other[4].step ^= 1;
    random_block(&place, 0, a);
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        random_block(&other[i], 0, b);
        for (size_t k = 0; k < 4; k++)
            ck_assert_uint_ne(a[k], b[k]);
    }
}
END_TEST

#define N_DRAWS 200000

/* Five standard errors of the mean and of the variance: a wrong formula is
 * off by far more, and the draws are always the same. */
START_TEST(uniform_fills_its_range)
{
    double sum = 0, squares = 0;
    float  low = 1, high = 0;

    for (uint32_t i = 0; i < N_DRAWS; i++) {
        float x = random_uniform(&place, i);

        ck_assert(x >= 0 && x < 1);
        sum += x;
        squares += (x - 0.5) * (x - 0.5);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    ck_assert_double_eq_tol(sum / N_DRAWS, 0.5, 5 * 0.2887 / sqrt(N_DRAWS));
    ck_assert_double_eq_tol(squares / N_DRAWS, 1.0 / 12,
                            5 * 0.0745 / sqrt(N_DRAWS));
    ck_assert(low < 1e-4 && high > 1 - 1e-4);
}
END_TEST

START_TEST(normal_is_normal)
{
    double sum = 0, squares = 0, neighbours = 0, last = 0;
    long   n_beyond_2 = 0;

    for (uint32_t i = 0; i < N_DRAWS; i++) {
        float x = random_normal(&place, i);

        ck_assert(isfinite(x));
        sum += x;
        squares += (double)x * x;
        neighbours += x * last;
        last = x;
        n_beyond_2 += fabsf(x) > 2;
    }
    ck_assert_double_eq_tol(sum / N_DRAWS, 0, 5 / sqrt(N_DRAWS));
    ck_assert_double_eq_tol(squares / N_DRAWS, 1, 5 * sqrt(2.0 / N_DRAWS));
    ck_assert_double_eq_tol(neighbours / N_DRAWS, 0, 5 / sqrt(N_DRAWS));
    ck_assert_double_eq_tol((double)n_beyond_2 / N_DRAWS, 0.0455,
                            5 * sqrt(0.0455 / N_DRAWS));
}
END_TEST

START_TEST(permutation_has_everyone_once)
{
    static uint32_t perm[5000];
    static uint8_t  seen[COUNT_OF(perm)];
    size_t          n_moved = 0;

    random_permutation(&place, perm, 0);
    random_permutation(&place, perm, 1);
    ck_assert_uint_eq(perm[0], 0);
    random_permutation(&place, perm, COUNT_OF(perm));
    for (size_t i = 0; i < COUNT_OF(perm); i++) {
        ck_assert_uint_lt(perm[i], COUNT_OF(perm));
        ck_assert_uint_eq(seen[perm[i]]++, 0);
        n_moved += perm[i] != i;
    }
    ck_assert_uint_gt(n_moved, COUNT_OF(perm) - 10);
}
END_TEST

/* All 24 orders of four rows equally often; five standard deviations. */
START_TEST(permutation_is_fair)
{
    enum { N = 48000 };
    unsigned n_seen[256] = { 0 };
    unsigned n_orders = 0;

    for (uint32_t epoch = 0; epoch < N; epoch++) {
        struct random_at at = { .seed = 5, .epoch = epoch };
        uint32_t         p[4];

        random_permutation(&at, p, 4);
        n_seen[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
    }
    for (size_t i = 0; i < COUNT_OF(n_seen); i++) {
        if (n_seen[i] == 0)
            continue;
        n_orders++;
        ck_assert_double_eq_tol(n_seen[i], N / 24.0, 5 * sqrt(N / 24.0));
    }
    ck_assert_uint_eq(n_orders, 24);
}
END_TEST

Suite *
suite_base_random(void)
{
    Suite *s = suite_create("base/random");
    TCase *t = tcase_create("philox");

    tcase_add_loop_test(t, block_is_philox, 0, (int)COUNT_OF(answers));
    tcase_add_test(t, draws_stay_what_they_are);
    tcase_add_test(t, places_share_nothing);
    tcase_add_test(t, uniform_fills_its_range);
    tcase_add_test(t, normal_is_normal);
    tcase_add_test(t, permutation_has_everyone_once);
    tcase_add_test(t, permutation_is_fair);
    suite_add_tcase(s, t);
    return s;
}
