/* job.c - a job's spec, from JSON */
#include "codec/job.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "codec/encoding.h"
#include "codec/job_members.h"
#include "codec/walk.h"

/* --- what there is to choose from ---------------------------------------- */

const char *
codec_monitor_name(size_t i)
{
    static const char *const names[] = {
        [CODEC_MONITOR_LOSS] = "loss",
        [CODEC_MONITOR_ACCURACY] = "accuracy",
        [CODEC_MONITOR_VAL_LOSS] = "val_loss",
        [CODEC_MONITOR_VAL_ACCURACY] = "val_accuracy",
    };

    return i < COUNT_OF(names) ? names[i] : NULL;
}

const char *
codec_keep_name(size_t i)
{
    static const char *const names[] = {
        [CODEC_KEEP_BEST] = "best",
        [CODEC_KEEP_LAST] = "last",
    };

    return i < COUNT_OF(names) ? names[i] : NULL;
}

/* --- members -------------------------------------------------------------- */

static void
read_name(struct walk *w, const char *name, bool required, char *out)
{
    json_t *value = walk_member(w, name);
    char    at[WALK_POINTER_SIZE];

    walk_pointer(at, w->at, name);
    if (value != NULL)
        value_name(value, at, out, w->e);
    else if (required)
        walk_missing(w, name);
}

static void
read_count(struct walk *w, const char *name, uint64_t min, uint64_t max,
           uint64_t *out)
{
    json_t *value = walk_member(w, name);
    char    at[WALK_POINTER_SIZE];

    walk_pointer(at, w->at, name);
    if (value != NULL)
        value_count(value, at, min, max, out, w->e);
}

/* A number above 0; null and absent leave *out as it is. */
static void
read_limit(struct walk *w, const char *name, double *out)
{
    json_t *value = walk_nullable(w, name);
    char    at[WALK_POINTER_SIZE];

    walk_pointer(at, w->at, name);
    if (value != NULL)
        value_double(value, at, 0, FLT_MAX, true, false, out, w->e);
}

/* The name of a column of the dataset. */
static void
read_column(json_t *value, const char *at, char out[CODEC_COLUMN_SIZE],
            struct errinfo *e)
{
    size_t n = json_string_length(value);

    if (!json_is_string(value))
        err_add(e, ERR_INVALID, at, "must be the name of a column, got %s",
                value_type(value));
    else if (n == 0 || n >= CODEC_COLUMN_SIZE)
        err_add(e, ERR_INVALID, at,
                "the name of a column has 1 to %d bytes, got %zu",
                CODEC_COLUMN_SIZE - 1, n);
    else
        memcpy(out, json_string_value(value), n + 1);
}

/* Read after the optimizer, which may want all rows at once. */
static void
read_batch_size(struct walk *w, const struct nn_optimizer_spec *optimizer,
                size_t *out)
{
    json_t  *value = walk_member(w, "batch_size");
    bool     full = nn_optimizer_type_wants_full_batch(optimizer->type);
    uint64_t n;

    if (full)
        *out = 0;
    if (value == NULL)
        return;
    if (json_is_string(value) && strcmp(json_string_value(value), "full") == 0)
        *out = 0;
    else if (json_is_string(value))
        walk_wrong(w, "batch_size",
                   "must be a number or \"full\", got \"%.30s\"",
                   json_string_value(value));
    else if (!value_count(value, "/batch_size", 1, CODEC_MAX_BATCH, &n, w->e))
        return;
    else if (full)
        walk_wrong(
            w, "batch_size",
            "must be \"full\" for %s, which compares gradients of the "
            "same rows; for batches of %llu take \"adam\" or \"rmsprop\"",
            nn_optimizer_type_name(optimizer->type), (unsigned long long)n);
    else
        *out = (size_t)n;
}

/* Of the dataset that is named beside it. */
static void
read_revision(struct walk *w, int64_t *out)
{
    uint64_t n = 0;

    read_count(w, "dataset_revision", 1, INT64_MAX, &n);
    if (n > 0)
        *out = (int64_t)n;
}

static void
read_validation_dataset(struct walk *v, json_t *dataset, struct codec_job *out)
{
    if (dataset != NULL)
        value_name(dataset, "/validation/dataset", out->validation_dataset,
                   v->e);
    read_revision(v, &out->validation_revision);
    if (out->validation_revision > 0 && dataset == NULL)
        walk_wrong(v, "dataset_revision", "needs \"dataset\" beside it");
}

static void
read_validation(struct walk *w, struct codec_job *out)
{
    json_t     *value = walk_nullable(w, "validation");
    json_t     *fraction, *column, *dataset, *folds;
    struct walk v;

    if (value == NULL)
        return;
    walk_begin(&v, value, "/validation", w->e);
    fraction = walk_member(&v, "fraction");
    column = walk_member(&v, "column");
    dataset = walk_member(&v, "dataset");
    folds = walk_member(&v, "folds");
    if (v.object != NULL && (fraction != NULL) + (column != NULL) +
                                    (dataset != NULL) + (folds != NULL) !=
                                1)
        err_add(w->e, ERR_INVALID, "/validation",
                "must have exactly one of \"fraction\", \"column\", "
                "\"dataset\" and \"folds\"");
    if (fraction != NULL)
        value_double(fraction, "/validation/fraction", 0, 1, true, true,
                     &out->validation_fraction, w->e);
    if (column != NULL)
        read_column(column, "/validation/column", out->validation_column, w->e);
    read_validation_dataset(&v, dataset, out);
    read_count(&v, "folds", 2, CODEC_MAX_FOLDS, &out->folds);
    read_count(&v, "every_epochs", 1, CODEC_MAX_EPOCHS, &out->validation_every);
    walk_end(&v);
}

