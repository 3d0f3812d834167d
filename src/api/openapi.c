/*
 * openapi.c - the API describes itself: GET /openapi.json
 *
 * Paths, methods, parameters, media types and sentences come from the table of
 * routes; what we read comes from the tables and readers that check it
 * (codec/schema.h); openapi.json beside this file has what is left: the words
 * of the head, what we answer, and which schema belongs to which route.  A
 * route that it does not know is described all the same, with an answer left
 * open.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "codec/json_memory.h"
#include "codec/schema.h"

#define SCHEMA "#/components/schemas/"

static const struct {
    const char *name, *text;
} source[] = {
#include "api/openapi.inc"
};

static const char *const method_name[] = { "get", "post", "put", "patch",
                                           "delete" };

static json_t *
reference(const char *to, const char *name)
{
    char text[128];

    snprintf(text, sizeof(text), "%s%s", to, name);
    return json_pack("{s:s}", "$ref", text);
}

/* --- parameters ----------------------------------------------------------- */

/* {name} is a name, {id} and {v} are numbers. */
static void
add_path_parameters(json_t *list, const char *path)
{
    for (const char *p = strchr(path, '{'); p != NULL; p = strchr(p + 1, '{')) {
        size_t len = strcspn(p + 1, "}");
        bool   number = (len == 2 && memcmp(p + 1, "id", 2) == 0) ||
                      (len == 1 && p[1] == 'v');
        json_t *schema =
            number ? json_pack("{s:s, s:i}", "type", "integer", "minimum", 0)
                   : json_pack("{s:s}", "type", "string");

        json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:o}", "name",
                                              p + 1, len, "in", "path",
                                              "required", 1, "schema", schema));
    }
}

/* What a query may have is told once, by name, in components; an operation for
 * which a name means something of its own says which of them it is. */
static void
add_query_parameters(json_t *list, const char *names, const json_t *shared,
                     const json_t *known)
{
    const json_t *own = json_object_get(known, "query");
    char          name[32];

    while (names != NULL && *names != '\0') {
        size_t      len = strcspn(names, ",");
        const char *key;

        snprintf(name, sizeof(name), "%.*s", (int)len, names);
        key = json_string_value(json_object_get(own, name));
        if (key == NULL)
            key = name;
        json_array_append_new(
            list, json_object_get(shared, key) != NULL
                      ? reference("#/components/parameters/", key)
                      : json_pack("{s:s, s:s, s:{s:s}}", "name", name, "in",
                                  "query", "schema", "type", "string"));
        names += len + (names[len] == ',');
    }
}

/* --- bodies --------------------------------------------------------------- */

/* {"application/json": {"schema": …}} for each type; other than JSON they have
 * no schema. */
static json_t *
content(const char *types, json_t *schema)
{
    json_t *all = json_object();

    while (*types != '\0') {
        size_t  len = strcspn(types, ",");
        char    type[64];
        json_t *entry = json_object();

        snprintf(type, sizeof(type), "%.*s", (int)len, types);
        if (schema != NULL && strcmp(type, "application/json") == 0)
            json_object_set(entry, "schema", schema);
        json_object_set_new(all, type, entry);
        types += len + (types[len] == ',');
    }
    json_decref(schema);
    return all;
}

/* examples: by media type, as OpenAPI has them. */
static json_t *
with_examples(json_t *all, const json_t *examples)
{
    const char *type;
    json_t     *entry;

    json_object_foreach(all, type, entry)
    {
        json_t *some = json_object_get(examples, type);

        if (some != NULL)
            json_object_set(entry, "examples", some);
    }
    return all;
}

static json_t *
list_schema(const char *element)
{
    return json_pack("{s:s, s:b, s:[s, s], s:{s:{s:s, s:o}, s:{s:[s, s, s]}}}",
                     "type", "object", "additionalProperties", 0, "required",
                     "data", "next", "properties", "data", "type", "array",
                     "items", reference(SCHEMA, element), "next", "type",
                     "string", "integer", "null");
}

static json_t *
success(const json_t *known, const struct http_route *route, unsigned status)
{
    const char *response =
        json_string_value(json_object_get(known, "response"));
    const char *list = json_string_value(json_object_get(known, "list"));
    const char *media = json_string_value(json_object_get(known, "media"));
    json_t     *answer = json_pack("{s:s}", "description", route->brief);

    if (status == 204)
        return answer;
    json_object_set_new(answer, "content",
                        content(media != NULL ? media : "application/json",
                                list != NULL       ? list_schema(list)
                                : response != NULL ? reference(SCHEMA, response)
                                                   : NULL));
    return answer;
}

/* What a request can be refused with, before and in its handler.  HTTP itself
 * (a method nobody knows, a head too long, a client too slow) is "default". */
