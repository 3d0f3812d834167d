/*
 * origin.h - pages of other sites that a browser lets ask us
 *
 * Model    A browser sends a page's origin with each request that the page
 *          makes elsewhere.  The pages we are told to trust (cors_origins, by
 *          exact name) may read our answers and ask for everything; all others
 *          may read nothing, and change nothing: a request without a body needs
 *          no leave of ours before a browser sends it.
 * Owner    Borrows from the exchange.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "http/exchange.h"

/* Is the page one of ours, or trusted, or is there none?  ERR_FORBIDDEN for a
 * foreign one that would change something. */
enum err http_origin_check(struct http_exchange *x, struct errinfo *e);

/* The headers of an answer to a page that is trusted; those of a preflight
 * where it is one.  Nothing for any other page. */
void http_origin_reply(struct http_exchange *x);
void http_origin_preflight(struct http_exchange *x);

/* Is host ("example.org:80") one of the names in the list ("a.org,b.org")? */
bool http_host_is_listed(const char *list, const char *host);

#endif
