/* stream.c - an upload handed on in pieces, on the slow lane */
#include <assert.h>
#include <stddef.h>

#include "http/exchange.h"

static enum err
piece_sink(void *arg, const void *p, size_t n, struct errinfo *e)
{
    struct http_exchange *x = arg;

    x->n_unpacked += n;
    if (x->n_unpacked > http_max_body(x))
        return http_body_refuse(x, e);
    return x->req.route->stream->piece(x->stream_state, p, n, e);
}

enum err
http_stream_begin(struct http_exchange *x, struct errinfo *e)
{
    const struct http_route *route = x->req.route;
    enum err                 rc;

    rc = http_match_check(x, e);
    if (rc != ERR_OK)
        return rc;
    rc = route->stream->begin(x->server->opt.ctx, &x->req, &x->stream_state, e);
    if (rc != ERR_OK)
        return rc;
    x->stream_open = true;
    if (x->is_gzip)
        rc = gunzip_new(piece_sink, x, 0, &x->gunzip, e);
    if (rc != ERR_OK)
        http_stream_abort(x);
    return rc;
}

enum err
http_stream_piece(struct http_exchange *x, struct errinfo *e)
{
    enum err rc = ERR_OK;

    assert(x->stream_open);
    if (x->gunzip != NULL)
        rc = gunzip_feed(x->gunzip, x->body.data, x->body.len, e);
    else if (x->body.len > 0)
        rc = piece_sink(x, x->body.data, x->body.len, e);
    buf_reset(&x->body);
    if (rc != ERR_OK)
        http_stream_abort(x);
    return rc;
}

enum err
http_stream_end(struct http_exchange *x, struct errinfo *e)
{
    enum err rc;

    rc = http_stream_piece(x, e);
    if (rc != ERR_OK)
        return rc;
    if (x->gunzip != NULL) {
        rc = gunzip_end(x->gunzip, e);
        if (rc != ERR_OK) {
            http_stream_abort(x);
            return rc;
        }
    }
    x->stream_open = false; /* end frees the state, whatever it returns */
    return x->req.route->stream->end(x->stream_state, &x->req, &x->rep, e);
}

void
http_stream_abort(struct http_exchange *x)
{
    if (!x->stream_open)
        return;
    x->stream_open = false;
    x->req.route->stream->abort(x->stream_state);
}
