/* check_codec.c - the codec floor */
#include <stdlib.h>

#include "codec_suites.h"

int
main(void)
{
    SRunner *runner = srunner_create(suite_codec_rows());
    int      n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
