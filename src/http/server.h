/*
 * server.h - the listener, its two lanes, and their end
 *
 * Model    libmicrohttpd accepts and parses on its own threads (epoll); the
 *          guard refuses what it lets through; the route table decides the
 *          rest.  Every response bears X-Request-Id; every request is one line
 *          in the log.
 * Owner    http_server_start() gives a server to the caller;
 *          http_server_stop() takes it back.
 * Threads  Start, drain and stop are main()'s.
 *          request_timeout_seconds is for the client: it does not run while a
 *          handler works.  An upload must bring 1 KiB/s over 30 s instead.
 * Errors   Start: ERR_INVALID for a bad address, ERR_IO with the reason (in
 *          use, not allowed).
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/http.h"

/* May this request go on?  ERR_OK, ERR_AUTH, ERR_FORBIDDEN or ERR_RATE, by
 * req->route->scope; req->key gets the caller's name.  Called before the body
 * is read, on the server's own threads: must not block. */
typedef enum err (*http_authorize_fn)(void *ctx, struct http_request *req,
                                      const char     *authorization,
                                      struct errinfo *e);

/* A request is over: route is NULL where none matched, status 499 where the
 * client left.  Called on the server's own threads: must not block. */
typedef void (*http_observe_fn)(void *ctx, const struct http_route *route,
                                unsigned status, double seconds);

/* A request is refused, with this code.  Called on any of the server's threads,
 * before the answer goes out: must not block. */
typedef void (*http_refused_fn)(void *ctx, const char *slug);

struct http_options {
    const char *listen;    /* "127.0.0.1:8080", "[::1]:0"          */
    int         listen_fd; /* > 0: it listens already, on `listen`,
                              and is the server's to close    */
    const struct http_route *route;
    size_t                   n_routes;
    void                    *ctx; /* handed to every handler                 */
    unsigned                 n_threads;       /* of the fast lane; 0: 2       */
    unsigned                 n_slow_threads;  /* of the slow lane; 0: 4       */
    unsigned                 max_connections; /* 0: 1000              */
    unsigned                 max_per_address; /* connections; 0: no limit    */
    unsigned                 max_feeds;       /* listeners; 0: 256           */
    size_t   max_body[HTTP_BODIES];           /* bytes; 0: the route's    */
    unsigned header_timeout_seconds;          /* 0: 10                */
    unsigned request_timeout_seconds;         /* whole request, other
                                                 than streams; 0: 60 */
    /* Names that a Host header may have beside those of this machine to itself,
     * comma between; on another address than loopback: empty for any. */
    const char *allowed_hosts;
    /* Origins of pages that a browser lets read our answers, comma between. */
    const char       *cors_origins;
    http_authorize_fn authorize; /* NULL: everybody may do everything */
    http_observe_fn   observe;   /* NULL: nobody counts               */
    http_refused_fn   refused;   /* likewise                          */
};

struct http_server;

enum err http_server_start(const struct http_options *options,
                           struct http_server **out, struct errinfo *e);

/* "http://127.0.0.1:8080", with the port it really has; borrowed. */
const char *http_server_url(const struct http_server *server);

/* From now on everything but HTTP_OPEN routes is 503 with Retry-After, and
 * connections close after their answer. */
void http_server_drain(struct http_server *server);

/* Stop accepting, wait up to grace_ms for requests under way, end. */
void http_server_stop(struct http_server *server, unsigned grace_ms);

/* As a client: the status of /readyz of who listens there.  ERR_IO where nobody
 * answers within seconds. */
enum err http_health_ask(const char *listen, unsigned *out_status,
                         struct errinfo *e);

/* Where a listening socket listens, as `listen` has it: "127.0.0.1:8080".
 * ERR_INVALID where it is no TCP socket. */
enum err http_address_of(int fd, char *out, size_t size, struct errinfo *e);

/* Is this address ("127.0.0.1:8080") reachable from this machine only? */
bool http_address_is_loopback(const char *listen);

/* ERR_INVALID, in the name of the option `listen`, where it is no address. */
enum err http_address_check(const char *listen, struct errinfo *e);

#endif
