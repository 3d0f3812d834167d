/* job_write.c - a job, its history and its troubles, as JSON */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "codec/encoding.h"
#include "codec/job.h"
#include "codec/list.h"
#include "codec/write.h"

/* --- the spec ------------------------------------------------------------- */

static void
write_asked(struct buf *out, const char *name, double x)
{
    if (isnan(x))
        write_json(out, name, NULL);
    else
        write_double(out, name, x);
}

/* 0: none. */
static void
write_limit(struct buf *out, const char *name, double x)
{
    write_asked(out, name, x > 0 ? x : NAN);
}

static void
write_optimizer(struct buf *out, const struct codec_job *spec)
{
    const struct nn_optimizer_type *type = spec->optimizer.type;
    const struct nn_member         *member = nn_optimizer_type_members(type);

    write_member(out, "optimizer");
    write_begin(out);
    write_text(out, "type", nn_optimizer_type_name(type));
    for (; member->name != NULL; member++) {
        const struct nn_member one[] = { *member, { .name = NULL } };

        if (spec->auto_rate && strcmp(member->name, "learning_rate") == 0)
            write_text(out, "learning_rate", "auto");
        else
            write_members(out, one, &spec->optimizer);
    }
    write_end(out);
}

/* Left out where it is not known: of a job from before it was kept. */
static void
write_revision(struct buf *out, int64_t revision)
{
    if (revision > 0)
        write_count(out, "dataset_revision", (uint64_t)revision);
}

static void
write_validation(struct buf *out, const struct codec_job *spec)
{
    if (!codec_job_validates(spec)) {
        write_json(out, "validation", NULL);
        return;
    }
    write_member(out, "validation");
    write_begin(out);
    if (spec->validation_fraction > 0)
        write_double(out, "fraction", spec->validation_fraction);
    else if (spec->validation_column[0] != '\0')
        write_text(out, "column", spec->validation_column);
    else if (spec->folds > 0)
        write_count(out, "folds", spec->folds);
    else
        write_text(out, "dataset", spec->validation_dataset);
    write_revision(out, spec->validation_revision);
    write_count(out, "every_epochs", spec->validation_every);
    write_end(out);
}

static void
write_stop_when(struct buf *out, const struct codec_job *spec)
{
    write_member(out, "stop_when");
    write_begin(out);
    write_asked(out, "loss_below", spec->stop_loss_below);
    write_asked(out, "accuracy_above", spec->stop_accuracy_above);
    write_asked(out, "seconds", spec->stop_seconds);
    if (spec->stop_patience > 0)
        write_count(out, "patience", spec->stop_patience);
    else
        write_json(out, "patience", NULL);
    write_double(out, "min_delta", spec->stop_min_delta);
    write_asked(out, "generalization_loss_above",
                spec->stop_generalization_loss);
    write_asked(out, "progress_below", spec->stop_progress);
    write_count(out, "strip_epochs", spec->strip_epochs);
    write_text(out, "monitor", codec_monitor_name(spec->monitor));
    write_end(out);
}

/* The spec's members behind network and dataset. */
static void
write_spec(const struct codec_job *spec, struct buf *out)
{
    write_revision(out, spec->dataset_revision);
    write_count(out, "epochs", spec->epochs);
    if (spec->batch_size == 0)
        write_text(out, "batch_size", "full");
    else
        write_count(out, "batch_size", spec->batch_size);
    write_bool(out, "shuffle", spec->shuffle);
    write_count(out, "seed", spec->seed);

    write_optimizer(out, spec);
    write_member(out, "schedule");
    write_begin(out);
    write_text(out, "type", codec_schedule_name(spec->schedule.type));
    write_members(out, codec_schedule_members(spec->schedule.type),
                  &spec->schedule);
    write_end(out);

    write_count(out, "restarts", spec->restarts);
    write_limit(out, "clip_norm", spec->clip_norm);
    write_limit(out, "clip_value", spec->clip_value);
    codec_class_weights_write(&spec->class_weights, out);
    write_text(out, "sample_weight",
               spec->sample_weight[0] != '\0' ? spec->sample_weight : NULL);
    codec_encoding_write(&spec->encoding, out);
    write_validation(out, spec);
    write_stop_when(out, spec);
    write_text(out, "keep", codec_keep_name(spec->keep));
    if (spec->start_from == CODEC_START_VERSION)
        write_count(out, "start_from", (uint64_t)spec->start_version);
    else
        write_text(out, "start_from",
                   spec->start_from == CODEC_START_INITIAL ? "initial"
                                                           : "latest");
    write_count(out, "priority", spec->priority);
    write_double(out, "checkpoint_seconds", spec->checkpoint_seconds);
}

void
codec_job_spec_format(const struct codec_job *spec, struct buf *out)
{
    write_begin(out);
    write_text(out, "network", spec->network);
    write_text(out, "dataset", spec->dataset);
    write_spec(spec, out);
    write_end(out);
}

