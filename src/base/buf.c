#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX ((size_t)64 << 20)
#define FIRST_CAP ((size_t)256)

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void
buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ 0 };
}

void
buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

char *
buf_steal(struct buf *b, size_t *out_len)
{
    size_t max = b->max;
    char  *data;

    if (buf_reserve(b, 0) == NULL) {
        buf_release(b);
        buf_init(b, max);
        return NULL;
    }
    data = b->data;
    data[b->len] = '\0';
    if (out_len != NULL)
        *out_len = b->len;
    buf_init(b, max);
    return data;
}

/* Make cap at least need, doubling so that n appends cost O(n), but never
 * beyond what max allows. */
static bool
grow(struct buf *b, size_t need, size_t limit)
{
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
    char  *data;

    while (cap < need)
        cap = cap > limit / 2 ? limit : 2 * cap;
    if (cap > limit)
        cap = limit;
    data = realloc(b->data, cap);
    if (data == NULL)
        return false;
    if (b->data == NULL)
        data[0] = '\0';
    b->data = data;
    b->cap = cap;
    return true;
}

char *
buf_reserve(struct buf *b, size_t n)
{
    size_t max = b->max > 0 ? b->max : DEFAULT_MAX;

    if (b->failed)
        return NULL;
    if (b->cap > b->len && n < b->cap - b->len)
        return b->data + b->len;
    if (max > SIZE_MAX - 1)
        max = SIZE_MAX - 1;
    if (b->len > max || n > max - b->len || !grow(b, b->len + n + 1, max + 1)) {
        b->failed = true;
        return NULL;
    }
    return b->data + b->len;
}

void
buf_append(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);

    if (to == NULL)
        return;
    if (n > 0)
        memcpy(to, p, n);
    to[n] = '\0';
    b->len += n;
}

void
buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char   *to;
    int     n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    to = buf_reserve(b, (size_t)n);
    if (to == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}
