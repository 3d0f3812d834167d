/*
 * rows_names.c - categories of a block by what they are called
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/rows.h"

static bool
local_grow(struct dataset_rows *rows, size_t n)
{
    uint32_t *local;

    if (n <= rows->n_local)
        return true;
    local = mem_resize(rows->local, 2 * n, sizeof(*local));
    if (local == NULL)
        return false;
    rows->local = local;
    rows->n_local = 2 * n;
    return true;
}

/* A chunk holds each name that its rows need once, and does not know what
 * number the dataset gives it: that may change. */
static bool
name_column(struct dataset_rows *rows, size_t i)
{
    const struct dataset_names *names = &rows->column[i].names;
    float                      *cell = rows->cell + rows->at[i];

    if (!local_grow(rows, names->n + 1))
        return false;
    memset(rows->local, 0, names->n * sizeof(*rows->local));
    for (size_t r = 0; r < rows->n_rows; r++, cell += rows->width) {
        uint32_t *local;

        if (isnan(*cell))
            continue;
        local = &rows->local[(size_t)*cell];
        if (*local == 0) {
            const char *name = names->at[(size_t)*cell];

            if (!dataset_texts_add(&rows->texts, name, strlen(name)))
                return false;
            *local = (uint32_t)dataset_texts_count(&rows->texts);
        }
        *cell = (float)(*local - 1);
    }
    return true;
}

enum err
dataset_rows_name(struct dataset_rows *rows, struct errinfo *e)
{
    for (size_t i = rows->first; i < rows->n_columns; i++)
        if (dataset_type_cells(rows->type[i]) == DATASET_NAMES &&
            !name_column(rows, i))
            return DATASET_NOMEM(e);
    return ERR_OK;
}
