#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "codec/list.h"
#include "codec/walk.h"
#include "codec/write.h"

enum err
api_refuse_rate(const char *what, unsigned seconds, struct errinfo *e)
{
    err_set(e, ERR_RATE, "", "more %s; try again in %u seconds", what, seconds);
    err_retry(e, seconds);
    return ERR_RATE;
}

/* Is this a prediction of the network in its path?  Those are what the fast
 * lane is posted. */
static bool
is_prediction(const struct http_request *req)
{
    return req->route->method == HTTP_POST &&
           (req->route->flags & HTTP_FAST) != 0 && req->arg[0] != NULL;
}

static enum err
check_rates(const struct api_ctx *api, const struct http_request *req,
            struct errinfo *e)
{
    int64_t  now;
    unsigned wait;

    if (api->key_rate == NULL && api->network_rate == NULL)
        return ERR_OK;
    now = clock_mono_us();
    if (api->key_rate != NULL && req->route->scope != HTTP_PUBLIC &&
        (req->route->flags & HTTP_OPEN) == 0 && /* those who watch */
        !rate_take(api->key_rate, req->key, 1, now, &wait))
        return api_refuse_rate("requests a second than one key may make "
                               "(key_rate)",
                               wait, e);
    if (api->network_rate != NULL && is_prediction(req) &&
        !rate_take(api->network_rate, req->arg[0], 1, now, &wait))
        return api_refuse_rate("predictions a second than one network answers "
                               "(network_rate)",
                               wait, e);
    return ERR_OK;
}

enum err
api_authorize(void *ctx, struct http_request *req, const char *authorization,
              struct errinfo *e)
{
    const struct api_ctx *api = ctx;
    enum err              rc = ERR_OK;

    if (api->ask_keys &&
        !(api->open_metrics && req->route->handler == api_metrics_get))
        rc = http_keys_allow(api->keys, req, authorization, e);
    return rc == ERR_OK ? check_rates(api, req, e) : rc;
}

static const char *
scope_word(size_t i)
{
    return HTTP_PREDICT + i <= HTTP_ADMIN
               ? http_scope_word((enum http_scope)(HTTP_PREDICT + i))
               : NULL;
}

/* {"name": "ci", "scope": "train"} */
static enum err
parse(const struct http_request *req, char name[HTTP_KEY_NAME_SIZE],
      enum http_scope *out_scope, struct errinfo *e)
{
    struct walk w;
    json_t     *document = NULL, *value;
    size_t      scope = 0;
    enum err    rc;

    rc = walk_load(req->body, req->body_len, &document, e);
    if (rc != ERR_OK)
        return rc;
    walk_begin(&w, document, "", e);
    if ((value = walk_member(&w, "name")) == NULL)
        walk_missing(&w, "name");
    else
        value_name(value, "/name", name, e);
    if ((value = walk_member(&w, "scope")) == NULL)
        walk_missing(&w, "scope");
    else
        value_word(value, "/scope", scope_word, &scope, e);
    walk_end(&w);
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out_scope = (enum http_scope)(HTTP_PREDICT + scope);
    return ERR_OK;
}

/* text: of the key, where it is to be shown. */
static void
write_key(struct buf *out, const struct http_key *key, const char *text)
{
    write_begin(out);
    write_text(out, "name", key->name);
    write_text(out, "scope", http_scope_word(key->scope));
    if (text != NULL)
        write_text(out, "key", text);
    write_time(out, "created_at", key->created_ms);
    write_end(out);
}

enum err
api_keys_create(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    struct http_key key;
    char            name[HTTP_KEY_NAME_SIZE], text[HTTP_KEY_SIZE];
    enum http_scope scope = HTTP_PUBLIC;
    enum err        rc;

    rc = parse(req, name, &scope, e);
    if (rc == ERR_OK)
        rc = http_keys_create(api->keys, name, scope, text, &key, e);
    if (rc != ERR_OK)
        return rc;
    rep->status = 201;
    http_reply_header(rep, "Location", "/v1/keys/%s", key.name);
    write_key(&rep->body, &key, text);
    explicit_bzero(text, sizeof(text));
    return ERR_OK;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct http_key *)a)->name,
                  ((const struct http_key *)b)->name);
}

enum err
api_keys_list(void *ctx, const struct http_request *req, struct http_reply *rep,
              struct errinfo *e)
{
    struct api_ctx  *api = ctx;
    struct http_key *key;
    const char      *after = http_request_query(req, "after");
    size_t           limit, n, first = 0, i;
    enum err         rc;

    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = http_keys_list(api->keys, &key, &n, e);
    if (rc != ERR_OK)
        return rc;
    qsort(key, n, sizeof(*key), by_name);
    while (after != NULL && first < n && strcmp(key[first].name, after) <= 0)
        first++;
    codec_list_begin(&rep->body);
    for (i = first; i < n && i - first < limit; i++) {
        codec_list_next(&rep->body, i - first);
        write_key(&rep->body, &key[i], NULL);
    }
    codec_list_end_name(&rep->body, i < n ? key[i - 1].name : NULL);
    free(key);
    return ERR_OK;
}

enum err
api_keys_delete(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    enum err        rc = http_keys_revoke(api->keys, req->arg[0], e);

    if (rc == ERR_OK)
        rep->status = 204;
    return rc;
}
