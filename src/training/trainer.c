/* trainer.c - one job's epochs, until there is a reason to stop */
#include "training/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

/* While rows crowd because the disk is full, look again this often. */
#define CROWDED_US 100000

/* --- best and enough ------------------------------------------------------ */

double
training_monitored(const struct training_trainer *t,
                   const struct store_epoch      *row)
{
    switch (t->spec->monitor) {
    case CODEC_MONITOR_LOSS:
        return row->loss;
    case CODEC_MONITOR_ACCURACY:
        return row->accuracy;
    case CODEC_MONITOR_VAL_LOSS:
        return row->val_loss;
    case CODEC_MONITOR_VAL_ACCURACY:
        return row->val_accuracy;
    }
    return NAN;
}

static bool
monitors_loss(const struct training_trainer *t)
{
    return t->spec->monitor == CODEC_MONITOR_LOSS ||
           t->spec->monitor == CODEC_MONITOR_VAL_LOSS;
}

bool
training_is_better(const struct training_trainer *t, double figure, double than,
                   double delta)
{
    return monitors_loss(t) ? figure < than - delta : figure > than + delta;
}

/* The schedule waits for a better figure, and lowers the rate in vain. */
static void
plateau_advance(struct training_trainer *t, bool better)
{
    const struct codec_schedule *schedule = &t->spec->schedule;
    struct training_state       *s = &t->state;

    if (schedule->type != CODEC_SCHEDULE_PLATEAU)
        return;
    s->plateau_waited = better ? 0 : s->plateau_waited + 1;
    if (s->plateau_waited >= schedule->patience) {
        s->plateau *= (double)schedule->factor;
        s->plateau_waited = 0;
    }
}

/* The epoch is done, `seconds` of this run after the one before, or after the
 * job went on: it becomes part of the state. */
static void
state_advance(struct training_trainer *t, const struct store_epoch *row,
              double seconds)
{
    struct training_state *s = &t->state;
    double                 figure = training_monitored(t, row);

    s->epoch = row->epoch;
    s->last = *row;
    s->elapsed += seconds;
    memset(&s->sums, 0, sizeof(s->sums));
    s->seconds = 0;
    s->strip[(s->epoch - s->began) % t->spec->strip_epochs] = row->loss;
    if (row->val_loss < s->least_val_loss)
        s->least_val_loss = row->val_loss;
    if (isnan(figure)) /* Not validated this time. */
        return;
    bool better =
        s->best_epoch == 0 ||
        training_is_better(t, figure, s->best_figure, t->spec->stop_min_delta);
    plateau_advance(t, better);
    if (!better) {
        s->waited++;
        return;
    }
    s->best_epoch = row->epoch;
    s->best_figure = figure;
    s->best = *row;
    s->waited = 0;
    if (t->best != NULL)
        memcpy(nn_net_params(t->best), nn_net_params_const(t->net),
               nn_net_n_params(t->net) * sizeof(float));
}

/* Prechelt's generalisation loss, in percent; NaN where not validated. */
static double
generalization_loss(const struct training_state *s)
{
    return 100 * (s->last.val_loss / s->least_val_loss - 1);
}

/* Prechelt's training progress, in thousandths; NaN before a whole strip, and
 * where the epoch was not validated. */
static double
progress(const struct training_trainer *t)
{
    const struct training_state *s = &t->state;
    size_t                       k = t->spec->strip_epochs;
    double                       sum = 0, least = INFINITY;

    if (s->epoch - s->began < k || isnan(s->last.val_loss))
        return NAN;
    for (size_t i = 0; i < k; i++) {
        sum += s->strip[i];
        least = fmin(least, s->strip[i]);
    }
    return 1000 * (sum / ((double)k * least) - 1);
}

/*
 * Why the restart under way should stop.  A function of the state alone, so
 * that a job that was interrupted after its last epoch ends for the same
 * reason.
 */
