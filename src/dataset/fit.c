#include "dataset/fit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/sample.h"

enum err
dataset_fit_init(struct dataset_fit *fit, const struct dataset_input *in,
                 struct errinfo *e)
{
    size_t n = in->n_parts;

    *fit = (struct dataset_fit){ 0 };
    if (n == 0)
        return ERR_OK;
    fit->width = n;
    fit->n = mem_array(n, sizeof(*fit->n), 0);
    fit->n_block = mem_array(n, sizeof(*fit->n_block), 0);
    fit->mean = mem_array(n, sizeof(*fit->mean), 0);
    fit->m2 = mem_array(n, sizeof(*fit->m2), 0);
    fit->min = mem_array(n, sizeof(*fit->min), 0);
    fit->max = mem_array(n, sizeof(*fit->max), 0);
    fit->sum = mem_array(n, sizeof(*fit->sum), 0);
    if (fit->n == NULL || fit->n_block == NULL || fit->mean == NULL ||
        fit->m2 == NULL || fit->min == NULL || fit->max == NULL ||
        fit->sum == NULL) {
        dataset_fit_release(fit);
        return DATASET_NOMEM(e);
    }
    for (size_t k = 0; k < n; k++) {
        fit->min[k] = INFINITY;
        fit->max[k] = -INFINITY;
    }
    return ERR_OK;
}

void
dataset_fit_release(struct dataset_fit *fit)
{
    free(fit->n);
    free(fit->n_block);
    free(fit->mean);
    free(fit->m2);
    free(fit->min);
    free(fit->max);
    free(fit->sum);
    *fit = (struct dataset_fit){ 0 };
}

/* The blocks' means and m2 are merged as rows.c does it. */
void
dataset_fit_add(struct dataset_fit *fit, const float *cell, size_t n_rows,
                size_t stride, const bool *use)
{
    size_t width = fit->width;

    if (width == 0)
        return;
    memset(fit->sum, 0, width * sizeof(*fit->sum));
    memset(fit->n_block, 0, width * sizeof(*fit->n_block));
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = cell + r * stride;

        for (size_t k = 0; use[r] && k < width; k++) {
            bool is_there = !isnan(x[k]);

            fit->sum[k] += is_there ? x[k] : 0;
            fit->n_block[k] += is_there;
            fit->min[k] = x[k] < fit->min[k] ? x[k] : fit->min[k];
            fit->max[k] = x[k] > fit->max[k] ? x[k] : fit->max[k];
        }
    }
    for (size_t k = 0; k < width; k++) {
        double n = (double)fit->n_block[k], before = (double)fit->n[k];
        double mean = n > 0 ? fit->sum[k] / n : 0;
        double delta = mean - fit->mean[k];

        fit->sum[k] = mean;
        if (n == 0)
            continue;
        fit->n[k] += fit->n_block[k];
        fit->mean[k] += delta * (n / (before + n));
        fit->m2[k] += delta * delta * (before * n / (before + n));
    }
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = cell + r * stride;

        for (size_t k = 0; use[r] && k < width; k++) {
            double d = isnan(x[k]) ? 0 : x[k] - fit->sum[k];

            fit->m2[k] += d * d;
        }
    }
}

/* 1 / spread as a float32; 1 for a constant column, and for one whose spread
 * is so small that its inverse is none. */
static float
inverse(double spread)
{
    double b = 1 / spread;

    return b > 0 && b <= FLT_MAX ? (float)b : 1;
}

void
dataset_fit_finish(const struct dataset_fit      *fit,
                   const struct dataset_encoding *encoding,
                   struct dataset_input          *in)
{
    for (size_t k = 0; k < fit->width; k++) {
        bool   constant = fit->n[k] == 0 || fit->min[k] == fit->max[k];
        double std = fit->n[k] > 0 ? sqrt(fit->m2[k] / (double)fit->n[k]) : 0;

        in->fill[k] = encoding->missing == DATASET_MISSING_VALUE
                          ? encoding->missing_value
                          : (float)fit->mean[k];
        in->a[k] = 0;
        in->b[k] = 1;
        if (fit->n[k] == 0)
            continue;
        switch (encoding->scale_inputs) {
        case DATASET_SCALE_STANDARD:
            in->a[k] = (float)fit->mean[k];
            in->b[k] = constant ? 1 : inverse(std);
            break;
        case DATASET_SCALE_MIN_MAX:
            in->a[k] = (float)fit->min[k];
            in->b[k] = constant ? 1 : inverse(fit->max[k] - fit->min[k]);
            break;
        case DATASET_SCALE_ROBUST: /* dataset_fit_order() */
        case DATASET_SCALE_NONE:
        case DATASET_SCALE_COUNT:
            break;
        }
    }
}

/* --- values together ------------------------------------------------------ */

bool
dataset_fit_needs_order(const struct dataset_encoding *encoding)
{
    return encoding->scale_inputs == DATASET_SCALE_ROBUST ||
           encoding->missing == DATASET_MISSING_MEDIAN;
}

static int
compare(const void *pa, const void *pb)
{
    float a = *(const float *)pa, b = *(const float *)pb;

    return (a > b) - (a < b);
}

void
dataset_fit_order(float *x, size_t n, const struct dataset_encoding *encoding,
                  size_t k, struct dataset_input *in)
{
    if (n == 0)
        return;
    qsort(x, n, sizeof(*x), compare);
    if (encoding->missing == DATASET_MISSING_MEDIAN)
        in->fill[k] = dataset_quantile(x, n, 0.5);
    if (encoding->scale_inputs == DATASET_SCALE_ROBUST) {
        double spread =
            (double)dataset_quantile(x, n, 0.75) - dataset_quantile(x, n, 0.25);

        in->a[k] = dataset_quantile(x, n, 0.5);
        in->b[k] = spread > 0 ? inverse(spread) : 1;
    }
}

void
dataset_fit_values(float *x, size_t n, enum dataset_scaling scaling, float *a,
                   float *b)
{
    double mean = 0, m2 = 0, spread = 0;

    *a = 0;
    *b = 1;
    if (n == 0 || scaling == DATASET_SCALE_NONE)
        return;
    for (size_t i = 0; i < n; i++)
        mean += x[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        m2 += (x[i] - mean) * (x[i] - mean);
    qsort(x, n, sizeof(*x), compare);
    switch (scaling) {
    case DATASET_SCALE_STANDARD:
        *a = (float)mean;
        spread = x[0] < x[n - 1] ? sqrt(m2 / (double)n) : 0;
        break;
    case DATASET_SCALE_MIN_MAX:
        *a = x[0];
        spread = (double)x[n - 1] - x[0];
        break;
    case DATASET_SCALE_ROBUST:
        *a = dataset_quantile(x, n, 0.5);
        spread =
            (double)dataset_quantile(x, n, 0.75) - dataset_quantile(x, n, 0.25);
        break;
    case DATASET_SCALE_NONE:
    case DATASET_SCALE_COUNT:
        break;
    }
    *b = spread > 0 ? inverse(spread) : 1;
}
