/* warnings.c - what is going wrong with a training, by rules */
#include "training/warnings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A warning needs its threshold crossed in this many epochs in a row (of
 * overfitting: validations).  README.md says what is compared with it. */
struct rule {
    const char *code;
    double      threshold;
    uint64_t    epochs;
    const char *advice;
};

/* clang-format off */
static const struct rule rules[TRAINING_WARNING_COUNT] = {
    [TRAINING_LOSS_DIVERGING] = { "loss_diverging", 1.5, 2,
        "The loss has risen well above that of the first epoch: take a learning_rate a tenth as large, "
        "or \"auto\", or set clip_norm to 1." },
    [TRAINING_VANISHING_GRADIENT] = { "vanishing_gradient", 1e-4, 3,
        "Almost no gradient reaches this layer, so it hardly learns: use relu instead of sigmoid or tanh, "
        "fewer layers, a batch_norm or layer_norm layer, or an init that suits the activation." },
    [TRAINING_EXPLODING_GRADIENT] = { "exploding_gradient", 1e3, 2,
        "The gradient of this layer is so large that one update can undo all learning: scale inputs and "
        "targets, set clip_norm to 1, lower the learning_rate, or give the weights a smaller init." },
    [TRAINING_DEAD_UNITS] = { "dead_units", 0.5, 1,
        "More than half of this layer's units answer 0 to every row, and such units cannot learn: lower the "
        "learning_rate, scale the inputs, or use leaky_relu, elu or gelu." },
    [TRAINING_OVERFITTING] = { "overfitting", 1.25, 5,
        "The training loss still falls while the validation loss has been well above its least for a while: "
        "stop early (stop_when.patience), add dropout, l2 or weight_decay, use fewer units, or bring more data." },
    [TRAINING_NOT_LEARNING] = { "not_learning", 0.99, 10,
        "The loss is no better than at the start, nor than always answering the mean of the targets: try "
        "\"learning_rate\": \"auto\", scale the inputs, another init, or restarts." },
};
/* clang-format on */

/* An epoch's loss counts as learnt nothing after this part of all epochs. */
#define NOT_LEARNING_PART 10

void
training_watch_restart(struct training_watch *watch)
{
    struct training_watch fresh = { 0 };

    memcpy(fresh.raised, watch->raised, sizeof(fresh.raised));
    *watch = fresh;
}

void
training_watch_alone(struct training_watch *watch, uint64_t began)
{
    for (size_t k = 0; k < TRAINING_WARNING_COUNT; k++)
        for (size_t i = 0; i < NN_MAX_LAYERS + 1; i++) {
            uint64_t *epoch = &watch->raised[k][i];

            *epoch = *epoch > began ? *epoch - began : 0;
        }
}

static void
raise(struct training_watch *watch, enum training_warning kind, size_t place,
      const struct training_signs *signs)
{
    if (watch->raised[kind][place] == 0)
        watch->raised[kind][place] = signs->row->epoch;
}

/* Count epochs in a row in which a threshold was crossed; raise at the last. */
static void
count(struct training_watch *watch, uint64_t *n, bool crossed,
      enum training_warning kind, size_t place,
      const struct training_signs *signs)
{
    *n = crossed ? *n + 1 : 0;
    if (*n >= rules[kind].epochs)
        raise(watch, kind, place, signs);
}

/* The root mean square of the gradient of each layer's parameters; returns the
 * largest.  Layers without parameters have NaN. */
static double
gradient_rms(const struct training_signs *signs, double rms[NN_MAX_LAYERS])
{
    size_t n_layers = nn_net_spec(signs->net)->n_layers;
    double most = 0;

    for (size_t i = 0; i < n_layers; i++) {
        size_t n = nn_net_layer_trained(signs->net, i);

        rms[i] = n > 0 ? signs->gradient_norm[i] / sqrt((double)n) : NAN;
        most = fmax(most, rms[i]);
    }
    return most;
}

static void
watch_layers(struct training_watch *watch, const struct training_signs *signs)
{
    double rms[NN_MAX_LAYERS];
    double most = gradient_rms(signs, rms);
    double little = rules[TRAINING_VANISHING_GRADIENT].threshold * most;
    double much = rules[TRAINING_EXPLODING_GRADIENT].threshold;

    for (size_t i = 0; i < nn_net_spec(signs->net)->n_layers; i++) {
        count(watch, &watch->vanishing[i], rms[i] < little,
              TRAINING_VANISHING_GRADIENT, 1 + i, signs);
        count(watch, &watch->exploding[i], signs->gradient_norm[i] > much,
              TRAINING_EXPLODING_GRADIENT, 1 + i, signs);
        if (signs->dead != NULL &&
            signs->dead[i] > rules[TRAINING_DEAD_UNITS].threshold)
            raise(watch, TRAINING_DEAD_UNITS, 1 + i, signs);
    }
}