static bool
can_refuse(const struct http_route *route, const json_t *known, unsigned status)
{
    bool          has_body = route->max_body > 0;
    bool          changes = route->method != HTTP_GET;
    const json_t *more;
    size_t        i;

    json_array_foreach(json_object_get(known, "errors"), i,
                       more) if (json_integer_value(more) ==
                                 status) return true;
    switch (status) {
    case 401:
        return route->scope != HTTP_PUBLIC;
    case 403:
        return route->scope != HTTP_PUBLIC || changes;
    case 404:
        return strchr(route->path, '{') != NULL || has_body;
    case 409:
    case 412:
    case 507:
        return changes;
    case 415: /* also of {} where nothing is asked */
        return changes && route->method != HTTP_DELETE;
    case 411:
    case 422:
        return has_body;
    case 429:
        return route->scope != HTTP_PUBLIC;
    case 400: /* the query, or a body where none is taken */
    case 413:
    case 500:
    case 503:
        return true;
    }
    return false;
}

static void
add_refusals(json_t *all, const json_t *known, const struct http_route *route)
{
    const char *problem =
        (route->flags & HTTP_ERROR_TEXT) != 0 ? "ErrorText" : "Problem";
    char key[16];

    for (unsigned status = 400; status < 600; status++)
        if (can_refuse(route, known, status)) {
            snprintf(key, sizeof(key), "%u", status);
            json_object_set_new(all, key,
                                reference("#/components/responses/", problem));
        }
    json_object_set_new(all, "default",
                        reference("#/components/responses/", problem));
}

static json_t *
responses(const json_t *known, const struct http_route *route)
{
    json_t  *all = json_object();
    unsigned status =
        (unsigned)json_integer_value(json_object_get(known, "status"));
    const char *other;
    json_t     *schema;
    char        key[16];

    if (known == NULL) { /* not told: any success */
        json_object_set_new(all, "2XX", success(NULL, route, 200));
    } else {
        snprintf(key, sizeof(key), "%u", status != 0 ? status : 200);
        json_object_set_new(all, key, success(known, route, status));
    }
    json_object_foreach(json_object_get(known, "also"), other, schema)
        json_object_set_new(
            all, other,
            json_pack("{s:s, s:o}", "description", route->brief, "content",
                      content("application/json",
                              reference(SCHEMA, json_string_value(schema)))));
    if ((route->flags & HTTP_ETAG) != 0)
        json_object_set_new(
            all, "304",
            json_pack("{s:s}", "description", "The client has it already."));
    add_refusals(all, known, route);
    return all;
}

/* --- what is shown of what was asked -------------------------------------- */

/* An object with the members of another one; those that have a default are
 * there in any case, as a thing shows what it was made from, complete. */
static void
add_members(json_t *to, const json_t *from, bool all)
{
    json_t     *properties = json_object_get(to, "properties"), *value;
    const char *name;

    json_object_foreach(json_object_get(from, "properties"), name, value)
    {
        if (json_object_get(properties, name) == NULL)
            json_object_set(properties, name, value);
        if (all || json_object_get(value, "default") != NULL)
            json_array_append_new(json_object_get(to, "required"),
                                  json_string(name));
    }
}

/* "LayerDense" and so on, with what the network makes of them. */
static void
add_layers_shown(json_t *schemas)
{
    json_t *one_of = json_array(), *choice;
    size_t  i;

    json_array_foreach(
        json_object_get(json_object_get(schemas, "Layer"), "oneOf"), i, choice)
    {
        const char *to = json_string_value(json_object_get(choice, "$ref"));
        json_t     *shown =
            json_pack("{s:s, s:b, s:[s, s, s], s:{s:o, s:o}}", "type", "object",
                      "additionalProperties", 0, "required", "type",
                      "output_shape", "parameters", "properties",
                      "output_shape", reference(SCHEMA, "Shape"), "parameters",
                      reference(SCHEMA, "Count"));

        add_members(shown, json_object_get(schemas, to + strlen(SCHEMA)),
                    false);
        json_array_append_new(one_of, shown);
    }
    json_object_set_new(schemas, "LayerShown",
                        json_pack("{s:o}", "oneOf", one_of));
}

static void
add_shown(json_t *schemas)
{
    add_layers_shown(schemas);
    add_members(json_object_get(schemas, "Job"),
                json_object_get(schemas, "JobRequest"), true);
}

/* --- operations ----------------------------------------------------------- */

static const char *
tag_of(const struct http_route *route)
{
    if (strstr(route->path, "/predict") || strstr(route->path, "/evaluate") ||
        strstr(route->path, "/models") || strncmp(route->path, "/v2", 3) == 0)
        return "Predictions";
    if (strncmp(route->path, "/v1/networks", 12) == 0)
        return "Networks";
    if (strncmp(route->path, "/v1/datasets", 12) == 0)
        return "Datasets";
    if (strncmp(route->path, "/v1/jobs", 8) == 0)
        return "Jobs";
    return "Service";
}

