#include "codec/job.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/list.h"
#include "codec/walk.h"
#include "codec/write.h"

static const char *const monitor_names[] = {
    [CODEC_MONITOR_LOSS] = "loss",
    [CODEC_MONITOR_ACCURACY] = "accuracy",
    [CODEC_MONITOR_VAL_LOSS] = "val_loss",
    [CODEC_MONITOR_VAL_ACCURACY] = "val_accuracy",
};
static const char *const keep_names[] = {
    [CODEC_KEEP_BEST] = "best",
    [CODEC_KEEP_LAST] = "last",
};

/* --- reading -----------------------------------------------------------------
 */

static const char *
monitor_choice(size_t i)
{
    return i < COUNT_OF(monitor_names) ? monitor_names[i] : NULL;
}

static const char *
keep_choice(size_t i)
{
    return i < COUNT_OF(keep_names) ? keep_names[i] : NULL;
}

static const char *
optimizer_choice(size_t i)
{
    const struct nn_optimizer_type *type = nn_optimizer_type_at(i);

    return type != NULL ? nn_optimizer_type_name(type) : NULL;
}

static const char *
scaling_choice(size_t i)
{
    return i < DATASET_SCALE_COUNT
               ? dataset_scaling_name((enum dataset_scaling)i)
               : NULL;
}

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

static void
read_batch_size(struct walk *w, size_t *out)
{
    json_t  *value = walk_member(w, "batch_size");
    uint64_t n;

    if (value == NULL)
        return;
    if (json_is_string(value) && strcmp(json_string_value(value), "full") == 0)
        *out = 0;
    else if (json_is_string(value))
        walk_wrong(w, "batch_size",
                   "must be a number or \"full\", got \"%.30s\"",
                   json_string_value(value));
    else if (value_count(value, "/batch_size", 1, CODEC_MAX_BATCH, &n, w->e))
        *out = (size_t)n;
}

static void
read_optimizer(struct walk *w, struct nn_optimizer_spec *out)
{
    json_t     *value = walk_member(w, "optimizer"), *type;
    struct walk o;
    size_t      i;

    nn_optimizer_spec_init(out, nn_optimizer_type_find("adam"));
    if (value == NULL)
        return;
    walk_begin(&o, value, "/optimizer", w->e);
    type = walk_member(&o, "type");
    if (type == NULL) {
        walk_missing(&o, "type");
        return;
    }
    if (!value_word(type, "/optimizer/type", optimizer_choice, &i, w->e))
        return; /* which members it may have depends on it */
    nn_optimizer_spec_init(out, nn_optimizer_type_at(i));
    walk_members(&o, nn_optimizer_type_members(out->type), out);
    walk_end(&o);
    nn_optimizer_spec_check(out, w->e);
}

static const char *
schedule_choice(size_t i)
{
    return i < CODEC_SCHEDULE_COUNT
               ? codec_schedule_name((enum codec_schedule_type)i)
               : NULL;
}

static void
read_schedule(struct walk *w, struct codec_schedule *out, uint64_t n_epochs)
{
    json_t     *value = walk_member(w, "schedule"), *type;
    struct walk s;
    size_t      i;

    codec_schedule_init(out, CODEC_SCHEDULE_CONSTANT);
    if (value == NULL)
        return;
    walk_begin(&s, value, "/schedule", w->e);
    type = walk_member(&s, "type");
    if (type == NULL) {
        walk_missing(&s, "type");
        return;
    }
    if (!value_word(type, "/schedule/type", schedule_choice, &i, w->e))
        return; /* which members it may have depends on it */
    codec_schedule_init(out, (enum codec_schedule_type)i);
    walk_members(&s, codec_schedule_members(out->type), out);
    if (out->warmup_epochs >= n_epochs)
        walk_wrong(&s, "warmup_epochs",
                   "must be less than the %llu epochs of the job",
                   (unsigned long long)n_epochs);
    walk_end(&s);
}

