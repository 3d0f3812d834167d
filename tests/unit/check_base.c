#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/num.h"

START_TEST(float_reads_back)
{
    struct buf b = { 0 };
    float      x;

    num_format_float(&b, 0.1f);
    ck_assert_str_eq(b.data, "0.1");
    ck_assert(num_parse_float(b.data, b.len, &x) && x == 0.1f);
    buf_release(&b);
}
END_TEST

int
main(void)
{
    Suite   *s = suite_create("base");
    TCase   *t = tcase_create("num");
    SRunner *r;
    int      n_failed;

    tcase_add_test(t, float_reads_back);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    n_failed = srunner_ntests_failed(r);
    srunner_free(r);
    return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
