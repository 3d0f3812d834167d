/* epoch.c - all rows once: in a drawn order, in batches, and validated */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "training/trainer.h"

/*
 * Rows first.. n of them as one piece of memory: where they lie in order
 * already, that is the table's own; else they are gathered on the stage.
 */
static void
rows_view(const struct training_trainer *t, const struct training_rows *rows,
          size_t first, size_t n, const float **x, const float **y)
{
    const struct dataset_table *table = rows->table;
    size_t                      n_in = table->n_in, n_out = table->n_out;

    if (rows->row == NULL) {
        *x = table->x + first * n_in;
        *y = table->t + first * n_out;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t row = rows->row[first + i];
        memcpy(t->stage_x + i * n_in, table->x + row * n_in,
               n_in * sizeof(float));
        memcpy(t->stage_t + i * n_out, table->t + row * n_out,
               n_out * sizeof(float));
    }
    *x = t->stage_x;
    *y = t->stage_t;
}

/* The order of the rows is a function of (seed, epoch), and is not saved. */
static void
shuffle(struct training_trainer *t, uint64_t epoch)
{
    const struct random_at at = {
        .seed = t->spec->seed,
        .purpose = RANDOM_SHUFFLE,
        .epoch = (uint32_t)epoch,
    };
    random_permutation(&at, t->order, t->train.n);
    for (size_t i = 0; i < t->train.n; i++)
        t->order[i] = t->table->train[t->order[i]];
}

static enum err
not_finite(const struct training_trainer *t, uint64_t epoch, struct errinfo *e)
{
    err_set(e, ERR_INVALID, "/optimizer/learning_rate",
            "the loss of epoch %llu is not a finite number; the network keeps "
            "the weights it had. Try a lower learning_rate than %g%s",
            (unsigned long long)epoch, t->rate,
            t->spec->encoding.scale_inputs == DATASET_SCALE_NONE
                ? ", or scale_inputs \"standard\""
                : "");
    return err_named(e, ERR_INVALID, "loss_not_finite");
}

/* The last update of an epoch can overflow without a loss to show it. */
static bool
params_are_finite(const struct nn_net *net)
{
    const float *w = nn_net_params_const(net);
    size_t       n = nn_net_n_params(net);

    for (size_t i = 0; i < n; i++)
        if (!isfinite(w[i]))
            return false;
    return true;
}

static enum err
train(struct training_trainer *t, uint64_t epoch, struct nn_train_sums *sums,
      int64_t began, struct errinfo *e)
{
    const struct training_rows *rows = &t->train;
    const float                *x, *y;
    size_t                      n;
    struct nn_train_options     options = {
            .batch_size = t->batch_size,
            .rate = (float)t->rate,
            .draws = { .seed = t->spec->seed, .epoch = (uint32_t)epoch },
            .middle = t->middle,
            .stop = &t->run->halt,
    };

    for (size_t done = 0; done < rows->n; done += n) {
        n = rows->n - done;
        if (n > t->plan->block_rows)
            n = t->plan->block_rows;
        rows_view(t, rows, done, n, &x, &y);
        options.draws.batch = (uint32_t)(done / t->batch_size);
        if (!nn_train_rows(t->net, t->work, t->opt, t->grad, x, y, NULL, n,
                           &options, sums))
            return not_finite(t, epoch, e);
        if (sums->n_rows < done + n)
            return ERR_CANCELED;
        if (done + n < rows->n)
            training_run_advance(t->run, epoch - 1, done + n,
                                 t->state.elapsed +
                                     (double)(clock_mono_us() - began) * 1e-6,
                                 NULL);
    }
    return params_are_finite(t->net) ? ERR_OK : not_finite(t, epoch, e);
}

static enum err
validate(struct training_trainer *t, double *out_loss, double *out_accuracy)
{
    const struct training_rows *rows = &t->validation;
    size_t                      n_out = nn_net_n_out(t->net), n;
    double                      loss = 0, correct = 0;
    const float                *x, *target;

    for (size_t done = 0; done < rows->n; done += n) {
        if (training_run_is_halted(t->run))
            return ERR_CANCELED;
        n = rows->n - done;
        if (n > t->plan->work_rows)
            n = t->plan->work_rows;
        rows_view(t, rows, done, n, &x, &target);
        const float *y = nn_net_forward(t->net, t->work, x, n);
        loss += (double)n *
                nn_loss_mean(nn_net_spec(t->net), y, target, NULL, n, n_out);
        correct += nn_count_correct(y, target, n, n_out, t->middle, false);
    }
    *out_loss = loss / (double)rows->n;
    *out_accuracy = correct / (double)rows->n;
    return ERR_OK;
}

enum err
training_epoch(struct training_trainer *t, uint64_t epoch,
               struct store_epoch *row, struct errinfo *e)
{
    struct nn_train_sums sums = { 0 };
    int64_t              began = clock_mono_us();
    enum err             rc;

    t->rate = codec_schedule_rate(&t->spec->schedule,
                                  (double)t->spec->optimizer.learning_rate,
                                  epoch, t->spec->epochs, t->state.plateau);
    if (t->order != NULL)
        shuffle(t, epoch);
    rc = train(t, epoch, &sums, began, e);
    if (rc != ERR_OK)
        return rc;

    double seconds = (double)(clock_mono_us() - began) * 1e-6;
    *row = (struct store_epoch){
        .epoch = epoch,
        .loss = sums.loss / (double)sums.n_rows,
        .accuracy = t->classify ? sums.n_correct / (double)sums.n_rows : NAN,
        .val_loss = NAN,
        .val_accuracy = NAN,
        .learning_rate = t->rate,
        .gradient_norm = sums.gradient_norm / (double)sums.n_batches,
        .seconds = seconds,
        /* A clock may not have moved over four rows. */
        .samples_per_second = seconds > 0 ? (double)sums.n_rows / seconds : NAN,
    };
    /* The last epoch is always validated: its figures are the job's. */
    if (t->validation.n != 0 &&
        (epoch % t->spec->validation_every == 0 || epoch == t->spec->epochs)) {
        double accuracy;
        rc = validate(t, &row->val_loss, &accuracy);
        if (rc == ERR_OK && t->classify)
            row->val_accuracy = accuracy;
    }
    return rc;
}