/* A name for programs where the document gives none: getV1Keys. */
static void
make_id(const struct http_route *route, char *out, size_t size)
{
    bool   capital = false;
    size_t n = (size_t)snprintf(out, size, "%s", method_name[route->method]);

    for (const char *p = route->path; *p != '\0' && n + 1 < size; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');

        if (letter)
            out[n++] = capital && *p >= 'a' ? (char)(*p - 32) : *p;
        capital = !letter;
    }
    out[n] = '\0';
}

static json_t *
request_body(const json_t *known, const struct http_route *route)
{
    const char *request = json_string_value(json_object_get(known, "request"));
    const char *types =
        route->types != NULL ? route->types : "application/json";
    bool must = (route->flags & HTTP_BARE) == 0 &&
                !json_is_true(json_object_get(known, "optional"));
    json_t *all =
        content(types, request != NULL ? reference(SCHEMA, request) : NULL);

    return json_pack("{s:b, s:o}", "required", must, "content",
                     with_examples(all, json_object_get(known, "examples")));
}

static json_t *
operation(const json_t *known, const json_t *shared,
          const struct http_route *route)
{
    const char *id = json_string_value(json_object_get(known, "id"));
    const char *told = json_string_value(json_object_get(known, "description"));
    json_t     *parameters = json_array(), *op, *header;
    char        made[96], sentence[256];
    size_t      i;

    make_id(route, made, sizeof(made));
    snprintf(sentence, sizeof(sentence), "%c%s.", route->brief[0] & ~0x20,
             route->brief + 1);
    op = json_pack("{s:s, s:s, s:s, s:[s]}", "operationId",
                   id != NULL ? id : made, "summary", route->brief,
                   "description", told != NULL ? told : sentence, "tags",
                   tag_of(route));
    add_path_parameters(parameters, route->path);
    add_query_parameters(parameters, route->query, shared, known);
    json_array_foreach(json_object_get(known, "headers"), i, header)
        json_array_append_new(parameters, reference("#/components/parameters/",
                                                    json_string_value(header)));
    if (json_array_size(parameters) > 0)
        json_object_set(op, "parameters", parameters);
    json_decref(parameters);
    if (route->max_body > 0)
        json_object_set_new(op, "requestBody", request_body(known, route));
    json_object_set_new(op, "responses", responses(known, route));
    if (route->scope == HTTP_PUBLIC)
        json_object_set_new(op, "security", json_array());
    return op;
}

static void
add_paths(json_t *document, const json_t *known)
{
    json_t       *paths = json_object_get(document, "paths");
    const json_t *shared =
        json_object_get(json_object_get(document, "components"), "parameters");
    size_t                   n;
    const struct http_route *route = api_routes(&n);

    for (size_t i = 0; i < n; i++) {
        json_t *path = json_object_get(paths, route[i].path);
        size_t  len = strlen(route[i].path);
        char    key[160];

        if (len > 1 && route[i].path[len - 1] == '/')
            continue; /* the same as the one without */
        if (path == NULL) {
            json_object_set_new(paths, route[i].path, json_object());
            path = json_object_get(paths, route[i].path);
        }
        snprintf(key, sizeof(key), "%s %s", method_name[route[i].method],
                 route[i].path);
        for (char *p = key; *p != ' '; p++)
            *p = (char)(*p & ~0x20);
        json_object_set_new(
            path, method_name[route[i].method],
            operation(json_object_get(known, key), shared, &route[i]));
    }
}

enum err
api_openapi_get(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    json_t *document = json_loads(source[0].text, 0, NULL);
    json_t *schemas = codec_schemas(), *known;
    char   *text = NULL;

    (void)ctx;
    (void)req;
    known = json_incref(json_object_get(document, "operations"));
    json_object_del(document, "operations");
    json_object_set_new(json_object_get(document, "info"), "version",
                        json_string(PACKAGE_VERSION));
    json_object_update(
        json_object_get(json_object_get(document, "components"), "schemas"),
        schemas);
    add_shown(
        json_object_get(json_object_get(document, "components"), "schemas"));
    add_paths(document, known);
    text = json_dumps(document, JSON_COMPACT);
    json_decref(known);
    json_decref(schemas);
    json_decref(document);
    if (text == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    buf_puts(&rep->body, text);
    codec_json_free(text);
    return ERR_OK;
}

enum err
api_docs_get(void *ctx, const struct http_request *req, struct http_reply *rep,
             struct errinfo *e)
{
    (void)ctx;
    (void)req;
    return api_dashboard_reply("docs.html", rep, e);
}
