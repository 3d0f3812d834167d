/*
 * buf.h - a byte buffer that grows, up to a limit, and remembers failing
 *
 * Model    Appending to a buffer that once failed does nothing, so a writer
 *          checks once, at the end.  data is NUL-terminated where not NULL.
 * Owner    struct buf is the caller's storage: start with { 0 } or buf_init(),
 *          end with buf_release().  buf_steal() gives data away (free()).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char  *data;
    size_t len;
    size_t cap;
    size_t max;    /* bytes it may hold; 0: 64 MiB */
    bool   failed; /* out of memory, or more than max */
};

void  buf_init(struct buf *b, size_t max);
void  buf_release(struct buf *b);
void  buf_reset(struct buf *b); /* empty again, memory kept */

/* Give the bytes away and be empty again: free() them.  NULL where b has
 * failed; "" where it is empty.  out_len may be NULL. */
char *buf_steal(struct buf *b, size_t *out_len);

/* Room for n more bytes and a NUL behind data + len; NULL where b has failed.
 * The caller writes there, adds to len, and puts the NUL where it matters. */
char *buf_reserve(struct buf *b, size_t n);
void  buf_append(struct buf *b, const void *p, size_t n);
void  buf_puts(struct buf *b, const char *s);
void  buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* In here because a byte costs less than a call. */
static inline void
buf_putc(struct buf *b, char c)
{
    if (b->failed || b->cap < b->len + 2) {
        buf_append(b, &c, 1);
        return;
    }
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

#endif
