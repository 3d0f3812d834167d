/* watch.c - what is measured for the history's details and for the warnings */
#include <math.h>
#include <string.h>

#include "nn/health.h"
#include "training/trainer.h"

/* Rows over which a unit must answer 0 to count as dead, at most. */
#define SAMPLE_ROWS 256
/* The figures of the layers are kept for all of the first epochs; of twice as
 * many every second; of four times as many every fourth; and so on. */
#define DENSE_EPOCHS 512

bool
training_keeps_layers(uint64_t epoch)
{
    uint64_t stride = 1;

    while (epoch > DENSE_EPOCHS * stride)
        stride *= 2;
    return epoch % stride == 0;
}

/* The mean target over the training rows, each by its weight. */
static void
mean_target(const struct training_trainer *t, float *out)
{
    const struct dataset_table *table = t->table;
    double                      n = 0;

    for (size_t i = 0; i < table->n_train; i++)
        n += t->weight != NULL ? (double)t->weight[table->train[i]] : 1;
    for (size_t k = 0; k < table->n_out; k++) {
        double sum = 0;

        for (size_t i = 0; i < table->n_train; i++) {
            size_t row = table->train[i];
            double w = t->weight != NULL ? (double)t->weight[row] : 1;

            sum += w * (double)table->t[row * table->n_out + k];
        }
        out[k] = (float)(sum / n);
    }
}

double
training_baseline(struct training_trainer *t)
{
    const struct dataset_table *table = t->table;
    float                      *mean = t->mean;
    double                      loss = 0;

    mean_target(t, mean);
    for (size_t i = 0; i < table->n_train; i++) {
        size_t row = table->train[i];

        loss += nn_loss_mean(
            nn_net_spec(t->net), mean, table->t + row * table->n_out,
            t->weight != NULL ? t->weight + row : NULL, 1, table->n_out);
    }
    return loss / (double)table->n_train;
}

/* Dead units are looked for after 1, 2, 4, 8… epochs: a tiny net would spend
 * more time on looking than on learning otherwise. */
static bool
looks_for_dead(const struct training_trainer *t, uint64_t epoch)
{
    return t->has_relu && (epoch & (epoch - 1)) == 0;
}

static void
find_dead(struct training_trainer *t, double dead[NN_MAX_LAYERS])
{
    size_t       n = t->train.n < SAMPLE_ROWS ? t->train.n : SAMPLE_ROWS;
    const float *x, *y, *w;

    if (n > t->plan->work_rows)
        n = t->plan->work_rows;
    training_rows_view(t, &t->train, 0, n, &x, &y, &w);
    nn_health_dead(t->net, t->work, x, n, dead);
}

void
training_watch(struct training_trainer *t, const struct nn_train_sums *sums)
{
    struct training_state *s = &t->state;
    double                 norm[NN_MAX_LAYERS], dead[NN_MAX_LAYERS];
    struct training_signs  signs = {
         .row = &s->last,
         .epoch = s->epoch - s->began,
         .n_epochs = t->spec->epochs,
         .least_val_loss = s->least_val_loss,
         .baseline = t->baseline,
         .net = t->net,
         .gradient_norm = norm,
    };

    for (size_t i = 0; i < nn_net_spec(t->net)->n_layers; i++)
        norm[i] = sums->layer_norm[i] / (double)sums->n_batches;
    if (looks_for_dead(t, signs.epoch)) {
        find_dead(t, dead);
        signs.dead = dead;
    }
    training_watch_epoch(&s->watch, &signs);
}
