/* trainer.c - one job's epochs, until there is a reason to stop */
#include "training/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

/* While rows crowd because the disk is full, look again this often. */
#define CROWDED_US 100000

/* --- best and enough ------------------------------------------------------ */

static double
monitored(const struct training_trainer *t, const struct store_epoch *row)
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

/* The epoch is done: it becomes part of the state. */
static void
state_advance(struct training_trainer *t, const struct store_epoch *row,
              double seconds)
{
    struct training_state *s = &t->state;
    double                 figure = monitored(t, row);

    s->epoch = row->epoch;
    s->last = *row;
    s->elapsed += seconds;
    s->strip[s->epoch % t->spec->strip_epochs] = row->loss;
    if (row->val_loss < s->least_val_loss)
        s->least_val_loss = row->val_loss;
    if (isnan(figure)) /* Not validated this time. */
        return;
    bool better =
        s->best_epoch == 0 ||
        (monitors_loss(t) ? figure < s->best_figure - t->spec->stop_min_delta
                          : figure > s->best_figure + t->spec->stop_min_delta);
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

    if (s->epoch < k || isnan(s->last.val_loss))
        return NAN;
    for (size_t i = 0; i < k; i++) {
        sum += s->strip[i];
        least = fmin(least, s->strip[i]);
    }
    return 1000 * (sum / ((double)k * least) - 1);
}

/*
 * Why the job should stop, or NULL.  A function of the state alone, so that a
 * job that was interrupted after its last epoch ends for the same reason.
 */
static const char *
stop_reason(const struct training_trainer *t)
{
    const struct codec_job      *spec = t->spec;
    const struct training_state *s = &t->state;
    bool                         held_out = t->validation.n != 0;

    if (s->epoch == 0)
        return NULL;
    double loss = held_out ? s->last.val_loss : s->last.loss;
    double accuracy = held_out ? s->last.val_accuracy : s->last.accuracy;
    /* Comparisons with NaN, not asked or not known, are false. */
    if (loss < spec->stop_loss_below)
        return "loss_below";
    if (accuracy > spec->stop_accuracy_above)
        return "accuracy_above";
    if (s->epoch >= spec->epochs)
        return "epochs";
    if (spec->stop_patience != 0 && s->waited >= spec->stop_patience)
        return "patience";
    if (generalization_loss(s) > spec->stop_generalization_loss)
        return "generalization_loss";
    if (progress(t) < spec->stop_progress)
        return "progress";
    if (s->elapsed >= spec->stop_seconds)
        return "seconds";
    return NULL;
}

struct training_parts
training_trainer_parts(const struct training_trainer *t)
{
    return (struct training_parts){
        .net = t->net,
        .best = t->best,
        .opt = t->opt,
        .encoder = t->encoder,
        .encoder_len = t->encoder_len,
    };
}

/* --- the loop ------------------------------------------------------------- */

static void
trainer_checkpoint(struct training_trainer *t, struct training_checkpoint *cp)
{
    struct training_parts parts = training_trainer_parts(t);
    struct buf            metrics = { 0 };
    size_t len = training_state_export(&t->state, &parts, t->bytes);

    codec_metrics_format(&t->state.last, &metrics);
    training_checkpoint_send(cp, t->state.epoch, t->bytes, len,
                             metrics.failed ? NULL : metrics.data);
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

enum err
training_trainer_run(struct training_trainer *t, struct training_checkpoint *cp,
                     const char **out_reason, struct errinfo *e)
{
    int64_t     mark = clock_mono_us();
    const char *reason;

    while ((reason = stop_reason(t)) == NULL) {
        struct store_epoch row;

        if (training_run_is_halted(t->run)) {
            /* Nothing of the next epoch has begun: this state is whole. */
            if (training_run_why(t->run) < TRAINING_CANCEL) {
                training_checkpoint_settle(cp);
                if (t->state.epoch > cp->epoch)
                    trainer_checkpoint(t, cp);
            }
            return ERR_CANCELED;
        }
        enum err rc = training_epoch(t, t->state.epoch + 1, &row, e);
        if (rc == ERR_OK)
            rc = training_checkpoint_row(cp, &row, e);
        if (rc != ERR_OK)
            return rc;
        /* From mark to mark, so that the time a full disk or a crowd of rows
         * took counts towards stop_when.seconds as well. */
        int64_t now = clock_mono_us();
        state_advance(t, &row, (double)(now - mark) * 1e-6);
        mark = now;
        training_run_advance(t->run, row.epoch, 0, t->state.elapsed, &row);
        checkpoint_if_due(t, cp);
    }
    *out_reason = reason;
    return ERR_OK;
}

const struct nn_net *
training_trainer_kept(const struct training_trainer *t,
                      const struct store_epoch     **row)
{
    if (t->best == NULL || t->state.best_epoch == 0) {
        *row = &t->state.last;
        return t->net;
    }
    *row = &t->state.best;
    return t->best;
}
