/* trainer.c - one job's epochs */
#include "training/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/dataset.h"

/* While rows crowd because the disk is full, look again this often. */
#define CROWDED_US 100000

/* --- loading -------------------------------------------------------------- */

static enum err
load_tables(struct training_trainer *t, struct errinfo *e)
{
    const struct codec_job *spec = t->spec;
    struct training_plan   *plan = t->plan;
    enum err                rc;

    rc =
        dataset_table_load(plan->encoder, plan->fit, &plan->dataset->source,
                           spec->validation_fraction, spec->seed, &t->table, e);
    if (rc != ERR_OK)
        return rc;
    t->train.table = t->validation.table = t->table;
    t->train.n = t->table->n_train;
    t->validation.n = t->table->n_validation;
    t->validation.row = t->table->validation;
    if (t->train.n < t->table->n_rows)
        t->train.row = t->table->train;

    if (plan->validation != NULL) {
        rc = dataset_table_load(plan->encoder, false, &plan->validation->source,
                                0, 0, &t->held_out, e);
        /* The loader knows one dataset and calls it "/dataset". */
        if (rc == ERR_INVALID && e != NULL)
            for (unsigned i = 0; i < e->n; i++)
                snprintf(e->item[i].where, sizeof(e->item[i].where),
                         "/validation/dataset");
        if (rc != ERR_OK)
            return rc;
        t->validation = (struct training_rows){
            .table = t->held_out,
            .n = t->held_out->n_rows,
        };
    }
    if (t->validation.n == 0 && spec->validation_fraction > 0)
        return err_set(e, ERR_INVALID, "/validation/fraction",
                       "%g of %zu rows leaves none to validate with",
                       spec->validation_fraction, t->table->n_rows);
    return ERR_OK;
}

static enum err
no_memory(struct errinfo *e)
{
    return err_set(e, ERR_NOMEM, "", "no memory to train in");
}

static enum err
load_rows(struct training_trainer *t, struct errinfo *e)
{
    const struct training_plan *plan = t->plan;
    enum err                    rc = load_tables(t, e);

    if (rc != ERR_OK)
        return rc;
    t->classify = plan->encoder->task == DATASET_CLASSIFICATION;
    t->middle = dataset_encoder_middle(plan->encoder);
    t->batch_size = plan->batch_size;
    if (t->batch_size > t->train.n)
        t->batch_size = t->train.n;
    /* One batch of all rows has the same gradient in any order. */
    if (t->spec->shuffle && t->batch_size < t->train.n) {
        t->order = mem_array(t->train.n, sizeof(*t->order), 0);
        if (t->order == NULL)
            return no_memory(e);
        t->train.row = t->order;
    }
    if (t->train.row != NULL || t->validation.row != NULL) {
        t->stage_x = mem_floats(plan->stage_rows * t->table->n_in, 0);
        t->stage_t = mem_floats(plan->stage_rows * t->table->n_out, 0);
        if (t->stage_x == NULL || t->stage_t == NULL)
            return no_memory(e);
    }
    return ERR_OK;
}

static enum err
load_net(struct training_trainer *t, struct store *db, bool resumes,
         struct errinfo *e)
{
    struct dataset_encoder *unused = NULL;
    int64_t                 version;
    enum err                rc;

    if (resumes) /* All its parameters are in the checkpoint. */
        rc = nn_net_new(&t->plan->net, &t->net, e);
    else
        rc = codec_stored_net(db, t->spec->network, t->plan->start_version,
                              &t->net, &unused, &version, e);
    dataset_encoder_free(unused);
    if (rc == ERR_OK && t->spec->keep == CODEC_KEEP_BEST)
        rc = nn_net_clone(t->net, &t->best, e);
    if (rc == ERR_OK)
        rc = nn_work_new(t->net, t->plan->work_rows, true, &t->work, e);
    if (rc == ERR_OK)
        rc = nn_optimizer_new(&t->spec->optimizer, nn_net_n_params(t->net),
                              &t->opt, e);
    if (rc != ERR_OK)
        return rc;
    t->grad = mem_floats(nn_net_n_params(t->net), 0);
    return t->grad != NULL ? ERR_OK : no_memory(e);
}

