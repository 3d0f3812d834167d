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
        if (dataset_type_cells(col->meta.type) == DATASET_NAMES)
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
    if (col->meta.type != DATASET_NUMERIC)
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

enum err
dataset_names_of_numbers(const struct dataset_floats *seen, char ***out,
                         size_t *out_n, struct errinfo *e)
{
    char     **names = mem_array(seen->n, sizeof(*names), 0);
    struct buf name = { 0 };
    enum err   rc = names != NULL ? ERR_OK : DATASET_NOMEM(e);

    for (size_t i = 0; i < seen->n && rc == ERR_OK; i++) {
        dataset_cell_name(seen->at[i], &name);
        names[i] = name.failed ? NULL : mem_dup(name.data, name.len);
        if (names[i] == NULL)
            rc = DATASET_NOMEM(e);
    }
    buf_release(&name);
    if (rc == ERR_OK)
        rc = sort_classes(names, seen->n, e);
    if (rc != ERR_OK) {
        dataset_strings_free(names, names != NULL ? seen->n : 0);
        return rc;
    }
    *out = names;
    *out_n = seen->n;
    return ERR_OK;
}

static enum err
make_classes(const struct dataset_draft *col, struct dataset_meta *meta,
             struct errinfo *e)
{
    bool   numbers = dataset_type_cells(col->meta.type) == DATASET_NUMBERS;
    size_t n = numbers ? col->seen.n : col->names.n;

    if (col->too_many || n > DATASET_MAX_CLASSES)
        return err_set(e, ERR_INVALID, "?target",
                       "the target '%.80s' has more than %d classes, the most "
                       "there may be",
                       col->meta.name, DATASET_MAX_CLASSES);
    if (numbers)
        return dataset_names_of_numbers(&col->seen, &meta->classes,
                                        &meta->n_classes, e);
    meta->classes = dataset_strings_copy(col->names.at, n);
    if (meta->classes == NULL)
        return DATASET_NOMEM(e);
    meta->n_classes = n;
    return sort_classes(meta->classes, n, e);
}

/* --- the columns move ----------------------------------------------------- */

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
    for (size_t i = 0; i < rows->n_columns && rc == ERR_OK; i++) {
        struct dataset_draft *col = &rows->column[i];

        if (meta.task == DATASET_CLASSIFICATION && col == t.last)
            rc = make_classes(col, &meta, e);
        if (rc == ERR_OK)
            rc = dataset_column_settle(col,
                                       meta.task == DATASET_CLASSIFICATION &&
                                           col == t.last && !col->chosen,
                                       &rows->grams, e);
    }
    if (rc != ERR_OK)
        goto out;
    meta.column = mem_array(rows->n_columns, sizeof(*meta.column), 0);
    if (meta.column == NULL) {
        rc = DATASET_NOMEM(e);
        goto out;
    }
    for (; meta.n_columns < rows->n_columns; meta.n_columns++) {
        meta.column[meta.n_columns] = rows->column[meta.n_columns].meta;
        rows->column[meta.n_columns].meta = (struct dataset_column){ 0 };
    }
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
