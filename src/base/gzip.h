/*
 * gzip.h - bytes packed as gzip, by zlib
 *
 * Model    All bytes in, all bytes out, in one call, by the quickest of zlib's
 *          levels: whoever packs an answer has a client that waits for it.  The
 *          same bytes are packed the same way each time.
 * Limits   4 GiB, which is what zlib takes at once.
 * Errors   false: memory is short, or there is nothing to be gained.  Either
 *          way the bytes go as they are, so nobody needs to know which.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* p[0..n) packed into out, which is replaced; untouched where it is false. */
bool gzip_pack(const void *p, size_t n, struct buf *out);

#endif
