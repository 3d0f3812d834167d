#include <math.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "codec/predict.h"
#include "codec/walk.h"
#include "codec/write.h"

enum err
codec_evaluate_parse(const void *body, size_t len, struct codec_evaluate *out,
                     struct errinfo *e)
{
    struct codec_evaluate asked = { .version = -1 };
    struct walk           w;
    json_t               *document = NULL, *dataset;
    enum err              rc;

    rc = walk_open(&w, body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    dataset = walk_member(&w, "dataset");
    if (dataset == NULL)
        walk_missing(&w, "dataset");
    else
        value_name(dataset, "/dataset", asked.dataset, e);
    walk_version(&w, &asked.version);
    walk_end(&w);
    json_decref(document);
    if (e->n > 0)
        return e->code;
    *out = asked;
    return ERR_OK;
}

/* a / b, 0 where there is nothing to divide by, as scikit-learn has it. */
static double
ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

/* Per class, from the confusion matrix m[actual][said]. */
static void
write_classes(const struct codec_evaluation *ev, struct buf *out)
{
    const uint64_t *m = ev->confusion;
    size_t          n = ev->n_classes;

    write_member(out, "classes");
    buf_putc(out, '[');
    for (size_t k = 0; k < n; k++) {
        uint64_t actual = 0, said = 0;
        double   precision, recall;

        for (size_t j = 0; j < n; j++) {
            actual += m[k * n + j];
            said += m[j * n + k];
        }
        precision = ratio(m[k * n + k], said);
        recall = ratio(m[k * n + k], actual);
        if (k > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_text(out, "name", ev->classes[k]);
        write_double(out, "precision", precision);
        write_double(out, "recall", recall);
        write_double(out, "f1",
                     precision + recall > 0
                         ? 2 * precision * recall / (precision + recall)
                         : 0);
        write_count(out, "support", actual);
        write_end(out);
    }
    buf_putc(out, ']');
}

static void
write_roc(const struct codec_evaluation *ev, struct buf *out)
{
    write_member(out, "roc");
    buf_putc(out, '[');
    for (size_t i = 0; i < ev->n_roc; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_double(out, "false_positive_rate",
                     ev->roc[i].false_positive_rate);
        write_double(out, "true_positive_rate", ev->roc[i].true_positive_rate);
        write_double(out, "threshold", ev->roc[i].threshold);
        write_end(out);
    }
    buf_putc(out, ']');
}

static void
write_classification(const struct codec_evaluation *ev, struct buf *out)
{
    size_t   n = ev->n_classes;
    uint64_t right = 0;

    for (size_t k = 0; k < n; k++)
        right += ev->confusion[k * n + k];
    write_double(out, "accuracy", ratio(right, ev->n_rows));
    write_member(out, "confusion_matrix");
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i == 0 ? "[[" : "],[");
        for (size_t j = 0; j < n; j++)
            buf_printf(out, "%s%llu", j == 0 ? "" : ",",
                       (unsigned long long)ev->confusion[i * n + j]);
    }
    buf_puts(out, "]]");
    write_classes(ev, out);
    write_double(out, "log_loss", ev->log_loss);
    if (n == 2) {
        write_double(out, "auc", ev->auc);
        write_roc(ev, out);
    }
}

/* --- regression ----------------------------------------------------------- */

static void
write_regression(const struct codec_evaluation *ev, struct buf *out)
{
    static const char *const names[CODEC_QUANTILES] = { "0.05", "0.25", "0.5",
                                                        "0.75", "0.95" };

    write_double(out, "mse", ev->mse);
    write_double(out, "rmse", sqrt(ev->mse));
    write_double(out, "mae", ev->mae);
    write_double(out, "r2", ev->r2);
    write_member(out, "residual_quantiles");
    write_begin(out);
    for (size_t i = 0; i < CODEC_QUANTILES; i++)
        write_double(out, names[i], ev->residual[i]);
    write_end(out);
}

/* The rows by their numbers, for GET /v1/datasets/{name}/rows?after=. */
static void
write_worst(const struct codec_evaluation *ev, struct buf *out)
{
    write_member(out, "worst");
    buf_putc(out, '[');
    for (size_t i = 0; i < ev->n_worst; i++) {
        const struct codec_worst *w = &ev->worst[i];

        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_count(out, "row", w->row);
        if (ev->task == DATASET_CLASSIFICATION) {
            write_text(out, "actual", ev->classes[w->actual]);
            write_text(out, "said", ev->classes[w->said]);
            write_double(out, "probability", w->probability);
        } else {
            write_member(out, "actual");
            json_write_floats(out, w->t, ev->n_out);
            write_member(out, "said");
            json_write_floats(out, w->y, ev->n_out);
            write_double(out, "squared_error", w->badness);
        }
        write_end(out);
    }
    buf_putc(out, ']');
}

/* Why a figure is null. */
static void
write_notes(const struct codec_evaluation *ev, struct buf *out)
{
    bool        is_class = ev->task == DATASET_CLASSIFICATION;
    const char *what = NULL, *why = NULL;

    if (is_class && ev->n_classes == 2 && isnan(ev->auc)) {
        what = "/auc";
        why = "needs rows of both classes, and these are all of one";
    } else if (!is_class && isfinite(ev->mse) && isnan(ev->r2)) {
        what = "/r2";
        why = "compares with the mean of the targets, and these are all the "
              "same";
    } else if (!isfinite(ev->loss) || (!is_class && !isfinite(ev->mse))) {
        what = isfinite(ev->loss) ? "/mse" : "/loss";
        why = "outputs are beyond the range of a 32-bit float, or no numbers";
    }
    if (what != NULL)
        buf_printf(out, ",\"notes\":[{\"pointer\":\"%s\",\"detail\":\"%s\"}]",
                   what, why);
}

void
codec_evaluation_release(struct codec_evaluation *ev)
{
    free(ev->confusion);
    free(ev->roc);
    ev->confusion = NULL;
    ev->roc = NULL;
}

void
codec_evaluation_format(const struct codec_evaluation *ev, struct buf *out)
{
    write_begin(out);
    write_text(out, "network", ev->network);
    write_count(out, "version", (uint64_t)ev->version);
    write_text(out, "dataset", ev->dataset);
    write_count(out, "rows", ev->n_rows);
    write_double(out, "loss", ev->loss);
    if (ev->task == DATASET_CLASSIFICATION)
        write_classification(ev, out);
    else
        write_regression(ev, out);
    write_worst(ev, out);
    write_notes(ev, out);
    write_end(out);
}
