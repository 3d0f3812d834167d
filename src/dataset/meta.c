#include "dataset/meta.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/internal.h"

/* clang-format off */
static const char *const types[DATASET_TYPE_COUNT] = {
    [DATASET_NUMERIC]     = "numeric",
    [DATASET_CATEGORICAL] = "categorical",
    [DATASET_BOOLEAN]     = "boolean",
    [DATASET_CLASS]       = "class",
    [DATASET_DATETIME]    = "datetime",
    [DATASET_TEXT]        = "text",
    [DATASET_IGNORED]     = "ignored",
};
static const char *const tasks[] = {
    [DATASET_CLASSIFICATION] = "classification",
    [DATASET_REGRESSION]     = "regression",
};
/* clang-format on */

static bool
find(const char *const *names, size_t n, const char *name, size_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

const char *
dataset_type_name(enum dataset_type t)
{
    return types[t];
}

bool
dataset_type_find(const char *name, enum dataset_type *out)
{
    size_t i;

    if (!find(types, DATASET_TYPE_COUNT, name, &i))
        return false;
    *out = (enum dataset_type)i;
    return true;
}

enum dataset_cells
dataset_type_cells(enum dataset_type t)
{
    switch (t) {
    case DATASET_NUMERIC:
    case DATASET_CLASS:
        return DATASET_NUMBERS;
    case DATASET_CATEGORICAL:
    case DATASET_BOOLEAN:
        return DATASET_NAMES;
    case DATASET_DATETIME:
    case DATASET_TEXT:
        return DATASET_TEXTS;
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    return DATASET_NO_CELLS;
}

const char *
dataset_task_name(enum dataset_task t)
{
    return tasks[t];
}

bool
dataset_task_find(const char *name, enum dataset_task *out)
{
    size_t i;

    if (!find(tasks, COUNT_OF(tasks), name, &i))
        return false;
    *out = (enum dataset_task)i;
    return true;
}

void
dataset_strings_free(char **strings, size_t n)
{
    if (strings == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        free(strings[i]);
    free(strings);
}

char **
dataset_strings_copy(char *const *strings, size_t n)
{
    char **copy = mem_array(n, sizeof(*copy), 0);

    for (size_t i = 0; copy != NULL && i < n; i++) {
        copy[i] = mem_dup(strings[i], strlen(strings[i]));
        if (copy[i] == NULL) {
            dataset_strings_free(copy, i);
            return NULL;
        }
    }
    return copy;
}

void
dataset_column_release(struct dataset_column *col)
{
    free(col->name);
    dataset_strings_free(col->categories, col->n_categories);
    for (size_t i = 0; col->summary != NULL && i < col->summary->n_top; i++)
        free(col->summary->top[i]);
    free(col->summary);
    *col = (struct dataset_column){ 0 };
}

void
dataset_meta_release(struct dataset_meta *meta)
{
    if (meta->column != NULL)
        for (size_t i = 0; i < meta->n_columns; i++)
            dataset_column_release(&meta->column[i]);
    free(meta->column);
    free(meta->skipped);
    dataset_strings_free(meta->classes, meta->n_classes);
    *meta = (struct dataset_meta){ 0 };
}

static size_t
width_of(const struct dataset_meta *meta, bool targets)
{
    size_t width = 0;

    for (size_t i = 0; i < meta->n_columns; i++)
        if (meta->column[i].is_target == targets &&
            !meta->column[i].is_aside)
            width += meta->column[i].width;
    return width;
}

size_t
dataset_meta_input_width(const struct dataset_meta *meta)
{
    return width_of(meta, false);
}

size_t
dataset_meta_target_width(const struct dataset_meta *meta)
{
    return width_of(meta, true);
}