static void
watch_validation(struct training_watch       *watch,
                 const struct training_signs *signs)
{
    double val_loss = signs->row->val_loss;

    if (isnan(val_loss)) /* Not validated this time. */
        return;
    if (val_loss <= signs->least_val_loss)
        watch->loss_at_least_val = signs->row->loss;
    double much = rules[TRAINING_OVERFITTING].threshold;
    count(watch, &watch->overfitting,
          val_loss > much * signs->least_val_loss &&
              val_loss > much * signs->row->loss &&
              signs->row->loss < watch->loss_at_least_val,
          TRAINING_OVERFITTING, 0, signs);
}

/* Asked once, when a part of the epochs is over: a net may take its time.  Of
 * one that diverges more has been said. */
static void
watch_learning(struct training_watch *watch, const struct training_signs *signs)
{
    const struct rule *rule = &rules[TRAINING_NOT_LEARNING];
    uint64_t           when = signs->n_epochs / NOT_LEARNING_PART;

    if (when < rule->epochs)
        when = rule->epochs;
    if (signs->epoch == when &&
        watch->raised[TRAINING_LOSS_DIVERGING][0] == 0 &&
        watch->least_loss > rule->threshold * watch->first_loss &&
        watch->least_loss > rule->threshold * signs->baseline)
        raise(watch, TRAINING_NOT_LEARNING, 0, signs);
}

void
training_watch_epoch(struct training_watch       *watch,
                     const struct training_signs *signs)
{
    double loss = signs->row->loss;

    if (signs->epoch == 1)
        watch->first_loss = watch->least_loss = loss;
    watch->least_loss = fmin(watch->least_loss, loss);
    count(watch, &watch->diverging,
          loss > rules[TRAINING_LOSS_DIVERGING].threshold * watch->first_loss,
          TRAINING_LOSS_DIVERGING, 0, signs);
    watch_layers(watch, signs);
    watch_validation(watch, signs);
    watch_learning(watch, signs);
}

/* Those members in which the two differ, as they are in `of`. */
static void
differences(const struct dataset_encoding *of,
            const struct dataset_encoding *other, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    if (of->scale_inputs != other->scale_inputs)
        n += (size_t)snprintf(out, size, "scale_inputs \"%s\"",
                              dataset_scaling_name(of->scale_inputs));
    if (of->scale_targets != other->scale_targets && n < size)
        n += (size_t)snprintf(out + n, size - n, "%sscale_targets \"%s\"",
                              n > 0 ? ", " : "",
                              dataset_scaling_name(of->scale_targets));
    if (n >= size)
        return;
    if (of->missing == DATASET_MISSING_VALUE &&
        (other->missing != of->missing ||
         other->missing_value != of->missing_value))
        snprintf(out + n, size - n, "%smissing {\"value\": %g}",
                 n > 0 ? ", " : "", (double)of->missing_value);
    else if (of->missing != other->missing)
        snprintf(out + n, size - n, "%smissing \"%s\"", n > 0 ? ", " : "",
                 dataset_missing_name(of->missing));
}

void
training_changed_advice(int64_t version, const struct dataset_encoding *was,
                        const struct dataset_encoding *now,
                        char out[TRAINING_CHANGED_SIZE])
{
    char before[96], after[96];

    differences(was, now, before, sizeof(before));
    differences(now, was, after, sizeof(after));
    snprintf(out, TRAINING_CHANGED_SIZE,
             "Version %lld was trained with %s, this job with %s, so its "
             "weights begin behind other numbers: give the same, or "
             "\"start_from\": \"initial\".",
             (long long)version, before, after);
}

static int
by_epoch(const void *a, const void *b)
{
    const struct codec_warning *x = a, *y = b;

    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    int order = strcmp(x->code, y->code);
    return order != 0 ? order : x->layer - y->layer;
}

size_t
training_watch_list(const struct training_watch *watch,
                    struct codec_warning         out[TRAINING_MAX_WARNINGS])
{
    size_t n = 0;

    for (size_t k = 0; k < TRAINING_WARNING_COUNT; k++)
        for (size_t i = 0; i < NN_MAX_LAYERS + 1; i++)
            if (watch->raised[k][i] != 0)
                out[n++] = (struct codec_warning){
                    .code = rules[k].code,
                    .epoch = watch->raised[k][i],
                    .layer = (int)i - 1,
                    .advice = rules[k].advice,
                };
    qsort(out, n, sizeof(*out), by_epoch);
    return n;
}
