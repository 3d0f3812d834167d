#include "base/json_write.h"

#include <stdbool.h>

#include "base/num.h"

/* The length of the UTF-8 sequence at s, 0 where there is none. */
static size_t
utf8_length(const unsigned char *s, size_t len)
{
    size_t        n;
    unsigned long code;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        n = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        n = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (n > len)
        return 0;
    code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) ||
        code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return n;
}

void
json_write_string(struct buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t               i = 0, n;

    buf_putc(b, '"');
    while (i < len) {
        size_t start = i;

        /* The usual run of plain characters goes out at once. */
        while (i < len && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' &&
               p[i] != '\\')
            i++;
        buf_append(b, s + start, i - start);
        if (i == len)
            break;
        if (p[i] == '"' || p[i] == '\\') {
            buf_putc(b, '\\');
            buf_putc(b, s[i++]);
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            buf_printf(b, "\\u%04x", p[i++]);
        } else if ((n = utf8_length(p + i, len - i)) > 0) {
            buf_append(b, s + i, n);
            i += n;
        } else {
            buf_puts(b, "\\ufffd");
            i++;
        }
    }
    buf_putc(b, '"');
}

void
json_write_floats(struct buf *b, const float *x, size_t n)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(b, ',');
        num_format_float(b, x[i]);
    }
    buf_putc(b, ']');
}

void
json_write_rows(struct buf *b, const float *x, size_t n, size_t width)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(b, ',');
        json_write_floats(b, x + i * width, width);
    }
    buf_putc(b, ']');
}
