#include "http/origin.h"

#include <string.h>
#include <strings.h>

#include "http/route.h"

static bool
is_trusted(const struct http_exchange *x)
{
    const char *origin = x->head.origin;

    return origin != NULL &&
           http_list_has(x->server->opt.cors_origins, origin, strlen(origin));
}

/* Was the page loaded from here?  A proxy in front may add TLS. */
static bool
is_own(const struct http_head *head)
{
    const char *origin = head->origin;

    if (strncasecmp(origin, "http://", 7) == 0)
        origin += 7;
    else if (strncasecmp(origin, "https://", 8) == 0)
        origin += 8;
    else
        return false;
    return head->host != NULL && strcasecmp(origin, head->host) == 0;
}

enum err
http_origin_check(struct http_exchange *x, struct errinfo *e)
{
    if (x->head.origin == NULL || x->req.route->method == HTTP_GET ||
        is_own(&x->head) || is_trusted(x))
        return ERR_OK;
    return err_named(e,
                     err_set(e, ERR_FORBIDDEN, "",
                             "a page of \"%.100s\" may not do this here; "
                             "cors_origins names those that may",
                             x->head.origin),
                     "foreign_origin");
}

void
http_origin_reply(struct http_exchange *x)
{
    struct http_reply *rep = &x->rep;

    if (x->server->opt.cors_origins == NULL ||
        x->server->opt.cors_origins[0] == '\0')
        return;
    /* What a cache keeps for one page is not for another. */
    http_reply_header(rep, "Vary", "Origin");
    if (!is_trusted(x))
        return;
    http_reply_header(rep, "Access-Control-Allow-Origin", "%s", x->head.origin);
    http_reply_header(rep, "Access-Control-Expose-Headers",
                      "ETag, Location, Retry-After, X-Request-Id");
}

void
http_origin_preflight(struct http_exchange *x)
{
    struct http_reply *rep = &x->rep;

    if (!is_trusted(x))
        return;
    http_reply_header(rep, "Access-Control-Allow-Methods",
                      "GET, POST, PUT, PATCH, DELETE");
    http_reply_header(rep, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, Idempotency-Key, If-Match, "
                      "If-None-Match, Last-Event-ID, X-Request-Id");
    http_reply_header(rep, "Access-Control-Max-Age", "600");
}

bool
http_host_is_listed(const char *list, const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    for (list += strspn(list, ", "); *list != '\0';
         list += strspn(list, ", ")) {
        size_t n = strcspn(list, ", ");

        if (n == len && strncasecmp(list, host, len) == 0)
            return true;
        list += n;
    }
    return false;
}
