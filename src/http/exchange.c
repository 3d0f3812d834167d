#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/problem.h"

#define SECOND_US INT64_C(1000000)

/* How long a connection may be silent between two requests; libmicrohttpd sees
 * to that, we only to those that drip. */
#define IDLE_SECONDS 30

/* A target no longer than this fits an exchange that is used again. */
#define USUAL_TARGET 255u

static int64_t
seconds_us(unsigned seconds)
{
    return (int64_t)seconds * SECOND_US;
}

static void
exchange_clear(struct http_exchange *x)
{
    if (x->rep.feed != NULL)
        x->rep.feed->close(x->rep.feed_state);
    if (x->feed.entered)
        http_feeds_leave(x->server->feeds);
    http_ready_give(&x->server->shelf, x->ready);
    http_body_release(x);
    http_reply_reset(&x->rep);
    gunzip_free(x->gunzip);
}

/* A blank one with room for a target of len bytes.  Those of requests that are
 * over are used again: malloc() is not quick with blocks of this size.  They
 * belong to the server, not to its connections, of which thousands are idle. */
static struct http_exchange *
exchange_take(struct http_server *server, size_t len)
{
    struct http_exchange *x = NULL;

    if (len > USUAL_TARGET)
        return mem_array(1, sizeof(*x) + 2 * (len + 1), 0);
    pthread_mutex_lock(&server->spare_lock);
    if (server->n_spares > 0)
        x = server->spare[--server->n_spares];
    pthread_mutex_unlock(&server->spare_lock);
    if (x == NULL)
        return mem_array(1, sizeof(*x) + 2 * (USUAL_TARGET + 1), 0);
    struct buf body = x->body, reply = x->rep.body;

    memset(x, 0, sizeof(*x));
    x->body = body;
    x->rep.body = reply;
    return x;
}

void
http_exchange_destroy(struct http_exchange *x)
{
    if (x == NULL)
        return;
    buf_release(&x->body);
    buf_release(&x->rep.body);
    free(x);
}

void
http_exchange_free(struct http_exchange *x)
{
    struct http_server *server = x->server;

    exchange_clear(x);
    if (x->target_len <= USUAL_TARGET) {
        pthread_mutex_lock(&server->spare_lock);
        if (server->n_spares < HTTP_SPARES) {
            server->spare[server->n_spares++] = x;
            x = NULL;
        }
        pthread_mutex_unlock(&server->spare_lock);
    }
    http_exchange_destroy(x);
    atomic_fetch_sub(&server->n_exchanges, 1);
}

/* "prefix-0000002a": as snprintf() would, ten times as fast. */
static void
number_request(struct http_exchange *x)
{
    static const char digits[] = "0123456789abcdef";
    unsigned          n = atomic_fetch_add(&x->server->n_requests, 1);
    size_t            len = strlen(x->server->id_prefix);
    char             *to = x->id + len;

    memcpy(x->id, x->server->id_prefix, len);
    *to++ = '-';
    for (int shift = 28; shift >= 0; shift -= 4)
        *to++ = digits[n >> shift & 15];
    *to = '\0';
}

/* The request line is here, as it came, and nothing else yet.  It is the only
 * place where libmicrohttpd shows the target before decoding it. */
void *
http_exchange_new(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server   *server = cls;
    struct http_exchange *x;
    struct http_conn     *conn;
    size_t                len;
    char                 *question;

    if (uri == NULL)
        uri = "";
    len = strlen(uri);
    conn =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    x = exchange_take(server, len);
    if (x == NULL)
        return NULL; /* http_exchange_run() answers for us */
    x->server = server;
    x->connection = connection;
    x->conn = conn;
    x->target_len = len;
    x->job.run = http_work_job;
    x->start_us = clock_mono_us();
    x->method = "?";
    x->path = x->uri;
    x->args = x->uri + len + 1;
    memcpy(x->uri, uri, len + 1);
    question = strchr(x->uri, '?');
    if (question != NULL) {
        *question = '\0';
        x->query = question + 1;
    }
    number_request(x);
    x->req.id = x->id;
    x->req.exchange = x;
    http_reply_reset(&x->rep);
    atomic_fetch_add(&server->n_exchanges, 1);
    if (x->conn != NULL)
        http_conn_expect(x->conn, HTTP_WAIT_HEAD,
                         seconds_us(server->opt.header_timeout_seconds));
    return x;
}

