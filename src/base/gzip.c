#include "base/gzip.h"

#include <limits.h>

#include <zlib.h>

#define GZIP 16 /* added to the bits of the window: a gzip header */
#define MIN_BITS 9
#define MAX_BITS 15

/* A window that the bytes fill.  zlib clears its tables at the start, and with
 * the largest ones that takes longer than packing a few KiB. */
static int
window_bits(size_t n)
{
    int bits = MIN_BITS;

    while (bits < MAX_BITS && (size_t)1 << bits < n)
        bits++;
    return bits;
}

/* There is room for one byte less than came in: what does not fit there is not
 * worth packing. */
bool
gzip_pack(const void *p, size_t n, struct buf *out)
{
    struct buf packed;
    z_stream   z = { 0 };
    int        bits = window_bits(n);
    char      *to;
    bool       ok;

    if (n == 0 || n > UINT_MAX)
        return false;
    buf_init(&packed, n);
    to = buf_reserve(&packed, n);
    if (to == NULL ||
        deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP + bits,
                     bits - MIN_BITS + 2, Z_DEFAULT_STRATEGY) != Z_OK) {
        buf_release(&packed);
        return false;
    }
    z.next_in = (unsigned char *)p; /* zlib only reads it */
    z.avail_in = (uInt)n;
    z.next_out = (unsigned char *)to;
    z.avail_out = (uInt)(n - 1);
    ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
    packed.len = n - 1 - z.avail_out;
    deflateEnd(&z);
    if (!ok) {
        buf_release(&packed);
        return false;
    }
    to[packed.len] = '\0';
    buf_release(out);
    *out = packed;
    return true;
}
