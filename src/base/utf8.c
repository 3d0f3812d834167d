#include "base/utf8.h"

#include <assert.h>
#include <string.h>

static bool
is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t
utf8_len(char first)
{
    unsigned char c = (unsigned char)first;

    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef)
        return 3;
    if (c >= 0xf0 && c <= 0xf4)
        return 4;
    return 0;
}

/* The table of well-formed sequences in RFC 3629, section 4, read by its
 * columns: only the second byte has bounds that depend on the first. */
size_t
utf8_char(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned char        low = 0x80, high = 0xbf;
    size_t               len = n > 0 ? utf8_len(*p) : 0;

    if (len <= 1)
        return len;
    switch (s[0]) {
    case 0xe0: /* below: overlong */
        low = 0xa0;
        break;
    case 0xed: /* above: surrogates */
        high = 0x9f;
        break;
    case 0xf0: /* below: overlong */
        low = 0x90;
        break;
    case 0xf4: /* above: beyond U+10FFFF */
        high = 0x8f;
        break;
    }
    if (n < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_tail(s[i]))
            return 0;
    return len;
}

bool
utf8_valid(const char *p, size_t n)
{
    while (n > 0) {
        size_t len = utf8_char(p, n);

        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

void
utf8_repair(char *s)
{
    size_t n = strlen(s);

    while (n > 0) {
        size_t len = utf8_char(s, n);

        if (len == 0) {
            *s = '?';
            len = 1;
        }
        s += len;
        n -= len;
    }
}

size_t
utf8_encode(uint32_t cp, char out[UTF8_MAX])
{
    assert(cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff));
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}
