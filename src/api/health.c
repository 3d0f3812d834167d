#include "api/internal.h"

enum err
api_health_get(void *ctx, const struct http_request *req,
               struct http_reply *rep, struct errinfo *e)
{
    (void)ctx;
    (void)req;
    (void)e;
    buf_puts(&rep->body, "{\"status\":\"ok\"}");
    return ERR_OK;
}

/* Workers are up whenever requests are answered: main() starts them first. */
enum err
api_ready_get(void *ctx, const struct http_request *req, struct http_reply *rep,
              struct errinfo *e)
{
    const struct api_ctx *api = ctx;

    if (req->draining)
        return err_named(
            e, err_set(e, ERR_BUSY, "", "the daemon is about to stop"),
            "draining");
    if (store_is_failed(api->store))
        return err_named(
            e, err_set(e, ERR_BUSY, "", "the store has failed; see the log"),
            "store_failed");
    buf_puts(&rep->body, "{\"status\":\"ready\"}");
    return ERR_OK;
}
