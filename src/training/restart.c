/* restart.c - training from several initialisations, of which one is kept */
#include <math.h>

#include "base/random.h"
#include "training/trainer.h"

uint64_t
training_restart_seed(uint64_t seed, uint64_t restart)
{
    const struct random_at at = {
        .seed = seed,
        .purpose = RANDOM_RESTART,
        .step = (uint32_t)restart,
    };

    if (restart == 1)
        return seed;
    return ((uint64_t)random_u32(&at, 0) << 32 | random_u32(&at, 1)) &
           CODEC_MAX_SEED;
}

static struct store_epoch
no_row(void)
{
    return (struct store_epoch){
        .loss = NAN,
        .accuracy = NAN,
        .val_loss = NAN,
        .val_accuracy = NAN,
        .learning_rate = NAN,
        .gradient_norm = NAN,
        .seconds = NAN,
        .samples_per_second = NAN,
    };
}

/* This restart leads: the state it ended in is what a job that continues this
 * one would begin with. */
static void
winner_keep(struct training_trainer *t)
{
    struct training_state alone = t->state;
    struct training_parts parts = training_trainer_parts(t);

    training_state_alone(&alone);
    t->winner_len = training_state_export(&alone, &parts, t->winner);
}

void
training_restart_end(struct training_trainer *t, enum training_reason reason)
{
    struct training_state   *s = &t->state;
    struct training_outcome *outcome = &s->outcome[s->restart - 1];
    const struct nn_net     *kept = training_trainer_kept(t);
    bool                     is_best = kept == t->best;
    double                   figure = s->best_figure;

    struct store_epoch row = is_best ? s->best : s->last;
    if (!is_best)
        figure = training_monitored(t, &s->last);
    /* What blew up is no candidate, however good it was before. */
    if (reason == TRAINING_DIVERGED || s->epoch == s->began ||
        !training_is_finite(kept)) {
        figure = NAN;
        row = no_row();
    }
    *outcome = (struct training_outcome){
        .epochs = s->epoch - s->began,
        .best_epoch = s->best_epoch,
        .figure = figure,
        .reason = reason,
        .row = row,
    };
    if (t->winner == NULL || isnan(figure))
        return;
    if (s->kept_restart != 0 &&
        !training_is_better(t, figure, s->outcome[s->kept_restart - 1].figure,
                            0))
        return;
    s->kept_restart = s->restart;
    winner_keep(t);
}

enum err
training_restart_begin(struct training_trainer *t, struct errinfo *e)
{
    struct training_state *s = &t->state;
    enum err               rc;

    s->restart++;
    training_state_restart(s, training_restart_seed(t->spec->seed, s->restart));
    nn_net_init(t->net, s->seed);
    nn_optimizer_free(t->opt);
    t->opt = NULL;
    rc = nn_optimizer_new(&t->spec->optimizer, nn_net_n_params(t->net), &t->opt,
                          e);
    training_run_restart(t->run, s->restart, s->epoch, t->train.n);
    return rc;
}
