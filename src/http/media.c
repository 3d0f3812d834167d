#include "http/media.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static char
to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static const char *
skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* A token or "quoted string" into out[size]; NULL where it is neither, empty,
 * or too long, else what follows it. */
static const char *
value_parse(const char *p, char *out, size_t size)
{
    bool   quoted = *p == '"';
    size_t n = 0;

    if (quoted)
        p++;
    for (; *p != '\0'; p++) {
        if (quoted ? *p == '"' : strchr("; \t", *p) != NULL)
            break;
        if (quoted && *p == '\\' && p[1] != '\0')
            p++;
        if (n + 1 == size)
            return NULL;
        out[n++] = *p;
    }
    if (n == 0 || (quoted && *p++ != '"'))
        return NULL;
    out[n] = '\0';
    return p;
}

/* ; name=value; what we do not know is read over. */
static const char *
param_parse(const char *p, struct http_media *out)
{
    size_t name_len = strcspn(p, "=; \t");
    char   other[256];
    char  *to = other;
    size_t size = sizeof(other);

    if (name_len == 0 || p[name_len] != '=')
        return NULL;
    if (name_len == 7 && strncasecmp(p, "charset", 7) == 0) {
        to = out->charset;
        size = sizeof(out->charset);
    } else if (name_len == 8 && strncasecmp(p, "boundary", 8) == 0) {
        to = out->boundary;
        size = sizeof(out->boundary);
    }
    if (to != other && to[0] != '\0')
        return NULL;
    return value_parse(p + name_len + 1, to, size);
}

bool
http_media_parse(const char *text, struct http_media *out)
{
    struct http_media media;
    const char       *p = skip_blanks(text);
    size_t            n = 0;

    while (p[n] != '\0' && p[n] != ';' && p[n] != ' ' && p[n] != '\t')
        n++;
    media.type[0] = media.charset[0] = media.boundary[0] = '\0';
    if (n == 0 || n >= sizeof(media.type) || memchr(p, '/', n) == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        media.type[i] = to_lower(p[i]);
    media.type[n] = '\0';
    p = skip_blanks(p + n);
    while (*p != '\0') {
        if (*p != ';')
            return false;
        p = skip_blanks(p + 1);
        if (*p == '\0' || *p == ';')
            continue;
        p = param_parse(p, &media);
        if (p == NULL)
            return false;
        p = skip_blanks(p);
    }
    *out = media;
    return true;
}
