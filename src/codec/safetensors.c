#include "codec/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/walk.h"
#include "codec/write.h"

#define LENGTH_SIZE ((size_t)8)
#define ALIGNMENT ((size_t)8) /* of what follows the header */
#define NAME_SIZE 48

static void
tensor_name(const struct nn_tensor *t, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%zu.%.24s", t->layer, t->name);
}

static size_t
tensor_bytes(const struct nn_tensor *t)
{
    return nn_shape_size(&t->shape) * sizeof(float);
}

/* --- writing -------------------------------------------------------------- */

static void
write_header(const struct nn_net *net, struct buf *out)
{
    size_t begin = 0;

    write_begin(out);
    for (size_t i = 0; i < nn_net_n_tensors(net); i++) {
        struct nn_tensor t = nn_net_tensor(net, i);
        size_t           end = begin + tensor_bytes(&t);
        char             name[NAME_SIZE];

        tensor_name(&t, name);
        write_member(out, name);
        write_begin(out);
        write_text(out, "dtype", "F32");
        write_shape(out, "shape", &t.shape);
        write_member(out, "data_offsets");
        buf_printf(out, "[%zu,%zu]", begin, end);
        write_end(out);
        begin = end;
    }
    write_end(out);
    while (out->len % ALIGNMENT != 0 && !out->failed)
        buf_putc(out, ' ');
}

void
codec_safetensors_format(const struct nn_net *net, struct buf *out)
{
    struct buf header = { 0 };

    write_header(net, &header);
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        buf_putc(out, (char)((uint64_t)header.len >> 8 * i & 0xff));
    buf_append(out, header.data, header.len);
    out->failed = out->failed || header.failed;
    buf_release(&header);
    for (size_t i = 0; i < nn_net_n_tensors(net); i++) {
        struct nn_tensor t = nn_net_tensor(net, i);

        buf_append(out, nn_net_params_const(net) + t.offset, tensor_bytes(&t));
    }
}

/* --- reading -------------------------------------------------------------- */

/* Where in the bytes a tensor of the network stands. */
struct place {
    uint64_t begin, end;
    size_t   tensor;
};

struct codec_safetensors {
    struct nn_net *net;
    struct buf     head;   /* length and header, as far as they are there   */
    size_t         need;   /* bytes of it, as far as is known               */
    bool           opened; /* the header was read: place[] holds            */
    uint64_t       at;     /* bytes behind the header so far                */
    size_t         current;
    size_t         n_places;
    struct place  *place; /* [n_tensors], in the order of their bytes       */
};

enum err
codec_safetensors_new(struct nn_net *net, struct codec_safetensors **out,
                      struct errinfo *e)
{
    struct codec_safetensors *s = mem_array(1, sizeof(*s), 0);

    if (s != NULL)
        s->place = mem_array(nn_net_n_tensors(net), sizeof(*s->place), 0);
    if (s == NULL || s->place == NULL) {
        free(s);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    s->net = net;
    s->need = LENGTH_SIZE;
    buf_init(&s->head, LENGTH_SIZE + SAFETENSORS_MAX_HEADER);
    *out = s;
    return ERR_OK;
}

void
codec_safetensors_free(struct codec_safetensors *s)
{
    if (s == NULL)
        return;
    buf_release(&s->head);
    free(s->place);
    free(s);
}

static bool
shape_fits(json_t *shape, const struct nn_shape *expected)
{
    if (!json_is_array(shape) || json_array_size(shape) != expected->rank)
        return false;
    for (size_t i = 0; i < expected->rank; i++) {
        json_t *dim = json_array_get(shape, i);

        if (!json_is_integer(dim) ||
            json_integer_value(dim) != (json_int_t)expected->dim[i])
            return false;
    }
    return true;
}

static void
shape_text(const struct nn_shape *shape, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < shape->rank && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%zu", i > 0 ? ", " : "",
                              shape->dim[i]);
}

/* One tensor's description; all its mistakes are added to e. */
static void
read_tensor(json_t *value, const struct nn_tensor *t, const char *name,
            struct place *out, struct errinfo *e)
{
    char        at[WALK_POINTER_SIZE], shape[64];
    struct walk w;
    json_t     *dtype, *dims, *offsets;
    json_int_t  begin, end;

    walk_pointer(at, "", name);
    walk_begin(&w, value, at, e);
    if (w.object == NULL)
        return;
    dtype = walk_member(&w, "dtype");
    dims = walk_member(&w, "shape");
    offsets = walk_member(&w, "data_offsets");
    walk_end(&w);
    if (!json_is_string(dtype) || strcmp(json_string_value(dtype), "F32") != 0)
        walk_wrong(&w, "dtype", "must be \"F32\"");
    shape_text(&t->shape, shape, sizeof(shape));
    if (!shape_fits(dims, &t->shape))
        walk_wrong(&w, "shape", "must be [%s]", shape);
    begin = json_integer_value(json_array_get(offsets, 0));
    end = json_integer_value(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || begin < 0 || end < begin ||
        (uint64_t)(end - begin) != tensor_bytes(t))
        walk_wrong(&w, "data_offsets",
                   "must be [begin, end], %zu bytes apart for [%s] of F32",
                   tensor_bytes(t), shape);
    *out = (struct place){ .begin = (uint64_t)begin, .end = (uint64_t)end };
}

static int
by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;

    return p->begin < q->begin ? -1 : p->begin > q->begin;
}

