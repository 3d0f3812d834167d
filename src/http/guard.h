/*
 * guard.h - what libmicrohttpd lets through, and must not pass
 *
 * Model    Two readings of one request are how requests are smuggled past a
 *          proxy: two lengths, a length and a coding, a blank before a colon.
 *          Such a request is refused and its connection closed, since nobody
 *          can say where the next one begins.
 * Owner    The head borrows from the connection, until its request is over.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdint.h>

#include "http/http.h"

struct MHD_Connection;

/* The headers that we look at, NULL where absent. */
struct http_head {
    const char *accept;
    const char *accept_encoding;
    const char *authorization;
    const char *content_encoding;
    const char *content_length;
    const char *content_type;
    const char *expect;
    const char *host;
    const char *if_match;
    const char *origin;
    const char *request_id;
    const char *transfer_encoding;

    bool     chunked;
    uint64_t length; /* of the body, where not chunked */
    bool     expects_continue;
};

/* Why a request is refused. */
struct http_refusal {
    unsigned    status;
    enum err    code;
    const char *slug;
    const char *what;
};

/* Read the head; NULL where it may pass.  raw is the request's target as it
 * came; hosts: the names that are ours beside those of this machine to itself,
 * NULL for any. */
const struct http_refusal *http_guard_check(struct MHD_Connection *connection,
                                            const char            *version,
                                            const char *raw, const char *hosts,
                                            struct http_head *out);

#endif
