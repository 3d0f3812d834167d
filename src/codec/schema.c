#include "codec/schema.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/job.h"
#include "codec/network.h"
#include "codec/predict.h"
#include "codec/trace.h"

#define REF "#/components/schemas/"

static json_t *
reference(const char *name)
{
    char to[160];

    snprintf(to, sizeof(to), REF "%s", name);
    return json_pack("{s:s}", "$ref", to);
}

static const char *
activation_name(size_t i)
{
    return i < NN_ACTIVATION_COUNT ? nn_activation_name((enum nn_activation)i)
                                   : NULL;
}

/* --- rows of tables ------------------------------------------------------- */

static json_t *
member_schema(const struct nn_member *m)
{
    json_t *s;

    switch (m->kind) {
    case NN_MEMBER_COUNT:
        s = schema_count((uint64_t)m->min, (uint64_t)m->max);
        if (!m->required && !isnan(m->value))
            json_object_set_new(s, "default",
                                json_integer((json_int_t)m->value));
        return s;
    case NN_MEMBER_FLOAT:
        s = schema_double(m->min, m->max, m->above_min, m->below_max);
        if (strcmp(m->name, "learning_rate") == 0)
            s = json_pack("{s:[o, {s:s}]}", "oneOf", s, "const", "auto");
        if (!m->required && isfinite(m->value))
            json_object_set_new(s, "default", json_real(m->value));
        return s;
    case NN_MEMBER_BOOL:
        return json_pack("{s:s, s:b}", "type", "boolean", "default",
                         m->value != 0);
    case NN_MEMBER_ACTIVATION:
        return reference("Activation");
    case NN_MEMBER_INIT:
        return reference("Initializer");
    }
    return json_object();
}

/* The object of one row: its type and its members. */
static json_t *
row_schema(const char *type, const struct nn_member *m)
{
    json_t *properties = json_pack("{s:{s:s}}", "type", "const", type);
    json_t *required = json_pack("[s]", "type");

    for (; m != NULL && m->name != NULL; m++) {
        json_object_set_new(properties, m->name, member_schema(m));
        if (m->required)
            json_array_append_new(required, json_string(m->name));
    }
    return json_pack("{s:s, s:b, s:o, s:o}", "type", "object",
                     "additionalProperties", 0, "properties", properties,
                     "required", required);
}

/* A choice among rows: "Layer", and one schema a row, "LayerDense". */
struct choice {
    const char *name;
    json_t     *all, *one_of;
};

static void
choice_add(struct choice *c, const char *type, const struct nn_member *members)
{
    char name[96];
    bool capital = true;
    int  n = snprintf(name, sizeof(name), "%s", c->name);

    for (const char *p = type; *p != '\0' && n + 1 < (int)sizeof(name); p++) {
        if (*p == '_') {
            capital = true;
            continue;
        }
        name[n++] = capital && *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        capital = false;
    }
    name[n] = '\0';
    json_object_set_new(c->all, name, row_schema(type, members));
    json_array_append_new(c->one_of, reference(name));
}

static void
add_layers(json_t *all)
{
    struct choice               c = { "Layer", all, json_array() };
    const struct nn_layer_type *type;

    for (size_t i = 0; (type = nn_layer_type_at(i)) != NULL; i++)
        choice_add(&c, nn_layer_type_name(type), nn_layer_type_members(type));
    json_object_set_new(all, "Layer", json_pack("{s:o}", "oneOf", c.one_of));
}

static void
add_optimizers(json_t *all)
{
    struct choice                   c = { "Optimizer", all, json_array() };
    const struct nn_optimizer_type *type;

    for (size_t i = 0; (type = nn_optimizer_type_at(i)) != NULL; i++)
        choice_add(&c, nn_optimizer_type_name(type),
                   nn_optimizer_type_members(type));
    json_object_set_new(all, "Optimizer",
                        json_pack("{s:o}", "oneOf", c.one_of));
}

static void
add_schedules(json_t *all)
{
    struct choice c = { "Schedule", all, json_array() };

    for (int i = 0; i < CODEC_SCHEDULE_COUNT; i++)
        choice_add(&c, codec_schedule_name((enum codec_schedule_type)i),
                   codec_schedule_members((enum codec_schedule_type)i));
    json_object_set_new(all, "Schedule", json_pack("{s:o}", "oneOf", c.one_of));
}

/* A word, or an object where a loss has members. */
static void
add_losses(json_t *all)
{
    struct choice c = { "Loss", all, json_array() };
    json_t       *words = json_array();

    for (int i = 0; i < NN_LOSS_COUNT; i++) {
        const char *name = nn_loss_name((enum nn_loss)i);

        json_array_append_new(words, json_string(name));
        choice_add(&c, name, nn_loss_members((enum nn_loss)i));
    }
    json_array_insert_new(
        c.one_of, 0, json_pack("{s:s, s:o}", "type", "string", "enum", words));
    json_object_set_new(all, "Loss", json_pack("{s:o}", "oneOf", c.one_of));
}

