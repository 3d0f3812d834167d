/* answer.c - a reply on its way out */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/address.h"
#include "http/exchange.h"
#include "http/origin.h"

#define CLIENT_LEFT 499 /* for the log: nobody heard the answer */
#define TAKE_RATE 16384 /* bytes per second a client must take  */
#define FEED_BLOCK 4096
#define MAX_HEADERS (HTTP_MAX_REPLY_HEADERS + 11)
#define HEADER(name, value) ((struct http_header){ name, value })

void
http_reply_header(struct http_reply *rep, const char *name, const char *fmt,
                  ...)
{
    char   *value;
    size_t  size = sizeof(rep->header[0].value);
    va_list ap;
    int     n;

    if (rep->n_headers == HTTP_MAX_REPLY_HEADERS) {
        log_write(LOG_ERROR, "http", "no room for the header %s", name);
        return;
    }
    value = rep->header[rep->n_headers].value;
    va_start(ap, fmt);
    n = vsnprintf(value, size, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= size) {
        log_write(LOG_WARN, "http", "the header %s is too long", name);
        return;
    }
    for (char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?'; /* no value ends its line */
    rep->header[rep->n_headers++].name = name;
}

static bool
has_header(const struct http_reply *rep, const char *name)
{
    for (size_t i = 0; i < rep->n_headers; i++)
        if (strcmp(rep->header[i].name, name) == 0)
            return true;
    return false;
}

static bool
is_json(const char *type)
{
    return strncmp(type, "application/", 12) == 0 && strstr(type, "json");
}

static bool
is_get(const struct http_exchange *x)
{
    return x->req.route == NULL || x->req.route->method == HTTP_GET;
}

/* All headers of the answer, other than Date and the framing; the last one is
 * X-Request-Id. */
static size_t
headers_of(struct http_exchange *x, struct http_header h[MAX_HEADERS])
{
    const struct http_reply *rep = &x->rep;
    size_t                   n = 0;

    http_origin_reply(x);
    if (rep->status != MHD_HTTP_NOT_MODIFIED &&
        (rep->body.len > 0 || rep->feed != NULL || rep->file > 0)) {
        h[n++] = HEADER("Content-Type", rep->content_type);
        if (x->is_packed)
            h[n++] = HEADER("Content-Encoding", "gzip");
        /* Nobody keeps the answer to another method anyway. */
        if (is_get(x) && is_json(rep->content_type) &&
            !has_header(rep, "Cache-Control"))
            h[n++] = HEADER("Cache-Control", "no-store");
    }
    h[n++] = HEADER("X-Content-Type-Options", "nosniff");
    h[n++] = HEADER("Cross-Origin-Resource-Policy", "same-origin");
    h[n++] = HEADER("Referrer-Policy", "no-referrer");
    if (!has_header(rep, "Content-Security-Policy"))
        h[n++] = HEADER("Content-Security-Policy",
                        "default-src 'none'; frame-ancestors 'none'");
    if (rep->status == MHD_HTTP_UNSUPPORTED_MEDIA_TYPE)
        h[n++] = HEADER("Accept-Encoding", "gzip, identity");
    if (x->must_close)
        h[n++] = HEADER("Connection", "close");
    for (size_t i = 0; i < rep->n_headers; i++)
        h[n++] = HEADER(rep->header[i].name, rep->header[i].value);
    if (x->varies) /* beside the origin's, where there is that */
        h[n++] = HEADER("Vary", "Accept-Encoding");
    h[n++] = HEADER("X-Request-Id", x->id);
    return n;
}

/* The next bytes of a feed: what is here, or sleep until there is more. */
static ssize_t
feed_read(void *cls, uint64_t pos, char *to, size_t max)
{
    struct http_exchange *x = cls;
    struct buf           *body = &x->rep.body;
    size_t                n = body->len - x->feed.n_taken;

    (void)pos;
    if (n == 0) {
        buf_reset(body);
        x->feed.n_taken = 0;
        return http_feeds_sleep(x->server->feeds, x)
                   ? 0
                   : MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (n > max)
        n = max;
    memcpy(to, body->data + x->feed.n_taken, n);
    x->feed.n_taken += n;
    x->n_sent += n;
    return (ssize_t)n;
}

/* One like those before, where x->rep is nothing special. */
static struct MHD_Response *
response_ready(struct http_exchange *x)
{
    const struct http_options *opt = &x->server->opt;
    const struct http_reply   *rep = &x->rep;
    struct http_header         h[MAX_HEADERS];
    size_t                     n;

    if (rep->status != MHD_HTTP_OK || is_get(x) || rep->n_headers > 0 ||
        rep->body.len == 0 || rep->body.len > HTTP_READY_BYTES ||
        rep->feed != NULL || rep->file > 0 || x->is_packed || x->must_close ||
        (opt->cors_origins != NULL && opt->cors_origins[0] != '\0'))
        return NULL;
    n = headers_of(x, h) - 1;
    x->ready = http_ready_take(&x->server->shelf, rep->content_type, h, n,
                               x->id, rep->body.data, rep->body.len);
    return x->ready != NULL ? http_ready_response(x->ready) : NULL;
}

/* The response for x->rep, whose body it takes; NULL where memory is short. */
static struct MHD_Response *
response_new(struct http_exchange *x)
{
    struct http_header   h[MAX_HEADERS];
    size_t               n = headers_of(x, h), len = x->rep.body.len;
    struct MHD_Response *r;

    if (x->rep.file > 0) {
        r = MHD_create_response_from_fd64(x->rep.file_len, x->rep.file);
        if (r != NULL) /* it closes it */
            x->rep.file = 0;
    } else if (x->rep.feed != NULL) {
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FEED_BLOCK,
                                              feed_read, x, NULL);
    } else if (len == 0) {
        r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    } else {
        r = MHD_create_response_from_buffer(len, x->rep.body.data,
                                            MHD_RESPMEM_MUST_FREE);
        if (r != NULL) /* it has the bytes now */
            buf_steal(&x->rep.body, NULL);
    }
    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (MHD_add_response_header(r, h[i].name, h[i].value) == MHD_NO) {
            MHD_destroy_response(r);
            return NULL;
        }
    }
    return r;
}

