/* work.c - the body gathered, and the handler called */
#include <string.h>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/problem.h"

/* Append to the body, or to the piece of a stream; memory that was promised
 * once stays ours until the exchange has no body any more. */
enum err
http_body_add(struct http_exchange *x, const void *p, size_t n,
              struct errinfo *e)
{
    size_t   need = x->body.len + n;
    enum err rc;

    if (need > x->n_budget) {
        rc = http_body_take(x, need - x->n_budget, e);
        if (rc != ERR_OK)
            return rc;
        x->n_budget = need;
    }
    buf_append(&x->body, p, n);
    if (x->body.failed)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    return ERR_OK;
}

void
http_body_release(struct http_exchange *x)
{
    if (x->body.cap > HTTP_KEPT_BODY)
        buf_release(&x->body);
    else
        buf_reset(&x->body);
    mem_budget_give(&x->server->bodies, x->n_budget);
    x->n_budget = 0;
    x->req.body = NULL;
    x->req.body_len = 0;
}

static enum err
inflate_sink(void *arg, const void *p, size_t n, struct errinfo *e)
{
    struct http_exchange *x = arg;

    if (n > http_max_body(x) - x->body.len)
        return http_body_refuse(x, e);
    return http_body_add(x, p, n, e);
}

/* The body as it was before the client packed it. */
static enum err
inflate(struct http_exchange *x, struct errinfo *e)
{
    struct buf     packed = x->body;
    size_t         n_packed = x->n_budget;
    struct gunzip *g = NULL;
    enum err       rc;

    buf_init(&x->body, http_max_body(x));
    x->n_budget = 0;
    rc = gunzip_new(inflate_sink, x, 0, &g, e);
    if (rc == ERR_OK)
        rc = gunzip_feed(g, packed.data, packed.len, e);
    if (rc == ERR_OK)
        rc = gunzip_end(g, e);
    gunzip_free(g);
    buf_release(&packed);
    mem_budget_give(&x->server->bodies, n_packed);
    return rc;
}

/* Nothing, or an object with nothing in it. */
static bool
is_empty(const struct buf *body)
{
    size_t n = 0; /* of the braces */

    for (size_t i = 0; i < body->len; i++) {
        if (n < 2 && body->data[i] == "{}"[n])
            n++;
        else if (memchr(" \t\r\n", body->data[i], 4) == NULL)
            return false;
    }
    return n != 1;
}

static enum err
call_handler(struct http_exchange *x, struct errinfo *e)
{
    const struct http_route *route = x->req.route;
    enum err                 rc;

    if (x->is_gzip) {
        rc = inflate(x, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (route->types != NULL && route->max_body > 0 && x->body.len == 0 &&
        (route->flags & HTTP_BARE) == 0)
        return err_set(e, ERR_MALFORMED, "", "a body is expected, as %s",
                       route->types);
    x->req.body = x->body.data != NULL ? x->body.data : "";
    x->req.body_len = x->body.len;
    if (route->max_body == 0 && !is_empty(&x->body))
        return err_set(e, ERR_MALFORMED, "", HTTP_ASKS_NOTHING);
    rc = http_match_check(x, e);
    if (rc != ERR_OK)
        return rc;
    rc = route->handler(x->server->opt.ctx, &x->req, &x->rep, e);
    if (rc == ERR_WOULDBLOCK && x->req.may_block)
        rc = err_set(e, ERR_IO, "", "a handler would not block, nor work");
    return rc;
}

static enum err
feed_begin(struct http_exchange *x, struct errinfo *e)
{
    x->feed.entered = http_feeds_enter(x->server->feeds);
    if (x->feed.entered) {
        x->feed.spoke_us = clock_mono_us();
        return ERR_OK;
    }
    x->rep.feed->close(x->rep.feed_state);
    x->rep.feed = NULL;
    atomic_fetch_add(&x->server->n_refused_feeds, 1);
    return err_named(
        e,
        err_set(e, ERR_BUSY, "",
                "%u clients listen already (event_streams): try again when one "
                "has left",
                x->server->opt.max_feeds),
        "too_many_listeners");
}

/* The handler has spoken: the answer is what it said. */
static void
conclude(struct http_exchange *x, enum err rc, struct errinfo *e)
{
    if (rc == ERR_OK && x->rep.body.failed)
        rc = err_set(e, ERR_NOMEM, "", "no memory for the answer");
    if (rc == ERR_OK && x->rep.feed != NULL)
        rc = feed_begin(x, e);
    if (rc != ERR_OK)
        http_exchange_fail(x, 0, rc, e);
    else
        http_answer_pack(x);
    if ((x->req.route->flags & HTTP_ETAG) != 0 && x->rep.status == 200)
        http_answer_tag(x);
    http_body_release(x);
    x->phase = PHASE_ANSWER;
}

bool
http_work_run(struct http_exchange *x, bool may_block)
{
    struct errinfo e;
    enum err       rc;

    err_clear(&e);
    x->req.may_block = may_block;
    rc = call_handler(x, &e);
    if (rc == ERR_WOULDBLOCK) {
        http_reply_reset(&x->rep);
        return false;
    }
    conclude(x, rc, &e);
    return true;
}

static void
run_stream(struct http_exchange *x)
{
    struct errinfo e;
    enum err       rc;

    err_clear(&e);
    x->req.may_block = true;
    switch (x->phase) {
    case PHASE_BEGIN:
        rc = http_stream_begin(x, &e);
        break;
    case PHASE_PIECE:
        rc = http_stream_piece(x, &e);
        break;
    default:
        conclude(x, http_stream_end(x, &e), &e);
        return;
    }
    if (rc == ERR_OK)
        x->phase = PHASE_BODY;
    else
        http_exchange_fail(x, 0, rc, &e);
}

static void
cancel(struct http_exchange *x)
{
    struct errinfo e;

    http_stream_abort(x);
    err_clear(&e);
    err_set(&e, ERR_BUSY, "", "the server is stopping");
    err_named(&e, ERR_BUSY, "stopping");
    http_exchange_fail(x, 0, ERR_BUSY, &e);
}

void
http_work_job(struct http_job *job, bool canceled)
{
    struct http_exchange *x =
        (struct http_exchange *)((char *)job -
                                 offsetof(struct http_exchange, job));

    if (x->phase == PHASE_ABORT) { /* its connection is gone */
        http_stream_abort(x);
        http_exchange_free(x);
        return;
    }
    if (canceled)
        cancel(x);
    else if (x->req.route->stream != NULL)
        run_stream(x);
    else
        http_work_run(x, true);
    MHD_resume_connection(x->connection); /* x is not ours from here on */
}
