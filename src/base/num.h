/*
 * num.h - numbers to text and back, exactly and without the locale
 *
 * Model    JSON's grammar for numbers: -?int frac? exp?.  No nan, no inf, no
 *          hex, no blanks, no leading +.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The number that s[0..len) is, whole: false where it is none, or is too
 * large for a double.  A leading + and forms such as ".5" and "5." are
 * refused, as JSON does. */
bool num_parse(const char *s, size_t len, double *out);

/* The same, rounded once, to the nearest float32; false beyond its range. */
bool num_parse_float(const char *s, size_t len, float *out);

/* A decimal integer without sign, whole; false on anything else, overflow
 * included. */
bool num_parse_u64(const char *s, size_t len, uint64_t *out);

/* Append the fewest digits that read back as the same float32 (double);
 * "null" where it is not finite. */
void num_format_float(struct buf *b, float x);
void num_format_double(struct buf *b, double x);

#endif
