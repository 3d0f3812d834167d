/* keep.c - the best of a job that is in nobody's memory */
#include "training/keep.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "codec/stored.h"
#include "nn/floats.h"
#include "training/origin.h"
#include "training/state.h"

/* The job, and what is known of it. */
struct keeping {
    const struct training_options *options;
    struct store_job               row;
    struct codec_job               spec;
    int64_t                        last_event;
};

static enum err
end_as(const struct keeping *k, const char *reason, const char *result,
       const struct store_version *version, struct errinfo *e)
{
    const struct store_job_end end = {
        .id = k->row.id,
        .last_event = &k->last_event,
        .status = STORE_JOB_CANCELLED,
        .epoch = k->row.epoch,
        .finished_ms = clock_wall_ms(),
        .reason = reason,
        .result_rest = result,
        .version = version,
    };
    int64_t number;

    return store_job_finish(k->options->store, &end, &number, e);
}

static enum err
end_with(const struct keeping *k, const struct training_saved *saved,
         const struct training_offer *offer,
         const struct codec_dataset *dataset, struct errinfo *e)
{
    const struct training_state *s = &saved->state;
    char       sha256[DIGEST_HEX_SIZE], dataset_sha256[DIGEST_HEX_SIZE];
    struct buf metrics = { 0 }, result = { 0 }, origin = { 0 };
    const struct codec_result told = {
        .best_epoch = s->kept_restart != 0
                          ? s->outcome[s->kept_restart - 1].best_epoch
                          : s->best_epoch,
        .stop_reason = "cancelled",
        .monitor = codec_monitor_name(k->spec.monitor),
        .sha256 = sha256,
    };
    enum err rc;

    digest_hex_of(offer->weights, offer->len, sha256);
    digest_hex(dataset->meta.sha256, dataset_sha256);
    codec_metrics_format(&offer->row, &metrics);
    codec_result_format(&told, &result);
    training_origin_format(&k->row, &origin);
    const struct store_version version = {
        .dataset = k->row.dataset,
        .dataset_sha256 = dataset_sha256,
        .metrics = metrics.data,
        .encoder = (char *)saved->encoder,
        .sha256 = sha256,
        .origin = origin.data,
        .weights = offer->weights,
        .n_bytes = offer->len,
        .created_ms = clock_wall_ms(),
    };
    if (metrics.failed || result.failed || origin.failed)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = end_as(k, "cancelled", result.data, &version, e);
    buf_release(&origin);
    buf_release(&result);
    buf_release(&metrics);
    if (rc == ERR_OK && k->options->on_version != NULL)
        k->options->on_version(k->options->arg, k->row.network);
    return rc;
}

/* bytes: of the checkpoint. */
static enum err
end_with_best(const struct keeping *k, const void *bytes, size_t len,
              struct errinfo *e)
{
    struct codec_dataset *dataset = NULL;
    struct training_saved saved;
    struct training_offer offer = { 0 };
    bool                  has = false;
    enum err              rc = training_saved_parse(bytes, len, &saved, e);

    if (rc == ERR_OK && training_state_has_epoch(&saved.state)) {
        rc = training_saved_offer(&saved, k->spec.keep, &offer, e);
        has = rc == ERR_OK &&
              nn_floats_finite(offer.weights, offer.len / FLOAT_SIZE);
    }
    if (rc == ERR_OK && !has)
        return end_as(k, "requested", NULL, NULL, e);
    if (rc == ERR_OK)
        rc = codec_stored_dataset(k->options->store, k->row.dataset,
                                  k->spec.dataset_revision, &dataset, e);
    if (rc == ERR_OK)
        rc = end_with(k, &saved, &offer, dataset, e);
    codec_stored_dataset_free(dataset);
    return rc;
}

static bool
is_as_expected(enum store_job_status status, bool is_claimed)
{
    return is_claimed ? status == STORE_JOB_RUNNING
                      : status == STORE_JOB_QUEUED ||
                            status == STORE_JOB_PAUSED;
}

enum err
training_keep(const struct training_options *options, int64_t job_id,
              bool is_claimed, struct errinfo *e)
{
    struct store  *db = options->store;
    struct keeping k = { .options = options };
    void          *bytes = NULL;
    size_t         len = 0;
    uint64_t       epoch = 0;
    /* Before all that is read here: who changes the job writes another. */
    enum err rc = store_event_last(db, job_id, &k.last_event, e);

    if (rc == ERR_OK)
        rc = store_job_get(db, job_id, &k.row, e);
    if (rc == ERR_OK && !is_as_expected(k.row.status, is_claimed))
        rc = err_set(e, ERR_CONFLICT, "", "the job is %s by now",
                     store_job_status_name(k.row.status));
    if (rc == ERR_OK)
        rc = codec_job_spec_parse(k.row.spec, &k.spec, e);
    if (rc == ERR_OK)
        rc = store_job_checkpoint_get(db, job_id, &bytes, &len, &epoch, e);
    /* What a verification makes is compared, never kept. */
    if (rc == ERR_OK && (epoch == 0 || k.row.verifies != 0))
        rc = end_as(&k, "requested", NULL, NULL, e);
    else if (rc == ERR_OK)
        rc = end_with_best(&k, bytes, len, e);
    free(bytes);
    codec_job_release(&k.spec);
    store_job_release(&k.row);
    return rc;
}
