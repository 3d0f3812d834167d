/* walk_load.c - a body into a tree of values */
#include "codec/walk.h"

#include <errno.h>
#include <math.h>

#include "codec/json_memory.h"

#define MAX_DEPTH 32
#define MAX_VALUES 100000

/* A tree costs up to 80 times its text: bound it before it is built. */
static enum err
prescan(const char *s, size_t len, struct errinfo *e)
{
    size_t depth = 0, n_values = 0;
    bool   in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '\0')
            return err_set(e, ERR_MALFORMED, "", "a NUL byte is not JSON");
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        switch (c) {
        case '"':
            in_string = true;
            break;
        case '{':
        case '[':
            n_values++;
            if (++depth > MAX_DEPTH)
                return err_set(e, ERR_MALFORMED, "",
                               "nested deeper than %d levels", MAX_DEPTH);
            break;
        case '}':
        case ']':
            if (depth > 0)
                depth--;
            break;
        case ',':
            n_values++;
            break;
        default:
            break;
        }
        if (n_values > MAX_VALUES)
            return err_set(e, ERR_MALFORMED, "", "more than %d values",
                           MAX_VALUES);
    }
    return ERR_OK;
}

/*
 * jansson refuses a whole document for one integer beyond 64 bits.  Read with
 * all integers as reals it is accepted: then those that fit become integers
 * again, and the huge one is told where it stands, by its range.  Takes value.
 */
static json_t *
integers_back(json_t *value)
{
    const char *name;
    json_t     *member;
    void       *next;
    size_t      i;

    if (json_is_real(value)) {
        double x = json_real_value(value);

        if (x != floor(x) || fabs(x) >= 9007199254740992.0)
            return value;
        json_decref(value);
        return json_integer((json_int_t)x);
    }
    json_array_foreach(value, i, member)
        json_array_set_new(value, i, integers_back(json_incref(member)));
    json_object_foreach_safe(value, next, name, member)
        json_object_set_new(value, name, integers_back(json_incref(member)));
    return value;
}

enum err
walk_load(const void *body, size_t len, json_t **out, struct errinfo *e)
{
    json_error_t error;
    json_t      *document;
    enum err     rc = prescan(body, len, e);

    if (rc != ERR_OK)
        return rc;
    if (!codec_json_has_room(len))
        return err_set(e, ERR_NOMEM, "", "out of memory");
    errno = 0; /* jansson calls a want of memory an invalid token */
    document = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL && errno != ENOMEM &&
        json_error_code(&error) == json_error_numeric_overflow) {
        document = json_loadb(body, len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                              &error);
        document = integers_back(document);
    }
    if (document == NULL && errno == ENOMEM)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (document == NULL)
        return err_set(e, ERR_MALFORMED, "", "line %d, column %d: %.120s",
                       error.line, error.column, error.text);
    *out = document;
    return ERR_OK;
}

enum err
walk_open(struct walk *w, const void *body, size_t len, json_t **out,
          struct errinfo *e)
{
    enum err rc;

    err_clear(e);
    rc = walk_load(body, len, out, e);
    if (rc == ERR_OK)
        walk_begin(w, *out, "", e);
    return rc;
}

enum err
walk_stored(struct errinfo *e, const char *where, const struct errinfo *own)
{
    if (own->code == ERR_NOMEM)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    return err_set(e, ERR_CORRUPT, where, "%.60s: %.120s", own->item[0].where,
                   err_what(own));
}

enum err
walk_check(const char *text, size_t len, const char *where, struct errinfo *e)
{
    json_error_t wrong;
    json_t      *value;

    errno = 0;
    value = json_loadb(text, len, JSON_DECODE_ANY, &wrong);
    if (value == NULL && errno == ENOMEM)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (value == NULL)
        return err_set(e, ERR_CORRUPT, where, "is no JSON: %.120s", wrong.text);
    json_decref(value);
    return ERR_OK;
}
