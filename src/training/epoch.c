/* epoch.c - all rows once: in a drawn order, in batches, and validated */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "training/trainer.h"

/*
 * Rows in a file are drawn in two steps, so that those of a while lie together:
 * whole chunks of rows in a drawn order, and then the rows of each window of
 * them.  Rows behind the last whole chunk stay at the end.
 */
static void
shuffle_windows(const struct training_trainer *t, struct random_at at)
{
    size_t    n = t->train.n, chunk = t->plan->chunk_rows;
    size_t    n_chunks = n / chunk, window = t->plan->window_rows;
    uint32_t *order = t->order, *place = t->chunk_order;

    random_permutation(&at, place, n_chunks);
    for (size_t first = 0; first < n; first += window) {
        size_t n_here = n - first < window ? n - first : window;

        at.step++;
        random_permutation(&at, order + first, n_here);
        for (size_t i = first; i < first + n_here; i++) {
            size_t k = first + order[i];

            order[i] = k < n_chunks * chunk
                           ? (uint32_t)(place[k / chunk] * chunk + k % chunk)
                           : (uint32_t)k;
        }
    }
}

/* The order of the rows is a function of (seed, epoch), and is not saved. */
void
training_shuffle(struct training_trainer *t, uint64_t epoch)
{
    const struct random_at at = {
        .seed = t->state.seed,
        .purpose = RANDOM_SHUFFLE,
        .epoch = (uint32_t)epoch,
    };

    if (t->order == NULL)
        return;
    if (t->plan->in_file)
        shuffle_windows(t, at);
    else
        random_permutation(&at, t->order, t->train.n);
    for (size_t i = 0; i < t->train.n; i++)
        t->order[i] = t->table->train[t->order[i]];
}

static enum err
not_finite(const struct training_trainer *t, struct errinfo *e)
{
    err_set(e, ERR_INVALID, "/optimizer/learning_rate",
            "the loss of epoch %llu is not a finite number; the network keeps "
            "the weights it had. Try a lower learning_rate than %g, or "
            "\"auto\", or clip_norm%s",
            (unsigned long long)t->state.epoch + 1, t->rate,
            t->spec->encoding.scale_inputs == DATASET_SCALE_NONE
                ? ", or scale_inputs \"standard\""
                : "");
    return err_named(e, ERR_INVALID, "loss_not_finite");
}

bool
training_is_finite(const struct nn_net *net)
{
    const float *w = nn_net_params_const(net);
    size_t       n = nn_net_n_params(net);

    for (size_t i = 0; i < n; i++)
        if (!isfinite(w[i]))
            return false;
    return true;
}

struct nn_train_options
training_epoch_options(const struct training_trainer *t, uint64_t epoch,
                       double rate)
{
    return (struct nn_train_options){
        .batch_size = t->batch_size,
        .rate = (float)rate,
        .clip_norm = (float)t->spec->clip_norm,
        .clip_value = (float)t->spec->clip_value,
        .draws = { .seed = t->state.seed, .epoch = (uint32_t)epoch },
        .middle = t->middle,
        .multi_label = t->multi_label,
        .stop = &t->run->halt,
    };
}

/* Train on the rows that are left of the epoch.  Between two batches, so also
 * where it is halted, the sums and the parameters are of the same moment. */
static enum err
train(struct training_trainer *t, uint64_t epoch, int64_t began,
      struct errinfo *e)
{
    const struct training_rows *rows = &t->train;
    struct nn_train_sums       *sums = &t->state.sums;
    double                      before = t->state.seconds;
    struct nn_train_options options = training_epoch_options(t, epoch, t->rate);
    const float            *x, *y, *w;
    size_t                  n;

