/*
 * watch.h - who has been here for too long, and who has not heard us yet
 *
 * Model    libmicrohttpd's timeout is about silence only: a client that drips a
 *          byte now and then stays for ever.  So every connection bears a
 *          deadline of ours; a thread looks at them all a few times a second
 *          and shuts down whoever is late.  A deadline is taken by exactly one
 *          side: after http_conn_expect() returned false the connection is cut.
 *            The same thread lingers: a connection that was answered before its
 *          upload had ended is read for a while longer, or the unread bytes
 *          would make the kernel reset it, and the client lose the answer.
 *            And it looks whether the sender of a body has left:
 *          libmicrohttpd's epoll is edge-triggered and misses an end that came
 *          along with data.
 * Owner    A connection is libmicrohttpd's socket_context from start to close.
 * Threads  _expect() and _received() are for the thread that serves the
 *          connection.
 * Limits   HTTP_LINGER_MAX at once; HTTP_LINGER_BYTES and _SECONDS each.
 */
#ifndef HTTP_WATCH_H
#define HTTP_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define HTTP_LINGER_MAX 64
#define HTTP_LINGER_BYTES (64 * 1024 * 1024)
#define HTTP_LINGER_SECONDS 10

/* What a late client gets before it is cut. */
enum http_wait {
    HTTP_WAIT_NOTHING, /* it is we who work                        */
    HTTP_WAIT_HEAD,    /* no answer is possible: just the cut      */
    HTTP_WAIT_BODY,    /* a 408                                    */
    HTTP_WAIT_STREAM,  /* the same, where it falls below the rate  */
    HTTP_WAIT_TAKE,    /* half an answer is out: just the cut      */
};

struct http_conn {
    struct http_conn    *prev, *next;
    int                  fd;
    atomic_int_least64_t deadline_us; /* clock_mono_us(); 0: none; -1: cut    */
    atomic_int           wait;        /* enum http_wait                       */
    atomic_uint_least64_t received;   /* bytes of bodies                      */
    uint64_t              window_start; /* received when the window began, and
                                           + 1 when the end was seen: the
                                           watch's own                          */
    uint64_t end_seen;
    uint8_t  address[16];
    bool     is_crowding; /* one more than its address may have */
    bool     linger;      /* when it closes                       */
};

struct http_watch;

/* stream_us: the window over which a stream's rate is taken. */
enum err http_watch_new(int64_t stream_us, struct http_watch **out,
                        struct errinfo *e);
void     http_watch_free(struct http_watch *watch); /* NULL is fine */

/* NULL where memory is short.  max_per_address: connections; 0: no limit. */
struct http_conn *http_conn_new(struct http_watch *watch, int fd,
                                int64_t within_us, const uint8_t address[16],
                                unsigned max_per_address);
/* fd is still open here. */
void http_conn_free(struct http_watch *watch, struct http_conn *conn);

/* From now on we wait for this, for so long; false where it is too late. */
bool http_conn_expect(struct http_conn *conn, enum http_wait wait,
                      int64_t within_us);
bool http_conn_is_cut(struct http_conn *conn);

#endif
