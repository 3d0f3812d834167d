/*
 * base_suites.h - the suites of check_base, one per file
 */
#ifndef BASE_SUITES_H
#define BASE_SUITES_H

#include <check.h>

Suite *suite_base_text(void);
Suite *suite_base_num(void);
Suite *suite_base_json(void);
Suite *suite_base_random(void);
Suite *suite_base_gunzip(void);
Suite *suite_base_system(void);
Suite *suite_base_histogram(void);
Suite *suite_base_rate(void);
Suite *suite_cgroup(void);
Suite *suite_base_oom(void);

#endif
