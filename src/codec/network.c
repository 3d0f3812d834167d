#include "codec/network.h"

#include <string.h>

#include "codec/list.h"
#include "codec/network_data.h"
#include "codec/walk.h"
#include "codec/write.h"
#include "nn/layer.h"

bool
codec_name_is_valid(const char *name, size_t len)
{
    if (len < 1 || len >= CODEC_NAME_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            continue;
        if (i == 0 || (c != '.' && c != '_' && c != '-'))
            return false;
    }
    return true;
}

/* --- reading -----------------------------------------------------------------
 */

static const char *
layer_choice(size_t i)
{
    const struct nn_layer_type *type = nn_layer_type_at(i);

    return type != NULL ? nn_layer_type_name(type) : NULL;
}

static const char *
loss_choice(size_t i)
{
    return i < NN_LOSS_COUNT ? nn_loss_name((enum nn_loss)i) : NULL;
}

static void
read_shape(struct walk *w, const char *name, struct nn_shape *out)
{
    json_t *value = walk_member(w, name);
    char    at[WALK_POINTER_SIZE], element[WALK_POINTER_SIZE];

    if (value == NULL) {
        walk_missing(w, name);
        return;
    }
    walk_pointer(at, w->at, name);
    if (!json_is_array(value) || json_array_size(value) < 1 ||
        json_array_size(value) > NN_MAX_RANK) {
        err_add(w->e, ERR_INVALID, at,
                "must be an array of 1 to %d whole numbers, such as [4] or "
                "[1, 28, 28]",
                NN_MAX_RANK);
        return;
    }
    out->rank = json_array_size(value);
    for (size_t i = 0; i < out->rank; i++) {
        uint64_t n;

        walk_element(element, at, i);
        if (value_count(json_array_get(value, i), element, 1, NN_MAX_PARAMETERS,
                        &n, w->e))
            out->dim[i] = (size_t)n;
    }
}

static void
read_layer(json_t *value, const char *at, struct nn_layer_spec *out,
           struct errinfo *e)
{
    const struct nn_layer_type *row;
    struct walk                 w;
    size_t                      i;

    walk_begin(&w, value, at, e);
    if (!walk_type(&w, layer_choice, &i))
        return;
    row = nn_layer_type_at(i);
    nn_layer_spec_init(out, row);
    walk_members(&w, nn_layer_type_members(row), out);
    walk_end(&w);
}

static void
read_layers(struct walk *w, struct nn_spec *out)
{
    json_t *value = walk_member(w, "layers");
    char    at[WALK_POINTER_SIZE], element[WALK_POINTER_SIZE];

    if (value == NULL) {
        walk_missing(w, "layers");
        return;
    }
    walk_pointer(at, w->at, "layers");
    if (!json_is_array(value) || json_array_size(value) < 1 ||
        json_array_size(value) > NN_MAX_LAYERS) {
        err_add(w->e, ERR_INVALID, at, "must be an array of 1 to %d layers",
                NN_MAX_LAYERS);
        return;
    }
    out->n_layers = json_array_size(value);
    for (size_t i = 0; i < out->n_layers; i++) {
        walk_element(element, at, i);
        read_layer(json_array_get(value, i), element, &out->layer[i], w->e);
    }
}

/* A word, or an object with the members of that loss. */
static void
read_loss(json_t *value, const char *at, struct nn_loss_spec *out,
          struct errinfo *e)
{
    struct walk w;
    size_t      i;

    if (!json_is_object(value)) {
        if (value_word(value, at, loss_choice, &i, e))
            *out = nn_loss_spec((enum nn_loss)i);
        return;
    }
    walk_begin(&w, value, at, e);
    if (!walk_type(&w, loss_choice, &i))
        return;
    *out = nn_loss_spec((enum nn_loss)i);
    walk_members(&w, nn_loss_members(out->type), out);
    walk_end(&w);
}

