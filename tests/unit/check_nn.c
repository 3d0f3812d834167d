#include <stdlib.h>

#include "nn_suites.h"

int
main(void)
{
    SRunner *r = srunner_create(suite_nn_kernel());
    int      n_failed;

    srunner_add_suite(r, suite_nn_spec());
    srunner_add_suite(r, suite_nn_net());
    srunner_add_suite(r, suite_nn_activation());
    srunner_add_suite(r, suite_nn_gradient());
    srunner_add_suite(r, suite_nn_layers());
    srunner_add_suite(r, suite_nn_all_layers());
    srunner_add_suite(r, suite_nn_textbook());
    srunner_add_suite(r, suite_nn_golden());
    srunner_add_suite(r, suite_nn_optimizer());
    srunner_add_suite(r, suite_nn_train());
    srunner_add_suite(r, suite_nn_team());
    srunner_add_suite(r, suite_nn_tiny());
    srunner_run_all(r, CK_NORMAL);
    n_failed = srunner_ntests_failed(r);
    srunner_free(r);
    return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
