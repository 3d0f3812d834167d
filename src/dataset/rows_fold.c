/* rows_fold.c - a block's cells into what is known of their columns */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

/* Sums run side by side: one addition need not wait for the one before. */
#define LANES 4

struct sums {
    float    min[LANES], max[LANES];
    double   sum[LANES];
    uint64_t n[LANES];
};

static inline void
sums_add(struct sums *s, size_t lane, float x)
{
    bool is_there = !isnan(x);

    s->min[lane] = x < s->min[lane] ? x : s->min[lane];
    s->max[lane] = x > s->max[lane] ? x : s->max[lane];
    s->sum[lane] += is_there ? (double)x : 0;
    s->n[lane] += is_there;
}

/* Extremes, sum and count of the numbers, in lane 0. */
static struct sums
sum_up(const float *cell, size_t n_cells)
{
    struct sums s = { .min = { INFINITY, INFINITY, INFINITY, INFINITY },
                      .max = { -INFINITY, -INFINITY, -INFINITY, -INFINITY } };
    size_t      i = 0;

    for (; i + LANES <= n_cells; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums_add(&s, k, cell[i + k]);
    for (; i < n_cells; i++)
        sums_add(&s, 0, cell[i]);
    for (size_t k = 1; k < LANES; k++) {
        s.min[0] = s.min[k] < s.min[0] ? s.min[k] : s.min[0];
        s.max[0] = s.max[k] > s.max[0] ? s.max[k] : s.max[0];
        s.sum[0] += s.sum[k];
        s.n[0] += s.n[k];
    }
    return s;
}

static inline double
square(float x, double mean)
{
    double d = (double)x - mean;

    return isnan(x) ? 0 : d * d;
}

static double
squares(const float *cell, size_t n_cells, double mean)
{
    double m2[LANES] = { 0 };
    size_t i = 0;

    for (; i + LANES <= n_cells; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            m2[k] += square(cell[i + k], mean);
    for (; i < n_cells; i++)
        m2[0] += square(cell[i], mean);
    return (m2[0] + m2[1]) + (m2[2] + m2[3]);
}

/*
 * Fold the block's numbers of a column into its mean and m2.  Within a block
 * in two passes, then Chan, Golub and LeVeque's formula for two samples
 * ("Updating formulae and a pairwise algorithm", 1979): as stable as Welford's
 * and without a division for each cell.
 */
static void
fold_numbers(struct dataset_draft *col, const float *cell, size_t n_cells)
{
    struct dataset_column *meta = &col->meta;
    struct sums            s = sum_up(cell, n_cells);
    uint64_t               n = s.n[0];
    double                 mean, m2, delta, total;

    meta->missing += n_cells - n;
    if (n == 0)
        return;
    mean = s.sum[0] / (double)n;
    m2 = squares(cell, n_cells, mean);
    total = (double)(col->present + n);
    delta = mean - meta->mean;
    if (col->present == 0 || (double)s.min[0] < meta->min)
        meta->min = (double)s.min[0];
    if (col->present == 0 || (double)s.max[0] > meta->max)
        meta->max = (double)s.max[0];
    meta->mean += delta * ((double)n / total);
    col->m2 += m2 + delta * delta * ((double)col->present * (double)n / total);
    col->present += n;
}

static bool
is_byte(float x)
{
    return x >= 0 && x < 256 && x == (float)(uint8_t)x;
}

uint64_t
dataset_draft_count(const struct dataset_draft *col, size_t k)
{
    float x = col->seen.at[k];

    return is_byte(x) ? col->byte_count[(uint8_t)x] : col->seen.count[k];
}

/* Pixels and counts would spend their time in the hash table: only the first of
 * each goes there. */
static bool
add_distinct(struct dataset_draft *col, float x)
{
    if (!is_byte(x))
        return dataset_floats_add(&col->seen, x, 1);
    if (col->byte_count == NULL)
        col->byte_count = mem_array(256, sizeof(*col->byte_count), 0);
    return col->byte_count != NULL && (col->byte_count[(uint8_t)x]++ > 0 ||
                                       dataset_floats_add(&col->seen, x, 0));
}

static bool
fold_distinct(struct dataset_rows *rows, struct dataset_draft *col,
              const float *cell, size_t n_cells)
{
    size_t before = col->seen.n;

    for (size_t i = 0; i < n_cells && !col->too_many; i++) {
        if (isnan(cell[i]))
            continue;
        if (!add_distinct(col, cell[i]))
            return false;
        col->too_many = col->seen.n > rows->limits.categories;
    }
    if (!col->meta.is_target)
        rows->n_distinct += col->seen.n - before;
    if (rows->n_distinct > DATASET_MAX_DISTINCT && !col->meta.is_target)
        col->too_many = true;
    if (col->too_many) {
        if (!col->meta.is_target)
            rows->n_distinct -= col->seen.n;
        dataset_floats_release(&col->seen);
    }
    return true;
}

/* Count the block's categories. */
static bool
fold_names(struct dataset_draft *col, const float *cell, size_t n_cells)
{
    if (col->n_counts < col->names.n) {
        size_t    n = 2 * col->names.n;
        uint64_t *count = mem_resize(col->count, n, sizeof(*count));

        if (count == NULL)
            return false;
        memset(count + col->n_counts, 0, (n - col->n_counts) * sizeof(*count));
        col->count = count;
        col->n_counts = n;
    }
    for (size_t k = 0; k < n_cells; k++) {
        if (isnan(cell[k]))
            col->meta.missing++;
        else
            col->count[(size_t)cell[k]]++;
    }
    return true;
}

/* The cells of a column in the block.  One that shares it with others is
 * copied out first: they are read three times. */
static const float *
gather(const struct dataset_rows *rows, size_t i)
{
    const float *cell = rows->cell + rows->at[i];

    if (rows->column[i].meta.width == rows->width)
        return cell;
    for (size_t r = 0; r < rows->n_rows; r++)
        rows->gathered[r] = cell[r * rows->width];
    return rows->gathered;
}

static enum err
fold_column(struct dataset_rows *rows, size_t i, struct errinfo *e)
{
    struct dataset_draft *col = &rows->column[i];
    size_t                n = rows->n_rows * col->meta.width;
    const float          *cell;

    if (col->meta.type == DATASET_IGNORED)
        return ERR_OK;
    cell = gather(rows, i);
    switch (dataset_type_cells(col->meta.type)) {
    case DATASET_NUMBERS:
        fold_numbers(col, cell, n);
        if (col->meta.width == 1 && !col->too_many &&
            !fold_distinct(rows, col, cell, n))
            return DATASET_NOMEM(e);
        break;
    case DATASET_NAMES:
        if (!fold_names(col, cell, n))
            return DATASET_NOMEM(e);
        break;
    default:
        for (size_t k = 0; k < n; k++)
            col->meta.missing += isnan(cell[k]) != 0;
        break;
    }
    return ERR_OK;
}

enum err
dataset_rows_fold(struct dataset_rows *rows, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (!dataset_sample_take(&rows->sample, rows->cell, rows->n_rows))
        return DATASET_NOMEM(e);
    for (size_t i = rows->first; i < rows->n_columns && rc == ERR_OK; i++)
        rc = fold_column(rows, i, e);
    return rc;
}