/* The members of a spec, from a client's body or from the store. */
static void
read_spec(struct walk *w, struct nn_spec *out)
{
    json_t *loss, *seed;
    char    at[WALK_POINTER_SIZE];

    read_shape(w, "input_shape", &out->input);
    read_layers(w, out);
    loss = walk_member(w, "loss");
    walk_pointer(at, w->at, "loss");
    if (loss == NULL)
        walk_missing(w, "loss");
    else
        read_loss(loss, at, &out->loss, w->e);
    seed = walk_member(w, "seed");
    walk_pointer(at, w->at, "seed");
    if (seed != NULL)
        value_count(seed, at, 0, CODEC_MAX_SEED, &out->seed, w->e);
}

/* How many versions are kept: null, or absent, for all. */
static void
read_keep(struct walk *w, int64_t *out)
{
    json_t  *value = walk_nullable(w, "keep_versions");
    uint64_t n;

    *out = 0;
    if (value != NULL &&
        value_count(value, "/keep_versions", 1, CODEC_MAX_KEEP, &n, w->e))
        *out = (int64_t)n;
}

enum err
codec_network_parse(const void *body, size_t len, struct store *db,
                    struct codec_network *out, struct errinfo *e)
{
    struct codec_network  network;
    struct codec_made_for made = { 0 };
    struct walk           w;
    json_t               *document = NULL, *name;
    bool                  complete;
    enum err              rc;

    memset(&network, 0, sizeof(network));
    err_clear(e);
    rc = walk_load(body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    complete = codec_network_complete(document, db, &made, e);
    if (e->n > 0 && e->code != ERR_INVALID) {
        json_decref(document);
        return e->code;
    }
    walk_begin(&w, document, "", e);
    name = walk_member(&w, "name");
    if (name == NULL)
        walk_missing(&w, "name");
    else
        value_name(name, "/name", network.name, e);
    read_spec(&w, &network.spec);
    read_keep(&w, &network.keep_versions);
    walk_end(&w);
    /* It looks what has been told, and so must have all of that. */
    if (w.object != NULL && e->n_more == 0) {
        if (complete)
            nn_spec_check(&network.spec, e);
        else
            nn_spec_check_members(&network.spec, e);
    }
    if (e->n == 0)
        codec_network_fits(&made, &network.spec, e);
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out = network;
    return ERR_OK;
}

enum err
codec_spec_parse(const char *json, struct nn_spec *out, struct errinfo *e)
{
    struct nn_spec spec;
    struct errinfo own;
    struct walk    w;
    json_t        *document = NULL;

    memset(&spec, 0, sizeof(spec));
    err_clear(&own);
    if (walk_load(json, strlen(json), &document, &own) == ERR_OK) {
        walk_begin(&w, document, "", &own);
        read_spec(&w, &spec);
        walk_end(&w);
        if (own.n == 0)
            nn_spec_check(&spec, &own);
        json_decref(document);
    }
    if (own.n > 0)
        return walk_stored(e, "spec", &own);
    *out = spec;
    return ERR_OK;
}

enum err
codec_patch_parse(const void *body, size_t len, struct codec_patch *out,
                  struct errinfo *e)
{
    struct codec_patch patch = { .serving_version = -1 };
    struct walk        w;
    json_t            *document = NULL, *value;
    uint64_t           version;
    enum err           rc;

