/*
 * weights.c - weights as JSON, both ways, without a tree
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/network.h"
#include "codec/write.h"
#include "nn/layer.h"

/* An array for each dimension from d on. */
static void
write_nested(struct buf *out, const float *x, const struct nn_shape *shape,
             size_t d)
{
    struct nn_shape inner = { .rank = shape->rank - d - 1 };
    size_t          size;

    if (d + 1 == shape->rank) {
        json_write_floats(out, x, shape->dim[d]);
        return;
    }
    memcpy(inner.dim, shape->dim + d + 1, inner.rank * sizeof(*inner.dim));
    size = nn_shape_size(&inner);
    for (size_t i = 0; i < shape->dim[d]; i++) {
        buf_putc(out, i == 0 ? '[' : ',');
        write_nested(out, x + i * size, shape, d + 1);
    }
    buf_putc(out, ']');
}

void
codec_weights_format(const struct nn_net *net, struct buf *out)
{
    size_t n_tensors = nn_net_n_tensors(net), layer = 0;
    bool   open = false;

    buf_puts(out, "{\"layers\":[");
    for (size_t i = 0; i < n_tensors; i++) {
        struct nn_tensor tensor = nn_net_tensor(net, i);
        const float     *x = nn_net_params_const(net) + tensor.offset;

        if (!open || tensor.layer != layer) {
            buf_puts(out, open ? "}," : "");
            buf_printf(out, "{\"index\":%zu", tensor.layer);
            open = true;
            layer = tensor.layer;
        }
        write_member(out, tensor.name);
        write_nested(out, x, &tensor.shape, 0);
    }
    buf_puts(out, open ? "}]}" : "]}");
}

/* --- reading -----------------------------------------------------------------
 */

/*
 * A layer's tensors are read into buffers and go to their place when the layer
 * ends: "index" may come behind them, and layers in any order, as members of a
 * JSON object may.
 */

/* Where in the document the reader is. */
enum place {
    AT_START,  /* before the document     */
    IN_TOP,    /* among its members       */
    IN_LAYERS, /* between layers          */
    IN_LAYER,  /* among a layer's members */
    IN_TENSOR, /* numbers                 */
    SKIPPING,  /* no object: only its syntax is of interest */
    AT_END
};

struct tensor {
    char   name[24];
    float *x;
    size_t n, capacity;
    size_t rank; /* brackets around a number; 0: no number yet          */
    size_t begin[NN_MAX_RANK]; /* [d]: n where bracket d + 1 was opened    */
    size_t group[NN_MAX_RANK]; /* [d]: numbers in such a one; 0: none ended */
    size_t column;
};

struct codec_weights {
    struct nn_net     *net;
    struct json_reader reader;
    enum place         place;
    bool               seen_layers;
    size_t             position; /* of the layer in the document */
    char               member[24];
    bool               has_index;
    size_t             index; /* the layer's in the network */
    size_t             n_tensors;
    struct tensor      tensor[NN_MAX_TENSORS];
    unsigned           depth; /* brackets open in the tensor */
    bool              *seen;  /* [n_tensors of the net]      */
};

