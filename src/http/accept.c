/* accept.c - which representation a client likes best (RFC 9110, 12.5) */
#include <string.h>
#include <strings.h>

#include "http/exchange.h"

/* What an Accept header says about one type, or Accept-Encoding about one
 * coding: how exactly it names it (0: not at all, 3: by its name), and the
 * weight in thousandths. */
struct liking {
    int specific;
    int weight;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* q=0.75 as 750; what is no weight counts as 1. */
static int
weight_parse(const char *p, size_t len)
{
    int weight, unit = 100;

    if (len == 0 || (p[0] != '0' && p[0] != '1'))
        return 1000;
    weight = (p[0] - '0') * 1000;
    for (size_t i = 2; i < len && p[1] == '.' && unit > 0; i++, unit /= 10) {
        if (p[i] < '0' || p[i] > '9')
            break;
        weight += (p[i] - '0') * unit;
    }
    return weight > 1000 ? 1000 : weight;
}

/* How exactly does p[0..len) name a thing? */
typedef int (*names_fn)(const char *p, size_t len, const char *thing);

static int
range_names(const char *p, size_t len, const char *type)
{
    const char *slash = memchr(p, '/', len);

    if (slash == NULL)
        return 0;
    if (len == 3 && memcmp(p, "*/*", 3) == 0)
        return 1;
    if (slash[1] == '*' && slash + 2 == p + len) {
        size_t n = (size_t)(slash - p) + 1;

        return strncasecmp(p, type, n) == 0 ? 2 : 0;
    }
    return strlen(type) == len && strncasecmp(p, type, len) == 0 ? 3 : 0;
}

static int
coding_names(const char *p, size_t len, const char *coding)
{
    if (len == 1 && *p == '*')
        return 1;
    return strlen(coding) == len && strncasecmp(p, coding, len) == 0 ? 3 : 0;
}

static struct liking
liking_of(const char *accept, const char *thing, names_fn names)
{
    struct liking best = { 0, 0 };

    while (*accept != '\0') {
        const char   *end = accept + strcspn(accept, ",");
        const char   *p = accept, *semicolon;
        size_t        len;
        struct liking here = { 0, 1000 };

        while (p < end && is_blank(*p))
            p++;
        len = strcspn(p, ",; \t");
        here.specific = names(p, len, thing);
        for (semicolon = memchr(p, ';', (size_t)(end - p)); semicolon != NULL;
             semicolon = memchr(p, ';', (size_t)(end - p))) {
            p = semicolon + 1;
            while (p < end && is_blank(*p))
                p++;
            if (end - p > 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
                here.weight = weight_parse(p + 2, (size_t)(end - p - 2));
        }
        if (here.specific > best.specific)
            best = here;
        accept = *end == ',' ? end + 1 : end;
    }
    return best;
}

int
http_request_prefers(const struct http_request *req, const char *const *types)
{
    int best = -1, best_weight = 0;

    if (req->accept == NULL || req->accept[0] == '\0')
        return types[0] != NULL ? 0 : -1;
    for (int i = 0; types[i] != NULL; i++) {
        struct liking like = liking_of(req->accept, types[i], range_names);

        if (like.specific > 0 && like.weight > best_weight) {
            best = i;
            best_weight = like.weight;
        }
    }
    return best;
}

bool
http_takes_gzip(const char *accept_encoding)
{
    struct liking packed, plain;

    if (accept_encoding == NULL)
        return false;
    packed = liking_of(accept_encoding, "gzip", coding_names);
    plain = liking_of(accept_encoding, "identity", coding_names);
    return packed.weight > 0 && packed.weight >= plain.weight;
}
