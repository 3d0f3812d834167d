/*
 * base64.h - bytes as text (RFC 4648, the standard alphabet)
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Decode s[0..len), padded or not; out has room for len / 4 * 3 + 3 bytes.
 * false where it is no base64: another letter, padding in the middle, a length
 * that no bytes have, or bits left over that are not zero. */
bool base64_decode(const char *s, size_t len, void *out, size_t *out_len);

#endif