static void
add_initializers(json_t *all)
{
    json_t *words = json_array(), *one_of = json_array();

    for (int i = NN_INIT_DEFAULT + 1; i < NN_INIT_COUNT; i++) {
        const char *name = nn_init_name((enum nn_init)i);
        const char *scale = nn_init_scale_name((enum nn_init)i);
        json_t     *row = row_schema(name, NULL);

        json_array_append_new(words, json_string(name));
        if (scale != NULL)
            json_object_set_new(json_object_get(row, "properties"), scale,
                                schema_double(0, HUGE_VAL, true, false));
        json_array_append_new(one_of, row);
    }
    json_array_insert_new(
        one_of, 0, json_pack("{s:s, s:o}", "type", "string", "enum", words));
    json_object_set_new(all, "Initializer",
                        json_pack("{s:o}", "oneOf", one_of));
}

/* --- readers -------------------------------------------------------------- */

static void
read_network(const char *json, size_t len)
{
    static _Thread_local struct codec_network out;
    struct errinfo                            e;

    err_clear(&e);
    codec_network_parse(json, len, NULL, &out, &e);
}

static void
read_job(const char *json, size_t len)
{
    struct codec_job out;
    struct errinfo   e;

    err_clear(&e);
    codec_job_parse(json, len, &out, &e);
}

static void
read_evaluate(const char *json, size_t len)
{
    struct codec_evaluate out;
    struct errinfo        e;

    err_clear(&e);
    codec_evaluate_parse(json, len, &out, &e);
}

static void
read_patch(const char *json, size_t len)
{
    struct codec_patch out;
    struct errinfo     e;

    err_clear(&e);
    codec_patch_parse(json, len, &out, &e);
}

/* The members whose values depend on a type have schemas of their own. */
static void
set_property(json_t *schema, const char *name, json_t *value)
{
    json_object_set_new(json_object_get(schema, "properties"), name, value);
}

/* The last layer of a network for a dataset may leave out its units. */
static void
add_last_layer(json_t *all)
{
    json_t *dense = json_object_get(all, "LayerDense");

    json_object_set_new(
        all, "LayerLast",
        json_pack("{s:s, s:s, s:b, s:O, s:[s]}", "description",
                  "With `dataset`, the last layer: its units and activation "
                  "follow from the targets where they are left out.",
                  "type", "object", "additionalProperties", 0, "properties",
                  json_object_get(dense, "properties"), "required", "type"));
}

/* A dataset that is named gives what is left out; the reader looks for it
 * first, and takes it and its `missing` away. */
static json_t *
network_schema(const json_t *job)
{
    json_t *s = trace_schema(read_network);

    set_property(s, "dataset", reference("Name"));
    set_property(s, "missing",
                 json_incref(json_object_get(json_object_get(job, "properties"),
                                             "missing")));
    set_property(s, "validation",
                 json_pack("{s:[s, s], s:b, s:[s], s:{s:{s:s}}}", "type",
                           "object", "null", "additionalProperties", 0,
                           "required", "column", "properties", "column", "type",
                           "string"));
    set_property(s, "sample_weight",
                 json_pack("{s:[s, s], s:i}", "type", "string", "null",
                           "maxLength", CODEC_COLUMN_SIZE - 1));
    json_object_set_new(s, "required", json_pack("[s]", "name"));
    set_property(s, "input_shape", reference("Shape"));
    set_property(s, "layers",
                 json_pack("{s:s, s:i, s:i, s:{s:[o, o]}}", "type", "array",
                           "minItems", 1, "maxItems", NN_MAX_LAYERS, "items",
                           "anyOf", reference("Layer"),
                           reference("LayerLast")));
    set_property(s, "loss", reference("Loss"));
    return s;
}

static json_t *
job_schema(void)
{
    json_t *s = trace_schema(read_job);

    set_property(s, "optimizer", reference("Optimizer"));
    set_property(s, "schedule", reference("Schedule"));
    set_property(s, "batch_size",
                 json_pack("{s:[{s:s}, o]}", "oneOf", "const", "full",
                           schema_count(1, CODEC_MAX_BATCH)));
    set_property(s, "class_weights",
                 json_pack("{s:[{s:[s, n]}, {s:s, s:i, s:o}]}", "oneOf", "enum",
                           "balanced", "type", "object", "minProperties", 1,
                           "additionalProperties",
                           schema_double(0, FLT_MAX, false, false)));
    set_property(s, "sample_weight",
                 json_pack("{s:[s, s], s:i}", "type", "string", "null",
                           "maxLength", CODEC_COLUMN_SIZE - 1));
    set_property(s, "start_from",
                 json_pack("{s:[{s:s, s:[s, s]}, o]}", "oneOf", "type",
                           "string", "enum", "latest", "initial",
                           schema_count(0, CODEC_MAX_SEED)));
    return s;
}

json_t *
codec_schemas(void)
{
    json_t *all = json_object();

    json_object_set_new(all, "Activation", schema_word(activation_name));
    add_initializers(all);
    add_losses(all);
    add_layers(all);
    add_last_layer(all);
    add_optimizers(all);
    add_schedules(all);
    json_object_set_new(all, "JobRequest", job_schema());
    json_object_set_new(all, "NetworkRequest",
                        network_schema(json_object_get(all, "JobRequest")));
    json_object_set_new(all, "NetworkPatch", trace_schema(read_patch));
    json_object_set_new(all, "EvaluateRequest", trace_schema(read_evaluate));
    return all;
}