void
http_exchange_fail(struct http_exchange *x, unsigned status, enum err rc,
                   const struct errinfo *e)
{
    const struct http_options *opt = &x->server->opt;

    if (opt->refused != NULL)
        opt->refused(opt->ctx, err_slug(e));
    if (x->req.route != NULL && (x->req.route->flags & HTTP_ERROR_TEXT) != 0)
        http_error_text(&x->rep, x->id, status, rc, e);
    else
        http_problem(&x->rep, x->id, status, rc, e);
    http_answer_pack(x);
    x->phase = PHASE_ANSWER;
}

/* Suspend the connection and let the slow lane have the exchange; true: it is
 * no longer ours to look at.  false: x has the answer. */
static bool
hand_over(struct http_exchange *x, enum http_phase phase, bool under_way)
{
    struct http_lane *lane = x->server->lane;
    struct errinfo    e;

    if (!http_lane_reserve(lane, under_way)) {
        atomic_fetch_add(&x->server->n_refused_queue, 1);
        err_clear(&e);
        err_set(&e, ERR_BUSY, "", "too many requests wait already");
        http_exchange_fail(x, 0, ERR_BUSY, &e);
        return false;
    }
    x->phase = phase;
    x->away = true;
    MHD_suspend_connection(x->connection);
    http_lane_push(lane, &x->job);
    return true;
}

/* The answer is there before the body.  A short body is read first, so that the
 * connection can go on; the sender of a long one hears it at once. */
static enum MHD_Result
answer_early(struct http_exchange *x)
{
    bool is_short = !x->head.chunked && x->head.length <= HTTP_SWALLOW &&
                    !x->head.expects_continue;

    x->at_head = false;
    if (!x->must_close && (!x->body_pending || is_short)) {
        if (!http_conn_expect(
                x->conn, HTTP_WAIT_BODY,
                seconds_us(x->server->opt.request_timeout_seconds)))
            return MHD_NO;
        return MHD_YES;
    }
    /* libmicrohttpd closes a connection that is answered at this point. */
    x->conn->linger = x->body_pending;
    return http_answer_queue(x);
}

/* From now on it is the client's turn: to send its body. */
static enum MHD_Result
await_body(struct http_exchange *x)
{
    const struct http_options *opt = &x->server->opt;
    bool                       ok;

    x->at_head = false;
    if (x->req.route->stream != NULL)
        ok = http_conn_expect(x->conn, HTTP_WAIT_STREAM, x->server->stream_us);
    else
        ok = http_conn_expect(x->conn, HTTP_WAIT_BODY,
                              x->start_us +
                                  seconds_us(opt->request_timeout_seconds) -
                                  clock_tick_us());
    return ok ? MHD_YES : MHD_NO;
}

static enum MHD_Result
on_head(struct http_exchange *x, const char *method, const char *version)
{
    const struct http_route *route;
    struct errinfo           e;
    enum err                 rc;

    x->phase = PHASE_ANSWER;
    x->at_head = true;
    if (!http_head_read(x, method, version))
        return answer_early(x);
    route = x->req.route;
    if (route->stream == NULL) {
        x->body.max = http_max_body(x);
        x->phase = PHASE_BODY;
        return await_body(x);
    }
    /* What a stream will need is taken now: no reason to fail in the middle. */
    x->body.max = HTTP_PIECE;
    err_clear(&e);
    rc = http_body_take(x, HTTP_PIECE, &e);
    if (rc != ERR_OK) {
        http_exchange_fail(x, 0, rc, &e);
        return answer_early(x);
    }
    x->n_budget = HTTP_PIECE;
    if (!http_conn_expect(x->conn, HTTP_WAIT_NOTHING, 0))
        return MHD_NO;
    if (hand_over(x, PHASE_BEGIN, false))
        return MHD_YES;
    return answer_early(x);
}

/* Bytes that nobody wants any more.  libmicrohttpd takes no answer here: wait
 * for the end where it is near, else write the answer past it. */
static enum MHD_Result
swallow(struct http_exchange *x, size_t *data_len)
{
    uint64_t rest;

    x->n_received += *data_len;
    x->n_swallowed += *data_len;
    rest = x->head.chunked ? 0 : x->head.length - x->n_received;
    if (x->n_swallowed + rest > HTTP_SWALLOW)
        return http_answer_now(x);
    *data_len = 0;
    return MHD_YES;
}

