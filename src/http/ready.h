/*
 * ready.h - answers that are used again
 *
 * Model    The answer to a prediction differs from the one before in its bytes
 *          and its request id only, and making an answer of libmicrohttpd costs
 *          three allocations a header.  So small answers with the usual headers
 *          go back to a shelf, from which one of the same length and type is
 *          taken, gets new bytes and a new id, and goes out again.
 * Owner    The server has the shelf.  An answer that was taken is its taker's
 *          until it is given back, when libmicrohttpd has sent it.
 * Threads  Any.
 * Limits   HTTP_READY_MAX answers of HTTP_READY_BYTES each.
 */
#ifndef HTTP_READY_H
#define HTTP_READY_H

#include <pthread.h>

#include <microhttpd.h>

#include "base/mem.h"

#define HTTP_READY_MAX 64u
#define HTTP_READY_BYTES ((size_t)2 * KIB)

struct http_header {
    const char *name;
    const char *value;
};

struct http_ready;

struct http_shelf {
    pthread_mutex_t    lock;
    struct http_ready *first; /* the one used last */
    unsigned           n;     /* of all, those that are out as well */
};

void http_shelf_init(struct http_shelf *shelf);
void http_shelf_release(struct http_shelf *shelf);

/*
 * One that says these bytes, with a header X-Request-Id and these others, all
 * of which depend on nothing but `len` and `kind` (borrowed for ever, compared
 * by address).  NULL: none can be had, make an answer the usual way.
 */
struct http_ready *http_ready_take(struct http_shelf *shelf, const char *kind,
                                   const struct http_header *header,
                                   size_t n_headers, const char *id,
                                   const void *body, size_t len);
/* NULL is fine. */
void http_ready_give(struct http_shelf *shelf, struct http_ready *ready);

/* Borrowed. */
struct MHD_Response *http_ready_response(const struct http_ready *ready);

#endif
