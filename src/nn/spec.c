#include "nn/spec.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/activation.h"
#include "nn/init.h"
#include "nn/layer.h"
#include "nn/layout.h"
#include "nn/loss.h"

/* Every kind of layer there is. */
static const struct nn_layer_type *const types[] = {
    &nn_dense,   &nn_activation_layer, &nn_dropout,
    &nn_flatten, &nn_batch_norm,       &nn_layer_norm,
};

size_t
nn_shape_size(const struct nn_shape *shape)
{
    size_t size = 1;

    for (size_t i = 0; i < shape->rank; i++)
        size *= shape->dim[i];
    return size;
}

const struct nn_layer_type *
nn_layer_type_at(size_t i)
{
    return i < COUNT_OF(types) ? types[i] : NULL;
}

const struct nn_layer_type *
nn_layer_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
    return NULL;
}

const char *
nn_layer_type_name(const struct nn_layer_type *t)
{
    return t->name;
}

const struct nn_member *
nn_layer_type_members(const struct nn_layer_type *t)
{
    return t->members;
}

void
nn_members_default(const struct nn_member *members, void *out)
{
    for (const struct nn_member *m = members; m->name != NULL; m++) {
        void *p = (char *)out + m->offset;

        switch (m->kind) {
        case NN_MEMBER_COUNT:
            *(size_t *)p = (size_t)m->value;
            break;
        case NN_MEMBER_FLOAT:
            *(float *)p = (float)m->value;
            break;
        case NN_MEMBER_BOOL:
            *(bool *)p = m->value != 0;
            break;
        case NN_MEMBER_ACTIVATION:
            *(enum nn_activation *)p = (enum nn_activation)m->value;
            break;
        case NN_MEMBER_INIT:
            *(struct nn_init_spec *)p =
                (struct nn_init_spec){ .type = (enum nn_init)m->value };
            break;
        }
    }
}

void
nn_layer_spec_init(struct nn_layer_spec       *layer,
                   const struct nn_layer_type *type)
{
    memset(layer, 0, sizeof(*layer));
    layer->type = type;
    layer->slope = NAN;
    nn_members_default(type->members, layer);
}

enum err
nn_layer_keeps_shape(const struct nn_layer_spec *spec,
                     const struct nn_shape *in, const char *at,
                     struct nn_shape *out, struct errinfo *e)
{
    (void)spec;
    (void)at;
    (void)e;
    *out = *in;
    return ERR_OK;
}

size_t
nn_layer_no_tensors(const struct nn_layer_spec *spec, const struct nn_shape *in,
                    struct nn_tensor_rule rule[NN_MAX_TENSORS])
{
    (void)spec;
    (void)in;
    (void)rule;
    return 0;
}

/* --- the check ------------------------------------------------------------ */

static bool
in_range(const struct nn_member *m, double x)
{
    return (m->above_min ? x > m->min : x >= m->min) &&
           (m->below_max ? x < m->max : x <= m->max);
}

/* The reader of a request has told a wrong member before us; say it only where
 * nobody did, and see that nothing is worked out from it. */
static bool
told(const struct errinfo *e, const char *where)
{
    for (unsigned i = 0; e != NULL && i < e->n; i++)
        if (strcmp(e->item[i].where, where) == 0)
            return true;
    return false;
}

/* The same of anything below that pointer. */
static bool
told_below(const struct errinfo *e, const char *where)
{
    size_t n = strlen(where);

    for (unsigned i = 0; e != NULL && i < e->n; i++)
        if (strncmp(e->item[i].where, where, n) == 0 &&
            (e->item[i].where[n] == '\0' || e->item[i].where[n] == '/'))
            return true;
    return false;
}

static bool
check_member(const struct nn_member *m, void *layer, size_t i,
             struct errinfo *e)
{
    void  *p = (char *)layer + m->offset;
    char   at[64];
    double x;

    if (m->kind == NN_MEMBER_COUNT)
        x = (double)*(const size_t *)p;
    else if (m->kind == NN_MEMBER_FLOAT)
        x = *(const float *)p;
    else
        return true;
    if (in_range(m, x) || (isnan(m->value) && isnan(x)))
        return true;

    snprintf(at, sizeof(at), "/layers/%zu/%s", i, m->name);
    if (!told(e, at))
        err_add(e, ERR_INVALID, at, "must be %g to %g%s, got %g", m->min,
                m->max,
                m->above_min || m->below_max ? " (one bound excluded)" : "", x);
    return false;
}

static bool
check_init(struct nn_layer_spec *layer, size_t i, struct errinfo *e)
{
    struct nn_init_spec *init = &layer->init;
    const char          *name;
    char                 at[64];

    if (init->type == NN_INIT_DEFAULT)
        init->type = nn_activation_row(layer->activation)->init;
    name = nn_init_scale_name(init->type);
    if (init->scale == 0)
        init->scale = nn_init_default_scale(init->type);
    if (name == NULL || (init->scale > 0 && isfinite(init->scale)))
        return true;
    snprintf(at, sizeof(at), "/layers/%zu/init/%s", i, name);
    if (!told(e, at))
        err_add(e, ERR_INVALID, at, "must be more than 0, got %g",
                (double)init->scale);
    return false;
}

