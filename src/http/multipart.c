#include "http/multipart.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/media.h"

#define HEAD_MAX (4 * KIB)

enum mp_state {
    MP_DATA,    /* bytes of a part, or before the first one            */
    MP_AFTER,   /* a boundary is behind us; "--", or the line's end    */
    MP_DASH,    /* one '-' of the last boundary's two                  */
    MP_PADDING, /* blanks between a boundary and its line's end        */
    MP_CR,      /* '\r' of it                                          */
    MP_HEAD,    /* a part's headers                                    */
    MP_END,     /* behind the last boundary: what comes is not for us  */
    MP_FAILED,
};

struct http_multipart {
    const struct http_multipart_calls *calls;
    void                              *arg;
    enum mp_state                      state;
    unsigned                           n_parts;
    bool                               in_part; /* not before the first */
    char   delimiter[4 + HTTP_BOUNDARY_SIZE];   /* "\r\n--boundary"      */
    size_t delimiter_len;
    size_t n_matched; /* bytes of it that have been seen */
    size_t head_len;
    char   head[HEAD_MAX + 1];
};

enum err
http_multipart_new(const char                        *boundary,
                   const struct http_multipart_calls *calls, void *arg,
                   struct http_multipart **out, struct errinfo *e)
{
    size_t                 len = boundary != NULL ? strlen(boundary) : 0;
    struct http_multipart *mp;

    if (len == 0 || len >= HTTP_BOUNDARY_SIZE ||
        strspn(boundary, "0123456789abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ") != len)
        return err_set(e, ERR_MALFORMED, "",
                       "the boundary of the multipart body must be 1 to 70 of "
                       "the characters of RFC 2046");
    mp = mem_array(1, sizeof(*mp), 0);
    if (mp == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    mp->calls = calls;
    mp->arg = arg;
    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, boundary, len);
    mp->delimiter_len = 4 + len;
    mp->n_matched = 2; /* the first boundary may open the body, without CRLF */
    *out = mp;
    return ERR_OK;
}

void
http_multipart_free(struct http_multipart *mp)
{
    free(mp);
}

static enum err
give_data(struct http_multipart *mp, const char *p, size_t n, struct errinfo *e)
{
    if (n == 0 || !mp->in_part)
        return ERR_OK;
    return mp->calls->data(mp->arg, p, n, e);
}

/* Take the next name="value" and the ';' behind it off *rest, decoded in place;
 * 1, 0 where there is none, -1 where it is malformed. */
static int
next_param(char **rest, char **name, char **value)
{
    char *p = *rest + strspn(*rest, " \t"), *to;
    bool  quoted;

    if (*p == '\0')
        return 0;
    *name = p;
    p += strcspn(p, "=; \t");
    if (*p != '=')
        return -1;
    *p++ = '\0';
    quoted = *p == '"';
    if (quoted)
        p++;
    *value = to = p;
    for (; *p != '\0'; p++) {
        if (quoted ? *p == '"' : strchr("; \t", *p) != NULL)
            break;
        /* Only what must be escaped is: browsers send C:\file as it is. */
        if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        *to++ = *p;
    }
    if (quoted && *p++ != '"')
        return -1;
    p += strspn(p, " \t");
    if (*p == ';')
        p++;
    else if (*p != '\0')
        return -1;
    *to = '\0'; /* last, since it may fall on that ';' */
    *rest = p;
    return 1;
}

/* One line of a part's headers. */
static enum err
read_line(char *line, const char **name, const char **filename,
          struct errinfo *e)
{
    char  *value = strchr(line, ':');
    size_t len = value != NULL ? (size_t)(value - line) : 0;
    char  *param, *rest;
    int    more;

    if (len == 0)
        return err_set(e, ERR_MALFORMED, "",
                       "a header of a part of the multipart body has no colon");
    value++;
    value += strspn(value, " \t");
    if (len == 25 && strncasecmp(line, "content-transfer-encoding", len) == 0 &&
        strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
        strcasecmp(value, "7bit") != 0)
        return err_set(e, ERR_MALFORMED, "",
                       "a part of the multipart body is coded as \"%.32s\"; "
                       "send it as it is",
                       value);
    if (len != 19 || strncasecmp(line, "content-disposition", len) != 0)
        return ERR_OK;
    rest = value + strcspn(value, ";");
    if (*rest == ';')
        rest++;
    while ((more = next_param(&rest, &param, &value)) > 0) {
        if (strcasecmp(param, "name") == 0)
            *name = value;
        else if (strcasecmp(param, "filename") == 0)
            *filename = value;
    }
    if (more < 0)
        return err_set(e, ERR_MALFORMED, "",
                       "cannot read a Content-Disposition of the multipart "
                       "body");
    return ERR_OK;
}

