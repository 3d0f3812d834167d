/*
 * problem.h - what went wrong, as RFC 9457 tells it
 *
 * Model    An errinfo becomes a reply: status, application/problem+json, and
 *          the headers that its status asks for.  What is our own fault is told
 *          in general words; the log has the true ones under the request's id.
 * Format   {"type","title","status","detail","code","request_id",
 *          "errors":[{"pointer","detail"} or {"line","column","detail"}],
 *          "more_errors"}; the last two only where there is something to say.
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "http/http.h"

unsigned http_status_of(enum err code);

/* Turn rep into the problem rc, told by e (which may be clean); status 0: the
 * one of rc.  What rep held is dropped. */
void http_problem(struct http_reply *rep, const char *request_id,
                  unsigned status, enum err rc, const struct errinfo *e);

/* The same as other protocols have it: {"error": "text"}. */
void http_error_text(struct http_reply *rep, const char *request_id,
                     unsigned status, enum err rc, const struct errinfo *e);

/* Make rep what it was at first, but for a little memory that its body keeps
 * for the next one: release that where there is none. */
void http_reply_reset(struct http_reply *rep);

#endif