static void
read_validation(struct walk *w, struct codec_job *out)
{
    json_t     *value = walk_nullable(w, "validation"), *fraction, *dataset;
    struct walk v;

    if (value == NULL)
        return;
    walk_begin(&v, value, "/validation", w->e);
    fraction = walk_member(&v, "fraction");
    dataset = walk_member(&v, "dataset");
    if (v.object != NULL && (fraction == NULL) == (dataset == NULL))
        err_add(w->e, ERR_INVALID, "/validation",
                "must have exactly one of \"fraction\" and \"dataset\"");
    if (fraction != NULL)
        value_double(fraction, "/validation/fraction", 0, 1, true, true,
                     &out->validation_fraction, w->e);
    if (dataset != NULL)
        value_name(dataset, "/validation/dataset", out->validation_dataset,
                   w->e);
    read_count(&v, "every_epochs", 1, CODEC_MAX_EPOCHS, &out->validation_every);
    walk_end(&v);
}

static bool
read_stop_double(struct walk *w, const char *name, double max, double *out)
{
    json_t *value = walk_nullable(w, name);
    char    at[WALK_POINTER_SIZE];

    walk_pointer(at, w->at, name);
    return value != NULL &&
           value_double(value, at, 0, max, true, false, out, w->e);
}

/* Prechelt's two criteria, and what they are measured on. */
static void
read_prechelt(struct walk *w, bool validates, struct codec_job *out)
{
    json_t  *strip;
    uint64_t n;
    bool     gl, p;

    gl = read_stop_double(w, "generalization_loss_above", DBL_MAX,
                          &out->stop_generalization_loss);
    p = read_stop_double(w, "progress_below", DBL_MAX, &out->stop_progress);
    if ((gl || p) && !validates)
        walk_wrong(w, gl ? "generalization_loss_above" : "progress_below",
                   "needs a \"validation\", which this job has not");
    strip = walk_nullable(w, "strip_epochs");
    if (strip != NULL && value_count(strip, "/stop_when/strip_epochs", 2,
                                     CODEC_MAX_STRIP, &n, w->e))
        out->strip_epochs = (size_t)n;
}

static void
read_stop_when(struct walk *w, struct codec_job *out)
{
    json_t *value = walk_nullable(w, "stop_when"), *patience, *monitor, *delta;
    bool    validates =
        out->validation_fraction > 0 || out->validation_dataset[0] != '\0';
    struct walk s;
    size_t      i;

    out->monitor = validates ? CODEC_MONITOR_VAL_LOSS : CODEC_MONITOR_LOSS;
    if (value == NULL)
        return;
    walk_begin(&s, value, "/stop_when", w->e);
    read_stop_double(&s, "loss_below", DBL_MAX, &out->stop_loss_below);
    read_stop_double(&s, "accuracy_above", 1, &out->stop_accuracy_above);
    read_stop_double(&s, "seconds", 1e9, &out->stop_seconds);
    patience = walk_nullable(&s, "patience");
    if (patience != NULL)
        value_count(patience, "/stop_when/patience", 1, CODEC_MAX_EPOCHS,
                    &out->stop_patience, w->e);
    delta = walk_nullable(&s, "min_delta");
    if (delta != NULL)
        value_double(delta, "/stop_when/min_delta", 0, DBL_MAX, false, false,
                     &out->stop_min_delta, w->e);
    read_prechelt(&s, validates, out);
    monitor = walk_nullable(&s, "monitor");
    if (monitor != NULL &&
        value_word(monitor, "/stop_when/monitor", monitor_choice, &i, w->e)) {
        out->monitor = (enum codec_monitor)i;
        if (!validates && i >= CODEC_MONITOR_VAL_LOSS)
            walk_wrong(&s, "monitor",
                       "\"%s\" needs a \"validation\", which this job has not",
                       monitor_names[i]);
    }
    walk_end(&s);
}

