/*
 * weights.c - weights as JSON, both ways, without a tree
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/network.h"
#include "codec/write.h"

void
codec_weights_format(const struct nn_net *net, struct buf *out)
{
    size_t n_tensors = nn_net_n_tensors(net), layer = 0;
    bool   open = false;

    buf_puts(out, "{\"layers\":[");
    for (size_t i = 0; i < n_tensors; i++) {
        struct nn_tensor tensor = nn_net_tensor(net, i);
        const float     *x = nn_net_params_const(net) + tensor.offset;
        size_t           width = tensor.shape.dim[tensor.shape.rank - 1];

        if (!open || tensor.layer != layer) {
            buf_puts(out, open ? "}," : "");
            buf_printf(out, "{\"index\":%zu", tensor.layer);
            open = true;
            layer = tensor.layer;
        }
        write_member(out, tensor.name);
        if (tensor.shape.rank == 1)
            json_write_floats(out, x, width);
        else
            json_write_rows(out, x, nn_shape_size(&tensor.shape) / width,
                            width);
    }
    buf_puts(out, open ? "}]}" : "]}");
}

/* --- reading -----------------------------------------------------------------
 */

/* Where in the document the reader is. */
enum place {
    AT_START,  /* before the document     */
    IN_TOP,    /* among its members       */
    IN_LAYERS, /* between layers          */
    IN_LAYER,  /* among a layer's members */
    IN_TENSOR, /* numbers                 */
    AT_END
};

struct codec_weights {
    struct nn_net     *net;
    struct json_reader reader;
    enum place         place;
    bool               seen_layers;
    char               member[32]; /* of the layer: what comes next */
    bool               has_index;
    size_t             index;  /* the layer's                   */
    size_t             tensor; /* being read                    */
    size_t             count;  /* numbers of it so far          */
    size_t             row, column;
    unsigned           depth; /* brackets open in it           */
    bool              *seen;  /* [n_tensors]                   */
};

static enum err
invalid(struct errinfo *e, const struct json_token *t, const char *what)
{
    return err_set(e, ERR_INVALID, "/layers", "line %llu, column %llu: %s",
                   (unsigned long long)t->line, (unsigned long long)t->column,
                   what);
}

/* A mistake in the tensor being read, told by its name: "0.weight: …". */
static enum err
invalid_tensor(struct codec_weights *w, struct errinfo *e, const char *what,
               size_t found, size_t expected)
{
    struct nn_tensor t = nn_net_tensor(w->net, w->tensor);

    return err_set(e, ERR_INVALID, "/layers",
                   "%zu.%s: row %zu %s %zu numbers, "
                   "expected %zu",
                   t.layer, t.name, w->row, what, found, expected);
}

static enum err
tensor_begin(struct codec_weights *w, const struct json_token *token,
             struct errinfo *e)
{
    size_t n = nn_net_n_tensors(w->net);

    if (!w->has_index)
        return invalid(e, token, "\"index\" must come before the tensors");
    for (size_t i = 0; i < n; i++) {
        struct nn_tensor t = nn_net_tensor(w->net, i);

        if (t.layer != w->index || strcmp(t.name, w->member) != 0)
            continue;
        if (w->seen[i])
            return err_set(e, ERR_INVALID, "/layers", "%zu.%s comes twice",
                           t.layer, t.name);
        w->seen[i] = true;
        w->tensor = i;
        w->count = w->row = w->column = 0;
        w->depth = 1;
        w->place = IN_TENSOR;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "/layers",
                   "layer %zu of this network has no tensor \"%.31s\"",
                   w->index, w->member);
}

/* A bracket closed: the row it ends must be as long as the others. */
static enum err
row_end(struct codec_weights *w, struct errinfo *e)
{
    struct nn_tensor t = nn_net_tensor(w->net, w->tensor);
    size_t           width = t.shape.dim[t.shape.rank - 1];
    size_t           n_rows = nn_shape_size(&t.shape) / width;

    if (w->depth == t.shape.rank) {
        if (w->column != width)
            return invalid_tensor(w, e, "has", w->column, width);
        w->column = 0;
        w->row++;
    }
    if (--w->depth > 0)
        return ERR_OK;
    w->place = IN_LAYER;
    if (w->row != n_rows)
        return err_set(e, ERR_INVALID, "/layers",
                       "%zu.%s: has %zu rows, expected %zu", t.layer, t.name,
                       w->row, n_rows);
    return ERR_OK;
}

