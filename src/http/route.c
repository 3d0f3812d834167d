#include "http/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define END 8u /* bytes of an end: they fit a word */

/* The letters that a pattern begins and ends with, up to its first {x} and
 * from behind its last one; the masks have ones where they count. */
struct http_ends {
    uint64_t                 first, first_mask, last, last_mask;
    const struct http_route *route;
};

/* The n <= END letters from p on, as a word; the last one is its lowest byte.
 */
static uint64_t
word_of(const char *p, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word = word << 8 | (unsigned char)p[i];
    return word;
}

/* As many ones as n <= END letters take, from the highest bit down. */
static uint64_t
mask_of(size_t n)
{
    return n == 0 ? 0 : UINT64_MAX << 8 * (END - n);
}

/* The first letters of a text stand at a word's top, the last at its bottom. */
static void
ends_read(const char *path, struct http_ends *out)
{
    size_t len = strlen(path), n = len < END ? len : END;

    out->first = n > 0 ? word_of(path, n) << 8 * (END - n) : 0;
    out->last = word_of(path + len - n, n);
}

static bool
may_match(const struct http_ends *pattern, const struct http_ends *path)
{
    return ((pattern->first ^ path->first) & pattern->first_mask) == 0 &&
           ((pattern->last ^ path->last) & pattern->last_mask) == 0;
}

static void
pattern_read(const struct http_route *route, struct http_ends *out)
{
    const char *path = route->path, *brace = strrchr(path, '}');
    size_t      head = strcspn(path, "{");
    size_t      tail = strlen(brace != NULL ? brace + 1 : path);

    ends_read(path, out);
    out->first_mask = mask_of(head < END ? head : END);
    out->last_mask = tail < END ? ~(UINT64_MAX << 8 * tail) : UINT64_MAX;
    out->route = route;
}

enum err
http_routes_init(struct http_routes *out, const struct http_route *route,
                 size_t n, struct errinfo *e)
{
    struct http_routes routes = { .route = route, .n = n };
    size_t             at = 0;

    routes.ends = mem_array(n, sizeof(*routes.ends), 0);
    if (routes.ends == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
        for (size_t i = 0; i < n; i++)
            if (route[i].method == m)
                pattern_read(&route[i], &routes.ends[at++]);
        routes.end[m] = at;
    }
    *out = routes;
    return ERR_OK;
}

void
http_routes_release(struct http_routes *routes)
{
    free(routes->ends);
    *routes = (struct http_routes){ 0 };
}

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
http_route_find(const struct http_routes *routes, enum http_method method,
                const char *path, struct http_span arg[HTTP_MAX_ARGS],
                unsigned *out_allow)
{
    struct http_span found[HTTP_MAX_ARGS] = { { NULL, 0 } };
    struct http_ends ends;
    unsigned         allow = 0;

    ends_read(path, &ends);
    if (method < HTTP_METHOD_COUNT)
        for (size_t i = method > 0 ? routes->end[method - 1] : 0;
             i < routes->end[method]; i++)
            if (may_match(&routes->ends[i], &ends) &&
                path_matches(routes->ends[i].route->path, path, arg))
                return routes->ends[i].route;
    for (size_t i = 0; i < routes->n; i++)
        if (path_matches(routes->route[i].path, path, found))
            allow |= 1u << routes->route[i].method;
    *out_allow = allow;
    return NULL;
}

unsigned
http_route_methods(const struct http_routes *routes, const char *path)
{
    struct http_span arg[HTTP_MAX_ARGS];
    unsigned         allow = 0;

    http_route_find(routes, HTTP_METHOD_COUNT, path, arg, &allow);
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
    while (list != NULL && *list != '\0') {
        size_t n = 0;

        while (list[n] != '\0' && list[n] != ',' && list[n] != ' ')
            n++;
        if (n > 0 && n == len && memcmp(list, word, len) == 0)
            return true;
        list += n + (list[n] != '\0');
    }
    return false;
}
