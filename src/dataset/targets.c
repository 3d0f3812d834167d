#include "dataset/targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/internal.h"

/* Integers of more distinct values than this are taken for quantities. */
#define MAX_GUESSED_CLASSES 100

/* What the task follows from. */
struct targets {
    size_t                      n_columns;
    size_t                      n_numbers; /* in a row                */
    const struct dataset_draft *last;
    const struct dataset_draft *categorical; /* one of them, or NULL */
};

static void
find_targets(const struct dataset_rows *rows, struct targets *out)
{
    *out = (struct targets){ 0 };
    for (size_t i = 0; i < rows->n_columns; i++) {
        const struct dataset_draft *col = &rows->column[i];

        if (!col->meta.is_target)
            continue;
        out->n_columns++;
        out->n_numbers += col->meta.width;
        out->last = col;
        if (col->meta.type == DATASET_CATEGORICAL)
            out->categorical = col;
    }
}

static bool
all_integers(const struct dataset_floats *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->at[i] != floorf(set->at[i]))
            return false;
    return true;
}

static enum dataset_task
guess_task(const struct targets *t, uint64_t n_rows)
{
    const struct dataset_draft *col = t->last;

    if (t->n_numbers != 1)
        return DATASET_REGRESSION;
    if (col->meta.type == DATASET_CATEGORICAL)
        return DATASET_CLASSIFICATION;
    if (!col->too_many && all_integers(&col->seen) && col->seen.n >= 2 &&
        col->seen.n <= MAX_GUESSED_CLASSES && col->seen.n <= n_rows / 2)
        return DATASET_CLASSIFICATION;
    return DATASET_REGRESSION;
}

static enum err
check_task(enum dataset_task task, const struct targets *t, struct errinfo *e)
{
    const struct dataset_draft *col = t->last;

    if (task == DATASET_REGRESSION) {
        if (t->categorical != NULL)
            return err_set(e, ERR_INVALID, "?target",
                           "the target '%.80s' is categorical; %s",
                           t->categorical->meta.name,
                           t->n_columns > 1 ? "several targets must be numbers"
                                            : "regression needs numbers");
        return ERR_OK;
    }
    if (t->n_numbers != 1)
        return err_set(e, ERR_INVALID, "?task",
                       "there are %zu targets a row, and classification takes "
                       "one column that names or numbers the class; one-hot "
                       "targets are trained as regression",
                       t->n_numbers);
    if (col->meta.type == DATASET_NUMERIC && !col->too_many &&
        !all_integers(&col->seen))
        return err_set(e, ERR_INVALID, "?task",
                       "the target '%.80s' holds numbers that are no integers, "
                       "and classes are names or integers; "
                       "?types=%.40s:categorical makes names of them",
                       col->meta.name, col->meta.name);
    return ERR_OK;
}

/* --- classes -------------------------------------------------------------- */

/* A class to be: its name, and its value where all names are numbers. */
struct ranked {
    char  *name;
    double value;
};

static int
compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* By value where all are numbers, else by bytes. */
static enum err
sort_classes(char **names, size_t n, struct errinfo *e)
{
    struct ranked *ranked = mem_array(n, sizeof(*ranked), 0);
    bool           all_numbers = true;

    if (ranked == NULL)
        return DATASET_NOMEM(e);
    for (size_t i = 0; i < n; i++) {
        ranked[i].name = names[i];
        all_numbers =
            all_numbers &&
            dataset_cell_value(names[i], strlen(names[i]), &ranked[i].value);
    }
    for (size_t i = 0; i < n && !all_numbers; i++)
        ranked[i].value = 0;
    qsort(ranked, n, sizeof(*ranked), compare);
    for (size_t i = 0; i < n; i++)
        names[i] = ranked[i].name;
    free(ranked);
    return ERR_OK;
}

static enum err
names_of_numbers(const float *seen, size_t n, char **names, struct errinfo *e)
{
    struct buf name = { 0 };
    enum err   rc = ERR_OK;

    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        dataset_cell_name(seen[i], &name);
        names[i] = name.failed ? NULL : mem_dup(name.data, name.len);
        if (names[i] == NULL)
            rc = DATASET_NOMEM(e);
    }
    buf_release(&name);
    return rc;
}

static enum err
make_classes(const struct dataset_draft *col, struct dataset_meta *meta,
             struct errinfo *e)
{
    bool     numeric = col->meta.type == DATASET_NUMERIC;
    size_t   n = numeric ? col->seen.n : col->names.n;
    enum err rc;

    if (col->too_many || n > DATASET_MAX_CLASSES)
        return err_set(e, ERR_INVALID, "?target",
                       "the target '%.80s' has more than %d classes, the most "
                       "there may be",
                       col->meta.name, DATASET_MAX_CLASSES);
    if (numeric) {
        meta->classes = mem_array(n, sizeof(*meta->classes), 0);
        meta->n_classes = n;
        rc = meta->classes != NULL
                 ? names_of_numbers(col->seen.at, n, meta->classes, e)
                 : DATASET_NOMEM(e);
    } else {
        meta->classes = dataset_strings_copy(col->names.at, n);
        meta->n_classes = n;
        rc = meta->classes != NULL ? ERR_OK : DATASET_NOMEM(e);
    }
    return rc == ERR_OK ? sort_classes(meta->classes, n, e) : rc;
}

/* --- the columns move ----------------------------------------------------- */

static void
finish_column(struct dataset_draft *col, struct dataset_column *out)
{
    struct dataset_column *meta = &col->meta;

    if (meta->type == DATASET_NUMERIC) {
        if (col->present > 0)
            meta->std = sqrt(col->m2 / (double)col->present);
    } else {
        /* It may have begun as numbers. */
        meta->min = meta->max = meta->mean = meta->std = 0;
    }
    if (meta->type == DATASET_CATEGORICAL) {
        meta->categories = col->names.at;
        meta->n_categories = col->names.n;
        col->names.at = NULL;
        col->names.n = 0;
    }
    *out = *meta;
    *meta = (struct dataset_column){ 0 };
}

enum err
dataset_targets_settle(struct dataset_rows          *rows,
                       const struct dataset_choices *choices, uint64_t n_rows,
                       struct dataset_meta *out, struct errinfo *e)
{
    struct dataset_meta meta = { .n_rows = n_rows };
    struct targets      t;
    enum err            rc;

    find_targets(rows, &t);
    meta.task = choices->has_task ? choices->task : guess_task(&t, n_rows);
    rc = check_task(meta.task, &t, e);
    if (rc == ERR_OK && meta.task == DATASET_CLASSIFICATION)
        rc = make_classes(t.last, &meta, e);
    if (rc != ERR_OK)
        goto out;
    meta.column = mem_array(rows->n_columns, sizeof(*meta.column), 0);
    if (meta.column == NULL) {
        rc = DATASET_NOMEM(e);
        goto out;
    }
    for (; meta.n_columns < rows->n_columns; meta.n_columns++)
        finish_column(&rows->column[meta.n_columns],
                      &meta.column[meta.n_columns]);
    meta.row_width = rows->row_width;
    meta.n_skipped = rows->n_skipped;
    meta.skipped = rows->skipped;
    rows->skipped = NULL;
    *out = meta;
    meta = (struct dataset_meta){ 0 };
out:
    dataset_meta_release(&meta);
    return rc;
}