/* The encoder is fitted now: what it looks like stays the same from here on. */
static enum err
load_encoder(struct training_trainer *t, struct errinfo *e)
{
    struct buf json = { 0 };

    codec_encoder_format(t->plan->encoder, &json);
    if (json.failed) {
        buf_release(&json);
        return no_memory(e);
    }
    t->encoder = buf_steal(&json, &t->encoder_len);
    t->encoder_len++;
    return ERR_OK;
}

static struct training_parts
state_parts(const struct training_trainer *t)
{
    return (struct training_parts){
        .net = t->net,
        .best = t->best,
        .opt = t->opt,
        .encoder = t->encoder,
        .encoder_len = t->encoder_len,
    };
}

enum err
training_trainer_new(struct store *db, const struct codec_job *spec,
                     struct training_plan        *plan,
                     const struct training_saved *saved,
                     struct training_run *run, struct training_trainer **out,
                     struct errinfo *e)
{
    struct training_trainer *t = mem_array(1, sizeof(*t), 0);
    enum err                 rc;

    if (t == NULL)
        return no_memory(e);
    t->spec = spec;
    t->plan = plan;
    t->run = run;
    rc = load_net(t, db, saved != NULL, e);
    if (rc == ERR_OK && saved != NULL) {
        t->state = saved->state;
        rc = training_saved_restore(saved, t->net, t->best, t->opt, e);
    }
    if (rc == ERR_OK)
        rc = load_rows(t, e);
    if (rc == ERR_OK)
        rc = load_encoder(t, e);
    if (rc == ERR_OK) {
        struct training_parts parts = state_parts(t);
        t->bytes = mem_array(training_state_bytes(&parts), 1, 0);
        if (t->bytes == NULL)
            rc = no_memory(e);
    }
    if (rc != ERR_OK) {
        training_trainer_free(t);
        return rc;
    }
    training_run_begin(run, t->state.epoch, spec->epochs, t->train.n,
                       spec->stop_seconds);
    if (t->state.epoch != 0)
        training_run_advance(run, t->state.epoch, 0, t->state.elapsed,
                             &t->state.last);
    *out = t;
    return ERR_OK;
}

void
training_trainer_free(struct training_trainer *t)
{
    if (t == NULL)
        return;
    free(t->bytes);
    free(t->encoder);
    free(t->stage_t);
    free(t->stage_x);
    free(t->order);
    dataset_table_free(t->held_out);
    dataset_table_free(t->table);
    free(t->grad);
    nn_optimizer_free(t->opt);
    nn_work_free(t->work);
    nn_net_free(t->best);
    nn_net_free(t->net);
    free(t);
}

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
    if (isnan(figure)) /* Not validated this time. */
        return;
    bool better =
        monitors_loss(t) ? figure < s->best_figure : figure > s->best_figure;
    if (s->best_epoch != 0 && !better) {
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
    if (s->elapsed >= spec->stop_seconds)
        return "seconds";
    return NULL;
}

/* --- the loop ------------------------------------------------------------- */

static void
trainer_checkpoint(struct training_trainer *t, struct training_checkpoint *cp)
{
    struct training_parts parts = state_parts(t);
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
    const char *reason;

    while ((reason = stop_reason(t)) == NULL) {
        struct store_epoch row;
        int64_t            began = clock_mono_us();

        if (training_run_is_halted(t->run)) {
            /* Nothing of the next epoch has begun: this state is whole. */
            if (!atomic_load(&t->run->cancelled)) {
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
        state_advance(t, &row, (double)(clock_mono_us() - began) * 1e-6);
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
