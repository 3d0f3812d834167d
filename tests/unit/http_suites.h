/*
 * http_suites.h - the suites of check_http
 */
#ifndef TESTS_HTTP_SUITES_H
#define TESTS_HTTP_SUITES_H

#include <check.h>

Suite *suite_http_parts(void);
Suite *suite_http_multipart(void);
Suite *suite_http_requests(void);
Suite *suite_http_streams(void);
Suite *suite_http_server(void);
Suite *suite_http_feeds(void);
Suite *suite_http_keys(void);

#endif
