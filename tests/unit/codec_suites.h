/* codec_suites.h - one suite per module of the codec floor */
#ifndef CODEC_SUITES_H
#define CODEC_SUITES_H

#include <check.h>

Suite *suite_codec_rows(void);

#endif
