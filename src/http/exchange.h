/*
 * exchange.h - one request and its answer, from the first line to the last byte
 *
 * Model    A state machine that libmicrohttpd's callbacks and the slow lane
 *          drive in turns:
 *
 *            HEAD --> BODY <--> PIECE --> WORK --> ANSWER --> SENT
 *              \       ^                             ^
 *               BEGIN -'  (streams)      a refusal --'
 *
 *          In BEGIN, PIECE and WORK the connection is suspended and the slow
 *          lane has the exchange; in all others its server thread has it.  It
 *          never belongs to both, so it needs no lock: the lane's queue and
 *          libmicrohttpd's resuming hand it over.
 * Owner    Made with the request line, freed when libmicrohttpd says that the
 *          request is over; a stream that was left open is aborted before that,
 *          on the slow lane.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "base/gunzip.h"
#include "base/mem.h"
#include "http/feed.h"
#include "http/guard.h"
#include "http/lane.h"
#include "http/media.h"
#include "http/ready.h"
#include "http/route.h"
#include "http/server.h"
#include "http/watch.h"

#define HTTP_ID_SIZE 65
/* Exchanges kept for use again, by all threads together. */
#define HTTP_SPARES 64

/* A body larger than this is not for the fast lane. */
#define HTTP_FAST_BODY (64 * KIB)
/* What a stream's handler gets at once, at most. */
#define HTTP_PIECE (256 * KIB)
/* What is read where no body is taken: many clients send an empty object. */
#define HTTP_EMPTY_BODY KIB
#define HTTP_ASKS_NOTHING "nothing is asked in a body here: send none, or {}"
/* The memory for a body that an exchange keeps when it is used again. */
#define HTTP_KEPT_BODY (8 * KIB)
/* What is read of a refused body, so that the connection can go on. */
#define HTTP_SWALLOW MIB

struct http_server {
    struct http_options   opt;
    struct http_routes    routes; /* opt.route */
    int                   listen_fd;
    unsigned              max_per_thread; /* connections */
    bool                  loopback;
    char                  url[64];
    char                  id_prefix[16];
    atomic_uint           n_requests; /* ever: the other half of an id        */
    atomic_uint           n_exchanges;
    atomic_uint           n_conns;
    atomic_bool           draining;
    atomic_bool           stopping;
    atomic_uint_least64_t n_refused_connections, n_refused_queue,
        n_refused_memory, n_refused_feeds, n_refused_address,
        n_refused_bodies[HTTP_BODIES];
    struct mem_budget     bodies;    /* bytes of bodies held at once          */
    int64_t               stream_us; /* over which a stream's rate is taken   */
    struct http_lane     *lane;
    struct http_watch    *watch;
    struct http_feeds    *feeds;
    struct MHD_Daemon    *daemon;
    pthread_mutex_t       spare_lock;
    unsigned              n_spares;
    struct http_exchange *spare[HTTP_SPARES];
    struct http_shelf     shelf;
    struct MHD_Response  *short_of_memory; /* made before there is none left */
};

enum http_phase {
    PHASE_HEAD,
    PHASE_BEGIN,
    PHASE_BODY,
    PHASE_PIECE,
    PHASE_WORK,
    PHASE_ANSWER,
    PHASE_SENT,
    PHASE_ABORT,
};

struct http_exchange {
    struct http_request    req;
    struct http_reply      rep;
    struct http_job        job;
    struct http_server    *server;
    struct MHD_Connection *connection;
    struct http_conn      *conn;
    enum http_phase        phase;
    struct http_head       head;
    struct http_media      media;
    char                   id[HTTP_ID_SIZE];
    int64_t                start_us;
    const char            *method; /* for the log */

    struct buf     body;     /* of a stream: the piece              */
    size_t         n_budget; /* bytes taken from server->bodies     */
    uint64_t       n_received;
    uint64_t       n_unpacked; /* of a stream that was packed */
    uint64_t       n_swallowed;
    bool           is_gzip;
    bool           at_head;      /* no byte of the body was asked for   */
    bool           body_pending; /* there is one, or we cannot tell     */
    bool           away;         /* the slow lane had it                */
    bool           at_end;       /* the body was whole a moment ago     */
    bool           must_close;
    struct gunzip *gunzip;      /* of a stream                     */
    bool           stream_open; /* between begin and end or abort  */
    void          *stream_state;