/* null for 0 */
static void
write_id(struct buf *out, const char *name, int64_t id)
{
    if (id != 0)
        write_count(out, name, (uint64_t)id);
    else
        write_json(out, name, NULL);
}

/* --- the job -------------------------------------------------------------- */

void
codec_progress_write(const struct codec_progress *progress, struct buf *out)
{
    write_member(out, "progress");
    write_begin(out);
    write_count(out, "epoch", progress->epoch);
    write_count(out, "epochs", progress->epochs);
    if (progress->restart != 0)
        write_count(out, "restart", progress->restart);
    if (progress->fold != 0)
        write_count(out, "fold", progress->fold);
    write_double(out, "fraction", progress->fraction);
    write_double(out, "samples_per_second", progress->samples_per_second);
    write_double(out, "eta_seconds", progress->eta_seconds);
    write_end(out);
}

/* What the row alone tells of a job that no worker has. */
static struct codec_progress
progress_of_row(const struct store_job *row, const struct codec_job *spec)
{
    uint64_t              epochs = spec->epochs * codec_job_runs(spec);
    struct codec_progress own = {
        .epoch = row->epoch,
        .epochs = epochs,
        .fraction = (double)row->epoch / (double)epochs,
        .samples_per_second = NAN,
        .eta_seconds = NAN,
    };

    if (row->status == STORE_JOB_SUCCEEDED) {
        own.fraction = 1;
        own.eta_seconds = 0;
    }
    return own;
}

enum err
codec_job_format(const struct store_job      *row,
                 const struct codec_progress *progress, const char *metrics,
                 struct buf *out, struct errinfo *e)
{
    struct codec_job      spec;
    struct codec_progress own;
    enum err              rc = codec_job_spec_parse(row->spec, &spec, e);

    if (rc != ERR_OK)
        return rc;
    own = progress != NULL ? *progress : progress_of_row(row, &spec);
    write_begin(out);
    write_count(out, "id", (uint64_t)row->id);
    write_text(out, "status", store_job_status_name(row->status));
    write_text(out, "network", row->network);
    write_text(out, "dataset", row->dataset);
    write_spec(&spec, out);
    codec_progress_write(&own, out);
    write_json(out, "metrics", metrics != NULL ? metrics : row->metrics);
    write_json(out, "learning_rate_test", row->learning_rate_test);
    write_json(out, "warnings", row->warnings != NULL ? row->warnings : "[]");
    write_json(out, "result", row->result);
    write_json(out, "error", row->error);
    write_count(out, "resumes", (uint64_t)row->resumes);
    write_text(out, "reason", row->reason);
    write_id(out, "continues", row->continues);
    write_id(out, "verifies", row->verifies);
    write_time(out, "created_at", row->created_ms);
    write_time(out, "started_at", row->started_ms);
    write_time(out, "finished_at", row->finished_ms);
    write_end(out);
    codec_job_release(&spec);
    return ERR_OK;
}

/* --- history -------------------------------------------------------------- */

/* What does not apply is left out. */
static void
write_figure(struct buf *out, const char *name, double x)
{
    if (!isnan(x))
        write_double(out, name, x);
}

static void
write_metrics(struct buf *out, const struct store_epoch *row)
{
    write_figure(out, "loss", row->loss);
    write_figure(out, "accuracy", row->accuracy);
    write_figure(out, "val_loss", row->val_loss);
    write_figure(out, "val_accuracy", row->val_accuracy);
}

void
codec_metrics_format(const struct store_epoch *row, struct buf *out)
{
    write_begin(out);
    write_metrics(out, row);
    write_end(out);
}

void
codec_epoch_members(const struct store_epoch *row, struct buf *out)
{
    write_count(out, "epoch", row->epoch);
    if (row->restart != 0)
        write_count(out, "restart", row->restart);
    if (row->fold != 0)
        write_count(out, "fold", row->fold);
    write_metrics(out, row);
    write_figure(out, "learning_rate", row->learning_rate);
    write_figure(out, "gradient_norm", row->gradient_norm);
    write_figure(out, "seconds", row->seconds);
    write_figure(out, "samples_per_second", row->samples_per_second);
}

/* The layers of one epoch; returns how many there are. */
static size_t
write_layers(const struct store_layer *layer, size_t n, uint64_t epoch,
             struct buf *out)
{
    size_t i = 0;

    if (n == 0 || layer[0].epoch != epoch)
        return 0;
    write_member(out, "layers");
    buf_putc(out, '[');
    for (; i < n && layer[i].epoch == epoch; i++) {
        codec_list_next(out, i);
        write_begin(out);
        write_count(out, "layer", layer[i].layer);
        write_figure(out, "gradient_norm", layer[i].gradient_norm);
        write_figure(out, "update_ratio", layer[i].update_ratio);
        write_end(out);
    }
    buf_putc(out, ']');
    return i;
}

