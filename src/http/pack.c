/* pack.c - text that goes out compressed where the client takes it so */
#include <string.h>

#include "base/gzip.h"
#include "http/exchange.h"

/* Less than this fits one packet anyway. */
#define WORTH_PACKING KIB

/* Text under its many names; numbers in binary hardly get any shorter. */
static bool
is_text(const char *type)
{
    if (strncmp(type, "text/", 5) == 0)
        return true;
    return strncmp(type, "application/", 12) == 0
               ? strstr(type, "json") != NULL
               : strstr(type, "+xml") != NULL;
}

bool
http_pack_is_worth(const struct http_reply *rep)
{
    return rep->body.len >= WORTH_PACKING && !rep->body.failed &&
           rep->feed == NULL && rep->file == 0 && is_text(rep->content_type);
}

void
http_answer_pack(struct http_exchange *x)
{
    struct buf *body = &x->rep.body;

    x->varies = http_pack_is_worth(&x->rep);
    x->is_packed = x->varies && http_takes_gzip(x->head.accept_encoding) &&
                   gzip_pack(body->data, body->len, body);
}