/* A mistake at "/layers/1/bias", name NULL: at "/layers/1". */
static enum err invalid(struct codec_weights *w, struct errinfo *e,
                        const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static enum err
invalid(struct codec_weights *w, struct errinfo *e, const char *name,
        const char *fmt, ...)
{
    char    at[80], what[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(at, sizeof(at), "/layers/%zu%s%.24s", w->position,
             name != NULL ? "/" : "", name != NULL ? name : "");
    return err_set(e, ERR_INVALID, at, "%s", what);
}

static enum err
invalid_element(struct codec_weights *w, struct errinfo *e,
                const struct tensor *t, const char *what)
{
    char name[24];

    if (t->rank > 1 || w->depth > 1) {
        size_t width = t->rank > 0 ? t->group[t->rank - 1] : 0;

        return invalid(w, e, t->name, "row %zu, column %zu: %s",
                       width > 0 ? t->n / width : 0, t->column, what);
    }
    snprintf(name, sizeof(name), "%.12s/%zu", t->name, t->column);
    return invalid(w, e, name, "%s", what);
}

static enum err
tensor_begin(struct codec_weights *w, struct errinfo *e)
{
    struct tensor *t = &w->tensor[w->n_tensors];

    for (size_t i = 0; i < w->n_tensors; i++)
        if (strcmp(w->tensor[i].name, w->member) == 0)
            return invalid(w, e, w->member, "comes twice");
    if (w->n_tensors == NN_MAX_TENSORS)
        return invalid(w, e, w->member, "the layer has no such tensor");
    w->n_tensors++;
    t->n = t->rank = t->column = 0;
    memset(t->begin, 0, sizeof(t->begin));
    memset(t->group, 0, sizeof(t->group));
    memcpy(t->name, w->member, sizeof(t->name));
    w->depth = 1;
    w->place = IN_TENSOR;
    return ERR_OK;
}

static enum err
tensor_number(struct codec_weights *w, struct tensor *t,
              const struct json_token *token, struct errinfo *e)
{
    if (t->rank == 0)
        t->rank = w->depth;
    if (t->rank != w->depth)
        return invalid_element(w, e, t, "brackets are not alike everywhere");
    if (t->n == t->capacity) {
        size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
        float *x;

        if (t->n >= nn_net_n_params(w->net))
            return invalid(w, e, t->name,
                           "more numbers than the network has parameters");
        x = mem_resize(t->x, capacity, sizeof(*x));
        if (x == NULL)
            return err_set(e, ERR_NOMEM, "", "out of memory");
        t->x = x;
        t->capacity = capacity;
    }
    if (!num_parse_float(token->text, token->len, &t->x[t->n]))
        return invalid_element(w, e, t,
                               "is beyond the range of a 32-bit float");
    t->n++;
    t->column++;
    return ERR_OK;
}

/* A bracket ends: all of one depth have as many numbers. */
static enum err
tensor_group(struct codec_weights *w, struct tensor *t, struct errinfo *e)
{
    size_t d = w->depth - 1, n = t->n - t->begin[d];
    bool   row = w->depth == t->rank;

    if (t->group[d] == 0)
        t->group[d] = n;
    if (row)
        t->column = 0;
    if (t->group[d] != n && row)
        return invalid(w, e, t->name,
                       "row %zu has %zu numbers, the ones before have %zu",
                       t->begin[d] / t->group[d], n, t->group[d]);
    if (t->group[d] != n)
        return invalid(w, e, t->name,
                       "a bracket has %zu numbers, the ones before have %zu", n,
                       t->group[d]);
    if (--w->depth == 0)
        w->place = IN_LAYER;
    return ERR_OK;
}

static enum err
in_tensor(struct codec_weights *w, const struct json_token *token,
          struct errinfo *e)
{
    struct tensor *t = &w->tensor[w->n_tensors - 1];

    switch (token->event) {
    case JSON_NUMBER:
        return tensor_number(w, t, token, e);
    case JSON_BEGIN_ARRAY:
        if (w->depth >= (t->rank > 0 ? t->rank : NN_MAX_RANK))
            return invalid_element(w, e, t, "must be a number, got an array");
        t->begin[w->depth++] = t->n;
        return ERR_OK;
    case JSON_END_ARRAY:
        return tensor_group(w, t, e);
    default:
        return invalid_element(w, e, t, "must be a number");
    }
}

static bool
tensor_fits(const struct tensor *t, const struct nn_shape *shape)
{
    size_t size = 1;

    if (t->rank != shape->rank)
        return false;
    for (size_t d = shape->rank; d-- > 0;) {
        size *= shape->dim[d];
        if (t->group[d] != size)
            return false;
    }
    return true;
}

/* Put one tensor where it belongs, or say why it does not fit. */
static enum err
tensor_place(struct codec_weights *w, const struct tensor *t, struct errinfo *e)
{
    size_t n = nn_net_n_tensors(w->net);

    for (size_t i = 0; i < n; i++) {
        struct nn_tensor to = nn_net_tensor(w->net, i);
        size_t           size = nn_shape_size(&to.shape);
        size_t           want = to.shape.dim[to.shape.rank - 1];
        size_t           width = t->rank > 0 ? t->group[t->rank - 1] : 0;

        if (to.layer != w->index || strcmp(to.name, t->name) != 0)
            continue;
        if (w->seen[i])
            return invalid(w, e, "index", "layer %zu comes twice", w->index);
        if (!tensor_fits(t, &to.shape))
            return invalid(w, e, t->name,
                           "%zu.%s has %zu rows of %zu numbers, expected %zu "
                           "of %zu",
                           to.layer, to.name, width > 0 ? t->n / width : 0,
                           width, size / want, want);
        memcpy(nn_net_params(w->net) + to.offset, t->x, size * sizeof(*t->x));
        w->seen[i] = true;
        return ERR_OK;
    }
    return invalid(w, e, t->name,
                   "layer %zu of this network has no such tensor", w->index);
}

static enum err
layer_end(struct codec_weights *w, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (!w->has_index)
        return invalid(w, e, "index", "is required");
    for (size_t i = 0; rc == ERR_OK && i < w->n_tensors; i++)
        rc = tensor_place(w, &w->tensor[i], e);
    w->position++;
    w->place = IN_LAYERS;
    return rc;
}

static enum err
layer_index(struct codec_weights *w, const struct json_token *token,
            struct errinfo *e)
{
    uint64_t n;

    if (w->has_index)
        return invalid(w, e, "index", "comes twice");
    if (!num_parse_u64(token->text, token->len, &n) ||
        n >= nn_net_spec(w->net)->n_layers)
        return invalid(w, e, "index", "must be a layer's number, 0 to %zu",
                       nn_net_spec(w->net)->n_layers - 1);
    w->index = (size_t)n;
    w->has_index = true;
    return ERR_OK;
}

static enum err
in_layer(struct codec_weights *w, const struct json_token *token,
         struct errinfo *e)
{
    switch (token->event) {
    case JSON_KEY:
        snprintf(w->member, sizeof(w->member), "%s", token->text);
        return ERR_OK;
    case JSON_END_OBJECT:
        return layer_end(w, e);
    case JSON_BEGIN_ARRAY:
        return tensor_begin(w, e);
    case JSON_NUMBER:
        if (strcmp(w->member, "index") == 0)
            return layer_index(w, token, e);
        break;
    default:
        break;
    }
    return invalid(w, e, w->member, "must be an array of numbers");
}

static enum err
in_top(struct codec_weights *w, const struct json_token *token,
       struct errinfo *e)
{
    char at[40];

    switch (token->event) {
    case JSON_END_OBJECT:
        w->place = AT_END;
        return ERR_OK;
    case JSON_KEY:
        snprintf(at, sizeof(at), "/%.32s", token->text);
        if (strcmp(token->text, "layers") != 0)
            return err_set(e, ERR_INVALID, at,
                           "unknown member; known here: layers");
        if (w->seen_layers)
            return err_set(e, ERR_MALFORMED, at, "comes twice");
        w->seen_layers = true;
        return ERR_OK;
    case JSON_BEGIN_ARRAY:
        w->place = IN_LAYERS;
        return ERR_OK;
    default:
        return err_set(e, ERR_INVALID, "/layers", "must be an array of layers");
    }
}

static enum err
take_token(void *arg, const struct json_token *token, struct errinfo *e)
{
    struct codec_weights *w = arg;

    switch (w->place) {
    case AT_START:
        w->place = token->event == JSON_BEGIN_OBJECT ? IN_TOP : SKIPPING;
        return ERR_OK;
    case IN_TOP:
        return in_top(w, token, e);
    case IN_LAYERS:
        if (token->event == JSON_END_ARRAY) {
            w->place = IN_TOP;
            return ERR_OK;
        }
        if (token->event != JSON_BEGIN_OBJECT)
            return invalid(w, e, NULL, "must be an object");
        w->has_index = false;
        w->n_tensors = 0;
        w->place = IN_LAYER;
        return ERR_OK;
    case IN_LAYER:
        return in_layer(w, token, e);
    case IN_TENSOR:
        return in_tensor(w, token, e);
    case SKIPPING:
    case AT_END:
        break;
    }
    return ERR_OK;
}

enum err
codec_weights_new(struct nn_net *net, struct codec_weights **out,
                  struct errinfo *e)
{
    struct codec_weights *w = mem_array(1, sizeof(*w), 0);

    if (w != NULL)
        w->seen = mem_array(nn_net_n_tensors(net), sizeof(*w->seen), 0);
    if (w == NULL || w->seen == NULL) {
        free(w);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    w->net = net;
    json_reader_init(&w->reader, take_token, w);
    *out = w;
    return ERR_OK;
}

void
codec_weights_free(struct codec_weights *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < NN_MAX_TENSORS; i++)
        free(w->tensor[i].x);
    json_reader_release(&w->reader);
    free(w->seen);
    free(w);
}

enum err
codec_weights_feed(struct codec_weights *w, const void *p, size_t n,
                   struct errinfo *e)
{
    return json_reader_feed(&w->reader, p, n, e);
}

enum err
codec_weights_end(struct codec_weights *w, struct errinfo *e)
{
    enum err rc = json_reader_end(&w->reader, e);

    if (rc != ERR_OK)
        return rc;
    if (w->place == SKIPPING)
        return err_set(e, ERR_INVALID, "", "must be an object");
    if (!w->seen_layers)
        return err_set(e, ERR_INVALID, "/layers", "is required");
    for (size_t i = 0; i < nn_net_n_tensors(w->net); i++) {
        struct nn_tensor t = nn_net_tensor(w->net, i);
        char             at[80];

        if (w->seen[i])
            continue;
        snprintf(at, sizeof(at), "/layers/%zu/%s", t.layer, t.name);
        rc = err_add(e, ERR_INVALID, at, "%zu.%s is missing", t.layer, t.name);
    }
    return rc;
}
