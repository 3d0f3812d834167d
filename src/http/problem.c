#include "http/problem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/json_write.h"
#include "base/log.h"
#include "base/mem.h"

/* The memory for an answer that is kept for the next one. */
#define KEPT_REPLY (4 * KIB)

unsigned
http_status_of(enum err code)
{
    switch (code) {
    case ERR_MALFORMED:
        return 400;
    case ERR_AUTH:
        return 401;
    case ERR_FORBIDDEN:
        return 403;
    case ERR_NOTFOUND:
        return 404;
    case ERR_METHOD:
        return 405;
    case ERR_ACCEPT:
        return 406;
    case ERR_CONFLICT:
    case ERR_CANCELED:
        return 409;
    case ERR_LENGTH:
        return 411;
    case ERR_MISMATCH:
        return 412;
    case ERR_LIMIT:
        return 413;
    case ERR_MEDIA:
        return 415;
    case ERR_INVALID:
        return 422;
    case ERR_RATE:
        return 429;
    case ERR_UNSUPPORTED:
        return 501;
    case ERR_BUSY:
    case ERR_NOMEM:
        return 503;
    case ERR_FULL:
        return 507;
    case ERR_IO:
    case ERR_CORRUPT:
        return 500;
    case ERR_OK:
    case ERR_WOULDBLOCK:
    case ERR_COUNT:
        break; /* a handler that says this to a client is mistaken */
    }
    return 500;
}

void
http_reply_reset(struct http_reply *rep)
{
    if (rep->body.cap > KEPT_REPLY)
        buf_release(&rep->body);
    else
        buf_reset(&rep->body);
    rep->body.max = 0;
    if (rep->budget != NULL)
        mem_budget_give(rep->budget, rep->n_taken);
    if (rep->file > 0)
        close(rep->file);
    /* Texts of headers are left as they are: there are none of them now. */
    rep->status = 200;
    rep->content_type = "application/json";
    rep->feed = NULL;
    rep->feed_state = NULL;
    rep->file = 0;
    rep->file_len = 0;
    rep->budget = NULL;
    rep->n_taken = 0;
    rep->n_headers = 0;
}

static void
write_text(struct buf *b, const char *s)
{
    json_write_string(b, s, strlen(s));
}

/* One of "errors": where it is, as far as a program can use that, and what. */
static void
write_item(struct buf *b, const struct err_item *item)
{
    uint64_t line, column;
    int      end = 0;

    buf_putc(b, '{');
    if (item->where[0] == '/') {
        buf_puts(b, "\"pointer\":");
        write_text(b, item->where);
        buf_puts(b, ",\"detail\":");
        write_text(b, item->what);
    } else {
        char detail[sizeof(item->where) + sizeof(item->what) + 2];

        if (sscanf(item->where, "line %" SCNu64 ", column %" SCNu64 "%n", &line,
                   &column, &end) == 2 &&
            item->where[end] == '\0')
            buf_printf(b, "\"line\":%" PRIu64 ",\"column\":%" PRIu64 ",", line,
                       column);
        snprintf(detail, sizeof(detail), "%s%s%s", item->where,
                 item->where[0] != '\0' ? ": " : "", item->what);
        buf_puts(b, "\"detail\":");
        write_text(b, detail);
    }
    buf_putc(b, '}');
}

static void
write_items(struct buf *b, const struct errinfo *e)
{
    if (e->n == 0 || (e->n == 1 && e->item[0].where[0] == '\0'))
        return; /* the detail has said it */
    buf_puts(b, ",\"errors\":[");
    for (unsigned i = 0; i < e->n; i++) {
        if (i > 0)
            buf_putc(b, ',');
        write_item(b, &e->item[i]);
    }
    buf_putc(b, ']');
    if (e->n_more > 0)
        buf_printf(b, ",\"more_errors\":%u", e->n_more);
}

/* One sentence for who reads nothing else: the first mistake with its place,
 * and how many there are beside it. */
static void
write_detail(struct buf *b, const struct errinfo *e)
{
    char        detail[sizeof(e->item[0].where) + sizeof(e->item[0].what) + 40];
    const char *where = e->n > 0 ? e->item[0].where : "";
    unsigned    n_others = e->n > 0 ? e->n - 1 + e->n_more : 0;
    int         n;

    n = snprintf(detail, sizeof(detail), "%s%s%s", where,
                 where[0] != '\0' ? ": " : "", err_what(e));
    if (n_others > 0)
        snprintf(detail + n, sizeof(detail) - (size_t)n,
                 " (and %u more mistake%s)", n_others, n_others > 1 ? "s" : "");
    write_text(b, detail);
}

static void
log_fault(unsigned status, const char *request_id, const struct errinfo *e)
{
    const char *where = e->n > 0 ? e->item[0].where : "";

    log_write(status == 500 ? LOG_ERROR : LOG_WARN, "http",
              "request_id=%s status=%u %s: %s%s%s", request_id, status,
              err_slug(e), where, where[0] != '\0' ? ": " : "", err_what(e));
}

void
http_problem(struct http_reply *rep, const char *request_id, unsigned status,
             enum err rc, const struct errinfo *e)
{
    struct errinfo own;
    struct buf    *b = &rep->body;
    const char    *title;

    if (e->n == 0) { /* a code without a word: the general one */
        err_clear(&own);
        own.code = rc;
        e = &own;
    }
    if (status == 0)
        status = http_status_of(rc);
    if (status >= 500)
        log_fault(status, request_id, e);

    /* A thing of the client's whose stored bytes are not what they were is
     * named; the rest of what goes wrong inside is for the log. */
    bool is_internal = status == 500 && !(e->code == ERR_CORRUPT && e->n > 0 &&
                                          e->item[0].where[0] == '/');

    http_reply_reset(rep);
    rep->status = status;
    rep->content_type = "application/problem+json";
    title = MHD_get_reason_phrase_for(status);
    buf_printf(b, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u",
               title, status);
    buf_puts(b, ",\"detail\":");
    if (is_internal)
        buf_printf(b,
                   "\"internal error; the log has the reason under request "
                   "ID %s\"",
                   request_id);
    else
        write_detail(b, e);
    buf_puts(b, ",\"code\":");
    write_text(b, is_internal ? "internal" : err_slug(e));
    buf_puts(b, ",\"request_id\":");
    write_text(b, request_id);
    if (!is_internal)
        write_items(b, e);
    buf_puts(b, "}\n");

    if (status == 429 || status == 503)
        http_reply_header(rep, "Retry-After", "%u",
                          e->retry_seconds > 0 ? e->retry_seconds : 1);
    else if (status == 401)
        http_reply_header(rep, "WWW-Authenticate", "Bearer");
}

void
http_error_text(struct http_reply *rep, const char *request_id, unsigned status,
                enum err rc, const struct errinfo *e)
{
    http_problem(rep, request_id, status, rc, e);
    buf_reset(&rep->body);
    rep->content_type = "application/json";
    buf_puts(&rep->body, "{\"error\":");
    if (rep->status == 500)
        write_text(&rep->body, "internal error; the log has the reason");
    else if (e->n > 0)
        write_detail(&rep->body, e);
    else
        write_text(&rep->body, MHD_get_reason_phrase_for(rep->status));
    buf_puts(&rep->body, "}\n");
    if (rep->status == 422)
        rep->status = 400;
}
