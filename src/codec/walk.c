#include "codec/walk.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_write.h"
#include "base/similar.h"
#include "codec/network.h"
#include "codec/trace.h"

/* --- pointers ----------------------------------------------------------------
 */

void
walk_pointer(char out[WALK_POINTER_SIZE], const char *at, const char *name)
{
    json_write_pointer(out, WALK_POINTER_SIZE, at, name);
}

void
walk_element(char out[WALK_POINTER_SIZE], const char *at, size_t i)
{
    snprintf(out, WALK_POINTER_SIZE, "%.70s/%zu", at, i);
}

/* --- objects -----------------------------------------------------------------
 */

const char *
value_type(const json_t *value)
{
    switch (value != NULL ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

void
walk_begin(struct walk *w, json_t *value, const char *at, struct errinfo *e)
{
    memset(w, 0, sizeof(*w));
    snprintf(w->at, sizeof(w->at), "%s", at);
    w->e = e;
    if (json_is_object(value))
        w->object = value;
    else
        err_add(e, ERR_INVALID, at, "must be an object, got %s",
                value_type(value));
}

static bool
is_known(const struct walk *w, const char *name)
{
    for (size_t i = 0; i < w->n_known; i++)
        if (strcmp(name, w->known[i]) == 0)
            return true;
    return false;
}

json_t *
walk_member(struct walk *w, const char *name)
{
    if (trace_is_on())
        trace_member(w->at, name);
    if (!is_known(w, name) && w->n_known < WALK_MAX_MEMBERS)
        w->known[w->n_known++] = name;
    return w->object != NULL ? json_object_get(w->object, name) : NULL;
}

json_t *
walk_nullable(struct walk *w, const char *name)
{
    json_t *value = walk_member(w, name);

    if (trace_is_on())
        trace_nullable(w->at, name);
    return json_is_null(value) ? NULL : value;
}

void
walk_missing(struct walk *w, const char *name)
{
    if (trace_is_on())
        trace_required(w->at, name);
    if (w->object != NULL)
        walk_wrong(w, name, "is required");
}

void
walk_wrong(struct walk *w, const char *name, const char *fmt, ...)
{
    char    at[WALK_POINTER_SIZE], what[480];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    walk_pointer(at, w->at, name);
    err_add(w->e, ERR_INVALID, at, "%s", what);
}

/* What it was perhaps meant to be, and all that could have been. */
static void
unknown_member(struct walk *w, const char *name)
{
    const char *best = NULL;
    unsigned    least = SIMILAR_NOT;
    char        guess[96] = "", known[360];
    size_t      n = 0;

    if (w->e->n == ERR_MAX_ITEMS) { /* counted, and not told any more */
        walk_wrong(w, name, "unknown member");
        return;
    }
    for (size_t i = 0; i < w->n_known; i++) {
        unsigned distance = similar_distance(name, w->known[i]);

        best = distance < least ? w->known[i] : best;
        least = distance < least ? distance : least;
        if (n < sizeof(known))
            n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
                                  i == 0 ? "" : ", ", w->known[i]);
    }
    if (best != NULL)
        snprintf(guess, sizeof(guess), "did you mean \"%s\"? ", best);
    walk_wrong(w, name, "unknown member; %sknown here: %s", guess,
               n > 0 ? known : "none");
}

void
walk_end(struct walk *w)
{
    const char *name;
    json_t     *value;

    if (w->object == NULL)
        return;
    json_object_foreach(w->object, name, value)
    {
        if (!is_known(w, name))
            unknown_member(w, name);
    }
}

/* --- values ------------------------------------------------------------------
 */

/* A number as the client would write it, for a message. */
static void
show_number(char *out, size_t size, const json_t *value)
{
    if (json_is_integer(value))
        snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        snprintf(out, size, "%g", json_real_value(value));
}

bool
value_count(json_t *value, const char *at, uint64_t min, uint64_t max,
            uint64_t *out, struct errinfo *e)
{
    json_int_t n;

    if (trace_is_on())
        trace_count(at, min, max);
    if (!json_is_integer(value)) {
        char shown[40];

        if (json_is_real(value)) {
            show_number(shown, sizeof(shown), value);
            err_add(e, ERR_INVALID, at, "must be a whole number, got %s%s",
                    shown, strpbrk(shown, ".e") == NULL ? ".0" : "");
        } else {
            err_add(e, ERR_INVALID, at, "must be a whole number, got %s",
                    value_type(value));
        }
        return false;
    }
    n = json_integer_value(value);
    if (n < 0 || (uint64_t)n < min || (uint64_t)n > max) {
        err_add(e, ERR_INVALID, at,
                "must be a whole number from %llu to %llu, got "
                "%" JSON_INTEGER_FORMAT,
                (unsigned long long)min, (unsigned long long)max, n);
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

void
walk_version(struct walk *w, int64_t *out)
{
    json_t  *value = walk_nullable(w, "version");
    uint64_t version;

    *out = -1;
    if (value != NULL &&
        value_count(value, "/version", 0, INT64_MAX, &version, w->e))
        *out = (int64_t)version;
}

bool
value_double(json_t *value, const char *at, double min, double max,
             bool above_min, bool below_max, double *out, struct errinfo *e)
{
    char   shown[40];
    double x;

    if (trace_is_on())
        trace_double(at, min, max, above_min, below_max);
    if (!json_is_number(value)) {
        err_add(e, ERR_INVALID, at, "must be a number, got %s",
                value_type(value));
        return false;
    }
    x = json_number_value(value);
    show_number(shown, sizeof(shown), value);
    if (x < min || (above_min && x <= min)) {
        err_add(e, ERR_INVALID, at, "must be %s %g, got %s",
                above_min ? "above" : "at least", min, shown);
        return false;
    }
    if (x > max || (below_max && x >= max)) {
        err_add(e, ERR_INVALID, at, "must be %s %g, got %s",
                below_max ? "below" : "at most", max, shown);
        return false;
    }
    *out = x;
    return true;
}

bool
value_bool(json_t *value, const char *at, bool *out, struct errinfo *e)
{
    if (trace_is_on())
        trace_bool(at);
    if (!json_is_boolean(value)) {
        err_add(e, ERR_INVALID, at, "must be true or false, got %s",
                value_type(value));
        return false;
    }
    *out = json_is_true(value);
    return true;
}

bool
value_word(json_t *value, const char *at, const char *(*choice)(size_t i),
           size_t *out, struct errinfo *e)
{
    char   choices[160], shown[48];
    size_t n = 0;

    if (trace_is_on())
        trace_word(at, choice);
    choices[0] = '\0';
    for (size_t i = 0; choice(i) != NULL; i++) {
        if (json_is_string(value) &&
            strcmp(choice(i), json_string_value(value)) == 0) {
            *out = i;
            return true;
        }
        if (n < sizeof(choices))
            n += (size_t)snprintf(choices + n, sizeof(choices) - n, "%s\"%s\"",
                                  i == 0 ? "" : ", ", choice(i));
    }
    if (json_is_string(value))
        snprintf(shown, sizeof(shown), "\"%.30s\"", json_string_value(value));
    else
        snprintf(shown, sizeof(shown), "%s", value_type(value));
    err_add(e, ERR_INVALID, at, "must be one of %s; got %s", choices, shown);
    return false;
}

bool
walk_type(struct walk *w, const char *(*choice)(size_t i), size_t *out)
{
    json_t *type = walk_member(w, "type");
    char    at[WALK_POINTER_SIZE];

    if (type == NULL) {
        walk_missing(w, "type");
        return false;
    }
    walk_pointer(at, w->at, "type");
    return value_word(type, at, choice, out, w->e);
}

bool
value_name(json_t *value, const char *at, char *out, struct errinfo *e)
{
    if (trace_is_on())
        trace_name(at);
    if (!json_is_string(value)) {
        err_add(e, ERR_INVALID, at, "must be a string, got %s",
                value_type(value));
        return false;
    }
    if (!codec_name_is_valid(json_string_value(value),
                             json_string_length(value))) {
        err_add(e, ERR_INVALID, at,
                "a name has 1 to %d characters of a-z, 0-9, '.', '_' and '-', "
                "and starts with a letter or digit",
                CODEC_NAME_SIZE - 1);
        return false;
    }
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static const char *
activation_choice(size_t i)
{
    return i < NN_ACTIVATION_COUNT ? nn_activation_name((enum nn_activation)i)
                                   : NULL;
}

/* The default is no word: it is what the absence of the member means. */
static const char *
init_choice(size_t i)
{
    return i + 1 < NN_INIT_COUNT ? nn_init_name((enum nn_init)(i + 1)) : NULL;
}

/* A word, or {"type": "uniform", "limit": 0.01}. */
static void
init_value(json_t *value, const char *at, struct nn_init_spec *out,
           struct errinfo *e)
{
    struct nn_init_spec init = { 0 };
    struct walk         w;
    char                scale_at[WALK_POINTER_SIZE];
    json_t             *scale = NULL;
    const char         *scale_name = NULL;
    size_t              i;
    double              x;

    if (!json_is_object(value)) {
        if (value_word(value, at, init_choice, &i, e))
            *out = (struct nn_init_spec){ .type = (enum nn_init)(i + 1) };
        return;
    }
    walk_begin(&w, value, at, e);
    if (walk_type(&w, init_choice, &i)) {
        init.type = (enum nn_init)(i + 1);
        scale_name = nn_init_scale_name(init.type);
    }
    if (scale_name != NULL)
        scale = walk_member(&w, scale_name);
    if (scale != NULL) {
        walk_pointer(scale_at, at, scale_name);
        if (value_double(scale, scale_at, 0, FLT_MAX, true, false, &x, e))
            init.scale = (float)x;
    }
    walk_end(&w);
    *out = init;
}

void
walk_members(struct walk *w, const struct nn_member *member, void *base)
{
    for (; member->name != NULL; member++) {
        json_t  *value = walk_member(w, member->name);
        char    *field = (char *)base + member->offset;
        char     at[WALK_POINTER_SIZE];
        uint64_t n;
        double   x;
        size_t   i;

        if (value == NULL) {
            if (member->required)
                walk_missing(w, member->name);
            continue;
        }
        walk_pointer(at, w->at, member->name);
        switch (member->kind) {
        case NN_MEMBER_COUNT:
            if (value_count(value, at, (uint64_t)member->min,
                            (uint64_t)member->max, &n, w->e))
                *(size_t *)field = (size_t)n;
            break;
        case NN_MEMBER_FLOAT:
            if (value_double(value, at, member->min, member->max,
                             member->above_min, member->below_max, &x, w->e)) {
                *(float *)field = (float)x;
                /* 1e-400 is above 0, and 0 as a float. */
                if (member->above_min && *(float *)field <= member->min)
                    err_add(w->e, ERR_INVALID, at,
                            "is too small for a 32-bit float");
            }
            break;
        case NN_MEMBER_BOOL:
            value_bool(value, at, (bool *)field, w->e);
            break;
        case NN_MEMBER_ACTIVATION:
            if (value_word(value, at, activation_choice, &i, w->e))
                *(enum nn_activation *)field = (enum nn_activation)i;
            break;
        case NN_MEMBER_INIT:
            init_value(value, at, (struct nn_init_spec *)field, w->e);
            break;
        }
    }
}
