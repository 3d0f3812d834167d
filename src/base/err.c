#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A sentence that did not fit ends in three dots, and both texts are made
 * valid UTF-8: they may quote a client's bytes, and go out as JSON.  The item
 * is written last, because the arguments may quote what it holds. */
static void
item_set(struct err_item *out, const char *where, const char *fmt, va_list ap)
{
    static const char dots[] = "...";
    struct err_item   item;
    size_t            size = sizeof(item.what);

    snprintf(item.where, sizeof(item.where), "%s", where != NULL ? where : "");
    utf8_repair(item.where);

    if (vsnprintf(item.what, size, fmt, ap) >= (int)size) {
        char *cut = item.what + size - sizeof(dots);

        while (cut > item.what && ((unsigned char)*cut & 0xc0) == 0x80)
            cut--;
        memcpy(cut, dots, sizeof(dots));
    }
    utf8_repair(item.what);
    *out = item;
}

void
err_clear(struct errinfo *e)
{
    if (e == NULL)
        return;
    e->code = ERR_OK;
    e->n = 0;
    e->n_more = 0;
    e->slug = NULL;
    e->retry_seconds = 0;
}

enum err
err_set(struct errinfo *e, enum err code, const char *where, const char *fmt,
        ...)
{
    va_list ap;

    if (e == NULL)
        return code;
    err_clear(e);
    e->code = code;
    e->n = 1;
    va_start(ap, fmt);
    item_set(&e->item[0], where, fmt, ap);
    va_end(ap);
    return code;
}

enum err
err_add(struct errinfo *e, enum err code, const char *where, const char *fmt,
        ...)
{
    va_list ap;

    if (e == NULL)
        return code;
    if (e->code == ERR_OK)
        e->code = code;
    if (e->n == ERR_MAX_ITEMS) {
        e->n_more++;
        return e->code;
    }
    va_start(ap, fmt);
    item_set(&e->item[e->n++], where, fmt, ap);
    va_end(ap);
    return e->code;
}

enum err
err_append(struct errinfo *e, const struct errinfo *more)
{
    if (e == NULL)
        return more->code;
    if (e->code == ERR_OK) {
        *e = *more;
        return e->code;
    }
    for (unsigned i = 0; i < more->n; i++) {
        if (e->n == ERR_MAX_ITEMS)
            e->n_more++;
        else
            e->item[e->n++] = more->item[i];
    }
    e->n_more += more->n_more;
    return e->code;
}

enum err
err_named(struct errinfo *e, enum err code, const char *slug)
{
    if (e != NULL)
        e->slug = slug;
    return code;
}

void
err_retry(struct errinfo *e, unsigned seconds)
{
    if (e != NULL)
        e->retry_seconds = seconds;
}

const char *
err_slug(const struct errinfo *e)
{
    if (e == NULL)
        return err_code_slug(ERR_OK);
    return e->slug != NULL ? e->slug : err_code_slug(e->code);
}

/* No default: the compiler names the code that was forgotten. */
const char *
err_code_slug(enum err code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_MALFORMED:
        return "malformed";
    case ERR_AUTH:
        return "unauthorized";
    case ERR_FORBIDDEN:
        return "forbidden";
    case ERR_NOTFOUND:
        return "not_found";
    case ERR_METHOD:
        return "method_not_allowed";
    case ERR_ACCEPT:
        return "not_acceptable";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_LENGTH:
        return "length_required";
    case ERR_MISMATCH:
        return "precondition_failed";
    case ERR_LIMIT:
        return "too_large";
    case ERR_MEDIA:
        return "unsupported_media_type";
    case ERR_INVALID:
        return "invalid";
    case ERR_RATE:
        return "rate_limited";
    case ERR_CANCELED:
        return "canceled";
    case ERR_UNSUPPORTED:
        return "not_implemented";
    case ERR_BUSY:
        return "busy";
    case ERR_NOMEM:
        return "out_of_memory";
    case ERR_FULL:
        return "disk_full";
    case ERR_IO:
        return "io_error";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_WOULDBLOCK:
        return "would_block";
    case ERR_COUNT:
        break;
    }
    return "unknown";
}

const char *
err_what(const struct errinfo *e)
{
    if (e != NULL && e->n > 0 && e->item[0].what[0] != '\0')
        return e->item[0].what;
    return "no details are known";
}
