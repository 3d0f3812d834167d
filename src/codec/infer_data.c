#include "codec/infer_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define MAX_DEPTH 32

/* Where in the text the reader is, and within what. */
struct place {
    const char *p, *end;
    unsigned    depth;           /* brackets open              */
    char        open[MAX_DEPTH]; /* which                      */
    bool        in_inputs;       /* of the document's members  */
};

static const char *
skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* From a quote to behind the one that ends the string, or to the end. */
static const char *
skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : end;
}

static bool
append(struct infer_data *data, float x)
{
    if (data->n == data->capacity) {
        size_t capacity = data->capacity == 0 ? 64 : 2 * data->capacity;
        float *more = mem_resize(data->x, capacity, sizeof(*more));

        if (more == NULL)
            return false;
        data->x = more;
        data->capacity = capacity;
    }
    data->x[data->n++] = x;
    return true;
}

/* An array of numbers and of such arrays, from its bracket on: where it ends.
 * NULL: it is none, or data has failed (*short_of_memory). */
static const char *
read_array(const char *p, const char *end, struct infer_data *data,
           bool *short_of_memory)
{
    unsigned depth = 0;

    for (;;) {
        float x;

        for (; p < end && *p == '['; p = skip_blank(p + 1, end))
            if (++depth > MAX_DEPTH)
                return NULL;
        if (p == end || (p = num_read_float(p, &x)) == NULL || p > end)
            return NULL;
        if (!append(data, x)) {
            *short_of_memory = true;
            return NULL;
        }
        for (p = skip_blank(p, end); p < end && *p == ']';
             p = skip_blank(p, end)) {
            p++;
            if (--depth == 0)
                return p;
        }
        if (p == end || *p != ',')
            return NULL;
        p = skip_blank(p + 1, end);
    }
}

/* Is the string from a to b this member's name? */
static bool
is_name(const char *a, const char *b, const char *name)
{
    size_t len = strlen(name);

    return (size_t)(b - a) == len + 2 && memcmp(a + 1, name, len) == 0;
}

/* Go on to the bracket of the next "data" of an input; false: there is none. */
static bool
find_array(struct place *at)
{
    for (; at->p < at->end; at->p++) {
        const char *name = at->p;

        if (*name == '[' || *name == '{') {
            if (at->depth == MAX_DEPTH)
                return false;
            at->open[at->depth++] = *name;
        } else if (*name == ']' || *name == '}') {
            if (at->depth-- == 0)
                return false;
        } else if (*name == '"') {
            const char *behind = skip_string(name, at->end);
            const char *value = skip_blank(behind, at->end);

            at->p = behind - 1;
            if (value == at->end || *value != ':')
                continue;
            value = skip_blank(value + 1, at->end);
            if (at->depth == 1)
                at->in_inputs = is_name(name, behind, "inputs");
            if (at->in_inputs && at->depth == 3 && at->open[1] == '[' &&
                at->open[2] == '{' && is_name(name, behind, "data") &&
                value < at->end && *value == '[') {
                at->p = value;
                return true;
            }
        }
    }
    return false;
}

enum err
infer_data_read(const char *text, size_t len, struct infer_data *out,
                struct errinfo *e)
{
    struct place      at = { .p = text, .end = text + len };
    struct infer_data data = { 0 };
    bool              short_of_memory = false;
    const char       *behind = NULL;

    if (find_array(&at))
        behind = read_array(at.p, at.end, &data, &short_of_memory);
    if (behind != NULL) {
        buf_init(&data.rest, len + 2);
        buf_append(&data.rest, text, (size_t)(at.p - text));
        buf_puts(&data.rest, "[]");
        buf_append(&data.rest, behind, (size_t)(at.end - behind));
        short_of_memory = data.rest.failed;
    }
    if (short_of_memory) {
        infer_data_release(&data);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    if (behind == NULL)
        infer_data_release(&data);
    *out = data;
    return ERR_OK;
}

void
infer_data_release(struct infer_data *data)
{
    free(data->x);
    buf_release(&data->rest);
    *data = (struct infer_data){ 0 };
}
