#include <stdlib.h>

#include "base/random.h"
#include "dataset/internal.h"

/* Rows sorted by class: those of class g are order[start[g]] and following,
 * ascending.  Without classes all rows are of one. */
struct groups {
    size_t    n;
    size_t   *start; /* [n + 1] */
    uint32_t *order; /* [n_rows] */
};

static size_t
group_of(const struct dataset_encoder *enc, const struct dataset_table *table,
         size_t r)
{
    if (enc->task != DATASET_CLASSIFICATION)
        return 0;
    return dataset_encoder_class(enc, table->t + r * table->n_out);
}

static enum err
groups_init(struct groups *groups, const struct dataset_encoder *enc,
            const struct dataset_table *table, struct errinfo *e)
{
    size_t *start;

    groups->n = enc->task == DATASET_CLASSIFICATION ? enc->n_classes : 1;
    groups->start = mem_array(groups->n + 2, sizeof(*groups->start), 0);
    groups->order = mem_array(table->n_rows, sizeof(*groups->order), 0);
    if (groups->start == NULL || groups->order == NULL)
        return DATASET_NOMEM(e);
    /* A counting sort.  While it runs, start[g + 1] is where the next row of
     * g goes; so in the end it is where group g + 1 starts. */
    start = groups->start;
    for (size_t r = 0; r < table->n_rows; r++)
        start[group_of(enc, table, r) + 2]++;
    for (size_t g = 1; g <= groups->n; g++)
        start[g + 1] += start[g];
    for (size_t r = 0; r < table->n_rows; r++)
        groups->order[start[group_of(enc, table, r) + 1]++] = (uint32_t)r;
    return ERR_OK;
}

/* One stays to train, or training would never see the class. */
size_t
dataset_split_drawn(size_t n, double fraction)
{
    size_t n_drawn = (size_t)((double)n * fraction + 0.5);

    return n_drawn == n && n > 0 ? n - 1 : n_drawn;
}

static void
draw(const uint32_t *row, size_t n, double fraction, const struct random_at *at,
     uint32_t *perm, bool *is_train)
{
    size_t n_drawn = dataset_split_drawn(n, fraction);

    if (n_drawn == 0)
        return;
    random_permutation(at, perm, n);
    for (size_t k = 0; k < n_drawn; k++)
        is_train[row[perm[k]]] = false;
}

/* Deal the rows out to the folds in a drawn order, `dealt` of other classes
 * before: so the folds differ by a row at most, in all and of each class. */
static void
hold_out(const uint32_t *row, size_t n, size_t dealt,
         const struct dataset_split *split, const struct random_at *at,
         uint32_t *perm, bool *is_train)
{
    random_permutation(at, perm, n);
    for (size_t k = 0; k < n; k++)
        if ((dealt + k) % split->n_folds == split->fold - 1)
            is_train[row[perm[k]]] = false;
}

enum err
dataset_table_list(struct dataset_table *table, const bool *is_train,
                   const bool *left_out, struct errinfo *e)
{
    size_t n_train = 0, n_left_out = 0;

    for (size_t r = 0; r < table->n_rows; r++) {
        n_train += is_train[r];
        n_left_out += left_out != NULL && left_out[r];
    }
    if (table->mapped == NULL) {
        table->train = mem_array(n_train, sizeof(*table->train), 0);
        table->validation = mem_array(table->n_rows - n_train - n_left_out,
                                      sizeof(*table->validation), 0);
    }
    if (table->train == NULL || table->validation == NULL)
        return DATASET_NOMEM(e);
    for (size_t r = 0; r < table->n_rows; r++) {
        if (is_train[r])
            table->train[table->n_train++] = (uint32_t)r;
        else if (left_out == NULL || !left_out[r])
            table->validation[table->n_validation++] = (uint32_t)r;
    }
    return ERR_OK;
}

enum err
dataset_table_split(const struct dataset_encoder *enc,
                    struct dataset_table         *table,
                    const struct dataset_split *split, bool *is_train,
                    struct errinfo *e)
{
    struct groups groups = { 0 };
    uint32_t     *perm = NULL;
    enum err      rc = ERR_OK;

    for (size_t r = 0; r < table->n_rows; r++)
        is_train[r] = true;
    if (split->fraction > 0 || split->fold > 0) {
        rc = groups_init(&groups, enc, table, e);
        if (rc != ERR_OK)
            goto out;
        perm = mem_array(table->n_rows, sizeof(*perm), 0);
        if (perm == NULL) {
            rc = DATASET_NOMEM(e);
            goto out;
        }
        for (size_t g = 0; g < groups.n; g++) {
            struct random_at at = { .seed = split->seed,
                                    .purpose = RANDOM_SPLIT,
                                    .step = (uint32_t)g };
            size_t           first = groups.start[g];
            size_t           n = groups.start[g + 1] - first;

            if (split->fold > 0) {
                at.purpose = RANDOM_FOLD;
                hold_out(groups.order + first, n, first, split, &at, perm,
                         is_train);
            } else {
                draw(groups.order + first, n, split->fraction, &at, perm,
                     is_train);
            }
        }
    }
    rc = dataset_table_list(table, is_train, NULL, e);
out:
    free(groups.start);
    free(groups.order);
    free(perm);
    return rc;
}
