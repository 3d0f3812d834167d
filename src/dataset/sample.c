#include "dataset/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dataset/internal.h"

void
dataset_sample_release(struct dataset_sample *sample)
{
    free(sample->row);
    *sample = (struct dataset_sample){ 0 };
}

bool
dataset_sample_begin(struct dataset_sample *sample, size_t width)
{
    size_t capacity = DATASET_SAMPLE_FLOATS / (width > 0 ? width : 1);

    dataset_sample_release(sample);
    sample->width = width;
    sample->capacity =
        capacity < DATASET_SAMPLE_ROWS ? capacity : DATASET_SAMPLE_ROWS;
    return true;
}

/* The place for the next row in the sample; NULL: it is not one of it. */
static float *
place(struct dataset_sample *sample)
{
    const struct random_at at = { .purpose = RANDOM_SAMPLE };
    uint64_t               i = sample->n_seen++;

    if (sample->n < sample->capacity)
        return sample->row + sample->n++ * sample->width;
    i = random_u32(&at, (uint32_t)i) * (i + 1) >> 32;
    return i < sample->capacity ? sample->row + i * sample->width : NULL;
}

bool
dataset_sample_take(struct dataset_sample *sample, const float *cell,
                    size_t n_rows)
{
    size_t width = sample->width, need = sample->n + n_rows;

    if (need > sample->capacity)
        need = sample->capacity;
    if (need > sample->n_room) {
        size_t room = 2 * need < sample->capacity ? 2 * need : sample->capacity;
        float *row = mem_resize(sample->row, room * width, sizeof(*row));

        if (row == NULL)
            return false;
        sample->row = row;
        sample->n_room = room;
    }
    for (size_t r = 0; r < n_rows && sample->capacity > 0; r++) {
        float *to = place(sample);

        if (to != NULL)
            memcpy(to, cell + r * width, width * sizeof(*to));
    }
    return true;
}

static int
compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

float
dataset_quantile(const float *x, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    double part = at - (double)i;

    if (i + 1 >= n)
        return x[n - 1];
    return (float)(x[i] + part * ((double)x[i + 1] - x[i]));
}

static void
fill_bins(const float *x, size_t n, double min, double max, uint64_t *bin)
{
    double span = max - min;

    for (size_t i = 0; i < n; i++) {
        double at = span > 0 ? (x[i] - min) / span * DATASET_BINS : 0;

        bin[at < DATASET_BINS - 1 ? (size_t)at : DATASET_BINS - 1]++;
    }
}

enum err
dataset_sample_summary(const struct dataset_sample *sample, size_t at,
                       struct dataset_column *col, struct errinfo *e)
{
    static const double quantile[DATASET_QUANTILES] = { 0.05, 0.25, 0.5, 0.75,
                                                        0.95 };
    struct dataset_summary *sum = mem_array(1, sizeof(*sum), 0);
    float *x = mem_floats(sample->n * (col->width > 0 ? col->width : 1), 0);
    size_t n = 0;

    if (sum == NULL || x == NULL) {
        free(sum);
        free(x);
        return DATASET_NOMEM(e);
    }
    if (dataset_type_cells(col->type) == DATASET_NUMBERS) {
        for (size_t r = 0; r < sample->n; r++)
            for (size_t k = 0; k < col->width; k++)
                if (!isnan(sample->row[r * sample->width + at + k]))
                    x[n++] = sample->row[r * sample->width + at + k];
        qsort(x, n, sizeof(*x), compare);
        for (size_t i = 0; i < DATASET_QUANTILES && n > 0; i++)
            sum->quantile[i] = dataset_quantile(x, n, quantile[i]);
        fill_bins(x, n, col->min, col->max, sum->bin);
        sum->sampled = n;
    }
    sum->distinct = DATASET_UNCOUNTED;
    col->summary = sum;
    free(x);
    return ERR_OK;
}
