#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "codec/dataset.h"
#include "codec/list.h"
#include "codec/page.h"
#include "codec/stored.h"

enum err
api_reply_dataset(struct api_ctx *api, const char *name, struct http_reply *rep,
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
    return api_reply_dataset(ctx, req->arg[0], rep, e);
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

/* --- GET /v1/datasets/{name}/rows ----------------------------------------- */

/* A page is cut short when it has this many bytes. */
#define PAGE_BYTES (8 * MIB)

static enum err
page_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    return codec_page_chunk(arg, p, len, e);
}

enum err
api_datasets_rows(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct codec_dataset *ds = NULL;
    struct codec_page    *rows = NULL;
    uint64_t              after = 0;
    int64_t               revision = 0;
    size_t                limit;
    enum err              rc;

    rc = http_request_limit(req, &limit, e);
    if (rc == ERR_OK)
        rc = http_request_query_u64(req, "after", &after, e);
    if (rc == ERR_OK)
        rc = api_query_number(req, "revision", &revision, e);
    if (rc == ERR_OK)
        rc = codec_stored_dataset(api->store, req->arg[0], revision, &ds, e);
    if (rc == ERR_OK)
        rc = codec_page_new(&ds->meta, after, limit, PAGE_BYTES, &rows, e);
    if (rc != ERR_OK)
        goto out;
    if (codec_page_count(rows) > 0)
        rc = store_dataset_each_chunk_of(
            api->store, ds->id, ds->n_chunks, (int64_t)after,
            (int64_t)(after + codec_page_count(rows)), page_chunk, rows, e);
    if (rc == ERR_OK)
        rc = codec_page_format(rows, &rep->body, e);
out:
    codec_page_free(rows);
    codec_stored_dataset_free(ds);
    return rc;
}