/* A slope goes with leaky_relu, which has one. */
static bool
check_slope(struct nn_layer_spec *layer, size_t i, struct errinfo *e)
{
    char at[64];

    if (layer->activation == NN_LEAKY_RELU) {
        if (isnan(layer->slope))
            layer->slope = 0.01f;
        return true;
    }
    if (isnan(layer->slope))
        return true;
    snprintf(at, sizeof(at), "/layers/%zu/activation", i);
    if (told(e, at)) /* it may have been meant to be leaky_relu */
        return false;
    snprintf(at, sizeof(at), "/layers/%zu/slope", i);
    err_add(e, ERR_INVALID, at, "goes with leaky_relu, this layer has %s",
            nn_activation_name(layer->activation));
    return false;
}

/* What can be said of layer i alone. */
static bool
check_layer(struct nn_spec *spec, size_t i, struct errinfo *e)
{
    struct nn_layer_spec           *layer = &spec->layer[i];
    const struct nn_activation_row *f = nn_activation_row(layer->activation);
    bool                            good = true;
    char                            at[64];

    snprintf(at, sizeof(at), "/layers/%zu", i);
    if (layer->type == NULL) { /* its reader has told */
        assert(told_below(e, at));
        return false;
    }
    for (const struct nn_member *m = layer->type->members; m->name != NULL; m++)
        good &= check_member(m, layer, i, e);
    good &= check_init(layer, i, e);
    good &= check_slope(layer, i, e);
    if (f->last_layer_only && i + 1 < spec->n_layers) {
        snprintf(at, sizeof(at), "/layers/%zu/activation", i);
        err_add(e, ERR_INVALID, at,
                "%s is for the last layer only, this is layer %zu of %zu: "
                "relu, tanh or sigmoid would do here",
                f->name, i, spec->n_layers);
        good = false;
    }
    return good;
}

static bool
check_input(const struct nn_shape *in, struct errinfo *e)
{
    size_t size = 1;
    bool   good = true;

    if (in->rank < 1 || in->rank > NN_MAX_RANK) {
        if (!told(e, "/input_shape"))
            err_add(e, ERR_INVALID, "/input_shape",
                    "must have 1 to %d dimensions, got %zu", NN_MAX_RANK,
                    in->rank);
        return false;
    }
    for (size_t d = 0; d < in->rank; d++) {
        char at[40];

        snprintf(at, sizeof(at), "/input_shape/%zu", d);
        if (in->dim[d] < 1) {
            if (!told(e, at))
                err_add(e, ERR_INVALID, at, "must be at least 1, got %zu",
                        in->dim[d]);
            good = false;
        } else if (!mem_mul(size, in->dim[d], &size) ||
                   size > NN_MAX_PARAMETERS) {
            err_add(e, ERR_INVALID, "/input_shape",
                    "one input would be more than %zu numbers, which is the "
                    "limit",
                    NN_MAX_PARAMETERS);
            return false;
        }
    }
    return good;
}

static bool
check_loss(const struct nn_spec *spec, struct errinfo *e)
{
    const struct nn_loss_row *loss = nn_loss_row(spec->loss.type);
    enum nn_activation        last = spec->layer[spec->n_layers - 1].activation;
    char                      at[64];

    snprintf(at, sizeof(at), "/layers/%zu/activation", spec->n_layers - 1);
    if (spec->layer[spec->n_layers - 1].type == NULL || told(e, at) ||
        told_below(e, "/loss"))
        return false;
    if (loss->output == NN_ACTIVATION_COUNT || loss->output == last)
        return true;
    err_add(e, ERR_INVALID, "/loss",
            "%s needs %s in the last layer, which has %s", loss->name,
            nn_activation_name(loss->output), nn_activation_name(last));
    return false;
}

bool
nn_spec_check_members(struct nn_spec *spec, struct errinfo *e)
{
    bool good = check_input(&spec->input, e);

    if (spec->n_layers < 1 || spec->n_layers > NN_MAX_LAYERS) {
        if (!told(e, "/layers"))
            err_add(e, ERR_INVALID, "/layers",
                    "must be 1 to %d layers, got %zu", NN_MAX_LAYERS,
                    spec->n_layers);
        return false;
    }
    for (size_t i = 0; i < spec->n_layers; i++)
        good &= check_layer(spec, i, e);
    return good;
}

enum err
nn_spec_check(struct nn_spec *spec, struct errinfo *e)
{
    struct nn_layout layout;
    bool             good = nn_spec_check_members(spec, e);

    if (spec->n_layers < 1 || spec->n_layers > NN_MAX_LAYERS)
        return ERR_INVALID;
    good &= check_loss(spec, e);

    /* Shapes follow from sizes: only from right ones. */
    if (told_below(e, "/layers") || told_below(e, "/input_shape"))
        return ERR_INVALID;
    if (good)
        good = nn_layout_make(spec, &layout, e) == ERR_OK;
    return good ? ERR_OK : ERR_INVALID;
}

size_t
nn_spec_n_out(const struct nn_spec *spec)
{
    struct nn_layout layout = nn_layout_of(spec);

    return nn_shape_size(&layout.shape[spec->n_layers]);
}