static enum err
in_tensor(struct codec_weights *w, const struct json_token *token,
          struct errinfo *e)
{
    struct nn_tensor t = nn_net_tensor(w->net, w->tensor);
    size_t           size = nn_shape_size(&t.shape);
    float           *out = nn_net_params(w->net) + t.offset;

    switch (token->event) {
    case JSON_NUMBER:
        if (w->depth != t.shape.rank)
            return err_set(e, ERR_INVALID, "/layers",
                           "%zu.%s: must have %zu levels of brackets", t.layer,
                           t.name, t.shape.rank);
        if (w->count >= size || w->column >= t.shape.dim[t.shape.rank - 1])
            return invalid_tensor(w, e, "has more than",
                                  t.shape.dim[t.shape.rank - 1],
                                  t.shape.dim[t.shape.rank - 1]);
        if (!num_parse_float(token->text, token->len, &out[w->count]))
            return invalid(e, token, "beyond the range of a 32-bit float");
        w->count++;
        w->column++;
        return ERR_OK;
    case JSON_BEGIN_ARRAY:
        if (++w->depth > t.shape.rank)
            return err_set(e, ERR_INVALID, "/layers",
                           "%zu.%s: must have %zu levels of brackets", t.layer,
                           t.name, t.shape.rank);
        return ERR_OK;
    case JSON_END_ARRAY:
        return row_end(w, e);
    default:
        return invalid(e, token, "must be a number");
    }
}

static enum err
in_layer(struct codec_weights *w, const struct json_token *token,
         struct errinfo *e)
{
    uint64_t n;

    switch (token->event) {
    case JSON_KEY:
        if (token->len >= sizeof(w->member))
            return invalid(e, token, "unknown member");
        memcpy(w->member, token->text, token->len + 1);
        return ERR_OK;
    case JSON_END_OBJECT:
        w->place = IN_LAYERS;
        return ERR_OK;
    case JSON_BEGIN_ARRAY:
        return tensor_begin(w, token, e);
    case JSON_NUMBER:
        if (strcmp(w->member, "index") == 0 &&
            num_parse_u64(token->text, token->len, &n) &&
            n < nn_net_spec(w->net)->n_layers) {
            w->index = (size_t)n;
            w->has_index = true;
            return ERR_OK;
        }
        return invalid(e, token,
                       strcmp(w->member, "index") == 0
                           ? "the network has no such layer"
                           : "must be an array of numbers");
    default:
        return invalid(e, token, "must be an array of numbers");
    }
}

static enum err
take_token(void *arg, const struct json_token *token, struct errinfo *e)
{
    struct codec_weights *w = arg;

    switch (w->place) {
    case AT_START:
        if (token->event != JSON_BEGIN_OBJECT)
            return err_set(e, ERR_INVALID, "", "must be an object");
        w->place = IN_TOP;
        return ERR_OK;
    case IN_TOP:
        if (token->event == JSON_END_OBJECT) {
            w->place = AT_END;
            return ERR_OK;
        }
        if (token->event == JSON_KEY && !w->seen_layers &&
            strcmp(token->text, "layers") == 0) {
            w->seen_layers = true;
            return ERR_OK;
        }
        if (token->event == JSON_BEGIN_ARRAY) {
            w->place = IN_LAYERS;
            return ERR_OK;
        }
        if (token->event == JSON_KEY)
            return err_set(e, ERR_INVALID, "",
                           "unknown member, or \"layers\" twice: \"%.40s\"; "
                           "known here: layers",
                           token->text);
        return invalid(e, token, "must be an array of layers");
    case IN_LAYERS:
        if (token->event == JSON_END_ARRAY) {
            w->place = IN_TOP;
            return ERR_OK;
        }
        if (token->event != JSON_BEGIN_OBJECT)
            return invalid(e, token, "a layer must be an object");
        w->has_index = false;
        w->member[0] = '\0';
        w->place = IN_LAYER;
        return ERR_OK;
    case IN_LAYER:
        return in_layer(w, token, e);
    case IN_TENSOR:
        return in_tensor(w, token, e);
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
    for (size_t i = 0; i < nn_net_n_tensors(w->net); i++) {
        struct nn_tensor t = nn_net_tensor(w->net, i);

        if (!w->seen[i])
            rc = err_add(e, ERR_INVALID, "/layers", "%zu.%s is missing",
                         t.layer, t.name);
    }
    return rc;
}
