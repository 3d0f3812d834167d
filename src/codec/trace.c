#include "codec/trace.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_memory.h"
#include "codec/network.h"
#include "codec/walk.h"

#define MAX_PASSES 8

/* What was heard: pointer -> {"members": {name: {"nullable", "required"}},
 * "value": schema}. */
static _Thread_local json_t *facts;

bool
trace_is_on(void)
{
    return facts != NULL;
}

/* The object at key, made where it is not there yet. */
static json_t *
sub_object(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);

    if (found == NULL && json_object_set_new(object, key, json_object()) == 0)
        found = json_object_get(object, key);
    return found;
}

static json_t *
member_facts(const char *at, const char *name)
{
    return sub_object(sub_object(sub_object(facts, at), "members"), name);
}

void
trace_member(const char *at, const char *name)
{
    member_facts(at, name);
}

void
trace_nullable(const char *at, const char *name)
{
    json_object_set_new(member_facts(at, name), "nullable", json_true());
}

void
trace_required(const char *at, const char *name)
{
    json_object_set_new(member_facts(at, name), "required", json_true());
}

static void
value_is(const char *at, json_t *schema)
{
    json_object_set_new(sub_object(facts, at), "value", schema);
}

void
trace_count(const char *at, uint64_t min, uint64_t max)
{
    value_is(at, schema_count(min, max));
}

void
trace_double(const char *at, double min, double max, bool above_min,
             bool below_max)
{
    value_is(at, schema_double(min, max, above_min, below_max));
}

void
trace_bool(const char *at)
{
    value_is(at, json_pack("{s:s}", "type", "boolean"));
}

void
trace_name(const char *at)
{
    value_is(at, json_pack("{s:s}", "$ref", "#/components/schemas/Name"));
}

void
trace_word(const char *at, const char *(*choice)(size_t i))
{
    value_is(at, schema_word(choice));
}

/* --- schemas of values ---------------------------------------------------- */

json_t *
schema_count(uint64_t min, uint64_t max)
{
    json_t *s =
        json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)min);

    /* Beyond 2^53 it is our own type's limit, no rule. */
    if (s != NULL && max <= CODEC_MAX_SEED)
        json_object_set_new(s, "maximum", json_integer((json_int_t)max));
    return s;
}

json_t *
schema_double(double min, double max, bool above_min, bool below_max)
{
    json_t *s = json_pack("{s:s}", "type", "number");

    if (s != NULL && min > -FLT_MAX)
        json_object_set_new(s, above_min ? "exclusiveMinimum" : "minimum",
                            json_real(min));
    if (s != NULL && max < FLT_MAX)
        json_object_set_new(s, below_max ? "exclusiveMaximum" : "maximum",
                            json_real(max));
    return s;
}

json_t *
schema_word(const char *(*choice)(size_t i))
{
    json_t *words = json_array();

    for (size_t i = 0; choice(i) != NULL; i++)
        json_array_append_new(words, json_string(choice(i)));
    return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

/* --- a whole document ----------------------------------------------------- */

static void
feed(trace_reader_fn reader, const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);

    if (text != NULL)
        reader(text, strlen(text));
    codec_json_free(text);
}

/* A member that is an object may be a word as well: what does the reader say to
 * a text in its place? */
static void
try_words(trace_reader_fn reader, const json_t *document)
{
    const char   *name;
    const json_t *value;

    json_object_foreach((json_t *)document, name, value)
    {
        json_t *other = json_copy((json_t *)document);

        json_object_set_new(other, name, json_string(""));
        feed(reader, other);
        json_decref(other);
    }
}

/* Put an empty object where the reader asked for something that is not there;
 * true where the document grew. */
static bool
grow(json_t *value, const char *at)
{
    json_t *members = json_object_get(json_object_get(facts, at), "members");
    const char *name;
    json_t     *fact;
    bool        grew = false;

    json_object_foreach(members, name, fact)
    {
        char there[WALK_POINTER_SIZE];

        walk_pointer(there, at, name);
        if (json_object_get(value, name) == NULL) {
            json_object_set_new(value, name, json_object());
            grew = true;
        }
        grew = grow(json_object_get(value, name), there) || grew;
    }
    return grew;
}

static json_t *
or_null(json_t *schema)
{
    return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
}

static json_t *
assemble(const char *at)
{
    json_t     *here = json_object_get(facts, at);
    json_t     *members = json_object_get(here, "members");
    json_t     *value = json_object_get(here, "value");
    json_t     *properties = json_object(), *required = json_array(), *schema;
    const char *name;
    json_t     *fact;

    if (members == NULL) {
        json_decref(properties);
        json_decref(required);
        return value != NULL ? json_incref(value) : json_object();
    }
    json_object_foreach(members, name, fact)
    {
        char    there[WALK_POINTER_SIZE];
        json_t *property;

        walk_pointer(there, at, name);
        property = assemble(there);
        if (json_object_get(fact, "nullable") != NULL &&
            json_object_size(property) > 0)
            property = or_null(property);
        json_object_set_new(properties, name, property);
        if (json_object_get(fact, "required") != NULL)
            json_array_append_new(required, json_string(name));
    }
    schema = json_pack("{s:s, s:b, s:o}", "type", "object",
                       "additionalProperties", 0, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    if (value != NULL)
        schema = json_pack("{s:[O, o]}", "anyOf", value, schema);
    return schema;
}

json_t *
trace_schema(trace_reader_fn reader)
{
    json_t *document = json_object(), *schema;
    bool    grew = true;

    facts = json_object();
    for (int pass = 0; grew && pass < MAX_PASSES; pass++) {
        feed(reader, document);
        grew = grow(document, "");
    }
    try_words(reader, document);
    schema = assemble("");
    json_decref(document);
    json_decref(facts);
    facts = NULL;
    return schema;
}