/* Every tensor of the network, each where no other is. */
static enum err
read_places(struct codec_safetensors *s, json_t *header, struct errinfo *e)
{
    size_t   n = nn_net_n_tensors(s->net);
    uint64_t at = 0;

    for (size_t i = 0; i < n; i++) {
        struct nn_tensor t = nn_net_tensor(s->net, i);
        char             name[NAME_SIZE], where[WALK_POINTER_SIZE];
        json_t          *value;

        tensor_name(&t, name);
        value = json_object_get(header, name);
        walk_pointer(where, "", name);
        if (value == NULL)
            err_add(e, ERR_INVALID, where, "%s is missing", name);
        else
            read_tensor(value, &t, name, &s->place[i], e);
        s->place[i].tensor = i;
    }
    if (e->n > 0)
        return e->code;
    qsort(s->place, n, sizeof(*s->place), by_place);
    for (size_t i = 0; i < n; i++) {
        if (s->place[i].begin != at)
            return err_set(e, ERR_INVALID, "",
                           "the bytes of the tensors overlap or leave holes "
                           "at byte %" PRIu64,
                           at);
        at = s->place[i].end;
    }
    s->n_places = n;
    return ERR_OK;
}

static enum err
refuse_others(const struct codec_safetensors *s, json_t *header,
              struct errinfo *e)
{
    const char *name;
    json_t     *value;

    json_object_foreach(header, name, value)
    {
        char   known[NAME_SIZE], where[WALK_POINTER_SIZE];
        size_t i = 0;

        for (; i < nn_net_n_tensors(s->net); i++) {
            struct nn_tensor t = nn_net_tensor(s->net, i);

            tensor_name(&t, known);
            if (strcmp(name, known) == 0)
                break;
        }
        walk_pointer(where, "", name);
        if (i == nn_net_n_tensors(s->net) && strcmp(name, "__metadata__") != 0)
            err_add(e, ERR_INVALID, where,
                    "the network has no tensor %.60s; its first is %s", name,
                    known);
    }
    return e->n > 0 ? e->code : ERR_OK;
}

static enum err
open_header(struct codec_safetensors *s, struct errinfo *e)
{
    struct errinfo own;
    json_t        *header = NULL;
    enum err       rc;

    if (e == NULL) { /* mistakes are counted in it */
        err_clear(&own);
        e = &own;
    }
    rc = walk_load(s->head.data + LENGTH_SIZE, s->head.len - LENGTH_SIZE,
                   &header, e);
    if (rc == ERR_OK && !json_is_object(header))
        rc = err_set(e, ERR_INVALID, "", "the header must be an object");
    if (rc == ERR_OK)
        rc = refuse_others(s, header, e);
    if (rc == ERR_OK)
        rc = read_places(s, header, e);
    json_decref(header);
    s->opened = rc == ERR_OK;
    return rc;
}

/* Take bytes of length and header; *used of them. */
static enum err
feed_head(struct codec_safetensors *s, const char *p, size_t n, size_t *used,
          struct errinfo *e)
{
    size_t   take = s->need - s->head.len;
    uint64_t length = 0;

    if (take > n)
        take = n;
    buf_append(&s->head, p, take);
    if (s->head.failed)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    *used = take;
    if (s->head.len < s->need)
        return ERR_OK;
    if (s->need > LENGTH_SIZE)
        return open_header(s, e);
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        length |= (uint64_t)(unsigned char)s->head.data[i] << 8 * i;
    if (length < 2 || length > SAFETENSORS_MAX_HEADER)
        return err_set(e, ERR_INVALID, "",
                       "this is no safetensors file: a header of %" PRIu64
                       " bytes",
                       length);
    s->need += (size_t)length;
    return ERR_OK;
}

/* Bytes of tensors go to their places as they come. */
static enum err
feed_tensors(struct codec_safetensors *s, const char *p, size_t n,
             struct errinfo *e)
{
    while (n > 0) {
        struct place    *place = &s->place[s->current];
        struct nn_tensor t;
        size_t           take;

        if (s->current == s->n_places)
            return err_set(e, ERR_INVALID, "",
                           "there are bytes behind the last tensor");
        t = nn_net_tensor(s->net, place->tensor);
        take = (size_t)(place->end - s->at);
        if (take > n)
            take = n;
        memcpy((char *)(nn_net_params(s->net) + t.offset) +
                   (s->at - place->begin),
               p, take);
        s->at += take;
        p += take;
        n -= take;
        if (s->at == place->end)
            s->current++;
    }
    return ERR_OK;
}

enum err
codec_safetensors_feed(struct codec_safetensors *s, const void *p, size_t n,
                       struct errinfo *e)
{
    const char *from = p;
    size_t      used = 0;
    enum err    rc = ERR_OK;

    while (rc == ERR_OK && n > 0 && !s->opened) {
        rc = feed_head(s, from, n, &used, e);
        from += used;
        n -= used;
    }
    return rc == ERR_OK ? feed_tensors(s, from, n, e) : rc;
}

enum err
codec_safetensors_end(struct codec_safetensors *s, struct errinfo *e)
{
    if (!s->opened || s->current < s->n_places)
        return err_set(e, ERR_INVALID, "",
                       "the safetensors file ends early, in its %s",
                       s->opened ? "tensors" : "header");
    for (size_t i = 0; i < nn_net_n_tensors(s->net); i++) {
        struct nn_tensor t = nn_net_tensor(s->net, i);
        const float     *x = nn_net_params_const(s->net) + t.offset;
        char             name[NAME_SIZE], at[WALK_POINTER_SIZE];

        for (size_t k = 0; k < nn_shape_size(&t.shape); k++) {
            if (isfinite(x[k]))
                continue;
            tensor_name(&t, name);
            walk_pointer(at, "", name);
            return err_set(e, ERR_INVALID, at,
                           "%s has a number that is not finite, element %zu",
                           name, k);
        }
    }
    return ERR_OK;
}