enum MHD_Result
http_answer_queue(struct http_exchange *x)
{
    const struct http_options *opt = &x->server->opt;
    struct MHD_Response       *r = NULL;
    enum MHD_Result            ok;
    int64_t                    seconds;

    x->must_close = x->must_close || atomic_load(&x->server->draining);
    x->status = x->rep.status;
    x->n_sent = x->rep.file > 0 ? x->rep.file_len : x->rep.body.len;
    if (x->status == MHD_HTTP_NOT_MODIFIED)
        x->n_sent = 0;
    x->phase = PHASE_SENT;
    seconds = (int64_t)opt->request_timeout_seconds +
              (int64_t)(x->n_sent / TAKE_RATE);
    /* A feed has no end to wait for; libmicrohttpd cuts who does not read. */
    if (!http_conn_expect(
            x->conn, x->rep.feed != NULL ? HTTP_WAIT_NOTHING : HTTP_WAIT_TAKE,
            seconds * 1000000))
        return MHD_NO;
    if (!x->rep.body.failed && (r = response_ready(x)) != NULL)
        return MHD_queue_response(x->connection, x->status, r);
    if (!x->rep.body.failed)
        r = response_new(x);
    if (r == NULL) {
        x->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        return MHD_queue_response(x->connection, x->status,
                                  x->server->short_of_memory);
    }
    ok = MHD_queue_response(x->connection, x->status, r);
    MHD_destroy_response(r);
    return ok;
}

