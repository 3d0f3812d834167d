#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/internal.h"

void
dataset_block_forget(struct dataset_block *block)
{
    for (size_t i = 0; block->lookup != NULL && i < block->lookup_of->n_columns;
         i++)
        dataset_names_release(&block->lookup[i]);
    free(block->lookup);
    block->lookup = NULL;
    block->lookup_of = NULL;
}

void
dataset_block_release(struct dataset_block *block)
{
    dataset_block_forget(block);
    dataset_texts_release(&block->texts);
    free(block->mapped);
    free(block->index);
    free(block->cell);
    *block = (struct dataset_block){ 0 };
}

const char *
dataset_block_text(const struct dataset_block  *block,
                   const struct dataset_column *col, float cell,
                   struct buf *name, size_t *len)
{
    if (isnan(cell))
        return NULL;
    switch (dataset_type_cells(col->type)) {
    case DATASET_NAMES:
        *len = strlen(col->categories[(size_t)cell]);
        return col->categories[(size_t)cell];
    case DATASET_TEXTS:
        return dataset_texts_at(&block->texts, (size_t)cell, len);
    case DATASET_NUMBERS:
    case DATASET_NO_CELLS:
        break;
    }
    dataset_cell_name(cell, name);
    *len = name->len;
    return name->failed ? NULL : name->data;
}
