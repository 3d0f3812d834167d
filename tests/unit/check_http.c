/* check_http.c - the http floor over real sockets */
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "http_suites.h"

int
main(void)
{
    SRunner *runner = srunner_create(suite_http_parts());
    int      n_failed;

    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR); /* HTTP_TEST_LOG=1 shows every request */
    if (getenv("HTTP_TEST_LOG") != NULL)
        log_set_level(LOG_DEBUG);
    srunner_add_suite(runner, suite_http_multipart());
    srunner_add_suite(runner, suite_http_requests());
    srunner_add_suite(runner, suite_http_streams());
    srunner_add_suite(runner, suite_http_server());
    srunner_add_suite(runner, suite_http_feeds());
    srunner_add_suite(runner, suite_http_keys());
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
