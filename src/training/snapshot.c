#include "training/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "codec/dataset.h"
#include "codec/network.h"
#include "training/state.h"

/* The bytes of the job's checkpoint, new. */
static enum err
read_checkpoint(struct store *db, const char *network, int64_t job_id,
                void **out, size_t *out_len, uint64_t *out_epoch,
                struct errinfo *e)
{
    struct store_job row = { 0 };
    void            *bytes = NULL;
    enum err         rc = store_job_get(db, job_id, &row, e);

    if (rc != ERR_OK)
        return rc;
    if (strcmp(row.network, network) != 0)
        rc =
            err_set(e, ERR_NOTFOUND, "", "job %lld trains '%.63s', not '%.63s'",
                    (long long)job_id, row.network, network);
    store_job_release(&row);
    if (rc == ERR_OK)
        rc =
            store_job_checkpoint_get(db, job_id, &bytes, out_len, out_epoch, e);
    if (rc == ERR_OK && bytes == NULL)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "job %lld has no checkpoint: it has not come so "
                               "far, or has ended and left a version",
                               (long long)job_id),
                       "no_checkpoint");
    if (rc == ERR_OK)
        *out = bytes;
    return rc;
}

static enum err
build(struct store *db, const char *network, const struct training_saved *saved,
      struct nn_net **out_net, struct dataset_encoder **out_encoder,
      struct errinfo *e)
{
    struct store_network    row = { 0 };
    struct nn_spec          spec;
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    enum err                rc = store_network_get(db, network, &row, e);

    if (rc == ERR_OK)
        rc = codec_spec_parse(row.spec, &spec, e);
    if (rc == ERR_OK)
        rc = nn_net_new(&spec, &net, e);
    if (rc == ERR_OK)
        rc = nn_net_import(net, saved->params, saved->params_len, e);
    if (rc == ERR_OK)
        rc = codec_encoder_parse(saved->encoder, &encoder, e);
    store_network_release(&row);
    if (rc != ERR_OK) {
        nn_net_free(net);
        return rc;
    }
    *out_net = net;
    *out_encoder = encoder;
    return ERR_OK;
}

enum err
training_snapshot(struct store *db, const char *network, int64_t job_id,
                  struct nn_net **out_net, struct dataset_encoder **out_encoder,
                  uint64_t *out_epoch, struct errinfo *e)
{
    struct training_saved saved;
    void                 *bytes = NULL;
    size_t                len = 0;
    uint64_t              epoch = 0;
    enum err              rc;

    rc = read_checkpoint(db, network, job_id, &bytes, &len, &epoch, e);
    if (rc == ERR_OK)
        rc = training_saved_parse(bytes, len, &saved, e);
    if (rc == ERR_OK)
        rc = build(db, network, &saved, out_net, out_encoder, e);
    if (rc == ERR_OK)
        *out_epoch = epoch;
    free(bytes);
    return rc;
}
