/*
 * check_base.c - the tests of src/base
 */
#include <stdlib.h>

#include "base_suites.h"

int
main(void)
{
    SRunner *r = srunner_create(suite_base_text());
    int      n_failed;

    srunner_add_suite(r, suite_base_num());
    srunner_add_suite(r, suite_base_json());
    srunner_add_suite(r, suite_base_random());
    srunner_add_suite(r, suite_base_gunzip());
    srunner_add_suite(r, suite_base_system());
    srunner_add_suite(r, suite_base_histogram());
    srunner_add_suite(r, suite_base_rate());
    srunner_add_suite(r, suite_cgroup());
    srunner_add_suite(r, suite_base_oom());
    srunner_run_all(r, CK_NORMAL);
    n_failed = srunner_ntests_failed(r);
    srunner_free(r);
    return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
