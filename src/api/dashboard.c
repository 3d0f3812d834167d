/* dashboard.c - the files of src/dashboard, out of the program itself */
#include <string.h>

#include "api/internal.h"

static const struct {
    const char *name, *text;
} files[] = {
#include "api/dashboard.inc"
};

static const struct {
    const char *end, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".svg", "image/svg+xml" },
};

/* Nothing inline, nothing from elsewhere, in no frame. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

static const char *
type_of(const char *name)
{
    const char *end = strrchr(name, '.');

    for (size_t i = 0; end != NULL && i < COUNT_OF(types); i++)
        if (strcmp(end, types[i].end) == 0)
            return types[i].type;
    return "application/octet-stream";
}

enum err
api_dashboard_reply(const char *name, struct http_reply *rep, struct errinfo *e)
{
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        rep->content_type = type_of(name);
        http_reply_header(rep, "Content-Security-Policy", "%s", policy);
        buf_puts(&rep->body, files[i].text);
        return ERR_OK;
    }
    return err_set(e, ERR_NOTFOUND, "", "the dashboard has no file %.64s",
                   name);
}

enum err
api_dashboard_index(void *ctx, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e)
{
    (void)ctx;
    (void)req;
    return api_dashboard_reply("index.html", rep, e);
}

enum err
api_dashboard_file(void *ctx, const struct http_request *req,
                   struct http_reply *rep, struct errinfo *e)
{
    (void)ctx;
    return api_dashboard_reply(req->arg[0], rep, e);
}
