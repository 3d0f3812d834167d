/* check_training.c - jobs, from the queue to their end */
#include "training_suites.h"

#include <stdlib.h>

int
main(void)
{
    SRunner *runner = srunner_create(training_state_suite());

    srunner_add_suite(runner, training_job_suite());
    srunner_add_suite(runner, training_pool_suite());
    srunner_add_suite(runner, training_resume_suite());
    srunner_add_suite(runner, training_fault_suite());
    srunner_add_suite(runner, training_warnings_suite());
    srunner_add_suite(runner, training_team_suite());
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
