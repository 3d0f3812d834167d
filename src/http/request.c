#include "http/http.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "http/query.h"
#include "http/route.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Undo percent-encoding in place; false where there is a bad one, or a NUL. */
static bool
decode(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        int hi, lo;

        if (*s == '+') {
            *to++ = ' ';
        } else if (*s != '%') {
            *to++ = *s;
        } else {
            if ((hi = hex_digit(s[1])) < 0 || (lo = hex_digit(s[2])) < 0 ||
                hi + lo == 0)
                return false;
            *to++ = (char)(hi * 16 + lo);
            s += 2;
        }
    }
    *to = '\0';
    return true;
}

static enum err
param_add(struct http_request *req, const char *name, const char *value,
          struct errinfo *e)
{
    const char *known = req->route->query;

    if (!http_list_has(known, name, strlen(name)))
        return err_set(e, ERR_MALFORMED, "",
                       "unknown query parameter \"%.64s\"; %s%s", name,
                       known != NULL ? "known here: " : "there are none here",
                       known != NULL ? known : "");
    if (http_request_query(req, name) != NULL)
        return err_set(e, ERR_MALFORMED, "",
                       "query parameter \"%.64s\" is given twice", name);
    /* Each known name is there once at most, so this is about the table. */
    assert(req->n_params < HTTP_MAX_PARAMS);
    req->param[req->n_params++] = (struct http_param){ name, value };
    return ERR_OK;
}

enum err
http_query_parse(struct http_request *req, char *text, struct errinfo *e)
{
    char    *rest = text;
    enum err rc = ERR_OK;

    req->n_params = 0;
    while (rc == ERR_OK && rest != NULL) {
        char *name = strsep(&rest, "&");
        char *value = name;

        strsep(&value, "=");
        if (name[0] == '\0' && value == NULL)
            continue; /* "a=1&&b=2", or nothing at all */
        if (!decode(name) || (value != NULL && !decode(value)))
            return err_set(e, ERR_MALFORMED, "",
                           "the query has bad percent-encoding near \"%.64s\"",
                           name);
        rc = param_add(req, name, value != NULL ? value : "", e);
    }
    return rc;
}

const char *
http_request_query(const struct http_request *req, const char *name)
{
    for (size_t i = 0; i < req->n_params; i++)
        if (strcmp(req->param[i].name, name) == 0)
            return req->param[i].value;
    return NULL;
}

enum err
http_request_query_u64(const struct http_request *req, const char *name,
                       uint64_t *out, struct errinfo *e)
{
    const char *value = http_request_query(req, name);

    if (value != NULL && !num_parse_u64(value, strlen(value), out))
        return err_set(e, ERR_MALFORMED, "",
                       "query parameter \"%s\" must be a whole number from 0, "
                       "got \"%.64s\"",
                       name, value);
    return ERR_OK;
}

enum err
http_request_limit(const struct http_request *req, size_t *out,
                   struct errinfo *e)
{
    uint64_t limit = 100;
    enum err rc;

    rc = http_request_query_u64(req, "limit", &limit, e);
    if (rc != ERR_OK)
        return rc;
    if (limit < 1 || limit > 1000)
        return err_set(e, ERR_MALFORMED, "",
                       "query parameter \"limit\" must be 1 to 1000, "
                       "got %" PRIu64,
                       limit);
    *out = (size_t)limit;
    return ERR_OK;
}

enum err
http_request_query_bool(const struct http_request *req, const char *name,
                        bool *out, struct errinfo *e)
{
    const char *value = http_request_query(req, name);

    if (value == NULL)
        return ERR_OK;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return err_set(e, ERR_MALFORMED, "",
                       "query parameter \"%s\" must be true or false, "
                       "got \"%.64s\"",
                       name, value);
    *out = value[0] == 't';
    return ERR_OK;
}
