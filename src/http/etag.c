/* etag.c - an answer that the client has already is not sent again */
#include <string.h>

#include "base/digest.h"
#include "http/exchange.h"

#define TAG_SIZE 19 /* 16 digits, two quotes, a NUL */

/* Does a list of tags, as If-None-Match has it, name this one?  The weak
 * comparison of RFC 9110: W/ does not matter. */
static bool
list_has_tag(const char *list, const char *tag)
{
    size_t len = strlen(tag);

    for (;;) {
        list += strspn(list, ", \t");
        if (*list == '*')
            return true;
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (strncmp(list, tag, len) == 0)
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
    uint8_t            digest[DIGEST_SIZE];
    char               hex[DIGEST_HEX_SIZE], tag[TAG_SIZE];

    digest_bytes(rep->body.data, rep->body.len, digest);
    digest_hex(digest, hex);
    tag[0] = '"';
    memcpy(tag + 1, hex, TAG_SIZE - 3);
    memcpy(tag + TAG_SIZE - 2, "\"", 2);
    http_reply_header(rep, "ETag", "%s", tag);
    /* It may be kept, but is asked for again before it is used. */
    http_reply_header(rep, "Cache-Control", "no-cache");
    if (known != NULL && list_has_tag(known, tag)) {
        rep->status = 304;
        buf_reset(&rep->body);
    }
}
