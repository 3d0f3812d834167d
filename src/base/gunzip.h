/*
 * gunzip.h - gzip undone in pieces, by zlib
 *
 * Model    Bytes in pieces of any size go in, plain bytes come out through a
 *          callback in pieces of at most 64 KiB.  Several gzip members in a
 *          row are one stream, as gzip(1) has it.
 * Limits   max_out plain bytes (0: no limit): ERR_LIMIT beyond, so that a small
 *          bomb stays small.
 * Errors   ERR_MALFORMED for bytes that are no gzip or are cut short.
 */
#ifndef BASE_GUNZIP_H
#define BASE_GUNZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef enum err (*gunzip_sink_fn)(void *arg, const void *p, size_t n,
                                   struct errinfo *e);

struct gunzip;

enum err gunzip_new(gunzip_sink_fn sink, void *arg, uint64_t max_out,
                    struct gunzip **out, struct errinfo *e);
void     gunzip_free(struct gunzip *g); /* NULL is fine */
enum err gunzip_feed(struct gunzip *g, const void *p, size_t n,
                     struct errinfo *e);
enum err gunzip_end(struct gunzip *g, struct errinfo *e);

#endif
