/*
 * check_api.c - the route table says what it should, and nothing twice
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/internal.h"

/* Could one path match both patterns?  {x} matches any one segment. */
static bool
patterns_overlap(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (*a == '{' || *b == '{') {
            a += strcspn(a, "/:");
            b += strcspn(b, "/:");
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

START_TEST(no_two_rows_match_the_same_request)
{
    size_t                   n;
    const struct http_route *r = api_routes(&n);

    ck_assert_uint_gt(n, 20);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            ck_assert_msg(r[i].method != r[j].method ||
                              !patterns_overlap(r[i].path, r[j].path),
                          "%s and %s", r[i].path, r[j].path);
    ck_assert(patterns_overlap("/a/{x}/b", "/a/c/{y}")); /* it can say yes */
}
END_TEST

START_TEST(every_row_is_whole)
{
    size_t                   n;
    const struct http_route *r = api_routes(&n);

    for (size_t i = 0; i < n; i++) {
        size_t args = 0;

        ck_assert_msg((r[i].handler != NULL) != (r[i].stream != NULL),
                      "%s has one of handler and stream", r[i].path);
        /* Clients of other protocols name no type, or any. */
        ck_assert_msg((r[i].max_body > 0) == (r[i].types != NULL) ||
                          (r[i].flags & HTTP_ERROR_TEXT) != 0,
                      "%s names its body's types", r[i].path);
        ck_assert_msg(r[i].method != HTTP_GET || r[i].max_body == 0,
                      "%s is a GET without a body", r[i].path);
        for (const char *p = r[i].path; *p != '\0'; p++)
            args += *p == '{';
        ck_assert_uint_le(args, HTTP_MAX_ARGS);
        ck_assert_uint_gt(strlen(r[i].brief), 5);
    }
}
END_TEST

START_TEST(numbers_in_paths_have_one_spelling)
{
    static const char *const bad[] = { "",   "-1",  "+1", "1e3", "01", "abc",
                                       "1 ", "0x1", "9223372036854775808",
                                       "99999999999999999999999999" };
    int64_t                  n = -7;
    struct errinfo           e;

    err_clear(&e);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(api_number(bad[i], "job", &n, &e) == ERR_NOTFOUND, "%s",
                      bad[i]);
    ck_assert_int_eq(n, -7);
    ck_assert_int_eq(api_number("0", "version", &n, &e), ERR_OK);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(api_number("9223372036854775807", "job", &n, &e), ERR_OK);
    ck_assert_int_eq(n, INT64_MAX);
}
END_TEST

int
main(void)
{
    Suite   *s = suite_create("api");
    TCase   *t = tcase_create("routes");
    SRunner *runner;
    int      failed;

    tcase_add_test(t, no_two_rows_match_the_same_request);
    tcase_add_test(t, every_row_is_whole);
    tcase_add_test(t, numbers_in_paths_have_one_spelling);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
