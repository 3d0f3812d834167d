#include "serving/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Probabilities below are no worse: float32 knows nothing nearer to 0 beside
 * 1. */
#define LEAST_PROBABILITY 1e-7

struct scored {
    float score;
    bool  positive;
};

static enum err
no_memory(struct errinfo *e)
{
    return err_set(e, ERR_NOMEM, "", "no memory to evaluate in");
}

size_t
serving_figures_bytes(size_t n_out)
{
    return sizeof(struct scored) + n_out * sizeof(float);
}

/* --- the rows that are worst ---------------------------------------------- */

/* Keep row among the worst; of equals the first stays. */
static void
rank_row(struct codec_evaluation *ev, uint64_t row, double badness)
{
    size_t at = ev->n_worst;

    while (at > 0 && ev->worst[at - 1].badness < badness)
        at--;
    if (at == CODEC_MAX_WORST)
        return;
    if (ev->n_worst < CODEC_MAX_WORST)
        ev->n_worst++;
    for (size_t i = ev->n_worst - 1; i > at; i--)
        ev->worst[i] = ev->worst[i - 1];
    ev->worst[at] = (struct codec_worst){ .row = row, .badness = badness };
}

/* --- two classes ---------------------------------------------------------- */

/* The highest score first. */
static int
scored_compare(const void *pa, const void *pb)
{
    const struct scored *a = pa, *b = pb;

    return (a->score < b->score) - (a->score > b->score);
}

/*
 * The curve from (0, 0) to (1, 1), a point a score, and the area under it by
 * trapezia, which is what ranks give (Mann and Whitney 1947): rows of equal
 * score are one step.  Of more points than are shown, every so many is.
 */
static void
draw_curve(struct scored *row, size_t n, struct codec_evaluation *ev)
{
    uint64_t positives = 0, negatives, p = 0, q = 0, every, area = 0;
    size_t   n_steps = 0, step = 0;

    qsort(row, n, sizeof(*row), scored_compare);
    for (size_t i = 0; i < n; i++) {
        positives += row[i].positive;
        n_steps += i + 1 == n || row[i].score != row[i + 1].score;
    }
    negatives = n - positives;
    if (positives == 0 || negatives == 0)
        return;
    every = (n_steps + CODEC_MAX_ROC - 2) / (CODEC_MAX_ROC - 1);
    ev->roc[ev->n_roc++] = (struct codec_roc){ .threshold = NAN };
    for (size_t i = 0, j; i < n; i = j) {
        uint64_t before = p, wrong = q;

        for (j = i; j < n && row[j].score == row[i].score; j++) {
            p += row[j].positive;
            q += !row[j].positive;
        }
        area += (q - wrong) * (before + p); /* twice the trapezium's */
        if (++step % every == 0 || j == n)
            ev->roc[ev->n_roc++] = (struct codec_roc){
                .false_positive_rate = (double)q / (double)negatives,
                .true_positive_rate = (double)p / (double)positives,
                .threshold = row[i].score,
            };
    }
    ev->auc = (double)area / 2 / ((double)positives * (double)negatives);
}

static enum err
two_classes(const struct dataset_encoder *enc,
            const struct dataset_table *table, const float *y,
            struct codec_evaluation *ev, struct errinfo *e)
{
    size_t         n = table->n_rows, n_out = table->n_out;
    struct scored *row = mem_array(n, sizeof(*row), 0);
    bool           finite = true;

    ev->roc = mem_array(CODEC_MAX_ROC, sizeof(*ev->roc), 0);
    if (row == NULL || ev->roc == NULL) {
        free(row);
        return no_memory(e);
    }
    for (size_t i = 0; i < n; i++) {
        row[i].score = y[i * n_out + n_out - 1];
        row[i].positive = dataset_encoder_class(enc, table->t + i * n_out) == 1;
        finite = finite && isfinite(row[i].score);
    }
    if (finite)
        draw_curve(row, n, ev);
    free(row);
    return ERR_OK;
}

/* --- classes -------------------------------------------------------------- */

/* What an output row gives class k; NaN where it is no probability. */
static double
probability(const struct dataset_encoder *enc, const float *y, size_t k)
{
    double p = y[enc->n_out > 1 ? k : 0];

    if (enc->n_out == 1) {
        p = (p - enc->low) / (enc->high - enc->low);
        p = k == 1 ? p : 1 - p;
    }
    return p >= 0 && p <= 1 ? p : NAN;
}

