/*
 * check_dataset.c - the tests of src/dataset
 */
#include <stdlib.h>

#include "dataset_suites.h"

int
main(void)
{
    SRunner *r = srunner_create(suite_dataset_csv());
    int      n_failed;

    srunner_add_suite(r, suite_dataset_limits());
    srunner_add_suite(r, suite_dataset_forms());
    srunner_add_suite(r, suite_dataset_json());
    srunner_add_suite(r, suite_dataset_arrays());
    srunner_add_suite(r, suite_dataset_chunk());
    srunner_add_suite(r, suite_dataset_types());
    srunner_add_suite(r, suite_dataset_encoder());
    srunner_add_suite(r, suite_dataset_encoding());
    srunner_add_suite(r, suite_dataset_table());
    srunner_add_suite(r, suite_dataset_resume());
    srunner_add_suite(r, suite_dataset_oom());
    srunner_run_all(r, CK_NORMAL);
    n_failed = srunner_ntests_failed(r);
    srunner_free(r);
    return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