void
codec_history_format(const struct store_epoch *rows, size_t n,
                     const struct store_layer *layers, size_t n_layers,
                     bool more, struct buf *out)
{
    size_t done = 0;

    codec_list_begin(out);
    for (size_t i = 0; i < n; i++) {
        codec_list_next(out, i);
        write_begin(out);
        codec_epoch_members(&rows[i], out);
        if (done < n_layers)
            done += write_layers(layers + done, n_layers - done, rows[i].epoch,
                                 out);
        write_end(out);
    }
    codec_list_end_number(out, more ? (int64_t)rows[n - 1].epoch : -1);
}

/* --- what there is to say about a training -------------------------------- */

static void
write_outcome(const struct codec_outcome *outcome, size_t restart,
              const char *monitor, struct buf *out)
{
    write_begin(out);
    write_count(out, "restart", restart);
    write_count(out, "epochs", outcome->epochs);
    if (outcome->best_epoch != 0)
        write_count(out, "best_epoch", outcome->best_epoch);
    write_figure(out, monitor, outcome->figure);
    write_text(out, "stop_reason", outcome->stop_reason);
    write_end(out);
}

void
codec_result_format(const struct codec_result *result, struct buf *out)
{
    if (result->best_epoch != 0)
        write_count(out, "best_epoch", result->best_epoch);
    if (result->restart != 0)
        write_count(out, "restart", result->restart);
    write_text(out, "stop_reason", result->stop_reason);
    if (result->sha256 != NULL)
        write_text(out, "sha256", result->sha256);
    if (result->n_outcomes == 0)
        return;
    if (result->folds) {
        codec_folds_write(result->outcome, result->n_outcomes, out);
        return;
    }
    write_member(out, "restarts");
    buf_putc(out, '[');
    for (size_t i = 0; i < result->n_outcomes; i++) {
        codec_list_next(out, i);
        write_outcome(&result->outcome[i], i + 1, result->monitor, out);
    }
    buf_putc(out, ']');
}

void
codec_rate_test_format(const struct codec_rate_test *test, struct buf *out)
{
    write_begin(out);
    write_double(out, "chosen", test->chosen);
    write_text(out, "reason", test->reason);
    write_member(out, "points");
    buf_putc(out, '[');
    for (size_t i = 0; i < test->n; i++) {
        codec_list_next(out, i);
        write_begin(out);
        write_double(out, "learning_rate", test->point[i].learning_rate);
        write_double(out, "loss", test->point[i].loss);
        write_end(out);
    }
    buf_putc(out, ']');
    write_end(out);
}

void
codec_warnings_format(const struct codec_warning *warning, size_t n,
                      struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        codec_list_next(out, i);
        write_begin(out);
        write_text(out, "code", warning[i].code);
        write_count(out, "epoch", warning[i].epoch);
        if (warning[i].layer >= 0)
            write_count(out, "layer", (uint64_t)warning[i].layer);
        write_text(out, "advice", warning[i].advice);
        write_end(out);
    }
    buf_putc(out, ']');
}

void
codec_event_format(const struct store_event *row, struct buf *out)
{
    write_begin(out);
    write_count(out, "event", (uint64_t)row->id);
    write_count(out, "job", (uint64_t)row->job_id);
    write_text(out, "status", store_job_status_name(row->status));
    write_text(out, "reason", row->reason);
    write_count(out, "epoch", row->epoch);
    write_time(out, "at", row->at_ms);
    write_end(out);
}

/* [{"pointer": …, "detail": …}, …] */
static void
write_errors(struct buf *out, const struct errinfo *e)
{
    write_member(out, "errors");
    buf_putc(out, '[');
    for (unsigned i = 0; i < e->n; i++) {
        codec_list_next(out, i);
        write_begin(out);
        if (e->item[i].where[0] == '/')
            write_text(out, "pointer", e->item[i].where);
        write_text(out, "detail", e->item[i].what);
        write_end(out);
    }
    buf_putc(out, ']');
}

void
codec_dry_run_format(const size_t *memory_bytes, double seconds,
                     const struct errinfo *e, struct buf *out)
{
    write_begin(out);
    if (memory_bytes != NULL)
        write_count(out, "memory_bytes", *memory_bytes);
    else
        write_json(out, "memory_bytes", NULL);
    write_double(out, "estimated_seconds", seconds);
    write_errors(out, e);
    write_end(out);
}

void
codec_error_format(const struct errinfo *e, struct buf *out)
{
    write_begin(out);
    write_text(out, "type", "about:blank");
    write_text(out, "title", "The job failed");
    write_text(out, "detail", err_what(e));
    write_text(out, "code", err_slug(e));
    if (e->n > 0 && e->item[0].where[0] == '/')
        write_errors(out, e);
    write_end(out);
}
