/*
 * utf8.h - is it UTF-8, character by character
 *
 * Model    RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 *          NUL is a character like any other here.
 * Threads  Pure functions.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of one character */

/* Bytes of the character that p[0..n) begins with, 1 to 4; 0 where it is
 * malformed or cut short, and for n of 0. */
size_t utf8_char(const char *p, size_t n);

/* Bytes of a character whose first byte this is; 0 for one that none has. */
size_t utf8_len(char first);

bool   utf8_valid(const char *p, size_t n);

/* Make s valid in place: every byte that is no part of a character becomes
 * a question mark. */
void utf8_repair(char *s);

/* Write code point cp, which is no surrogate and at most U+10FFFF; returns
 * its bytes.  No NUL is added. */
size_t utf8_encode(uint32_t cp, char out[UTF8_MAX]);

#endif