/* Take what fits; a stream's piece may be full before these bytes are used
 * up. */
static enum err
take_data(struct http_exchange *x, const char *data, size_t *data_len,
          struct errinfo *e)
{
    const struct http_route *route = x->req.route;
    size_t                   n = *data_len;
    enum err                 rc;

    if (route->stream != NULL && n > HTTP_PIECE - x->body.len)
        n = HTTP_PIECE - x->body.len;
    if (n > http_max_body(x) - x->n_received)
        return http_body_refuse(x, e);
    rc = http_body_add(x, data, n, e);
    if (rc != ERR_OK)
        return rc;
    x->n_received += n;
    atomic_fetch_add(&x->conn->received, n);
    *data_len -= n;
    return ERR_OK;
}

static enum MHD_Result
on_data(struct http_exchange *x, const char *data, size_t *data_len)
{
    struct errinfo e;
    enum err       rc;

    x->at_head = false;
    if (x->away) { /* back from the slow lane: the client's turn again */
        x->away = false;
        if (!http_conn_expect(x->conn, HTTP_WAIT_STREAM, x->server->stream_us))
            return MHD_NO;
    }
    if (x->phase == PHASE_BODY) {
        err_clear(&e);
        rc = take_data(x, data, data_len, &e);
        if (rc != ERR_OK) {
            http_exchange_fail(x, 0, rc, &e);
        } else if (*data_len == 0) {
            return MHD_YES;
        } else {
            /* What is left comes again.  Suspending with nothing left would
             * not do: libmicrohttpd calls us for the next chunk at once. */
            if (!http_conn_expect(x->conn, HTTP_WAIT_NOTHING, 0))
                return MHD_NO;
            if (hand_over(x, PHASE_PIECE, true))
                return MHD_YES;
        }
    }
    return swallow(x, data_len);
}

/* The body is whole. */
static enum MHD_Result
on_end(struct http_exchange *x)
{
    const struct http_route *route = x->req.route;

    if (x->phase == PHASE_BODY) {
        bool fast = route->stream == NULL && (route->flags & HTTP_FAST) != 0 &&
                    x->body.len <= HTTP_FAST_BODY && !x->is_gzip;

        if (!http_conn_expect(x->conn, HTTP_WAIT_NOTHING, 0))
            return MHD_NO;
        if (fast && !x->at_end && http_work_run(x, false))
            return http_answer_queue(x);
        /* Not at once: libmicrohttpd would still believe that it waits for
         * bytes, and close the connection, resumed, if the client has shut its
         * sending side meanwhile.  It calls again when it knows better. */
        if (!x->at_end) {
            x->at_end = true;
            return MHD_YES;
        }
        if (hand_over(x, PHASE_WORK, route->stream != NULL))
            return MHD_YES;
    }
    return http_answer_queue(x);
}

enum MHD_Result
http_exchange_run(void *cls, struct MHD_Connection *connection, const char *url,
                  const char *method, const char *version, const char *data,
                  size_t *data_len, void **con_cls)
{
    struct http_server   *server = cls;
    struct http_exchange *x = *con_cls;

    (void)url; /* decoded, and cut at %00 */
    if (x == NULL || x->conn == NULL)
        return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                                  server->short_of_memory);
    if (http_conn_is_cut(x->conn))
        return MHD_NO;
    if (x->phase == PHASE_HEAD)
        return on_head(x, method, version);
    if (*data_len > 0)
        return on_data(x, data, data_len);
    if (x->at_head) /* begin has been called, and nothing was read */
        return x->phase == PHASE_BODY ? await_body(x) : answer_early(x);
    return on_end(x);
}

/* The only place where an exchange ends.  Its connection is not suspended, so
 * the slow lane does not have it. */
void
http_exchange_completed(void *cls, struct MHD_Connection *connection,
                        void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct http_server   *server = cls;
    struct http_exchange *x = *con_cls;

    (void)connection;
    (void)code;
    if (x == NULL)
        return;
    *con_cls = NULL;
    http_answer_log(x);
    if (x->conn != NULL)
        http_conn_expect(
            x->conn, HTTP_WAIT_HEAD,
            seconds_us(IDLE_SECONDS + server->opt.header_timeout_seconds));
    if (x->stream_open) {
        x->phase = PHASE_ABORT;
        http_lane_push_late(server->lane, &x->job);
    } else {
        http_exchange_free(x);
    }
}
