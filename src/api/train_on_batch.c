#include "api/internal.h"
#include "codec/batch.h"
#include "codec/write.h"
#include "serving/live.h"

enum err
api_train_on_batch(void *ctx, const struct http_request *req,
                   struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx      *api = ctx;
    struct serving_live *live = NULL;
    struct codec_batch   batch = { 0 };
    double               loss = 0;
    int64_t              version = 0;
    enum err             rc;

    rc = serving_live_begin(api->registry, req->arg[0], &live, e);
    if (rc != ERR_OK)
        return rc;
    rc = codec_batch_parse(req->body, req->body_len,
                           nn_net_spec(serving_live_net(live)),
                           serving_live_encoder(live),
                           nn_net_n_out(serving_live_net(live)), &batch, e);
    if (rc == ERR_OK)
        rc = serving_live_update(live, &batch, &loss, &version, e);
    serving_live_end(live);
    codec_batch_release(&batch);
    if (rc != ERR_OK)
        return rc;
    write_begin(&rep->body);
    write_double(&rep->body, "loss", loss);
    write_count(&rep->body, "version", (uint64_t)version);
    write_end(&rep->body);
    return ERR_OK;
}