static void
read_start_from(struct walk *w, struct codec_job *out)
{
    json_t  *value = walk_member(w, "start_from");
    uint64_t n;

    /* Weights that have seen all rows have no fold left to be tested on. */
    if (out->folds > 0)
        out->start_from = CODEC_START_INITIAL;
    if (value == NULL)
        return;
    if (json_is_string(value)) {
        if (strcmp(json_string_value(value), "latest") == 0)
            out->start_from = CODEC_START_LATEST;
        else if (strcmp(json_string_value(value), "initial") == 0)
            out->start_from = CODEC_START_INITIAL;
        else
            walk_wrong(w, "start_from",
                       "must be \"latest\", \"initial\" or a version, got "
                       "\"%.30s\"",
                       json_string_value(value));
    } else if (value_count(value, "/start_from", 0, INT64_MAX, &n, w->e)) {
        out->start_from = CODEC_START_VERSION;
        out->start_version = (int64_t)n;
    }
}

/* What a job of folds cannot have beside them. */
static void
check_folds(struct walk *w, const struct codec_job *job)
{
    if (job->folds == 0)
        return;
    if (job->restarts > 1)
        walk_wrong(w, "restarts",
                   "must be 1 where \"validation\" has folds: each fold is one "
                   "training from the same start, and so is the final model");
    if (!isnan(job->stop_seconds))
        err_add(w->e, ERR_INVALID, "/stop_when/seconds",
                "must be null where \"validation\" has folds: a job that ends "
                "before its final model has none; lower \"epochs\"");
}

static void
read_job(json_t *document, struct codec_job *out, struct errinfo *e)
{
    struct walk w;
    json_t     *value;
    size_t      i;

    *out = (struct codec_job){ .epochs = 10,
                               .batch_size = 32,
                               .shuffle = true,
                               .restarts = 1,
                               .validation_every = 1,
                               .stop_loss_below = NAN,
                               .stop_accuracy_above = NAN,
                               .stop_seconds = NAN,
                               .stop_generalization_loss = NAN,
                               .stop_progress = NAN,
                               .strip_epochs = 5,
                               .checkpoint_seconds = 10 };
    walk_begin(&w, document, "", e);
    read_name(&w, "network", true, out->network);
    read_name(&w, "dataset", true, out->dataset);
    read_revision(&w, &out->dataset_revision);
    read_count(&w, "epochs", 1, CODEC_MAX_EPOCHS, &out->epochs);
    codec_job_optimizer_read(&w, out);
    read_batch_size(&w, &out->optimizer, &out->batch_size);
    value = walk_member(&w, "shuffle");
    if (value != NULL)
        value_bool(value, "/shuffle", &out->shuffle, e);
    read_count(&w, "seed", 0, CODEC_MAX_SEED, &out->seed);
    codec_job_schedule_read(&w, &out->optimizer, &out->schedule, out->epochs);
    read_count(&w, "restarts", 1, CODEC_MAX_RESTARTS, &out->restarts);
    read_limit(&w, "clip_norm", &out->clip_norm);
    read_limit(&w, "clip_value", &out->clip_value);
    codec_class_weights_read(&w, &out->class_weights);
    value = walk_nullable(&w, "sample_weight");
    if (value != NULL)
        read_column(value, "/sample_weight", out->sample_weight, e);
    codec_encoding_read(&w, &out->encoding);
    read_validation(&w, out);
    codec_job_stop_when_read(&w, out);
    value = walk_member(&w, "keep");
    if (value != NULL && value_word(value, "/keep", codec_keep_name, &i, e))
        out->keep = (enum codec_keep)i;
    read_start_from(&w, out);
    read_count(&w, "priority", 0, CODEC_MAX_PRIORITY, &out->priority);
    check_folds(&w, out);
    value = walk_member(&w, "checkpoint_seconds");
    if (value != NULL)
        value_double(value, "/checkpoint_seconds", 0.1, 3600, false, false,
                     &out->checkpoint_seconds, e);
    walk_end(&w);
}

enum err
codec_job_read(const void *body, size_t len, struct codec_job *out,
               struct errinfo *e)
{
    struct codec_job job;
    json_t          *document = NULL;
    enum err         rc;

    err_clear(e);
    rc = walk_load(body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    read_job(document, &job, e);
    json_decref(document);
    if (e->n > 0 && e->code != ERR_INVALID) {
        codec_job_release(&job);
        return e->code;
    }
    *out = job;
    return e->n > 0 ? e->code : ERR_OK;
}

enum err
codec_job_parse(const void *body, size_t len, struct codec_job *out,
                struct errinfo *e)
{
    struct codec_job job;
    enum err         rc = codec_job_read(body, len, &job, e);

    if (rc == ERR_INVALID)
        codec_job_release(&job);
    else if (rc == ERR_OK)
        *out = job;
    return rc;
}

enum err
codec_job_spec_parse(const char *json, struct codec_job *out, struct errinfo *e)
{
    struct errinfo own;

    if (codec_job_parse(json, strlen(json), out, &own) == ERR_OK)
        return ERR_OK;
    return walk_stored(e, "spec", &own);
}

void
codec_job_release(struct codec_job *spec)
{
    codec_class_weights_release(&spec->class_weights);
}

bool
codec_job_validates(const struct codec_job *spec)
{
    return spec->validation_fraction > 0 || spec->folds > 0 ||
           spec->validation_column[0] != '\0' ||
           spec->validation_dataset[0] != '\0';
}

uint64_t
codec_job_runs(const struct codec_job *spec)
{
    return spec->folds > 0 ? spec->folds + 1 : spec->restarts;
}
