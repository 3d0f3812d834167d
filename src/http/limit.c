/* limit.c - how much a caller may ask for, and how often it was too much */
#include "base/clock.h"
#include "http/exchange.h"
#include "http/rate.h"

static enum err
refuse_rate(atomic_uint_least64_t *counter, const char *what, unsigned seconds,
            struct errinfo *e)
{
    atomic_fetch_add(counter, 1);
    err_set(
        e, ERR_RATE, "",
        "more %s than the operator allows a caller; try again in %u seconds",
        what, seconds);
    err_retry(e, seconds);
    return ERR_RATE;
}

enum err
http_request_admit(struct http_exchange *x, struct errinfo *e)
{
    struct http_server *server = x->server;
    struct rate_name    who;
    unsigned            seconds;

    if (x->conn->is_crowding) {
        x->must_close = true;
        return err_named(e,
                         refuse_rate(&server->n_refused_address,
                                     "connections at once", 1, e),
                         "too_many_connections");
    }
    if (server->opt.max_requests == 0)
        return ERR_OK;
    rate_name_caller(&x->req, &who);
    if (rate_take(&server->requests, &who, 1, clock_mono_us(), &seconds))
        return ERR_OK;
    return err_named(
        e, refuse_rate(&server->n_refused_requests, "requests", seconds, e),
        "too_many_requests");
}

enum err
http_request_charge(const struct http_request *req, size_t n_rows,
                    struct errinfo *e)
{
    struct http_server *server;
    struct rate_name    who;
    unsigned            seconds;

    if (req->exchange == NULL)
        return ERR_OK;
    server = req->exchange->server;
    if (server->opt.max_rows == 0)
        return ERR_OK;
    rate_name_caller(req, &who);
    if (rate_take(&server->rows, &who, (double)n_rows, clock_mono_us(),
                  &seconds))
        return ERR_OK;
    return err_named(e,
                     refuse_rate(&server->n_refused_rows, "rows", seconds, e),
                     "too_many_rows");
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
