/*
 * client.h - lines of a stream over HTTP/1.1, by a socket and nothing else
 *
 * Model    watch_client_open() sends a GET and reads the head of the answer;
 *          watch_client_line() gives the body's lines, chunked or not.
 * Owner    The caller: _open() and _close().  A line is borrowed until the next.
 * Errors   ERR_INVALID for a URL that is none of ours; ERR_IO where nobody
 *          answers; ERR_NOTFOUND, ERR_AUTH… by the status of the answer.
 * Limits   A line of at most WATCH_LINE bytes.
 */
#ifndef WATCH_CLIENT_H
#define WATCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define WATCH_LINE 65536

struct watch_client {
    int    fd;
    bool   chunked;
    size_t chunk_left;
    bool   ended;
    size_t at, len; /* of in */
    char   in[16384];
    size_t n_line;
    char   line[WATCH_LINE];
};

/* url: "http://127.0.0.1:8080"; headers: further lines, each with its CRLF. */
enum err watch_client_open(struct watch_client *c, const char *url,
                           const char *path, const char *headers,
                           struct errinfo *e);
void     watch_client_close(struct watch_client *c);
/* The next line, without its end; NULL at the end of the stream. */
const char *watch_client_line(struct watch_client *c);

#endif
