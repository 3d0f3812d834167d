/*
 * query.h - the part of a URI behind the '?'
 */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "http/http.h"

/* Decode text, which is changed and borrowed, into req->param[].  ERR_MALFORMED
 * for bad percent-encoding, a name the route does not know, one given twice. */
enum err http_query_parse(struct http_request *req, char *text,
                          struct errinfo *e);

#endif
