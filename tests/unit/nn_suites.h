/*
 * nn_suites.h - the suites of check_nn
 */
#ifndef NN_SUITES_H
#define NN_SUITES_H

#include <check.h>

Suite *suite_nn_kernel(void);
Suite *suite_nn_spec(void);
Suite *suite_nn_net(void);
Suite *suite_nn_activation(void);
Suite *suite_nn_gradient(void);
Suite *suite_nn_layers(void);
Suite *suite_nn_all_layers(void);
Suite *suite_nn_textbook(void);
Suite *suite_nn_golden(void);
Suite *suite_nn_optimizer(void);
Suite *suite_nn_train(void);
Suite *suite_nn_team(void);
Suite *suite_nn_tiny(void);

#endif
