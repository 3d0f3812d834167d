/*
 * resume.c - what was known of a dataset's columns before rows are added to it
 *
 * Nothing but meta is kept of an upload, so the old chunks are read again and
 * folded as if their rows had just come.  Rejected: keeping counts, sets and
 * samples with every dataset, for the few that ever grow.
 */
#include <string.h>

#include "dataset/internal.h"
#include "dataset/rows.h"

static enum err
resume_column(struct dataset_rows *rows, const struct dataset_column *col,
              struct errinfo *e)
{
    struct dataset_draft *draft;
    enum err              rc;

    if (col->rank > 0)
        return err_set(e, ERR_INVALID, "",
                       "column '%.80s' is an array: rows are appended as "
                       "inputs and targets, in a form with these files or as "
                       "JSON",
                       col->name);
    rc = dataset_rows_add(rows, col->name, strlen(col->name), 0, NULL, "", e);
    if (rc != ERR_OK)
        return rc;
    dataset_rows_choose(rows, rows->n_columns - 1, col->type);
    draft = &rows->column[rows->n_columns - 1];
    draft->meta.is_target = col->is_target;
    draft->meta.grams = col->grams;
    if (dataset_type_cells(col->type) != DATASET_NAMES)
        return ERR_OK;
    for (size_t i = 0; i < col->n_categories; i++) {
        size_t len = strlen(col->categories[i]);

        rows->name_bytes += len + 1;
        if (!dataset_names_add(&draft->names, col->categories[i], len))
            return DATASET_NOMEM(e);
    }
    return ERR_OK;
}

struct refold {
    struct dataset_rows       *rows;
    const struct dataset_meta *meta;
    struct dataset_block       block;
    bool                       is_array;
};

/* The block's cells are those that the rows would have had. */
static enum err
refold_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct refold       *refold = arg;
    struct dataset_rows *rows = refold->rows;
    float               *cell = rows->cell, *gathered;
    size_t               max_rows = rows->max_rows;
    enum err rc = dataset_chunk_decode(refold->meta, p, len, &refold->block, e);

    if (rc != ERR_OK)
        return rc;
    if (refold->is_array && refold->block.first_column != rows->first &&
        refold->block.n_columns == 1) /* the other array */
        return ERR_OK;
    /* Chunks of a table have all its columns, those of an array one. */
    if (refold->is_array ? refold->block.n_columns != 1
                         : refold->block.n_columns < refold->meta->n_columns)
        return err_set(e, ERR_INVALID, "",
                       "rows come as they did when the dataset was made: as a "
                       "table, or as the arrays inputs and targets");
    if (refold->block.first_column != rows->first ||
        refold->block.n_columns != rows->n_columns - rows->first ||
        refold->block.first_row != rows->first_row)
        return err_set(e, ERR_CORRUPT, "",
                       "rows of the dataset are missing or out of order");
    if (refold->block.n_rows > max_rows) {
        gathered =
            mem_resize(rows->gathered, refold->block.n_rows, sizeof(*gathered));
        if (gathered == NULL)
            return DATASET_NOMEM(e);
        rows->gathered = gathered;
    }
    rows->cell = refold->block.cell;
    rows->n_rows = refold->block.n_rows;
    rc = dataset_rows_fold(rows, e);
    rows->cell = cell;
    rows->first_row += rows->n_rows;
    rows->n_rows = 0;
    return rc;
}

/* Begin the part from column `first`, and fold base's rows of it. */
static enum err
refold(struct dataset_rows *rows, const struct dataset_source *base,
       size_t first, bool is_array, struct errinfo *e)
{
    struct refold refold = { .rows = rows,
                             .meta = base->meta,
                             .is_array = is_array };
    enum err      rc = dataset_rows_begin(rows, first, e);

    if (rc == ERR_OK)
        rc = base->each(base->arg, refold_chunk, &refold, e);
    dataset_block_release(&refold.block);
    if (rc == ERR_OK && rows->first_row != base->meta->n_rows)
        rc = err_set(e, ERR_CORRUPT, "", "rows of the dataset are missing");
    rows->n_before = rows->first_row;
    return rc;
}

/* Rows of an array must look like those before. */
static enum err
check_shape(const struct dataset_column *col, size_t rank, const size_t *dim,
            struct errinfo *e)
{
    if (col->rank == rank && memcmp(col->dim, dim, rank * sizeof(*dim)) == 0)
        return ERR_OK;
    return err_set(e, ERR_INVALID, col->name,
                   "its rows have another shape than those of the dataset, of "
                   "%zu number%s each",
                   col->width, col->width == 1 ? "" : "s");
}

enum err
dataset_rows_resume_array(struct dataset_rows *rows, const char *name,
                          size_t rank, const size_t *dim, struct errinfo *e)
{
    size_t                       i = rows->n_columns;
    const struct dataset_column *col = &rows->base->meta->column[i];
    enum err                     rc;

    if (strcmp(col->name, name) != 0)
        return err_set(e, ERR_INVALID, name,
                       "must stand behind %s, as it did when the dataset was "
                       "made",
                       col->name);
    rc = check_shape(col, rank, dim, e);
    if (rc == ERR_OK)
        rc = dataset_rows_add(rows, name, strlen(name), rank, dim, name, e);
    if (rc != ERR_OK)
        return rc;
    rows->column[i].meta.is_target = col->is_target;
    return refold(rows, rows->base, i, true, e);
}

enum err
dataset_rows_resume(struct dataset_rows         *rows,
                    const struct dataset_source *base, struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; i < base->meta->n_columns && rc == ERR_OK; i++)
        rc = resume_column(rows, &base->meta->column[i], e);
    return rc == ERR_OK ? refold(rows, base, 0, false, e) : rc;
}
