/*
 * json_write.h - JSON text appended to a buffer, for what is too hot or too
 *                low in the house for a JSON library
 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include <stddef.h>

#include "base/buf.h"

/* s[0..len) as a JSON string with its quotes.  Bytes that are no UTF-8 come
 * out as U+FFFD, so that what we write is always JSON. */
void json_write_string(struct buf *b, const char *s, size_t len);

/* The JSON Pointer (RFC 6901) of member name of what is at `at`: '~' is "~0",
 * '/' is "~1".  Cut to size. */
void json_write_pointer(char *out, size_t size, const char *at,
                        const char *name);

/* [1,2.5,…] and [[…],…]: n rows of width floats, shortest digits; what is not
 * finite is null. */
void json_write_floats(struct buf *b, const float *x, size_t n);
void json_write_rows(struct buf *b, const float *x, size_t n, size_t width);

#endif
