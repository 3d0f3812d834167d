#include "codec/network_data.h"

#include <string.h>

#include "base/mem.h"
#include "codec/encoding.h"
#include "codec/network.h"
#include "codec/stored.h"
#include "codec/walk.h"

static bool
has(json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

static void
complete_shape(json_t *document, const struct dataset_meta *meta,
               const struct dataset_encoding *encoding)
{
    size_t  dim[DATASET_MAX_RANK];
    size_t  rank = dataset_meta_input_shape(meta, encoding, dim);
    json_t *shape;

    if (has(document, "input_shape"))
        return;
    shape = json_array();
    for (size_t i = 0; i < rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)dim[i]));
    json_object_set_new(document, "input_shape", shape);
}

/* The last layer, where it is one that can be completed. */
static json_t *
last_layer(json_t *document)
{
    json_t     *layers = json_object_get(document, "layers");
    size_t      n = json_array_size(layers);
    json_t     *last = n > 0 ? json_array_get(layers, n - 1) : NULL;
    const char *type = json_string_value(json_object_get(last, "type"));

    return type != NULL && strcmp(type, "dense") == 0 ? last : NULL;
}

/* units and activation: each may be given, and then says something about the
 * other. */
static void
complete_layer(json_t *layer, const struct dataset_meta *meta)
{
    const char *given = json_string_value(json_object_get(layer, "activation"));
    json_t     *units = json_object_get(layer, "units");
    size_t      n = dataset_meta_outputs(meta);

    if (meta->task == DATASET_CLASSIFICATION && given != NULL &&
        strcmp(given, "softmax") == 0)
        n = meta->n_classes;
    if (units == NULL)
        json_object_set_new(layer, "units", json_integer((json_int_t)n));
    else
        n = (size_t)json_integer_value(units);
    if (given != NULL || has(layer, "activation"))
        return;
    json_object_set_new(layer, "activation",
                        json_string(meta->task == DATASET_REGRESSION ? "linear"
                                    : n == 1                         ? "sigmoid"
                                             : "softmax"));
}

static void
complete_loss(json_t *document, json_t *layer, const struct dataset_meta *meta)
{
    const char *activation =
        json_string_value(json_object_get(layer, "activation"));
    const char *loss = "mse";

    if (has(document, "loss"))
        return;
    if (meta->task == DATASET_CLASSIFICATION && activation != NULL) {
        if (strcmp(activation, "softmax") == 0)
            loss = "cross_entropy";
        else if (strcmp(activation, "sigmoid") == 0)
            loss = "binary_cross_entropy";
    }
    json_object_set_new(document, "loss", json_string(loss));
}

/* What goes with "dataset", and is no member of a network otherwise. */
static const char *const beside[] = { "dataset", "missing", "validation",
                                      "sample_weight" };

/* The column that a job is to read for a purpose of its own is no input. */
static void
set_aside(struct dataset_meta *meta, const json_t *name, const char *at,
          struct errinfo *e)
{
    const char *s = json_string_value(name);

    if (s == NULL) {
        err_add(e, ERR_INVALID, at, "must be the name of a column, got %s",
                value_type(name));
        return;
    }
    for (size_t i = 0; i < meta->n_columns; i++)
        if (strcmp(meta->column[i].name, s) == 0) {
            if (meta->column[i].is_target)
                err_add(e, ERR_INVALID, at, "column \"%.80s\" is a target", s);
            meta->column[i].is_aside = true;
            return;
        }
    err_add(e, ERR_INVALID, at, "the dataset has no column \"%.80s\"", s);
}

static void
read_aside(struct walk *w, struct dataset_meta *meta)
{
    json_t     *validation = walk_nullable(w, "validation");
    json_t     *weight = walk_nullable(w, "sample_weight");
    struct walk v;

    if (validation != NULL) {
        walk_begin(&v, validation, "/validation", w->e);
        json_t *column = walk_member(&v, "column");

        if (column != NULL)
            set_aside(meta, column, "/validation/column", w->e);
        else if (v.object != NULL)
            walk_missing(&v, "column");
        walk_end(&v);
    }
    if (weight != NULL)
        set_aside(meta, weight, "/sample_weight", w->e);
}

void
codec_network_complete(json_t *document, struct store *db, struct errinfo *e)
{
    struct dataset_encoding encoding = { 0 };
    char                    dataset[CODEC_NAME_SIZE];
    struct codec_dataset   *ds = NULL;
    struct walk             w;
    json_t                 *name, *layer;
    enum err                rc;

    if (!has(document, "dataset"))
        return;
    walk_begin(&w, document, "", e);
    name = walk_member(&w, "dataset");
    codec_missing_read(&w, &encoding);
    if (!value_name(name, "/dataset", dataset, e))
        return;
    rc = codec_stored_dataset(db, dataset, 0, &ds, NULL);
    if (rc != ERR_OK) {
        err_add(e, rc == ERR_NOTFOUND ? ERR_INVALID : rc, "/dataset",
                rc == ERR_NOTFOUND ? "there is no dataset \"%s\""
                                   : "dataset \"%s\" cannot be read just now",
                dataset);
        return;
    }
    read_aside(&w, &ds->meta);
    for (size_t i = 0; i < COUNT_OF(beside); i++)
        json_object_del(document, beside[i]);
    complete_shape(document, &ds->meta, &encoding);
    layer = last_layer(document);
    if (layer != NULL)
        complete_layer(layer, &ds->meta);
    complete_loss(document, layer, &ds->meta);
    codec_stored_dataset_free(ds);
}
