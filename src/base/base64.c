#include "base/base64.h"

#include <stdint.h>
#include <string.h>

#define NONE 0x80u

/* What a letter stands for; NONE where it stands for nothing. */
static uint32_t
value_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26u;
    if (c >= '0' && c <= '9')
        return c - '0' + 52u;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NONE;
}

bool
base64_decode(const char *s, size_t len, void *out, size_t *out_len)
{
    const unsigned char *p = (const unsigned char *)s, *end;
    unsigned char       *to = out, table[256];
    uint32_t             bits = 0, bad = 0;
    unsigned             rest;

    if (len % 4 == 0)
        for (int i = 0; i < 2 && len > 0 && s[len - 1] == '='; i++)
            len--;
    for (unsigned i = 0; i < sizeof(table); i++)
        table[i] = (unsigned char)value_of((unsigned char)i);
    rest = (unsigned)(len % 4);
    if (rest == 1)
        return false;
    for (end = p + (len - rest); p < end; p += 4) {
        bad |= table[p[0]] | table[p[1]] | table[p[2]] | table[p[3]];
        bits = (uint32_t)table[p[0]] << 18 | (uint32_t)table[p[1]] << 12 |
               (uint32_t)table[p[2]] << 6 | table[p[3]];
        *to++ = (unsigned char)(bits >> 16);
        *to++ = (unsigned char)(bits >> 8);
        *to++ = (unsigned char)bits;
    }
    if (rest > 0) {
        bits = 0;
        for (unsigned i = 0; i < 4; i++) {
            uint32_t v = i < rest ? table[p[i]] : 0;

            bad |= v;
            bits = bits << 6 | (v & 63);
        }
        *to++ = (unsigned char)(bits >> 16);
        if (rest == 3)
            *to++ = (unsigned char)(bits >> 8);
        if ((bits & (rest == 3 ? 0xffu : 0xffffu)) != 0)
            return false;
    }
    *out_len = (size_t)(to - (unsigned char *)out);
    return (bad & NONE) == 0;
}
