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
                             "may have",
                             x->server->opt.max_per_address),
                     "too_many_connections");
}

size_t
http_max_body(const struct http_exchange *x)
{
    const struct http_route *route = x->req.route;
    size_t                   upload = x->server->opt.max_upload;

    return route->stream != NULL && upload > 0 && upload < route->max_body
               ? upload
               : route->max_body;
}
