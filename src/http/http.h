/*
 * http.h - requests in, replies out: what a handler sees
 *
 * Model    A handler is a plain function: it reads a request, fills a reply and
 *          returns ERR_OK, or says what is wrong, which becomes an RFC 9457
 *          problem.  It does not know which thread it runs on.  The route table
 *          says everything else: method, path, limits, lane, scope.
 *            Fast lane   (HTTP_FAST) on the server's own threads: must not
 *                        block.  Returning ERR_WOULDBLOCK has it called again
 *                        on the slow lane, with may_block true.
 *            Slow lane   on a small pool of threads; the connection waits.
 *            Stream      large uploads: begin, piece…, end on the slow lane, in
 *                        order, one at a time for a request; abort instead of
 *                        end when the client goes or a call fails.
 * Owner    Requests and replies live for the call; what they hold is borrowed.
 * Threads  Handlers of different requests run at once; ctx is theirs to guard.
 * Limits   HTTP_MAX_ARGS {x} segments in a path, of 255 bytes; HTTP_MAX_PARAMS
 *          query parameters.  The body is gathered up to the route's max_body
 *          (413).
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_MAX_ARGS 3
#define HTTP_MAX_PARAMS 16
#define HTTP_MAX_REPLY_HEADERS 8
#define HTTP_KEY_NAME_SIZE 64
#define HTTP_ADDRESS_SIZE 16

enum http_method {
    HTTP_GET, /* HEAD too: the body is left out by the server */
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_METHOD_COUNT
};

enum http_scope { HTTP_PUBLIC, HTTP_PREDICT, HTTP_TRAIN, HTTP_ADMIN };

struct http_route;

struct http_request {
    const struct http_route *route;
    const char *arg[HTTP_MAX_ARGS]; /* the {x} segments, NUL-terminated */
    const char *content_type; /* "text/csv": lower case, without parameters;
                                 NULL where there is no body                  */
    const char *boundary;     /* of multipart/form-data, else NULL            */
    const char *accept;       /* the Accept header, NULL where absent         */
    const char *id;           /* of the request, as logged and answered       */
    char key[HTTP_KEY_NAME_SIZE]; /* the caller's, by name; "": none    */
    const void *body; /* whole body, NUL behind it; not of a stream   */
    size_t      body_len;
    bool        may_block; /* the slow lane runs us                        */
    bool        draining;  /* the server is about to stop                  */
    size_t      n_params;  /* of the query, decoded                        */
    struct http_param {
        const char *name;
        const char *value;
    } param[HTTP_MAX_PARAMS];
    struct http_exchange *exchange; /* the server's own; NULL in a test       */
};

/* A query parameter, percent-decoded, borrowed; NULL where absent.  Only names
 * in the route's `query` can be present. */
const char *http_request_query(const struct http_request *req,
                               const char                *name);

/* A header of the request as it came, borrowed; NULL where absent, and always
 * in a request that no server made. */
const char *http_request_header(const struct http_request *req,
                                const char                *name);

/* Who sent it: an IPv6 address, or an IPv4 one mapped to that; all zero where
 * that is not known. */
void http_request_client(const struct http_request *req,
                         uint8_t                    out[HTTP_ADDRESS_SIZE]);

/* limit (1 to 1000, default 100) of a list: ERR_MALFORMED on anything else. */
enum err http_request_limit(const struct http_request *req, size_t *out,
                            struct errinfo *e);
/* A query parameter that is a count; *out keeps its value where it is absent.
 */
enum err http_request_query_u64(const struct http_request *req,
                                const char *name, uint64_t *out,
                                struct errinfo *e);
/* "true", "false"; *out keeps its value where the parameter is absent. */
enum err http_request_query_bool(const struct http_request *req,
                                 const char *name, bool *out,
                                 struct errinfo *e);

/* Which of the types (a NULL-ended list) the client likes best by its Accept
 * header, the first where it does not say; -1 where it takes none of them. */
int http_request_prefers(const struct http_request *req,
                         const char *const         *types);

/* What a body is, as far as its size goes: an operator allows so many bytes of
 * each kind, and a route at most its own max_body. */
