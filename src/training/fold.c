/* fold.c - each fold held out once, then all rows for the model that is kept */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/stored.h"
#include "training/trainer.h"

bool
training_is_final(const struct training_trainer *t)
{
    return t->spec->folds > 0 && t->state.restart > t->spec->folds;
}

uint64_t
training_final_epochs(const struct training_trainer *t)
{
    uint64_t began = 0;
    double   sum = 0, n = 0;

    for (uint64_t i = 0; i < t->spec->folds; i++) {
        const struct training_outcome *fold = &t->state.outcome[i];
        bool is_best = t->best != NULL && fold->best_epoch != 0;

        if (fold->reason != TRAINING_DIVERGED) {
            sum += (double)(is_best ? fold->best_epoch - began : fold->epochs);
            n++;
        }
        began += fold->epochs;
    }
    return n > 0 ? (uint64_t)fmax(1, round(sum / n)) : t->spec->epochs;
}

/* What the next one begins with, while the state is still the last one's. */
struct fresh {
    struct nn_net *start;
    char          *encoder;
    size_t         encoder_len;
};

static enum err
fresh_load(struct training_trainer *t, struct fresh *out, struct errinfo *e)
{
    struct dataset_encoder *unused = NULL;
    int64_t                 version;
    enum err                rc;

    rc = training_plan_encoder_renew(t->plan, t->db, t->spec, e);
    if (rc == ERR_OK)
        rc = training_rows_load(t, t->state.restart + 1, e);
    if (rc == ERR_OK)
        rc = training_encoder_text(t, &out->encoder, &out->encoder_len, e);
    if (rc == ERR_OK)
        rc = codec_stored_net(t->db, t->spec->network, t->plan->start_version,
                              &out->start, &unused, &version, e);
    dataset_encoder_free(unused);
    return rc;
}

/* The encoder is another one, and so is the room for a state with it. */
static enum err
fresh_take(struct training_trainer *t, struct fresh *fresh, struct errinfo *e)
{
    memcpy(nn_net_params(t->net), nn_net_params_const(fresh->start),
           nn_net_params_bytes(t->net));
    free(t->encoder);
    t->encoder = fresh->encoder;
    t->encoder_len = fresh->encoder_len;
    fresh->encoder = NULL;
    nn_optimizer_free(t->opt);
    t->opt = NULL;
    enum err rc = nn_optimizer_new(&t->spec->optimizer, nn_net_n_params(t->net),
                                   &t->opt, e);
    if (rc != ERR_OK)
        return rc;
    struct training_parts parts = training_trainer_parts(t);
    free(t->bytes);
    t->bytes = mem_array(training_state_bytes(&parts), 1, 0);
    return t->bytes != NULL
               ? ERR_OK
               : err_set(e, ERR_NOMEM, "", "no memory to train in");
}

enum err
training_fold_begin(struct training_trainer *t, struct errinfo *e)
{
    struct training_state *s = &t->state;
    struct fresh           fresh = { 0 };
    enum err               rc = fresh_load(t, &fresh, e);

    if (rc == ERR_OK)
        rc = fresh_take(t, &fresh, e);
    if (rc != ERR_OK)
        goto out;
    s->restart++;
    training_state_restart(s, t->spec->seed);
    t->baseline = training_baseline(t);
    training_run_restart(t->run, s->restart, s->epoch, t->train.n);
    if (training_is_final(t))
        training_run_shorten(t->run, training_final_epochs(t));
out:
    nn_net_free(fresh.start);
    free(fresh.encoder);
    return rc;
}
