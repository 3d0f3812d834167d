/*
 * route.h - which row of the table a request is for
 *
 * Model    A path is matched as it came, without any normalising: what is not
 *          in the table letter by letter is not there.  {x} takes one segment,
 *          or what is left of it where the pattern goes on (":predict").
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http.h"

#define HTTP_MAX_SEGMENT 255
#define HTTP_ALLOW_SIZE 64

struct http_span {
    const char *p;
    size_t      len;
};

/* The table, and what tells most rows from a path at a glance.  Owner: the
 * caller; http_routes_release().  Threads: read by all. */
struct http_routes {
    const struct http_route *route; /* borrowed */
    size_t                   n;
    struct http_ends        *ends; /* [n], method by method */
    size_t                   end[HTTP_METHOD_COUNT]; /* of each in ends */
};

/* ERR_NOMEM only. */
enum err http_routes_init(struct http_routes *out,
                          const struct http_route *route, size_t n,
                          struct errinfo *e);
void     http_routes_release(struct http_routes *routes);

/* The row for method and path; arg[] gets the {x}, borrowed from path.  On NULL
 * *out_allow has one bit for each method the path has: none means 404. */
const struct http_route *http_route_find(const struct http_routes *routes,
                                         enum http_method method,
                                         const char      *path,
                                         struct http_span arg[HTTP_MAX_ARGS],
                                         unsigned        *out_allow);

/* The methods of a path, as a bit each. */
unsigned http_route_methods(const struct http_routes *routes, const char *path);

/* "GET, HEAD, OPTIONS" */
void http_allow_format(unsigned allow, char out[HTTP_ALLOW_SIZE]);

/* Is word one of "a,b,c"? */
bool http_list_has(const char *list, const char *word, size_t len);

#endif
