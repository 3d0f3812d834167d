#include "codec/network_data.h"

#include <stdio.h>
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

static size_t
count_inputs(const struct dataset_meta     *meta,
             const struct dataset_encoding *encoding)
{
    size_t dim[DATASET_MAX_RANK], n = 1;
    size_t rank = dataset_meta_input_shape(meta, encoding, dim);

    for (size_t i = 0; i < rank; i++)
        n *= dim[i];
    return n;
}

/* says_missing: it is known how the job will encode what is missing; else it
 * may still be told by more inputs. */
static void
describe(const struct dataset_meta *meta, struct dataset_encoding encoding,
         bool says_missing, struct codec_made_for *out)
{
    out->has_classes = meta->task == DATASET_CLASSIFICATION;
    out->n_in = count_inputs(meta, &encoding);
    if (!says_missing)
        encoding.missing = DATASET_MISSING_INDICATOR;
    out->n_in_told = count_inputs(meta, &encoding);
    out->n_out_least = dataset_meta_outputs(meta);
    out->n_out = out->has_classes ? meta->n_classes : out->n_out_least;
}

static void
check_outputs(const struct codec_made_for *made, const struct nn_spec *spec,
              struct errinfo *e)
{
    size_t last = spec->n_layers - 1, n = nn_spec_n_out(spec);
    char   at[WALK_POINTER_SIZE];

    if (n == made->n_out || n == made->n_out_least)
        return;
    while (last > 0 && spec->layer[last].units == 0)
        last--; /* an activation, say, behind the layer that has them */
    snprintf(at, sizeof(at), "/layers/%zu/units", last);
    err_add(e, ERR_INVALID, at,
            "the network has %zu output%s, and dataset \"%s\" %zu %s: "
            "expected %zu%s",
            n, n == 1 ? "" : "s", made->dataset, made->n_out,
            made->has_classes  ? "classes"
            : made->n_out == 1 ? "target"
                               : "targets",
            made->n_out, made->n_out_least < made->n_out ? ", or 1" : "");
}

void
codec_network_fits(const struct codec_made_for *made,
                   const struct nn_spec *spec, struct errinfo *e)
{
    size_t n = nn_shape_size(&spec->input);

    if (made->dataset[0] == '\0')
        return;
    if (n != made->n_in && n != made->n_in_told)
        err_add(
            e, ERR_INVALID, "/input_shape",
            "takes %zu input%s, and dataset \"%s\" gives %zu: leave it out, or "
            "say \"missing\", \"validation\" and \"sample_weight\" as the "
            "job will",
            n, n == 1 ? "" : "s", made->dataset, made->n_in);
    /* A single class is no question, which the job says better. */
    if (!made->has_classes || made->n_out > 1)
        check_outputs(made, spec, e);
}

/* The dataset that the document names, or NULL and why. */
static struct codec_dataset *
open_dataset(json_t *name, struct store *db, char dataset[CODEC_NAME_SIZE],
             struct errinfo *e)
{
    struct codec_dataset *ds = NULL;
    enum err              rc;

    if (!value_name(name, "/dataset", dataset, e))
        return NULL;
    rc = codec_stored_dataset(db, dataset, 0, &ds, NULL);
    if (rc != ERR_OK)
        err_add(e, rc == ERR_NOTFOUND ? ERR_INVALID : rc, "/dataset",
                rc == ERR_NOTFOUND ? "there is no dataset \"%s\""
                                   : "dataset \"%s\" cannot be read just now",
                dataset);
    return ds;
}

static void
complete(json_t *document, const struct dataset_meta *meta,
         const struct dataset_encoding *encoding)
{
    json_t *layer = last_layer(document);

    complete_shape(document, meta, encoding);
    if (layer != NULL)
        complete_layer(layer, meta);
    complete_loss(document, layer, meta);
}

bool
codec_network_complete(json_t *document, struct store *db,
                       struct codec_made_for *out, struct errinfo *e)
{
    /* Where the dataset is not known: one number in, one out. */
    struct dataset_column   column[] = { { .width = 1 },
                                         { .width = 1, .is_target = true } };
    struct dataset_meta     any = { .n_columns = COUNT_OF(column),
                                    .column = column,
                                    .task = DATASET_REGRESSION };
    struct dataset_encoding encoding = { 0 };
    struct codec_dataset   *ds;
    struct walk             w;
    json_t                 *name;
    char                    dataset[CODEC_NAME_SIZE];

    if (!has(document, "dataset"))
        return true;
    walk_begin(&w, document, "", e);
    name = walk_member(&w, "dataset");
    codec_missing_read(&w, &encoding);
    ds = open_dataset(name, db, dataset, e);
    if (ds != NULL) {
        read_aside(&w, &ds->meta);
        memcpy(out->dataset, dataset, sizeof(out->dataset));
        describe(&ds->meta, encoding, has(document, "missing"), out);
    }
    for (size_t i = 0; i < COUNT_OF(beside); i++)
        json_object_del(document, beside[i]);
    complete(document, ds != NULL ? &ds->meta : &any, &encoding);
    codec_stored_dataset_free(ds);
    return e->n == 0;
}
