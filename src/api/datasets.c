#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "codec/dataset.h"
#include "codec/list.h"
#include "codec/network.h"
#include "dataset/upload.h"
#include "http/multipart.h"

static enum err
reply_dataset(struct api_ctx *api, const char *name, struct http_reply *rep,
              struct errinfo *e)
{
    struct store_dataset row = { 0 };
    enum err             rc;

    rc = store_dataset_get(api->store, name, &row, e);
    if (rc != ERR_OK)
        return rc;
    codec_dataset_format(&row, &rep->body);
    store_dataset_release(&row);
    return ERR_OK;
}

enum err
api_datasets_list(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct store_dataset *row = NULL;
    size_t                limit, n = 0;
    enum err              rc;

    rc = http_request_limit(req, &limit, e);
    if (rc != ERR_OK)
        return rc;
    rc = store_dataset_list(api->store, http_request_query(req, "after"),
                            limit + 1, &row, &n, e);
    if (rc != ERR_OK)
        return rc;

    codec_list_begin(&rep->body);
    for (size_t i = 0; i < n && i < limit; i++) {
        codec_list_next(&rep->body, i);
        codec_dataset_format(&row[i], &rep->body);
    }
    codec_list_end_name(&rep->body, n > limit ? row[limit - 1].name : NULL);

    for (size_t i = 0; i < n; i++)
        store_dataset_release(&row[i]);
    free(row);
    return ERR_OK;
}

enum err
api_datasets_get(void *ctx, const struct http_request *req,
                 struct http_reply *rep, struct errinfo *e)
{
    return reply_dataset(ctx, req->arg[0], rep, e);
}

enum err
api_datasets_delete(void *ctx, const struct http_request *req,
                    struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    enum err        rc;

    rc = store_dataset_delete(api->store, req->arg[0], e);
    if (rc == ERR_OK)
        rep->status = 204;
    return rc;
}

/* --- PUT /v1/datasets/{name} ---------------------------------------------- */

/* Body -> (multipart) -> dataset_upload -> chunks -> store. */
struct upload {
    struct api_ctx        *api;
    struct dataset_upload *rows;
    struct http_multipart *multipart; /* NULL: the body is one file */
    int64_t                id;        /* in the store; 0: not begun */
    uint64_t               n_chunks;
};

static void
upload_free(struct upload *up)
{
    http_multipart_free(up->multipart);
    dataset_upload_free(up->rows);
    free(up);
}

static void
put_abort(void *state)
{
    struct upload *up = state;

    if (up->id != 0)
        store_dataset_abandon(up->api->store, up->id);
    upload_free(up);
}

static enum err
put_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct upload *up = arg;

    return store_dataset_chunk(up->api->store, up->id, up->n_chunks++, p, len,
                               e);
}

static enum err
put_part(void *arg, const char *name, const char *filename, struct errinfo *e)
{
    struct upload *up = arg;

    return dataset_upload_part(up->rows, name, filename, e);
}

static enum err
put_part_data(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct upload *up = arg;

    return dataset_upload_feed(up->rows, p, len, e);
}

static const struct http_multipart_calls multipart_calls = {
    .part = put_part,
    .data = put_part_data,
};

/* In the path of a PUT, in the query of a POST; NULL where it is nowhere. */
static const char *
name_of(const struct http_request *req)
{
    return req->arg[0] != NULL ? req->arg[0] : http_request_query(req, "name");
}

static enum err
put_begin(void *ctx, const struct http_request *req, void **state,
          struct errinfo *e)
{
    struct dataset_upload_options options = { .format = DATASET_CSV,
                                              .header = true };
    const char                   *name = name_of(req), *type = req->content_type;
    struct upload                *up = NULL;
    enum err                      rc;

    if (name == NULL)
        return err_set(e, ERR_MALFORMED, "?name",
                       "is missing: it names the dataset");
    if (!codec_name_is_valid(name, strlen(name)))
        return err_set(e, ERR_INVALID, "/name",
                       "a name has 1 to 63 characters of a-z, 0-9, '.', '_' "
                       "and '-', and starts with a letter or digit");
    if (strcmp(type, "application/json") == 0)
        options.format = DATASET_JSON;
    else if (strcmp(type, "application/x-ndjson") == 0)
        options.format = DATASET_NDJSON;
    else if (strcmp(type, "multipart/form-data") == 0)
        options.format = DATASET_ARRAYS;
    options.target = http_request_query(req, "target");
    options.types = http_request_query(req, "types");
    options.task = http_request_query(req, "task");
    options.columns = http_request_query(req, "columns");
    options.delimiter = http_request_query(req, "delimiter");
    options.on_error = http_request_query(req, "on_error");
    rc = http_request_query_bool(req, "header", &options.header, e);
    if (rc != ERR_OK)
        return rc;

    up = mem_array(1, sizeof(*up), 0);
    if (up == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    up->api = ctx;
    rc = dataset_upload_new(&options, put_chunk, up, &up->rows, e);
    if (rc == ERR_OK && options.format == DATASET_ARRAYS)
        rc = http_multipart_new(req->boundary, &multipart_calls, up,
                                &up->multipart, e);
    if (rc == ERR_OK)
        rc = store_dataset_begin(up->api->store, name, clock_wall_ms(), &up->id,
                                 e);
    if (rc != ERR_OK) {
        up->id = 0; /* a name that is taken is not ours to abandon */
        put_abort(up);
        return rc;
    }
    *state = up;
    return ERR_OK;
}

static enum err
put_piece(void *state, const void *p, size_t len, struct errinfo *e)
{
    struct upload *up = state;

    if (up->multipart != NULL)
        return http_multipart_feed(up->multipart, p, len, e);
    return dataset_upload_feed(up->rows, p, len, e);
}

static enum err
put_end(void *state, const struct http_request *req, struct http_reply *rep,
        struct errinfo *e)
{
    struct upload      *up = state;
    struct dataset_meta meta = { 0 };
    struct buf          json = { 0 };
    enum err            rc = ERR_OK;

    if (up->multipart != NULL)
        rc = http_multipart_end(up->multipart, e);
    if (rc == ERR_OK)
        rc = dataset_upload_end(up->rows, &meta, e);
    if (rc != ERR_OK)
        goto out;
    codec_meta_format(&meta, &json);
    if (json.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    rc = store_dataset_finish(up->api->store, up->id, json.data, e);
    if (rc != ERR_OK)
        goto out;
    up->id = 0; /* it stands: nothing to abandon any more */
    rep->status = 201;
    http_reply_header(rep, "Location", "/v1/datasets/%s", name_of(req));
    rc = reply_dataset(up->api, name_of(req), rep, e);
out:
    buf_release(&json);
    dataset_meta_release(&meta);
    put_abort(up);
    return rc;
}

const struct http_stream api_datasets_put = {
    .begin = put_begin,
    .piece = put_piece,
    .end = put_end,
    .abort = put_abort,
};
