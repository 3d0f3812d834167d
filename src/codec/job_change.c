/* job_change.c - what clients ask of jobs that are there already */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/job.h"
#include "codec/json_memory.h"
#include "codec/walk.h"

/* What may be another for a job that goes on; the rest is in its state. */
static const char *const continue_members[] = { "epochs", "stop_when",
                                                "priority",
                                                "checkpoint_seconds" };

enum err
codec_job_continue(const char *spec, const void *body, size_t len,
                   struct codec_job *out, bool *out_has_stop_when,
                   struct errinfo *e)
{
    struct walk w;
    json_t     *document = NULL, *base = NULL;
    char       *text = NULL;
    enum err    rc;

    err_clear(e);
    rc = walk_load(body, len, &document, e);
    if (rc == ERR_OK)
        rc = walk_load(spec, strlen(spec), &base, e);
    if (rc != ERR_OK)
        goto out;
    walk_begin(&w, document, "", e);
    for (size_t i = 0; i < COUNT_OF(continue_members); i++) {
        json_t *value = walk_member(&w, continue_members[i]);

        if (value != NULL)
            json_object_set(base, continue_members[i], value);
        else if (i == 0)
            walk_missing(&w, continue_members[i]);
    }
    walk_end(&w);
    json_object_del(base, "restarts");
    *out_has_stop_when = json_object_get(document, "stop_when") != NULL;
    rc = e->code;
    if (e->n > 0)
        goto out;
    text = json_dumps(base, JSON_REAL_PRECISION(17));
    rc = text != NULL ? codec_job_parse(text, strlen(text), out, e)
                      : err_set(e, ERR_NOMEM, "", "out of memory");
out:
    codec_json_free(text);
    json_decref(base);
    json_decref(document);
    return rc;
}

int64_t
codec_result_version(const char *result)
{
    json_t *document = result != NULL ? json_loads(result, 0, NULL) : NULL;
    json_t *version = json_object_get(document, "version");
    int64_t n =
        json_is_integer(version) ? (int64_t)json_integer_value(version) : -1;

    json_decref(document);
    return n;
}

uint64_t
codec_result_epochs(const char *result)
{
    json_t *document = result != NULL ? json_loads(result, 0, NULL) : NULL;
    json_t *kept = json_object_get(document, "restart");
    json_t *all = json_object_get(document, "restarts");
    json_t *outcome = json_array_get(all, (size_t)json_integer_value(kept) - 1);
    json_int_t n = json_integer_value(json_object_get(outcome, "epochs"));

    json_decref(document);
    return n > 0 ? (uint64_t)n : 0;
}

bool
codec_result_sha256(const char *result, char out[DIGEST_HEX_SIZE])
{
    json_t     *document = result != NULL ? json_loads(result, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(document, "sha256"));
    bool        found = text != NULL && strlen(text) == DIGEST_HEX_SIZE - 1;

    if (found)
        memcpy(out, text, DIGEST_HEX_SIZE);
    json_decref(document);
    return found;
}

void
codec_warning_advice(const char *warnings, const char *code, char *out,
                     size_t size)
{
    json_t *list = warnings != NULL ? json_loads(warnings, 0, NULL) : NULL;
    json_t *warning;
    size_t  i;

    out[0] = '\0';
    json_array_foreach(list, i, warning)
    {
        const char *its = json_string_value(json_object_get(warning, "code"));
        const char *advice =
            json_string_value(json_object_get(warning, "advice"));

        if (its != NULL && advice != NULL && strcmp(its, code) == 0)
            snprintf(out, size, "%s", advice);
    }
    json_decref(list);
}

enum err
codec_cancel_parse(const void *body, size_t len, bool *out_keep,
                   struct errinfo *e)
{
    struct walk w;
    json_t     *document = NULL, *value;
    bool        keep = false;
    enum err    rc;

    if (len == 0) {
        *out_keep = false;
        return ERR_OK;
    }
    rc = walk_open(&w, body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    value = walk_member(&w, "keep");
    if (value != NULL)
        value_bool(value, "/keep", &keep, e);
    walk_end(&w);
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out_keep = keep;
    return ERR_OK;
}
