/* backup.c - GET /v1/backup */
#include "api/internal.h"

enum err
api_backup_get(void *ctx, const struct http_request *req,
               struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx *api = ctx;
    enum err        rc;

    (void)req;
    rc = store_backup(api->store, &rep->file, &rep->file_len, e);
    if (rc != ERR_OK)
        return rc;
    rep->content_type = "application/vnd.sqlite3";
    http_reply_header(rep, "Content-Disposition",
                      "attachment; filename=\"backprop.db\"");
    return ERR_OK;
}
