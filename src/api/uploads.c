/*
 * uploads.c - datasets as they come: new ones, and more rows for one that is
 * there
 */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "codec/dataset.h"
#include "codec/network.h"
#include "codec/stored.h"
#include "dataset/upload.h"
#include "http/multipart.h"

/* Body -> (multipart) -> dataset_upload -> chunks -> store. */
struct upload {
    struct api_ctx        *api;
    struct dataset_upload *rows;
    struct http_multipart *multipart; /* NULL: the body is one file */
    struct codec_dataset  *base;      /* what it appends to, or NULL */
    int64_t                id;        /* in the store; 0: not begun */
    bool                   appends;   /* to a dataset that is there */
    uint64_t               n_chunks;
};

static void
upload_free(struct upload *up)
{
    http_multipart_free(up->multipart);
    dataset_upload_free(up->rows);
    codec_stored_dataset_free(up->base);
    free(up);
}

static void
put_abort(void *state)
{
    struct upload *up = state;

    if (up->id != 0 && up->appends)
        store_dataset_append_abandon(up->api->store, up->id);
    else if (up->id != 0)
        store_dataset_abandon(up->api->store, up->id);
    upload_free(up);
}

static enum err
put_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct upload  *up = arg;
    struct api_ctx *api = up->api;
    uint64_t        first = 0, n = 0;
    enum err        rc = api_quota_take(&api->quota, api->store, len, e);

    if (rc != ERR_OK)
        return rc;
    dataset_chunk_rows(p, len, &first, &n);
    rc = store_dataset_chunk(api->store, up->id, up->n_chunks++, first, n, p,
                             len, e);
    api_quota_give(&api->quota, len);
    return rc;
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
read_options(const struct http_request *req, struct dataset_upload_options *out,
             struct errinfo *e)
{
    const char *type = req->content_type;

    *out = (struct dataset_upload_options){ .format = DATASET_CSV,
                                            .header = true };
    if (strcmp(type, "application/json") == 0)
        out->format = DATASET_JSON;
    else if (strcmp(type, "application/x-ndjson") == 0)
        out->format = DATASET_NDJSON;
    else if (strcmp(type, "multipart/form-data") == 0)
        out->format = DATASET_ARRAYS;
    out->target = http_request_query(req, "target");
    out->types = http_request_query(req, "types");
    out->task = http_request_query(req, "task");
    out->columns = http_request_query(req, "columns");
    out->delimiter = http_request_query(req, "delimiter");
    out->on_error = http_request_query(req, "on_error");
    out->text_size = http_request_query(req, "text_size");
    out->text_words = http_request_query(req, "text_words");
    out->text_characters = http_request_query(req, "text_characters");
    return http_request_query_bool(req, "header", &out->header, e);
}

/* What every upload begins with; the store is not asked yet. */
static enum err
upload_new(struct api_ctx *api, const struct http_request *req,
           struct upload **out, struct errinfo *e)
{
    struct dataset_upload_options options;
    struct upload                *up = mem_array(1, sizeof(*up), 0);
    enum err                      rc;

    if (up == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    up->api = api;
    rc = read_options(req, &options, e);
    if (api->dataset_limits.columns > 0)
        options.limits = &api->dataset_limits;
    if (rc == ERR_OK)
        rc = dataset_upload_new(&options, put_chunk, up, &up->rows, e);
    if (rc == ERR_OK && options.format == DATASET_ARRAYS)
        rc = http_multipart_new(req->boundary, &multipart_calls, up,
                                &up->multipart, e);
    if (rc != ERR_OK) {
        upload_free(up);
        return rc;
    }
    *out = up;
    return ERR_OK;
}

static enum err
put_begin(void *ctx, const struct http_request *req, void **state,
          struct errinfo *e)
{
    struct api_ctx *api = ctx;
    const char     *name = name_of(req);
    struct upload  *up = NULL;
    enum err        rc;

    if (name == NULL)
        return err_set(e, ERR_MALFORMED, "?name",
                       "is missing: it names the dataset");
    if (!codec_name_is_valid(name, strlen(name)))
        return err_set(e, ERR_INVALID, "/name",
                       "a name has 1 to 63 characters of a-z, 0-9, '.', '_' "
                       "and '-', and starts with a letter or digit");
    rc = upload_new(api, req, &up, e);
    if (rc != ERR_OK)
        return rc;
    rc = store_dataset_begin(api->store, name, clock_wall_ms(),
                             api->datasets_max, &up->id, e);
    if (rc != ERR_OK) {
        upload_free(up); /* a name that is taken is not ours to abandon */
        return rc;
    }
    *state = up;
    return ERR_OK;
}

/* More rows: the old ones are read first, to know the columns. */
static enum err
append_begin(void *ctx, const struct http_request *req, void **state,
             struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct store_dataset row = { 0 };
    struct upload       *up = NULL;
    enum err             rc;

    rc = upload_new(api, req, &up, e);
    if (rc == ERR_OK)
        rc = store_dataset_append(api->store, req->arg[0], &row, e);
    if (rc != ERR_OK) {
        if (up != NULL)
            upload_free(up);
        return rc;
    }
    up->id = row.id;
    up->appends = true;
    up->n_chunks = (uint64_t)row.n_chunks;
    rc = codec_stored_dataset_row(api->store, &row, &up->base, e);
    if (rc == ERR_OK)
        rc = dataset_upload_resume(up->rows, &up->base->source, e);
    store_dataset_release(&row);
    if (rc != ERR_OK) {
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
    if (up->appends)
        rc = store_dataset_appended(up->api->store, up->id, json.data,
                                    up->n_chunks, clock_wall_ms(), e);
    else
        rc = store_dataset_finish(up->api->store, up->id, json.data,
                                  up->n_chunks, e);
    if (rc != ERR_OK)
        goto out;
    up->id = 0; /* it stands: nothing to abandon any more */
    rep->status = 201;
    http_reply_header(rep, "Location", "/v1/datasets/%s", name_of(req));
    rc = api_reply_dataset(up->api, name_of(req), rep, e);
out:
    buf_release(&json);
    dataset_meta_release(&meta);
    put_abort(up);
    return rc;
}

const struct http_stream api_datasets_append = {
    .begin = append_begin,
    .piece = put_piece,
    .end = put_end,
    .abort = put_abort,
};

const struct http_stream api_datasets_put = {
    .begin = put_begin,
    .piece = put_piece,
    .end = put_end,
    .abort = put_abort,
};