static enum training_reason
stop_reason(const struct training_trainer *t)
{
    const struct codec_job      *spec = t->spec;
    const struct training_state *s = &t->state;
    bool                         held_out = t->validation.n != 0;

    if (s->epoch == s->began)
        return TRAINING_GOES_ON;
    if (training_is_final(t))
        return s->epoch - s->began >= training_final_epochs(t)
                   ? TRAINING_EPOCHS
                   : TRAINING_GOES_ON;
    double loss = held_out ? s->last.val_loss : s->last.loss;
    double accuracy = held_out ? s->last.val_accuracy : s->last.accuracy;
    /* Comparisons with NaN, not asked or not known, are false. */
    if (loss < spec->stop_loss_below)
        return TRAINING_LOSS_BELOW;
    if (accuracy > spec->stop_accuracy_above)
        return TRAINING_ACCURACY_ABOVE;
    if (s->epoch - s->began >= spec->epochs)
        return TRAINING_EPOCHS;
    if (spec->stop_patience != 0 && s->waited >= spec->stop_patience)
        return TRAINING_PATIENCE;
    if (generalization_loss(s) > spec->stop_generalization_loss)
        return TRAINING_GENERALIZATION_LOSS;
    if (progress(t) < spec->stop_progress)
        return TRAINING_PROGRESS;
    if (s->elapsed >= spec->stop_seconds)
        return TRAINING_SECONDS;
    return TRAINING_GOES_ON;
}

const char *
training_reason_name(enum training_reason reason)
{
    static const char *const names[TRAINING_REASON_COUNT] = {
        [TRAINING_GOES_ON] = "interrupted",
        [TRAINING_LOSS_BELOW] = "loss_below",
        [TRAINING_ACCURACY_ABOVE] = "accuracy_above",
        [TRAINING_EPOCHS] = "epochs",
        [TRAINING_PATIENCE] = "patience",
        [TRAINING_GENERALIZATION_LOSS] = "generalization_loss",
        [TRAINING_PROGRESS] = "progress",
        [TRAINING_SECONDS] = "seconds",
        [TRAINING_DIVERGED] = "loss_not_finite",
        [TRAINING_CANCELLED] = "cancelled",
    };

    return names[reason];
}

struct training_parts
training_trainer_parts(const struct training_trainer *t)
{
    return (struct training_parts){
        .net = t->net,
        .best = t->best,
        .opt = t->opt,
        .winner = t->winner,
        .winner_len = t->winner_len,
        .winner_room = t->winner_room,
        .encoder = t->encoder,
        .encoder_len = t->encoder_len,
    };
}

/* --- the loop ------------------------------------------------------------- */

void
training_warnings_format(const struct training_trainer *t, struct buf *out)
{
    struct codec_warning warning[1 + TRAINING_MAX_WARNINGS];
    size_t               n = 0;

    if (t->changed[0] != '\0') /* from the first epoch on, and so the first */
        warning[n++] = (struct codec_warning){
            .code = TRAINING_CHANGED,
            .epoch = 1,
            .layer = -1,
            .advice = t->changed,
        };
    n += training_watch_list(&t->state.watch, warning + n);
    codec_warnings_format(warning, n, out);
}

static void
trainer_checkpoint(struct training_trainer *t, struct training_checkpoint *cp)
{
    struct training_parts parts = training_trainer_parts(t);
    struct buf            metrics = { 0 }, warnings = { 0 };
    size_t len = training_state_export(&t->state, &parts, t->bytes);

    if (t->state.epoch != 0)
        codec_metrics_format(&t->state.last, &metrics);
    training_warnings_format(t, &warnings);
    const struct training_notes notes = {
        .metrics = metrics.failed ? NULL : metrics.data,
        .warnings = warnings.failed ? NULL : warnings.data,
        .rate_test = t->rate_test,
    };
    training_checkpoint_send(cp, t->state.epoch, t->bytes, len, &notes);
    buf_release(&warnings);
    buf_release(&metrics);
}

static void
checkpoint_if_due(struct training_trainer *t, struct training_checkpoint *cp)
{
    while (!training_checkpoint_is_due(cp)) {
        if (!training_checkpoint_is_crowded(cp) ||
            training_run_is_halted(t->run))
            return;
        training_run_sleep(t->run, CROWDED_US);
    }
    trainer_checkpoint(t, cp);
}

void
training_trainer_within(struct training_trainer *t)
{
    if (training_checkpoint_is_late(t->checkpoint, t->spec->checkpoint_seconds))
        trainer_checkpoint(t, t->checkpoint);
}

