/*
 * rate_test.c - "learning_rate": "auto": a range test (Smith 2017)
 *
 * From the job's start weights, one update a rate, and each rate a little
 * larger than the one before.  After every update the loss over one sample of
 * training rows is measured, always the same one, so that what changes is the
 * weights' doing and not the draw of the batch.  README.md has the rule by
 * which a rate is chosen.  Afterwards net and optimiser are as they were.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "training/trainer.h"

#define STEPS 100
/* From this multiple of the optimizer's default to that one: what is much for
 * adam, whose steps are as long as the rate, is little for sgd. */
#define RANGE_FIRST 1e-4
#define RANGE_LAST 1e3
/* Rows of a batch, and of the sample, at most. */
#define BATCH_ROWS 1024
#define SAMPLE_ROWS 256
/* Part of the smoothed loss that is new at each step. */
#define SMOOTHING 0.3
/* It diverges where the smoothed loss is above this multiple of the first. */
#define DIVERGED 2.0
/* The loss must have fallen by this part for the test to tell anything. */
#define FALLEN 0.01
/* What is chosen, of the rate at which the loss was least. */
#define SAFE_PART 0.1

struct test {
    struct codec_rate_point point[STEPS]; /* loss is the smoothed one */
    size_t                  n;
    double                  first;           /* loss before any update */
    double                  average, weight; /* of the moving average */
};

/* The loss over the sample as a training pass sees it, dropout aside. */
static double
sample_loss(struct training_trainer *t)
{
    size_t       n = t->train.n < SAMPLE_ROWS ? t->train.n : SAMPLE_ROWS;
    const float *x, *y, *w;

    if (n > t->plan->work_rows)
        n = t->plan->work_rows;
    training_rows_view(t, &t->train, 0, n, &x, &y, &w);
    return nn_net_gradient(t->net, t->work, NULL, x, y, w, n, t->grad, NULL);
}

/* One update at this rate; false where something is not finite. */
static bool
update(struct training_trainer *t, size_t step, double rate)
{
    struct nn_train_options options = training_epoch_options(t, 0, rate);
    struct nn_train_sums    sums = { 0 };
    const float            *x, *y, *w;
    size_t n = t->batch_size < BATCH_ROWS ? t->batch_size : BATCH_ROWS;
    size_t n_batches = t->train.n / n;

    options.batch_size = n;
    options.draws.batch = (uint32_t)step;
    training_rows_view(t, &t->train, step % n_batches * n, n, &x, &y, &w);
    return nn_train_rows(t->net, t->work, t->opt, t->grad, x, y, w, n, &options,
                         &sums);
}

/* Does the test go on after this step? */
static bool
take_point(struct test *test, double rate, double loss)
{
    if (!isfinite(loss))
        return false;
    /* A moving average that does not start at zero: Kingma & Ba's correction.
     */
    test->average += SMOOTHING * (loss - test->average);
    test->weight += SMOOTHING * (1 - test->weight);
    loss = test->average / test->weight;
    test->point[test->n++] =
        (struct codec_rate_point){ .learning_rate = rate, .loss = loss };
    return loss <= DIVERGED * test->first;
}

static enum err
run(struct training_trainer *t, struct test *test)
{
    double usual = (double)t->spec->optimizer.learning_rate;

    training_shuffle(t, 0);
    test->first = sample_loss(t);
    for (size_t i = 0; i < STEPS; i++) {
        double part = (double)i / (STEPS - 1);
        double rate = usual * RANGE_FIRST * pow(RANGE_LAST / RANGE_FIRST, part);

        if (training_run_is_halted(t->run))
            return ERR_CANCELED;
        if (!update(t, i, rate) || !take_point(test, rate, sample_loss(t)))
            break;
    }
    return ERR_OK;
}

/* Two digits say all that such a test can know. */
static double
two_digits(double x)
{
    char text[32];

    snprintf(text, sizeof(text), "%.1e", x);
    return strtod(text, NULL);
}

static double
choose(const struct test *test, double fallback, char *reason, size_t size)
{
    const struct codec_rate_point *least = NULL;

    for (size_t i = 0; i < test->n; i++)
        if (least == NULL || test->point[i].loss < least->loss)
            least = &test->point[i];
    if (least == NULL || !(least->loss < (1 - FALLEN) * test->first)) {
        snprintf(reason, size,
                 "no rate lowered the loss from %.4g by 1 %%: the optimizer's "
                 "default",
                 test->first);
        return two_digits(fallback);
    }
    snprintf(
        reason, size,
        "the smoothed loss fell from %.4g to its least, %.4g, at a rate of "
        "%.2g; a tenth of that keeps clear of where it rises",
        test->first, least->loss, least->learning_rate);
    return two_digits(SAFE_PART * least->learning_rate);
}

static enum err
keep_report(struct training_trainer *t, const struct test *test,
            const char *reason, struct errinfo *e)
{
    const struct codec_rate_test report = {
        .chosen = t->state.rate,
        .reason = reason,
        .point = test->point,
        .n = test->n,
    };
    struct buf json = { 0 };

    codec_rate_test_format(&report, &json);
    if (json.failed) {
        buf_release(&json);
        return err_set(e, ERR_NOMEM, "", "no memory to train in");
    }
    t->rate_test = buf_steal(&json, NULL);
    return ERR_OK;
}

enum err
training_rate_test(struct training_trainer *t, struct errinfo *e)
{
    struct training_parts parts = training_trainer_parts(t);
    struct training_saved before;
    struct test           test = { 0 };
    char                  reason[200];
    enum err              rc;

    /* The checkpoint's room holds what the test is going to change. */
    size_t len = training_state_export(&t->state, &parts, t->bytes);
    rc = training_saved_parse(t->bytes, len, &before, e);
    if (rc != ERR_OK)
        return rc;
    rc = run(t, &test);
    if (rc != ERR_OK)
        return rc;
    rc = training_saved_restore(&before, t->net, NULL, t->opt, e);
    if (rc != ERR_OK)
        return rc;
    t->state.rate = choose(&test, (double)t->spec->optimizer.learning_rate,
                           reason, sizeof(reason));
    return keep_report(t, &test, reason, e);
}
