/*
 * check_store.c - the tests of store/, suite by suite
 */
#include "store_suites.h"

#include <stdlib.h>

int
main(void)
{
    SRunner *runner = srunner_create(store_rows_suite());
    int      failed;

    srunner_add_suite(runner, store_lifecycle_suite());
    srunner_add_suite(runner, store_history_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