enum MHD_Result
http_answer_now(struct http_exchange *x)
{
    struct http_header h[MAX_HEADERS];
    struct buf         out = { 0 };
    size_t             n;

    x->must_close = true;
    n = headers_of(x, h);
    buf_printf(&out, "HTTP/1.1 %u %s\r\nContent-Length: %zu\r\n", x->rep.status,
               MHD_get_reason_phrase_for(x->rep.status), x->rep.body.len);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s: %s\r\n", h[i].name, h[i].value);
    buf_puts(&out, "\r\n");
    buf_append(&out, x->rep.body.data, x->rep.body.len);
    /* Nothing of ours waits in this socket, so a few KiB always fit. */
    if (!out.failed && http_conn_expect(x->conn, HTTP_WAIT_NOTHING, 0) &&
        send(x->conn->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
            (ssize_t)out.len) {
        x->status = x->rep.status;
        x->n_sent = x->rep.body.len;
        x->conn->linger = true;
    }
    buf_release(&out);
    return MHD_NO;
}

void
http_answer_log(struct http_exchange *x)
{
    const struct http_route   *route = x->req.route;
    const struct http_options *opt = &x->server->opt;
    double                     us = (double)(clock_mono_us() - x->start_us);

    if (x->status == 0) { /* libmicrohttpd's own answer, or none at all */
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(
            x->connection, MHD_CONNECTION_INFO_HTTP_STATUS);

        if (x->conn != NULL && http_conn_is_cut(x->conn))
            x->status = MHD_HTTP_REQUEST_TIMEOUT;
        else
            x->status = info != NULL && info->http_status != 0
                            ? info->http_status
                            : CLIENT_LEFT;
        /* It closes at once, and what it has not read would take its answer
         * along. */
        if (x->conn != NULL && x->status != CLIENT_LEFT)
            x->conn->linger = true;
    }
    log_write(LOG_INFO, "http",
              "request_id=%s %s %.200s route=%s status=%u bytes=%zu ms=%.1f"
              "%s%s",
              x->id, x->method, x->path, route != NULL ? route->path : "-",
              x->status, x->n_sent, us / 1e3,
              x->req.key[0] != '\0' ? " key=" : "", x->req.key);
    if (opt->observe != NULL)
        opt->observe(opt->ctx, route, x->status, us / 1e6);
}

const char *
http_request_header(const struct http_request *req, const char *name)
{
    if (req->exchange == NULL)
        return NULL;
    return MHD_lookup_connection_value(req->exchange->connection,
                                       MHD_HEADER_KIND, name);
}

void
http_request_client(const struct http_request *req,
                    uint8_t                    out[HTTP_ADDRESS_SIZE])
{
    const struct sockaddr *a = NULL;

    memset(out, 0, HTTP_ADDRESS_SIZE);
    if (req->exchange != NULL)
        a = MHD_get_connection_info(req->exchange->connection,
                                    MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                ->client_addr;
    if (a != NULL)
        http_address_bytes(a, out);
}

void
http_request_stats(const struct http_request *req, struct http_stats *out)
{
    struct http_server *server;

    *out = (struct http_stats){ 0 };
    if (req->exchange == NULL)
        return;
    server = req->exchange->server;
    out->connections = atomic_load(&server->n_conns);
    out->max_connections = server->opt.max_connections;
    out->requests = atomic_load(&server->n_exchanges);
    out->body_bytes = atomic_load(&server->bodies.used);
    out->n_refused_connections = atomic_load(&server->n_refused_connections);
    out->n_refused_queue = atomic_load(&server->n_refused_queue);
    out->n_refused_memory = atomic_load(&server->n_refused_memory);
    out->n_refused_feeds = atomic_load(&server->n_refused_feeds);
    out->n_refused_address = atomic_load(&server->n_refused_address);
    for (size_t i = 0; i < HTTP_BODIES; i++)
        out->n_refused_bodies[i] = atomic_load(&server->n_refused_bodies[i]);
    out->feeds = http_feeds_count(server->feeds);
}