/* The figures of the layers with parameters, where this epoch's are kept. */
static enum err
keep_layers(struct training_trainer *t, struct training_checkpoint *cp,
            const struct store_epoch *row, const struct nn_train_sums *sums,
            struct errinfo *e)
{
    if (!training_keeps_layers(row->epoch - t->state.began))
        return ERR_OK;
    for (size_t i = 0; i < nn_net_spec(t->net)->n_layers; i++) {
        const struct store_layer layer = {
            .epoch = row->epoch,
            .layer = i,
            .gradient_norm = sums->layer_norm[i] / (double)sums->n_batches,
            .update_ratio = sums->update_ratio[i],
        };
        enum err rc = ERR_OK;

        if (nn_net_layer_trained(t->net, i) > 0)
            rc = training_checkpoint_layer(cp, &layer, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* One epoch, its rows, and what becomes of the state. */
static enum err
trainer_epoch(struct training_trainer *t, struct training_checkpoint *cp,
              int64_t *mark, struct errinfo *e)
{
    struct training_state *s = &t->state;
    double                 before = s->seconds; /* of this epoch, earlier on */
    struct nn_train_sums   sums;
    struct store_epoch     row;
    enum err               rc;

    rc = training_epoch(t, s->epoch - s->began + 1, &row, e);
    sums = s->sums;
    if (rc == ERR_OK)
        rc = training_checkpoint_row(cp, &row, e);
    if (rc == ERR_OK)
        rc = keep_layers(t, cp, &row, &sums, e);
    if (rc != ERR_OK)
        return rc;
    /* From mark to mark, so that the time a full disk or a crowd of rows
     * took counts towards stop_when.seconds as well. */
    int64_t now = clock_mono_us();
    state_advance(t, &row, before + (double)(now - *mark) * 1e-6);
    *mark = now;
    training_watch(t, &sums);
    training_run_advance(t->run, row.epoch, 0, s->elapsed, &row);
    checkpoint_if_due(t, cp);
    return ERR_OK;
}

/* It stands between two batches: this state is whole. */
static enum err
trainer_halt(struct training_trainer *t, struct training_checkpoint *cp)
{
    if (training_run_why(t->run) < TRAINING_CANCEL) {
        training_checkpoint_settle(cp);
        if (t->state.epoch > cp->epoch || t->state.sums.n_rows > 0)
            trainer_checkpoint(t, cp);
    }
    return ERR_CANCELED;
}

/* A restart or fold is over.  *out_done: so is the job. */
static enum err
next_restart(struct training_trainer *t, enum training_reason reason,
             bool *out_done, struct errinfo *e)
{
    training_restart_end(t, reason);
    *out_done = t->state.restart >= codec_job_runs(t->spec) ||
                reason == TRAINING_SECONDS;
    if (*out_done)
        return ERR_OK;
    return t->spec->folds > 0 ? training_fold_begin(t, e)
                              : training_restart_begin(t, e);
}

enum err
training_trainer_run(struct training_trainer *t, struct training_checkpoint *cp,
                     struct errinfo *e)
{
    int64_t mark = clock_mono_us();
    bool    done = false;

    t->checkpoint = cp;
    if (t->spec->auto_rate && t->state.rate == 0) {
        enum err rc = training_rate_test(t, e);
        if (rc != ERR_OK)
            return rc;
    }
    while (!done) {
        enum training_reason reason = stop_reason(t);
        enum err             rc = ERR_OK;

        if (reason == TRAINING_GOES_ON && training_run_is_halted(t->run))
            return trainer_halt(t, cp);
        if (reason == TRAINING_GOES_ON)
            rc = trainer_epoch(t, cp, &mark, e);
        if (rc == ERR_CANCELED)
            return trainer_halt(t, cp);
        if (rc == ERR_INVALID) /* It blew up; another one may not. */
            reason = TRAINING_DIVERGED;
        else if (rc != ERR_OK)
            return rc;
        if (reason == TRAINING_GOES_ON)
            continue;
        enum err next = next_restart(t, reason, &done, e);
        /* One that blew up left weights that no checkpoint may hold: it goes
         * on from the last one, and blows up again. */
        if (next == ERR_CANCELED && rc == ERR_OK)
            return trainer_halt(t, cp);
        if (next != ERR_OK)
            return next;
        if (done && rc == ERR_INVALID && t->state.kept_restart == 0)
            return rc;
    }
    err_clear(e);
    return ERR_OK;
}

const struct nn_net *
training_trainer_kept(const struct training_trainer *t)
{
    return t->best != NULL && t->state.best_epoch != 0 ? t->best : t->net;
}

const void *
training_trainer_end(struct training_trainer *t, size_t *out_len)
{
    struct training_parts parts = training_trainer_parts(t);

    if (t->state.kept_restart != 0) {
        *out_len = t->winner_len;
        return t->winner;
    }
    *out_len = training_state_export(&t->state, &parts, t->bytes);
    return t->bytes;
}
