/* head.c - what is decided before the body of a request is read */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/exchange.h"
#include "http/origin.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/route.h"

static const struct {
    const char      *name;
    enum http_method method; /* HTTP_METHOD_COUNT: known, but in no table */
} methods[] = {
    { "GET", HTTP_GET },
    { "HEAD", HTTP_GET },
    { "POST", HTTP_POST },
    { "PUT", HTTP_PUT },
    { "PATCH", HTTP_PATCH },
    { "DELETE", HTTP_DELETE },
    { "OPTIONS", HTTP_METHOD_COUNT },
    { "TRACE", HTTP_METHOD_COUNT },
    { "CONNECT", HTTP_METHOD_COUNT },
};

/* The client's own id where it is a sane one. */
static void
choose_id(struct http_exchange *x)
{
    const char *own = x->head.request_id;
    size_t      len = own != NULL ? strlen(own) : 0;

    if (len > 0 && len < sizeof(x->id) &&
        strspn(own, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789._-") == len)
        memcpy(x->id, own, len + 1);
}

static bool
has_body(const struct http_exchange *x)
{
    return x->head.chunked || x->head.length > 0;
}

static void
fail_method(struct http_exchange *x, const char *path, unsigned allow)
{
    struct errinfo e;
    char           list[HTTP_ALLOW_SIZE];

    if (allow == 0) /* of no path we have: all that we know */
        allow = (1u << HTTP_METHOD_COUNT) - 1;
    http_allow_format(allow, list);
    err_clear(&e);
    err_set(&e, ERR_METHOD, "", "%.64s has no %.16s; it has %s", path,
            x->method, list);
    http_exchange_fail(x, 0, ERR_METHOD, &e);
    http_reply_header(&x->rep, "Allow", "%s", list);
}

static void
fail_path(struct http_exchange *x)
{
    struct errinfo e;

    err_clear(&e);
    err_set(&e, ERR_NOTFOUND, "", "there is nothing at %.180s", x->path);
    http_exchange_fail(x, 0, ERR_NOTFOUND, &e);
}

static void
answer_options(struct http_exchange *x)
{
    char     list[HTTP_ALLOW_SIZE];
    unsigned allow;

    if (strcmp(x->path, "*") == 0)
        allow = (1u << HTTP_METHOD_COUNT) - 1;
    else
        allow = http_route_methods(&x->server->routes, x->path);
    if (allow == 0) {
        fail_path(x);
        return;
    }
    http_allow_format(allow, list);
    x->rep.status = 204;
    http_reply_header(&x->rep, "Allow", "%s", list);
    http_origin_preflight(x);
}

/* The row of the table, or the answer that there is none. */
static bool
find_route(struct http_exchange *x, const char *method)
{
    struct http_span span[HTTP_MAX_ARGS] = { { NULL, 0 } };
    unsigned         allow = 0;
    size_t           m = 0;
    char            *to = x->args;
    struct errinfo   e;

    while (m < COUNT_OF(methods) && (methods[m].name[0] != method[0] ||
                                     strcmp(methods[m].name, method) != 0))
        m++;
    if (m == COUNT_OF(methods)) {
        err_clear(&e);
        err_set(&e, ERR_UNSUPPORTED, "", "the method %.32s is unknown here",
                method);
        http_exchange_fail(x, 0, ERR_UNSUPPORTED, &e);
        return false;
    }
    x->method = methods[m].name;
    if (strcmp(method, "OPTIONS") == 0) {
        answer_options(x);
        return false;
    }
    x->req.route = http_route_find(&x->server->routes, methods[m].method,
                                   x->path, span, &allow);
    if (x->req.route == NULL) {
        if (allow != 0 || methods[m].method == HTTP_METHOD_COUNT)
            fail_method(x, x->path, allow);
        else
            fail_path(x);
        return false;
    }
    for (size_t i = 0; i < HTTP_MAX_ARGS && span[i].p != NULL; i++) {
        memcpy(to, span[i].p, span[i].len);
        to[span[i].len] = '\0';
        x->req.arg[i] = to;
        to += span[i].len + 1;
    }
    return true;
}

/* Are we in a state to take this request? */
static enum err
check_admission(struct http_exchange *x, struct errinfo *e)
{
    struct http_server *server = x->server;

    if ((x->req.route->flags & HTTP_OPEN) != 0)
        return ERR_OK;
    if (x->req.draining)
        return err_named(e, err_set(e, ERR_BUSY, "", "the server is stopping"),
                         "stopping");
    if (atomic_load(&server->n_conns) > server->opt.max_connections) {
        atomic_fetch_add(&server->n_refused_connections, 1);
        return err_set(e, ERR_BUSY, "",
                       "more than %u connections are open (connections): "
                       "try again",
                       server->opt.max_connections);
    }
    return ERR_OK;
}

static enum err
check_encoding(struct http_exchange *x, struct errinfo *e)
{
    const char *encoding = x->head.content_encoding;

    if (encoding == NULL || strcasecmp(encoding, "identity") == 0)
        return ERR_OK;
    if (strcasecmp(encoding, "gzip") != 0 &&
        strcasecmp(encoding, "x-gzip") != 0)
        return err_set(e, ERR_MEDIA, "",
                       "Content-Encoding must be gzip or identity, "
                       "got \"%.64s\"",
                       encoding);
    x->is_gzip = true;
    return ERR_OK;
}

static enum err
check_media(struct http_exchange *x, struct errinfo *e)
{
    const struct http_route *route = x->req.route;
    struct http_media       *m = &x->media;

    if (x->head.content_type != NULL) {
        if (!http_media_parse(x->head.content_type, m))
            return err_set(e, ERR_MEDIA, "",
                           "cannot read the Content-Type \"%.100s\"",
                           x->head.content_type);
        x->req.content_type = m->type;
    }
    if (route->types != NULL &&
        !http_list_has(route->types, m->type, strlen(m->type)))
        return err_set(e, ERR_MEDIA, "", "Content-Type must be one of %s%s%s",
                       route->types, m->type[0] != '\0' ? ", got " : "",
                       m->type);
    if (m->charset[0] != '\0' && strcasecmp(m->charset, "utf-8") != 0 &&
        strcasecmp(m->charset, "us-ascii") != 0)
        return err_set(e, ERR_MEDIA, "", "charset must be utf-8, got \"%s\"",
                       m->charset);
    if (strcmp(m->type, "multipart/form-data") == 0) {
        if (m->boundary[0] == '\0')
            return err_set(e, ERR_MALFORMED, "",
                           "multipart/form-data needs a boundary");
        x->req.boundary = m->boundary;
    }
    return ERR_OK;
}

static enum err
check_body(struct http_exchange *x, struct errinfo *e)
{
    const struct http_route *route = x->req.route;
    enum err                 rc;

    if (!has_body(x)) {
        if (route->types != NULL && route->max_body > 0 &&
            (route->flags & HTTP_BARE) == 0)
            return err_set(e, ERR_MALFORMED, "", "a body is expected, as %s",
                           route->types);
        return ERR_OK;
    }
    if (http_max_body(x) == 0) {
        x->must_close = true;
        return err_set(e, ERR_MALFORMED, "", "%s has no body here", x->method);
    }
    if (x->head.length > http_max_body(x))
        return http_body_refuse(x, e);
    rc = check_encoding(x, e);
    return rc == ERR_OK ? check_media(x, e) : rc;
}

static enum err
check_request(struct http_exchange *x, struct errinfo *e)
{
    const struct http_options *opt = &x->server->opt;
    enum err                   rc;

    rc = check_admission(x, e);
    if (rc == ERR_OK)
        rc = http_origin_check(x, e);
    if (rc == ERR_OK && opt->authorize != NULL)
        rc = opt->authorize(opt->ctx, &x->req, x->head.authorization, e);
    if (rc == ERR_OK && (x->req.route->flags & HTTP_OPEN) == 0)
        rc = http_request_admit(x, e);
    if (rc == ERR_OK && x->query != NULL)
        rc = http_query_parse(&x->req, x->query, e);
    if (rc == ERR_OK)
        rc = check_body(x, e);
    return rc;
}

/* Names that may be ours; NULL: any.  On loopback the name matters always, or a
 * page could have its own name resolved to this machine. */
static const char *
allowed_hosts(const struct http_server *server)
{
    const char *list = server->opt.allowed_hosts;

    if (list != NULL && list[0] != '\0')
        return list;
    return server->loopback ? "" : NULL;
}

bool
http_head_read(struct http_exchange *x, const char *method, const char *version)
{
    const struct http_refusal *refusal;
    struct errinfo             e;
    enum err                   rc;

    /* The guard sees the target whole: the '?' was cut out of it. */
    if (x->query != NULL)
        x->query[-1] = '?';
    refusal = http_guard_check(x->connection, version, x->path,
                               allowed_hosts(x->server), &x->head);
    if (x->query != NULL)
        x->query[-1] = '\0';
    choose_id(x);
    x->body_pending = has_body(x);
    x->req.accept = x->head.accept;
    x->req.draining = atomic_load(&x->server->draining);
    x->must_close = x->req.draining;
    err_clear(&e);
    if (refusal != NULL) {
        x->must_close = true;
        x->body_pending = true; /* who knows */
        err_set(&e, refusal->code, "", "%s", refusal->what);
        err_named(&e, refusal->code, refusal->slug);
        http_exchange_fail(x, refusal->status, refusal->code, &e);
        return false;
    }
    if (!find_route(x, method))
        return false;
    rc = check_request(x, &e);
    if (rc != ERR_OK)
        http_exchange_fail(x, 0, rc, &e);
    return rc == ERR_OK;
}
