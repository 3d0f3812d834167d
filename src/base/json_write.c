#include "base/json_write.h"

#include <stdio.h>

#include "base/num.h"
#include "base/utf8.h"

/* Written as they are. */
static const bool plain[256] = { [' ' ... '!'] = true,
                                 ['#' ... '['] = true,
                                 [']' ... '~'] = true };

void
json_write_string(struct buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t               i = 0;

    buf_putc(b, '"');
    while (i < len) {
        size_t start = i, n;

        /* The usual run of plain characters goes out at once. */
        while (i < len && plain[p[i]])
            i++;
        buf_append(b, s + start, i - start);
        if (i == len)
            break;
        if (p[i] == '"' || p[i] == '\\') {
            buf_putc(b, '\\');
            buf_putc(b, s[i++]);
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            buf_printf(b, "\\u%04x", p[i++]);
        } else if ((n = utf8_char(s + i, len - i)) > 0) {
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
json_write_pointer(char *out, size_t size, const char *at, const char *name)
{
    size_t n = (size_t)snprintf(out, size, "%s/", at);

    for (; *name != '\0' && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    if (n < size)
        out[n] = '\0';
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
