/*
 * multipart.h - multipart/form-data in pieces (RFC 7578)
 *
 * Model    Bytes in pieces of any size; for every part one call of part() with
 *          its name and file name, then data() for its bytes.
 * Owner    _new() gives a parser to the caller, _free() takes it.
 * Errors   ERR_MALFORMED for bytes that are no multipart body; what the
 *          callbacks return otherwise.
 * Limits   A part's headers: 4 KiB.  HTTP_MAX_PARTS parts.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include <stddef.h>

#include "base/err.h"

#define HTTP_MAX_PARTS 16

struct http_multipart_calls {
    enum err (*part)(void *arg, const char *name, const char *filename,
                     struct errinfo *e);
    enum err (*data)(void *arg, const void *p, size_t n, struct errinfo *e);
};

struct http_multipart;

enum err http_multipart_new(const char *boundary,
                            const struct http_multipart_calls *calls, void *arg,
                            struct http_multipart **out, struct errinfo *e);
void     http_multipart_free(struct http_multipart *mp); /* NULL is fine */
enum err http_multipart_feed(struct http_multipart *mp, const void *p, size_t n,
                             struct errinfo *e);
enum err http_multipart_end(struct http_multipart *mp, struct errinfo *e);

#endif
