/* keep.c - the best of a job that no worker has */
#include "training/keep.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "codec/stored.h"
#include "training/origin.h"
#include "training/state.h"

static enum err
finish(struct store *db, const struct store_job *row,
       const struct codec_job *spec, const struct training_saved *saved,
       const struct codec_dataset *dataset, int64_t last_event,
       struct errinfo *e)
{
    const struct training_state *s = &saved->state;
    struct training_offer        offer;
    char       sha256[DIGEST_HEX_SIZE], dataset_sha256[DIGEST_HEX_SIZE];
    struct buf metrics = { 0 }, result = { 0 }, origin = { 0 };
    const struct codec_result told = {
        .best_epoch = s->kept_restart != 0
                          ? s->outcome[s->kept_restart - 1].best_epoch
                          : s->best_epoch,
        .stop_reason = "cancelled",
        .monitor = codec_monitor_name(spec->monitor),
        .sha256 = sha256,
    };
    int64_t  number;
    enum err rc = training_saved_offer(saved, spec->keep, &offer, e);

    if (rc != ERR_OK)
        return rc;
    digest_hex_of(offer.weights, offer.len, sha256);
    digest_hex(dataset->meta.sha256, dataset_sha256);
    codec_metrics_format(&offer.row, &metrics);
    codec_result_format(&told, &result);
    training_origin_format(row, &origin);
    const struct store_version version = {
        .dataset = row->dataset,
        .dataset_sha256 = dataset_sha256,
        .metrics = metrics.data,
        .encoder = (char *)saved->encoder,
        .sha256 = sha256,
        .origin = origin.data,
        .weights = offer.weights,
        .n_bytes = offer.len,
        .created_ms = clock_wall_ms(),
    };
    const struct store_job_end end = {
        .id = row->id,
        .last_event = &last_event,
        .status = STORE_JOB_CANCELLED,
        .epoch = row->epoch,
        .finished_ms = clock_wall_ms(),
        .reason = "cancelled",
        .result_rest = result.data,
        .version = &version,
    };
    if (metrics.failed || result.failed || origin.failed)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = store_job_finish(db, &end, &number, e);
    buf_release(&origin);
    buf_release(&result);
    buf_release(&metrics);
    return rc;
}

enum err
training_keep(struct store *db, int64_t job_id, char network[], size_t size,
              struct errinfo *e)
{
    struct store_job      row = { 0 };
    struct codec_job      spec = { 0 };
    struct codec_dataset *dataset = NULL;
    struct training_saved saved;
    void                 *bytes = NULL;
    size_t                len = 0;
    uint64_t              epoch = 0;
    int64_t               last_event = 0;
    /* Before all that is read here: who claims the job writes another. */
    enum err              rc = store_event_last(db, job_id, &last_event, e);

    if (rc == ERR_OK)
        rc = store_job_get(db, job_id, &row, e);
    if (rc == ERR_OK && row.status != STORE_JOB_QUEUED &&
        row.status != STORE_JOB_PAUSED)
        rc = err_set(e, ERR_CONFLICT, "", "the job is %s, not queued or paused",
                     store_job_status_name(row.status));
    if (rc == ERR_OK && row.verifies != 0)
        rc = ERR_NOTFOUND; /* what it makes is compared, never kept */
    if (rc == ERR_OK)
        rc = codec_job_spec_parse(row.spec, &spec, e);
    if (rc == ERR_OK)
        rc = store_job_checkpoint_get(db, job_id, &bytes, &len, &epoch, e);
    if (rc == ERR_OK && epoch == 0)
        rc = ERR_NOTFOUND;
    if (rc == ERR_OK)
        rc = training_saved_parse(bytes, len, &saved, e);
    if (rc == ERR_OK && !training_state_has_epoch(&saved.state))
        rc = ERR_NOTFOUND;
    if (rc == ERR_OK)
        rc = codec_stored_dataset(db, row.dataset, spec.dataset_revision,
                                  &dataset, e);
    if (rc == ERR_OK)
        rc = finish(db, &row, &spec, &saved, dataset, last_event, e);
    if (rc == ERR_OK)
        snprintf(network, size, "%s", row.network);
    codec_stored_dataset_free(dataset);
    free(bytes);
    codec_job_release(&spec);
    store_job_release(&row);
    return rc;
}