static enum err
classify(const struct dataset_encoder *enc, const struct dataset_table *table,
         const float *y, struct codec_evaluation *ev, struct errinfo *e)
{
    size_t n_classes = enc->n_classes, n_out = table->n_out;
    double sum = 0;

    ev->n_classes = n_classes;
    ev->classes = enc->classes;
    ev->confusion = mem_array(n_classes * n_classes, sizeof(*ev->confusion), 0);
    if (ev->confusion == NULL)
        return no_memory(e);
    for (size_t i = 0; i < table->n_rows; i++) {
        size_t actual = dataset_encoder_class(enc, table->t + i * n_out);
        size_t said = dataset_encoder_class(enc, y + i * n_out);
        double p = probability(enc, y + i * n_out, actual);

        ev->confusion[actual * n_classes + said]++;
        sum -= log(p < LEAST_PROBABILITY ? LEAST_PROBABILITY : p);
        rank_row(ev, i, isnan(p) ? said != actual : 1 - p);
    }
    ev->log_loss = sum / (double)table->n_rows;
    for (size_t i = 0; i < ev->n_worst; i++) {
        struct codec_worst *w = &ev->worst[i];

        w->actual = dataset_encoder_class(enc, table->t + w->row * n_out);
        w->said = dataset_encoder_class(enc, y + w->row * n_out);
        w->probability = probability(enc, y + w->row * n_out, w->actual);
    }
    return n_classes == 2 ? two_classes(enc, table, y, ev, e) : ERR_OK;
}

/* --- numbers -------------------------------------------------------------- */

static int
float_compare(const void *pa, const void *pb)
{
    float a = *(const float *)pa, b = *(const float *)pb;

    return (a > b) - (a < b);
}

static enum err
quantiles(const float *t, const float *y, size_t n, struct codec_evaluation *ev,
          struct errinfo *e)
{
    static const double at[CODEC_QUANTILES] = { 0.05, 0.25, 0.5, 0.75, 0.95 };
    float              *left = mem_floats(n, 0);

    if (left == NULL)
        return no_memory(e);
    for (size_t i = 0; i < n; i++)
        left[i] = t[i] - y[i];
    qsort(left, n, sizeof(*left), float_compare);
    for (size_t i = 0; i < CODEC_QUANTILES; i++) {
        double place = at[i] * (double)(n - 1);
        size_t k = (size_t)place;
        double next = k + 1 < n ? left[k + 1] : left[k];

        ev->residual[i] = left[k] + (place - (double)k) * (next - left[k]);
    }
    free(left);
    return ERR_OK;
}

static enum err
regress(const struct dataset_table *table, const float *y,
        struct codec_evaluation *ev, struct errinfo *e)
{
    size_t n = table->n_rows, n_out = table->n_out;
    double squares = 0, absolute = 0, total = 0;

    for (size_t j = 0; j < n_out; j++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)table->t[i * n_out + j];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++) {
            double t = (double)table->t[i * n_out + j];
            double d = t - (double)y[i * n_out + j];
            squares += d * d;
            absolute += fabs(d);
            total += (t - mean) * (t - mean);
        }
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;

        for (size_t j = 0; j < n_out; j++) {
            double d = (double)table->t[i * n_out + j] - y[i * n_out + j];

            sum += d * d;
        }
        rank_row(ev, i, sum);
    }
    for (size_t i = 0; i < ev->n_worst; i++) {
        struct codec_worst *w = &ev->worst[i];

        w->t = table->t + w->row * n_out;
        w->y = y + w->row * n_out;
    }
    ev->n_out = n_out;
    ev->mse = squares / (double)(n * n_out);
    ev->mae = absolute / (double)(n * n_out);
    ev->r2 = total > 0 ? 1 - squares / total : NAN;
    return quantiles(table->t, y, n * n_out, ev, e);
}

enum err
serving_figures(const struct dataset_encoder *enc,
                const struct dataset_table *table, const float *y,
                struct codec_evaluation *ev, struct errinfo *e)
{
    ev->auc = NAN;
    return enc->task == DATASET_CLASSIFICATION ? classify(enc, table, y, ev, e)
                                               : regress(table, y, ev, e);
}