    rc = walk_open(&w, body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    patch.pins = walk_member(&w, "serving_version") != NULL;
    value = walk_nullable(&w, "serving_version");
    if (value != NULL &&
        value_count(value, "/serving_version", 0, INT64_MAX, &version, e))
        patch.serving_version = (int64_t)version;
    patch.keeps = walk_member(&w, "keep_versions") != NULL;
    read_keep(&w, &patch.keep_versions);
    walk_end(&w);
    if (w.object != NULL && !patch.pins && !patch.keeps && e->n == 0)
        err_add(e, ERR_INVALID, "",
                "must have \"serving_version\", \"keep_versions\" or both");
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out = patch;
    return ERR_OK;
}

/* --- writing -----------------------------------------------------------------
 */

/* One layer; shape (its input's) becomes its output's.  for_client: with what
 * follows from the spec. */
static size_t
write_layer(const struct nn_layer_spec *layer, struct nn_shape *shape,
            bool for_client, struct buf *out)
{
    struct nn_tensor_rule rule[NN_MAX_TENSORS];
    struct nn_shape       in = *shape;
    size_t                n_tensors, n = 0;

    n_tensors = layer->type->tensors(layer, &in, rule);
    for (size_t i = 0; i < n_tensors; i++)
        n += nn_shape_size(&rule[i].shape);
    layer->type->shape(layer, &in, "", shape, NULL);

    write_begin(out);
    write_text(out, "type", nn_layer_type_name(layer->type));
    write_members(out, nn_layer_type_members(layer->type), layer);
    if (for_client) {
        write_shape(out, "output_shape", shape);
        write_count(out, "parameters", n);
    }
    write_end(out);
    return n;
}

/* layers, and how many parameters they have; *shape becomes the output's. */
static size_t
write_layers(const struct nn_spec *spec, struct nn_shape *shape,
             bool for_client, struct buf *out)
{
    size_t n = 0;

    *shape = spec->input;
    write_member(out, "layers");
    buf_putc(out, '[');
    for (size_t i = 0; i < spec->n_layers; i++) {
        if (i > 0)
            buf_putc(out, ',');
        n += write_layer(&spec->layer[i], shape, for_client, out);
    }
    buf_putc(out, ']');
    return n;
}

/* A word where that says everything: where the loss has no members, or they
 * are all 0, which is "none of it". */
static void
write_loss(const struct nn_loss_spec *loss, struct buf *out)
{
    const struct nn_member *members = nn_loss_members(loss->type);
    bool                    plain = true;

    for (const struct nn_member *m = members; m->name != NULL; m++)
        plain &=
            *(const float *)(const void *)((const char *)loss + m->offset) == 0;
    if (plain) {
        write_text(out, "loss", nn_loss_name(loss->type));
        return;
    }
    write_member(out, "loss");
    write_begin(out);
    write_text(out, "type", nn_loss_name(loss->type));
    write_members(out, members, loss);
    write_end(out);
}

void
codec_spec_format(const struct nn_spec *spec, struct buf *out)
{
    struct nn_shape shape;

    write_begin(out);
    write_shape(out, "input_shape", &spec->input);
    write_layers(spec, &shape, false, out);
    write_loss(&spec->loss, out);
    write_count(out, "seed", spec->seed);
    write_end(out);
}

enum err
codec_network_format(const struct store_network *row, struct buf *out,
                     struct errinfo *e)
{
    struct nn_spec  spec;
    struct nn_shape shape;
    size_t          n;
    bool            pinned = row->serving_version >= 0;
    enum err        rc = codec_spec_parse(row->spec, &spec, e);

    if (rc != ERR_OK)
        return rc;
    write_begin(out);
    write_text(out, "name", row->name);
    write_shape(out, "input_shape", &spec.input);
    n = write_layers(&spec, &shape, true, out);
    write_shape(out, "output_shape", &shape);
    write_loss(&spec.loss, out);
    write_count(out, "seed", spec.seed);
    write_count(out, "parameters", n);
    write_count(out, "latest_version", (uint64_t)row->latest_version);
    write_count(
        out, "serving_version",
        (uint64_t)(pinned ? row->serving_version : row->latest_version));
    write_bool(out, "pinned", pinned);
    if (row->keep_versions > 0)
        write_count(out, "keep_versions", (uint64_t)row->keep_versions);
    else
        write_json(out, "keep_versions", NULL);
    write_time(out, "created_at", row->created_ms);
    write_end(out);
    return ERR_OK;
}

void
codec_version_format(const struct store_version *row, struct buf *out)
{
    write_begin(out);
    write_count(out, "version", (uint64_t)row->version);
    if (row->job_id > 0)
        write_count(out, "job", (uint64_t)row->job_id);
    else
        write_json(out, "job", NULL);
    write_text(out, "dataset", row->dataset);
    write_text(out, "dataset_sha256", row->dataset_sha256);
    write_json(out, "metrics", row->metrics);
    write_json(out, "origin", row->origin);
    write_count(out, "bytes", row->n_bytes);
    write_text(out, "sha256", row->sha256);
    write_time(out, "created_at", row->created_ms);
    write_end(out);
}
