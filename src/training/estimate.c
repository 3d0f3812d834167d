/* estimate.c - what a job would take, by trying a little of it */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "nn/train.h"
#include "training/plan.h"
#include "training/training.h"

/* So long a few batches are trained; at least one, of so many rows at most. */
#define TRIAL_US 30000
#define TRIAL_ROWS 256
/* A forward pass costs about a third of an update. */
#define VALIDATION_SHARE (1.0 / 3)

struct trial {
    struct nn_net       *net;
    struct nn_work      *work;
    struct nn_optimizer *opt;
    float               *grad, *x, *t;
    size_t               n; /* rows of a batch */
};

static void
trial_release(struct trial *trial)
{
    free(trial->t);
    free(trial->x);
    free(trial->grad);
    nn_optimizer_free(trial->opt);
    nn_work_free(trial->work);
    nn_net_free(trial->net);
}

static enum err
trial_init(struct trial *trial, const struct training_plan *plan,
           const struct codec_job *spec, struct errinfo *e)
{
    enum err rc = nn_net_new(&plan->net, &trial->net, e);

    if (rc != ERR_OK)
        return rc;
    nn_net_init(trial->net, plan->net.seed);
    trial->n = plan->batch_size < TRIAL_ROWS ? plan->batch_size : TRIAL_ROWS;
    rc = nn_work_new(trial->net, trial->n, true, &trial->work, e);
    if (rc == ERR_OK)
        rc = nn_optimizer_new(&spec->optimizer, nn_net_n_params(trial->net),
                              &trial->opt, e);
    if (rc != ERR_OK)
        return rc;
    trial->grad = mem_floats(nn_net_n_params(trial->net), 0);
    trial->x = mem_floats(trial->n * nn_net_n_in(trial->net), 0);
    trial->t = mem_floats(trial->n * nn_net_n_out(trial->net), 0);
    if (trial->grad == NULL || trial->x == NULL || trial->t == NULL)
        return err_set(e, ERR_NOMEM, "", "no memory for a trial");
    return ERR_OK;
}

/* Seconds that a row takes. */
static double
trial_run(struct trial *trial)
{
    struct nn_train_sums    sums = { 0 };
    struct nn_train_options options = { .batch_size = trial->n };
    int64_t                 began = clock_mono_us(), us;

    do {
        if (!nn_train_rows(trial->net, trial->work, trial->opt, trial->grad,
                           trial->x, trial->t, NULL, trial->n, &options, &sums))
            return NAN;
        us = clock_mono_us() - began;
    } while (us < TRIAL_US);
    return (double)us * 1e-6 / (double)sums.n_rows;
}

static double
seconds_of(const struct training_plan *plan, const struct codec_job *spec,
           struct mem_budget *budget)
{
    struct trial trial = { 0 };
    double       a_row = NAN;

    /* A trial needs less than the job does. */
    if (mem_budget_take(budget, plan->bytes, "the trial", NULL) != ERR_OK)
        return NAN;
    if (trial_init(&trial, plan, spec, NULL) == ERR_OK)
        a_row = trial_run(&trial);
    trial_release(&trial);
    mem_budget_give(budget, plan->bytes);

    double all = (double)plan->dataset->meta.n_rows;
    double runs = (double)spec->restarts, final = 0;
    double held_out = all * spec->validation_fraction;
    if (spec->folds > 0) {
        runs = (double)spec->folds;
        held_out = all / runs;
        final = all;
    }
    double an_epoch = all - held_out;
    if (plan->validation != NULL)
        held_out = (double)plan->validation->meta.n_rows;
    an_epoch += held_out * VALIDATION_SHARE / (double)spec->validation_every;
    double seconds = a_row * (an_epoch * runs + final) * (double)spec->epochs;
    return spec->stop_seconds < seconds ? spec->stop_seconds : seconds;
}

enum err
training_estimate(struct store *db, struct mem_budget *budget,
                  const struct codec_job *spec, struct training_estimate *out,
                  struct errinfo *e)
{
    struct training_plan plan;
    enum err             rc = training_check(db, budget, spec, e);

    if (rc == ERR_OK)
        rc = training_plan_init(&plan, db, spec, NULL, e);
    if (rc != ERR_OK)
        return rc;
    training_plan_limit(&plan, budget->limit, NULL);
    out->memory_bytes = plan.bytes;
    out->seconds = seconds_of(&plan, spec, budget);
    training_plan_release(&plan);
    return ERR_OK;
}