static void
read_start_from(struct walk *w, struct codec_job *out)
{
    json_t  *value = walk_member(w, "start_from");
    uint64_t n;

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

static void
read_job(json_t *document, struct codec_job *out, struct errinfo *e)
{
    struct walk w;
    json_t     *value;
    size_t      i;

    *out = (struct codec_job){ .epochs = 10,
                               .batch_size = 32,
                               .shuffle = true,
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
    read_count(&w, "epochs", 1, CODEC_MAX_EPOCHS, &out->epochs);
    read_batch_size(&w, &out->batch_size);
    value = walk_member(&w, "shuffle");
    if (value != NULL)
        value_bool(value, "/shuffle", &out->shuffle, e);
    read_count(&w, "seed", 0, CODEC_MAX_SEED, &out->seed);
    read_optimizer(&w, &out->optimizer);
    read_schedule(&w, &out->schedule, out->epochs);
    value = walk_member(&w, "scale_inputs");
    if (value != NULL &&
        value_word(value, "/scale_inputs", scaling_choice, &i, e))
        out->scale_inputs = (enum dataset_scaling)i;
    read_validation(&w, out);
    read_stop_when(&w, out);
    value = walk_member(&w, "keep");
    if (value != NULL && value_word(value, "/keep", keep_choice, &i, e))
        out->keep = (enum codec_keep)i;
    read_start_from(&w, out);
    read_count(&w, "priority", 0, CODEC_MAX_PRIORITY, &out->priority);
    value = walk_member(&w, "checkpoint_seconds");
    if (value != NULL)
        value_double(value, "/checkpoint_seconds", 0.1, 3600, false, false,
                     &out->checkpoint_seconds, e);
    walk_end(&w);
}

enum err
codec_job_parse(const void *body, size_t len, struct codec_job *out,
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
    if (e->n > 0)
        return e->code;
    *out = job;
    return ERR_OK;
}

enum err
codec_job_spec_parse(const char *json, struct codec_job *out, struct errinfo *e)
{
    struct errinfo own;

    if (codec_job_parse(json, strlen(json), out, &own) == ERR_OK)
        return ERR_OK;
    return err_set(e, ERR_CORRUPT, "spec", "%.60s: %.120s", own.item[0].where,
                   own.item[0].what);
}

/* What may be another for a job that goes on; the rest is in its state. */
static const char *const continue_members[] = { "epochs", "stop_when",
                                                "priority",
                                                "checkpoint_seconds" };

enum err
codec_job_continue(const char *spec, const void *body, size_t len,
                   struct codec_job *out, bool *out_has_stop_when,
                   struct errinfo *e)
{
    struct walk w;
    json_t     *document = NULL, *base = NULL;
    char       *text = NULL;
    enum err    rc;

    err_clear(e);
    rc = walk_load(body, len, &document, e);
    if (rc == ERR_OK)
        rc = walk_load(spec, strlen(spec), &base, e);
    if (rc != ERR_OK)
        goto out;
    walk_begin(&w, document, "", e);
    for (size_t i = 0; i < COUNT_OF(continue_members); i++) {
        json_t *value = walk_member(&w, continue_members[i]);

        if (value != NULL)
            json_object_set(base, continue_members[i], value);
        else if (i == 0)
            walk_missing(&w, continue_members[i]);
    }
    walk_end(&w);
    *out_has_stop_when = json_object_get(document, "stop_when") != NULL;
    rc = e->code;
    if (e->n > 0)
        goto out;
    text = json_dumps(base, JSON_REAL_PRECISION(17));
    rc = text != NULL ? codec_job_parse(text, strlen(text), out, e)
                      : err_set(e, ERR_NOMEM, "", "out of memory");
out:
    free(text);
    json_decref(base);
    json_decref(document);
    return rc;
}

int64_t
codec_result_version(const char *result)
{
    json_t *document = result != NULL ? json_loads(result, 0, NULL) : NULL;
    json_t *version = json_object_get(document, "version");
    int64_t n =
        json_is_integer(version) ? (int64_t)json_integer_value(version) : -1;

    json_decref(document);
    return n;
}

enum err
codec_cancel_parse(const void *body, size_t len, bool *out_keep,
                   struct errinfo *e)
{
    struct walk w;
    json_t     *document = NULL, *value;
    bool        keep = false;
    enum err    rc;

    if (len == 0) {
        *out_keep = false;
        return ERR_OK;
    }
    err_clear(e);
    rc = walk_load(body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    walk_begin(&w, document, "", e);
    value = walk_member(&w, "keep");
    if (value != NULL)
        value_bool(value, "/keep", &keep, e);
    walk_end(&w);
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out_keep = keep;
    return ERR_OK;
}

/* --- writing -----------------------------------------------------------------
 */

static void
write_asked(struct buf *out, const char *name, double x)
{
    if (isnan(x))
        write_json(out, name, NULL);
    else
        write_double(out, name, x);
}

/* The spec's members behind network and dataset. */
static void
write_spec(const struct codec_job *spec, struct buf *out)
{
    write_count(out, "epochs", spec->epochs);
    if (spec->batch_size == 0)
        write_text(out, "batch_size", "full");
    else
        write_count(out, "batch_size", spec->batch_size);
    write_bool(out, "shuffle", spec->shuffle);
    write_count(out, "seed", spec->seed);

    write_member(out, "optimizer");
    write_begin(out);
    write_text(out, "type", nn_optimizer_type_name(spec->optimizer.type));
    write_members(out, nn_optimizer_type_members(spec->optimizer.type),
                  &spec->optimizer);
    write_end(out);

    write_member(out, "schedule");
    write_begin(out);
    write_text(out, "type", codec_schedule_name(spec->schedule.type));
    write_members(out, codec_schedule_members(spec->schedule.type),
                  &spec->schedule);
    write_end(out);

    write_text(out, "scale_inputs", dataset_scaling_name(spec->scale_inputs));
    write_member(out, "validation");
    if (spec->validation_fraction > 0 || spec->validation_dataset[0] != '\0') {
        write_begin(out);
        if (spec->validation_fraction > 0)
            write_double(out, "fraction", spec->validation_fraction);
        else
            write_text(out, "dataset", spec->validation_dataset);
        write_count(out, "every_epochs", spec->validation_every);
        write_end(out);
    } else {
        buf_puts(out, "null");
    }

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
    write_text(out, "monitor", monitor_names[spec->monitor]);
    write_end(out);

    write_text(out, "keep", keep_names[spec->keep]);
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
    if (progress == NULL) {
        own = (struct codec_progress){ .epoch = row->epoch,
                                       .epochs = spec.epochs,
                                       .fraction = (double)row->epoch /
                                                   (double)spec.epochs,
                                       .samples_per_second = NAN,
                                       .eta_seconds = NAN };
        if (row->status == STORE_JOB_SUCCEEDED) {
            own.fraction = 1;
            own.eta_seconds = 0;
        }
        progress = &own;
    }
    write_begin(out);
    write_count(out, "id", (uint64_t)row->id);
    write_text(out, "status", store_job_status_name(row->status));
    write_text(out, "network", row->network);
    write_text(out, "dataset", row->dataset);
    write_spec(&spec, out);

    write_member(out, "progress");
    write_begin(out);
    write_count(out, "epoch", progress->epoch);
    write_count(out, "epochs", progress->epochs);
    write_double(out, "fraction", progress->fraction);
    write_double(out, "samples_per_second", progress->samples_per_second);
    write_double(out, "eta_seconds", progress->eta_seconds);
    write_end(out);

    write_json(out, "metrics", metrics != NULL ? metrics : row->metrics);
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
    return ERR_OK;
}

/* --- history -----------------------------------------------------------------
 */

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
codec_history_format(const struct store_epoch *rows, size_t n, bool more,
                     struct buf *out)
{
    codec_list_begin(out);
    for (size_t i = 0; i < n; i++) {
        codec_list_next(out, i);
        write_begin(out);
        write_count(out, "epoch", rows[i].epoch);
        write_metrics(out, &rows[i]);
        write_figure(out, "learning_rate", rows[i].learning_rate);
        write_figure(out, "gradient_norm", rows[i].gradient_norm);
        write_figure(out, "seconds", rows[i].seconds);
        write_figure(out, "samples_per_second", rows[i].samples_per_second);
        write_end(out);
    }
    codec_list_end_number(out, more ? (int64_t)rows[n - 1].epoch : -1);
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