    for (size_t done = sums->n_rows; done < rows->n; done += n) {
        n = rows->n - done;
        if (n > t->plan->block_rows)
            n = t->plan->block_rows;
        if (t->team != NULL)
            training_team_share(t->team, t->run->cores);
        training_rows_view(t, rows, done, n, &x, &y, &w);
        options.measure = done + n == rows->n && training_keeps_layers(epoch);
        options.draws.batch = (uint32_t)(done / t->batch_size);
        if (!nn_train_rows(t->net, t->work, t->opt, t->grad, x, y, w, n,
                           &options, sums))
            return not_finite(t, e);
        t->state.seconds = before + (double)(clock_mono_us() - began) * 1e-6;
        if (sums->n_rows < done + n)
            return ERR_CANCELED;
        if (done + n < rows->n) {
            training_run_advance(t->run, t->state.epoch, done + n,
                                 t->state.elapsed + t->state.seconds, NULL);
            training_trainer_within(t);
        }
    }
    /* The last update can overflow without a loss to show it. */
    return training_is_finite(t->net) ? ERR_OK : not_finite(t, e);
}

static enum err
validate(struct training_trainer *t, double *out_loss, double *out_accuracy)
{
    const struct training_rows *rows = &t->validation;
    size_t                      n_out = nn_net_n_out(t->net), n;
    double                      loss = 0, correct = 0;
    const float                *x, *target, *w;

    for (size_t done = 0; done < rows->n; done += n) {
        if (training_run_is_halted(t->run))
            return ERR_CANCELED;
        n = rows->n - done;
        if (n > t->plan->work_rows)
            n = t->plan->work_rows;
        training_rows_view(t, rows, done, n, &x, &target, &w);
        const float *y = nn_net_forward(t->net, t->work, x, n);
        loss += (double)n *
                nn_loss_mean(nn_net_spec(t->net), y, target, NULL, n, n_out);
        correct +=
            nn_count_correct(y, target, n, n_out, t->middle, t->multi_label);
    }
    *out_loss = loss / (double)rows->n;
    *out_accuracy = correct / (double)rows->n;
    return ERR_OK;
}

/* The rate of this epoch of the restart. */
static double
rate_of_epoch(const struct training_trainer *t, uint64_t epoch)
{
    /* As if the client had given it: as a float32. */
    float rate = t->state.rate > 0 ? (float)t->state.rate
                                   : t->spec->optimizer.learning_rate;

    return codec_schedule_rate(&t->spec->schedule, (double)rate, epoch,
                               t->spec->epochs, t->state.plateau);
}

enum err
training_epoch(struct training_trainer *t, uint64_t epoch,
               struct store_epoch *row, struct errinfo *e)
{
    const struct nn_train_sums *sums = &t->state.sums;
    int64_t                     began = clock_mono_us();
    enum err                    rc;

    t->rate = rate_of_epoch(t, epoch);
    training_shuffle(t, epoch);
    rc = train(t, epoch, began, e);
    if (rc != ERR_OK)
        return rc;

    double seconds = t->state.seconds;
    double n = (double)sums->n_rows;
    *row = (struct store_epoch){
        .epoch = t->state.epoch + 1,
        .restart = t->spec->restarts > 1 ? t->state.restart : 0,
        .fold = t->state.restart <= t->spec->folds ? t->state.restart : 0,
        .loss = sums->loss / n,
        .accuracy = t->accuracy ? sums->n_correct / n : NAN,
        .val_loss = NAN,
        .val_accuracy = NAN,
        /* Some optimisers have none. */
        .learning_rate = t->spec->optimizer.learning_rate > 0 ? t->rate : NAN,
        .gradient_norm = sums->gradient_norm / (double)sums->n_batches,
        .seconds = seconds,
        /* A clock may not have moved over four rows. */
        .samples_per_second = seconds > 0 ? n / seconds : NAN,
    };
    /* The last epoch is always validated: its figures are the job's. */
    if (t->validation.n != 0 &&
        (epoch % t->spec->validation_every == 0 || epoch == t->spec->epochs)) {
        double accuracy;
        rc = validate(t, &row->val_loss, &accuracy);
        if (rc == ERR_OK && t->accuracy)
            row->val_accuracy = accuracy;
    }
    return rc;
}
