/* base_histogram.c - ranges, sums, and many who count at once */
#include <pthread.h>

#include "base/histogram.h"
#include "base_suites.h"

#define N_THREADS 4
#define N_EACH 20000

static const double bound[] = { 1, 2, 4 };

START_TEST(a_bound_belongs_to_the_range_below_it)
{
    static const double x[] = { 0, 1, 1.5, 2, 4, 4.5, 1000 };
    struct histogram    h;

    histogram_init(&h, bound, 3);
    for (size_t i = 0; i < 7; i++)
        histogram_add(&h, x[i]);
    ck_assert_uint_eq(h.count[0], 2);
    ck_assert_uint_eq(h.count[1], 2);
    ck_assert_uint_eq(h.count[2], 1);
    ck_assert_uint_eq(h.count[3], 2);
    /* Each addition is rounded to a millionth. */
    ck_assert_double_eq_tol(histogram_sum(&h), 1013, 7e-6);
}
END_TEST

static void *
count(void *arg)
{
    for (int i = 0; i < N_EACH; i++)
        histogram_add(arg, i % 5);
    return NULL;
}

START_TEST(nothing_is_lost_between_threads)
{
    struct histogram h;
    pthread_t        thread[N_THREADS];

    histogram_init(&h, bound, 3);
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, count, &h), 0);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(h.count[0], N_THREADS * N_EACH / 5 * 2);
    ck_assert_uint_eq(h.count[1], N_THREADS * N_EACH / 5);
    ck_assert_uint_eq(h.count[2], N_THREADS * N_EACH / 5 * 2);
    ck_assert_double_eq_tol(histogram_sum(&h), N_THREADS * N_EACH * 2.0, 1e-3);
}
END_TEST

Suite *
suite_base_histogram(void)
{
    Suite *s = suite_create("histogram");
    TCase *t = tcase_create("counts");

    tcase_add_test(t, a_bound_belongs_to_the_range_below_it);
    tcase_add_test(t, nothing_is_lost_between_threads);
    suite_add_tcase(s, t);
    return s;
}
