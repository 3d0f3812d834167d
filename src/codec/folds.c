/* folds.c - what came of each fold, and of all of them together */
#include <math.h>

#include "base/mem.h"
#include "codec/job.h"
#include "codec/list.h"
#include "codec/write.h"

#define N_FIGURES 4

static const char *const figure_name[N_FIGURES] = {
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
};

static double
figure(const struct codec_outcome *fold, size_t k)
{
    const struct store_epoch *row = &fold->row;
    const double              all[N_FIGURES] = {
                     row->loss,
                     row->accuracy,
                     row->val_loss,
                     row->val_accuracy,
    };

    return all[k];
}

/* Mean, and standard deviation of the sample (n - 1), over the folds that have
 * the figure; NaN where there are too few. */
static void
summarise(const struct codec_outcome *fold, size_t n, size_t k, double *mean,
          double *deviation)
{
    double sum = 0, squares = 0;
    size_t n_known = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(figure(&fold[i], k))) {
            sum += figure(&fold[i], k);
            n_known++;
        }
    *mean = n_known > 0 ? sum / (double)n_known : NAN;
    for (size_t i = 0; i < n; i++)
        if (isfinite(figure(&fold[i], k)))
            squares += pow(figure(&fold[i], k) - *mean, 2);
    *deviation = n_known > 1 ? sqrt(squares / (double)(n_known - 1)) : NAN;
}

static void
write_fold(const struct codec_outcome *fold, size_t number, struct buf *out)
{
    write_begin(out);
    write_count(out, "fold", number);
    write_count(out, "epochs", fold->epochs);
    if (fold->best_epoch != 0)
        write_count(out, "best_epoch", fold->best_epoch);
    write_text(out, "stop_reason", fold->stop_reason);
    write_member(out, "metrics");
    codec_metrics_format(&fold->row, out);
    write_end(out);
}

static void
write_figures(const char *name, const double value[N_FIGURES], struct buf *out)
{
    write_member(out, name);
    write_begin(out);
    for (size_t k = 0; k < N_FIGURES; k++)
        if (!isnan(value[k]))
            write_double(out, figure_name[k], value[k]);
    write_end(out);
}

void
codec_folds_write(const struct codec_outcome *fold, size_t n, struct buf *out)
{
    double mean[N_FIGURES], deviation[N_FIGURES];

    write_member(out, "folds");
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        codec_list_next(out, i);
        write_fold(&fold[i], i + 1, out);
    }
    buf_putc(out, ']');
    for (size_t k = 0; k < N_FIGURES; k++)
        summarise(fold, n, k, &mean[k], &deviation[k]);
    write_figures("mean", mean, out);
    write_figures("deviation", deviation, out);
}