/* All headers of a part are here. */
static enum err
begin_part(struct http_multipart *mp, struct errinfo *e)
{
    const char *name = NULL, *filename = NULL;
    char       *rest = mp->head, *line;
    enum err    rc;

    if (++mp->n_parts > HTTP_MAX_PARTS)
        return err_set(e, ERR_MALFORMED, "",
                       "the multipart body has more than %d parts",
                       HTTP_MAX_PARTS);
    while ((line = strsep(&rest, "\n")) != NULL) {
        line[strcspn(line, "\r")] = '\0';
        if (line[0] == '\0')
            continue;
        rc = read_line(line, &name, &filename, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (name == NULL)
        return err_set(e, ERR_MALFORMED, "",
                       "part %u of the multipart body has no name",
                       mp->n_parts);
    mp->in_part = true;
    mp->state = MP_DATA;
    return mp->calls->part(mp->arg, name, filename, e);
}

/* One byte of a part's headers: an empty line ends them. */
static enum err
feed_head(struct http_multipart *mp, char c, struct errinfo *e)
{
    size_t len = mp->head_len;

    if (len == HEAD_MAX || c == '\0')
        return err_set(e, ERR_MALFORMED, "",
                       "the headers of part %u of the multipart body are "
                       "longer than %zu bytes, or no text",
                       mp->n_parts + 1, HEAD_MAX);
    mp->head[mp->head_len++] = c;
    mp->head[mp->head_len] = '\0';
    if (c != '\n' ||
        (strcmp(mp->head, "\r\n") != 0 &&
         (len < 3 || memcmp(mp->head + len - 3, "\r\n\r", 3) != 0)))
        return ERR_OK;
    return begin_part(mp, e);
}

/* Bytes of a part, as many as there are before the next state; *used of them.
 * A '\r' only begins the delimiter, so a match that fails is plain data, and
 * the byte that failed it may begin another. */
static enum err
feed_data(struct http_multipart *mp, const char *p, size_t n, size_t *used,
          struct errinfo *e)
{
    size_t   i = 0, held = mp->n_matched;
    enum err rc = ERR_OK;

    while (i < n && mp->state == MP_DATA && rc == ERR_OK) {
        if (mp->n_matched == 0) {
            const char *cr = memchr(p + i, '\r', n - i);

            i = cr != NULL ? (size_t)(cr - p) : n;
            if (cr == NULL)
                break;
            mp->n_matched = 1;
            i++;
        } else if (p[i] == mp->delimiter[mp->n_matched]) {
            i++;
            if (++mp->n_matched == mp->delimiter_len)
                mp->state = MP_AFTER;
        } else {
            if (held > 0) /* it began in an earlier piece */
                rc = give_data(mp, mp->delimiter, held, e);
            held = 0;
            mp->n_matched = 0;
        }
    }
    /* Bytes that may be the delimiter's are held back; those of an earlier
     * piece are not in p. */
    if (rc == ERR_OK && i > mp->n_matched - held)
        rc = give_data(mp, p, i - (mp->n_matched - held), e);
    *used = i;
    return rc;
}

/* One byte of the line of a boundary. */
static enum err
feed_line(struct http_multipart *mp, char c, struct errinfo *e)
{
    switch (mp->state) {
    case MP_AFTER:
        mp->in_part = false;
        mp->n_matched = 0;
        if (c == '-') {
            mp->state = MP_DASH;
            return ERR_OK;
        }
        /* fall through */
    case MP_PADDING:
        if (c == '\r')
            mp->state = MP_CR;
        else if (c == ' ' || c == '\t')
            mp->state = MP_PADDING;
        else
            break;
        return ERR_OK;
    case MP_DASH:
        if (c != '-')
            break;
        mp->state = MP_END;
        return ERR_OK;
    case MP_CR:
        if (c != '\n')
            break;
        mp->head_len = 0;
        mp->state = MP_HEAD;
        return ERR_OK;
    default:
        break;
    }
    return err_set(e, ERR_MALFORMED, "",
                   "the line of a boundary of the multipart body goes on with "
                   "other bytes");
}

enum err
http_multipart_feed(struct http_multipart *mp, const void *bytes, size_t n,
                    struct errinfo *e)
{
    const char *p = bytes;
    enum err    rc = ERR_OK;

    if (mp->state == MP_FAILED)
        return err_set(e, ERR_MALFORMED, "", "the multipart body was bad");
    while (n > 0 && rc == ERR_OK && mp->state != MP_END) {
        size_t used = 1;

        if (mp->state == MP_DATA)
            rc = feed_data(mp, p, n, &used, e);
        else if (mp->state == MP_HEAD)
            rc = feed_head(mp, *p, e);
        else
            rc = feed_line(mp, *p, e);
        p += used;
        n -= used;
    }
    if (rc != ERR_OK)
        mp->state = MP_FAILED;
    return rc;
}

enum err
http_multipart_end(struct http_multipart *mp, struct errinfo *e)
{
    if (mp->state != MP_END)
        return err_set(e, ERR_MALFORMED, "",
                       "the multipart body ends before its last boundary");
    return ERR_OK;
}