enum http_body {
    HTTP_BODY_PLAIN,  /* a description             */
    HTTP_BODY_ROWS,   /* data, gathered whole      */
    HTTP_BODY_UPLOAD, /* a stream's                */
    HTTP_BODIES
};

/* The server's own figures, now and since its start. */
struct http_stats {
    unsigned connections, max_connections;
    unsigned requests;   /* under way */
    size_t   body_bytes; /* held for bodies of requests */
    unsigned feeds;      /* listeners */
    uint64_t n_refused_connections, n_refused_queue, n_refused_memory,
        n_refused_feeds, n_refused_address;
    uint64_t n_refused_bodies[HTTP_BODIES]; /* too large */
};
/* All zero in a request that no server made. */
void http_request_stats(const struct http_request *req, struct http_stats *out);

/* An answer that goes on, such as server-sent events: asked for news again and
 * again, on a thread that may block for a moment, as long as the client
 * listens.  It ends without a word when the server stops. */
struct http_feed {
    const char *idle; /* sent after a long silence */
    /* Append what is new; false: that was the last of it.  *out_wait_ms: when
     * to ask again. */
    bool (*pull)(void *state, struct buf *out, unsigned *out_wait_ms);
    void (*close)(void *state);
};

struct mem_budget;

struct http_reply {
    unsigned    status;       /* 200 until set                             */
    const char *content_type; /* static; "application/json" until set      */
    struct buf  body;         /* empty: no body (204)                      */
    const struct http_feed *feed; /* NULL; else body stays empty, and     */
    void *feed_state;             /* this goes to close(), from ERR_OK on */
    int   file; /* 0; else an open file, the server's from ERR_OK on,
                   whose first bytes are sent instead of body     */
    uint64_t file_len;
    /* NULL; else n_taken bytes of it are this answer's.  The server gives them
     * back when the answer has left, or nobody is to hear it. */
    struct mem_budget *budget;
    size_t             n_taken;
    size_t             n_headers;
    struct {
        const char *name; /* static */
        char        value[160];
    } header[HTTP_MAX_REPLY_HEADERS];
};

/* A value that does not fit is left out, whole. */
void http_reply_header(struct http_reply *rep, const char *name,
                       const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

typedef enum err (*http_handler_fn)(void *ctx, const struct http_request *req,
                                    struct http_reply *rep, struct errinfo *e);

struct http_stream {
    /* *state is the handler's; abort is called only where begin returned OK. */
    enum err (*begin)(void *ctx, const struct http_request *req, void **state,
                      struct errinfo *e);
    enum err (*piece)(void *state, const void *p, size_t len,
                      struct errinfo *e);
    /* Frees state, whatever it returns. */
    enum err (*end)(void *state, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e);
    /* Frees state: the client went away, or piece() failed. */
    void (*abort)(void *state);
};

#define HTTP_FAST 1u /* try it on the server's own threads first       */
#define HTTP_OPEN 2u /* answered while draining; all others get 503     */
#define HTTP_ETAG 4u /* a 200 has an ETag, and If-None-Match gives 304  */
#define HTTP_ERROR_TEXT                                                        \
    16u               /* errors are {"error": "text"}, 400 instead of 422 */
#define HTTP_BARE 8u  /* the body may be left out                        */
#define HTTP_ROWS 32u /* the body is HTTP_BODY_ROWS                     */

/* One endpoint: all that is known about it.  {x} in a path matches a segment
 * without ':', which only stands where the path has it: "/m/{x}:run". */
struct http_route {
    enum http_method          method;
    const char               *path;    /* "/v1/networks/{name}"              */
    http_handler_fn           handler; /* NULL: stream                       */
    const struct http_stream *stream;
    size_t                    max_body; /* bytes at most; 0: none is taken,
                                           but {} of a POST, PUT or PATCH     */
    const char *types; /* media types of the body, comma between; NULL: none */
    const char *query; /* query parameters it knows, comma between, or NULL  */
    unsigned    flags;
    enum http_scope scope;
    const char     *brief; /* one line for humans */
};

#endif
