#include "http/route.h"

#include <string.h>

/* Does path fit pattern?  arg[] has the {x} then, and NULL behind them. */
static bool
path_matches(const char *pattern, const char *path,
             struct http_span arg[HTTP_MAX_ARGS])
{
    size_t n = 0;

    memset(arg, 0, HTTP_MAX_ARGS * sizeof(*arg));
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern == '{') {
            size_t len = 0;

            while (path[len] != '\0' && path[len] != '/' && path[len] != ':')
                len++;
            if (len == 0 || len > HTTP_MAX_SEGMENT || n == HTTP_MAX_ARGS)
                return false;
            arg[n++] = (struct http_span){ .p = path, .len = len };
            path += len;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == *path;
}

const struct http_route *
http_route_find(const struct http_route *route, size_t n,
                enum http_method method, const char *path,
                struct http_span arg[HTTP_MAX_ARGS], unsigned *out_allow)
{
    struct http_span found[HTTP_MAX_ARGS] = { { NULL, 0 } };
    unsigned         allow = 0;

    for (size_t i = 0; i < n; i++) {
        if (route[i].method == method && path_matches(route[i].path, path, arg))
            return &route[i];
    }
    for (size_t i = 0; i < n; i++)
        if (path_matches(route[i].path, path, found))
            allow |= 1u << route[i].method;
    *out_allow = allow;
    return NULL;
}

unsigned
http_route_methods(const struct http_route *route, size_t n, const char *path)
{
    struct http_span arg[HTTP_MAX_ARGS];
    unsigned         allow = 0;

    http_route_find(route, n, HTTP_METHOD_COUNT, path, arg, &allow);
    return allow;
}

void
http_allow_format(unsigned allow, char out[HTTP_ALLOW_SIZE])
{
    static const char *const name[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "GET, HEAD", [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",   [HTTP_DELETE] = "DELETE",
    };
    size_t len = 0;

    for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
        if ((allow & 1u << m) != 0) {
            memcpy(out + len, name[m], strlen(name[m]));
            len += strlen(name[m]);
            memcpy(out + len, ", ", 2);
            len += 2;
        }
    }
    memcpy(out + len, "OPTIONS", sizeof("OPTIONS"));
}

bool
http_list_has(const char *list, const char *word, size_t len)
{
    if (list == NULL)
        return false;
    for (;;) {
        size_t n;

        list += strspn(list, ", ");
        n = strcspn(list, ", ");
        if (n == 0)
            return false;
        if (n == len && memcmp(list, word, len) == 0)
            return true;
        list += n;
    }
}
