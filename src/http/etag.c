/* etag.c - what the client has already, and what it believes to be there
 * (RFC 9110, 13.1) */
#include <string.h>

#include "base/digest.h"
#include "base/gzip.h"
#include "http/exchange.h"
#include "http/problem.h"

#define TAG_SIZE 19 /* 16 digits, two quotes, a NUL */

static void
tag_of(const struct buf *body, char out[TAG_SIZE])
{
    uint8_t digest[DIGEST_SIZE];
    char    hex[DIGEST_HEX_SIZE];

    digest_bytes(body->data, body->len, digest);
    digest_hex(digest, hex);
    out[0] = '"';
    memcpy(out + 1, hex, TAG_SIZE - 3);
    memcpy(out + TAG_SIZE - 2, "\"", 2);
}

/* Does a list of tags name this one?  Compared as it is sent, a tag that is
 * weak (W/) names nothing for sure. */
static bool
list_has_tag(const char *list, const char *tag, bool is_sure)
{
    size_t len = strlen(tag);

    for (;;) {
        bool is_weak;

        list += strspn(list, ", \t");
        if (*list == '*')
            return true;
        is_weak = strncmp(list, "W/", 2) == 0;
        if (is_weak)
            list += 2;
        if (strncmp(list, tag, len) == 0 && !(is_weak && is_sure))
            return true;
        list = strchr(list, ',');
        if (list == NULL)
            return false;
    }
}

void
http_answer_tag(struct http_exchange *x)
{
    struct http_reply *rep = &x->rep;
    const char        *known = http_request_header(&x->req, "If-None-Match");
    char               tag[TAG_SIZE];

    tag_of(&rep->body, tag);
    http_reply_header(rep, "ETag", "%s", tag);
    /* It may be kept, but is asked for again before it is used. */
    http_reply_header(rep, "Cache-Control", "no-cache");
    /* The body stays, for its length: what a 304 tells of that must be true of
     * the 200, and libmicrohttpd tells it, but sends no byte. */
    if (known != NULL && list_has_tag(known, tag, false))
        rep->status = MHD_HTTP_NOT_MODIFIED;
}

/* Would any form in which this goes out have one of these tags? */
static bool
reply_is_named(struct http_reply *rep, const char *list)
{
    char tag[TAG_SIZE];

    tag_of(&rep->body, tag);
    if (list_has_tag(list, tag, true))
        return true;
    if (!http_pack_is_worth(rep) ||
        !gzip_pack(rep->body.data, rep->body.len, &rep->body))
        return false;
    tag_of(&rep->body, tag);
    return list_has_tag(list, tag, true);
}

/* What a GET of the same path would answer now. */
static enum err
ask_present(struct http_exchange *x, const struct http_route *route,
            struct http_reply *rep, struct errinfo *e)
{
    struct http_request req = x->req;
    enum err            rc;

    req.route = route;
    req.content_type = NULL;
    req.body = "";
    req.body_len = 0;
    req.n_params = 0;
    rc = route->handler(x->server->opt.ctx, &req, rep, e);
    if (rc == ERR_OK && rep->body.failed)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    return rc;
}

enum err
http_match_check(struct http_exchange *x, struct errinfo *e)
{
    const char              *list = x->head.if_match;
    struct http_span         span[HTTP_MAX_ARGS] = { { NULL, 0 } };
    struct http_reply        rep = { 0 };
    const struct http_route *route;
    unsigned                 allow;
    bool                     is_named = false;
    enum err                 rc;

    if (list == NULL || x->req.route->method == HTTP_GET)
        return ERR_OK;
    route =
        http_route_find(&x->server->routes, HTTP_GET, x->path, span, &allow);
    bool has_tag = route != NULL && (route->flags & HTTP_ETAG) != 0;
    /* Anything will do: only a PUT could make what is not there. */
    if (list[0] == '*' && (!has_tag || x->req.route->method != HTTP_PUT))
        return ERR_OK;
    if (!has_tag)
        return err_set(e, ERR_MISMATCH, "",
                       "what is at this path has no ETag that If-Match could "
                       "name: leave that header out, or send *");
    if (!x->req.may_block)
        return ERR_WOULDBLOCK;
    http_reply_reset(&rep);
    rc = ask_present(x, route, &rep, e);
    if (rc == ERR_OK)
        is_named = reply_is_named(&rep, list);
    buf_release(&rep.body);
    /* Only a PUT makes what is not there; others have that told. */
    if (rc != ERR_OK &&
        !(rc == ERR_NOTFOUND && x->req.route->method == HTTP_PUT))
        return rc;
    if (is_named)
        return ERR_OK;
    return err_set(e, ERR_MISMATCH, "",
                   "this is not what If-Match names, or not any more: GET it "
                   "again, and decide by what it is now");
}
