/* limit.c - what one address, and one request, may have */
#include "http/exchange.h"

enum err
http_request_admit(struct http_exchange *x, struct errinfo *e)
{
    if (!x->conn->is_crowding)
        return ERR_OK;
    x->must_close = true;
    atomic_fetch_add(&x->server->n_refused_address, 1);
    return err_named(e,
                     err_set(e, ERR_RATE, "",
                             "more than the %u connections that one address "
                             "may have (connections_per_address): close some",
                             x->server->opt.max_per_address),
                     "too_many_connections");
}

static enum http_body
kind_of(const struct http_route *route)
{
    if (route->stream != NULL)
        return HTTP_BODY_UPLOAD;
    return (route->flags & HTTP_ROWS) != 0 ? HTTP_BODY_ROWS : HTTP_BODY_PLAIN;
}

size_t
http_max_body(const struct http_exchange *x)
{
    const struct http_route *route = x->req.route;
    size_t                   set = x->server->opt.max_body[kind_of(route)];

    if (route->max_body == 0 && route->method != HTTP_GET &&
        route->method != HTTP_DELETE)
        return HTTP_EMPTY_BODY;
    return set > 0 && set < route->max_body ? set : route->max_body;
}

enum err
http_body_refuse(struct http_exchange *x, struct errinfo *e)
{
    static const char *const option[HTTP_BODIES] = {
        [HTTP_BODY_PLAIN] = "body_mib",
        [HTTP_BODY_ROWS] = "rows_mib",
        [HTTP_BODY_UPLOAD] = "upload_mib",
    };
    enum http_body kind = kind_of(x->req.route);
    size_t         max = http_max_body(x);
    bool           is_set = max == x->server->opt.max_body[kind];

    atomic_fetch_add(&x->server->n_refused_bodies[kind], 1);
    if (x->req.route->max_body == 0)
        return err_set(e, ERR_LIMIT, "", HTTP_ASKS_NOTHING);
    return err_set(e, ERR_LIMIT, "",
                   "the body has more than the %zu bytes that are taken here "
                   "(%s): send it in parts%s",
                   max, is_set ? option[kind] : "the most of this endpoint",
                   is_set ? ", or have the limit raised" : "");
}

enum err
http_body_take(struct http_exchange *x, size_t n, struct errinfo *e)
{
    if (mem_budget_take(&x->server->bodies, n, "the body", NULL) == ERR_OK)
        return ERR_OK;
    atomic_fetch_add(&x->server->n_refused_memory, 1);
    return err_named(e,
                     err_set(e, ERR_BUSY, "",
                             "the bodies of other requests take all the memory "
                             "there is for them: try again"),
                     "bodies_full");
}
