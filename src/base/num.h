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

/* Is s[0..len) a number by this grammar, whatever its size? */
bool num_is_number(const char *s, size_t len);

/* The number that s[0..len) is, whole: false where it is none, or is too
 * large for a double.  A leading + and forms such as ".5" and "5." are
 * refused, as JSON does. */
bool num_parse(const char *s, size_t len, double *out);

/* The same, rounded once, to the nearest float32; false beyond its range. */
bool num_parse_float(const char *s, size_t len, float *out);

/* The number that the NUL-terminated s begins with, likewise: where it ends, or
 * NULL where there is none or it is beyond the range.  What may come behind it
 * is the caller's business. */
const char *num_read_float(const char *s, float *out);

/* A decimal integer without sign, whole; false on anything else, overflow
 * and leading zeros included: a number has one spelling. */
bool num_parse_u64(const char *s, size_t len, uint64_t *out);

/* Append the fewest digits that read back as the same float32 (double);
 * "null" where it is not finite.  The layout is JavaScript's: 1, 0.1, 1e-7,
 * 123456789012, 1e21; but minus zero is -0. */
void num_format_float(struct buf *b, float x);
void num_format_double(struct buf *b, double x);
void num_format_u64(struct buf *b, uint64_t x);

#endif