    struct {
        bool                  entered, ended;
        int64_t               due_us, spoke_us;
        size_t                n_taken;      /* of rep.body */
        struct http_exchange *next, **link; /* asleep: see feed.h */
    } feed;

    struct http_ready *ready;     /* the answer, where it goes back     */
    bool               varies;    /* with Accept-Encoding               */
    bool               is_packed; /* rep.body is gzip                   */
    unsigned           status;    /* answered; 0: not yet               */
    size_t             n_sent;

    size_t target_len; /* of the path and the query, as they came */
    char  *path;       /* without the query */
    char  *query;      /* NULL where there is none */
    char  *args;       /* where req.arg[] live: as long as the path */
    char   uri[];      /* both */
};

/* exchange.c: what libmicrohttpd calls. */
void           *http_exchange_new(void *cls, const char *uri,
                                  struct MHD_Connection *connection);
enum MHD_Result http_exchange_run(void *cls, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *data_len, void **con_cls);
void http_exchange_completed(void *cls, struct MHD_Connection *connection,
                             void                          **con_cls,
                             enum MHD_RequestTerminationCode code);

/* exchange.c: the answer is this problem; status 0: that of rc. */
void http_exchange_fail(struct http_exchange *x, unsigned status, enum err rc,
                        const struct errinfo *e);
void http_exchange_free(struct http_exchange *x);
/* exchange.c: give up the memory of one that is over; NULL is fine. */
void http_exchange_destroy(struct http_exchange *x);

/* limit.c: bytes that the body of this request may have, and the refusal of one
 * with more. */
size_t   http_max_body(const struct http_exchange *x);
enum err http_body_refuse(struct http_exchange *x, struct errinfo *e);
/* limit.c: room for n more bytes of bodies, which are all requests'. */
enum err http_body_take(struct http_exchange *x, size_t n, struct errinfo *e);
/* limit.c: may this caller have one more request? */
enum err http_request_admit(struct http_exchange *x, struct errinfo *e);

/* head.c: decide everything that is decided before the body: the route, its
 * limits, its media types.  false: x->rep has the answer. */
bool http_head_read(struct http_exchange *x, const char *method,
                    const char *version);

/* work.c: more bytes of the body. */
enum err http_body_add(struct http_exchange *x, const void *p, size_t n,
                       struct errinfo *e);
void     http_body_release(struct http_exchange *x);
/* work.c: call the handler; false where it wants the slow lane. */
bool http_work_run(struct http_exchange *x, bool may_block);
/* work.c: what the slow lane runs. */
void http_work_job(struct http_job *job, bool canceled);

/* stream.c: on the slow lane only. */
enum err http_stream_begin(struct http_exchange *x, struct errinfo *e);
enum err http_stream_piece(struct http_exchange *x, struct errinfo *e);
enum err http_stream_end(struct http_exchange *x, struct errinfo *e);
void     http_stream_abort(struct http_exchange *x); /* not open is fine */

/* answer.c: hand x->rep to libmicrohttpd. */
enum MHD_Result http_answer_queue(struct http_exchange *x);
/* accept.c: does this Accept-Encoding (NULL: none) take gzip, and no less
 * gladly than what is not packed? */
bool http_takes_gzip(const char *accept_encoding);
/* pack.c: is this what goes out packed to those who take it so? */
bool http_pack_is_worth(const struct http_reply *rep);
/* pack.c: pack the body of x->rep where the client takes it so and there is
 * something to be gained; where memory is short it stays as it is. */
void http_answer_pack(struct http_exchange *x);
/* etag.c: is what the request would change the one its If-Match names?
 * ERR_MISMATCH where not; the error of a GET where that has one. */
enum err http_match_check(struct http_exchange *x, struct errinfo *e);
/* etag.c: give x->rep, as it goes out, an ETag; 304 where the client has this
 * body already. */
void http_answer_tag(struct http_exchange *x);
/* answer.c: write it past libmicrohttpd, which takes no answer in the middle
 * of an upload, and have the connection closed. */
enum MHD_Result http_answer_now(struct http_exchange *x);
/* answer.c: the request is over; count it and write its line. */
void http_answer_log(struct http_exchange *x);

#endif
