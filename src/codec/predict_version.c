#include "base/mem.h"
#include "codec/json_memory.h"
#include "codec/predict.h"
#include "codec/walk.h"

enum err
codec_predict_version(const void *body, size_t len, int64_t *out,
                      struct errinfo *e)
{
    json_t     *document = NULL;
    struct walk w;
    enum err    rc;

    rc = walk_open(&w, body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    walk_version(&w, out);
    json_decref(document);
    return e->n > 0 ? e->code : ERR_OK;
}
