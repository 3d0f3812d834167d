/*
 * roles.h - what each column of a source is to an encoder
 *
 * Model    Columns are found by name.  Categories and classes are mapped by
 *          name too, so that a test set which meets them in another order, or
 *          holds only those that look like numbers, means the same.
 * Owner    The caller's array, zeroed; dataset_role_release() for each.
 */
#ifndef DATASET_ROLES_H
#define DATASET_ROLES_H

#include "base/err.h"
#include "dataset/cell.h"
#include "dataset/encoder.h"
#include "dataset/fit.h"

enum dataset_role_kind {
    DATASET_ROLE_UNUSED,
    DATASET_ROLE_INPUT,
    DATASET_ROLE_TARGET,
    DATASET_ROLE_PART,  /* tells training, validation and test rows apart */
    DATASET_ROLE_WEIGHT /* how much a row counts */
};

struct dataset_role {
    enum dataset_role_kind      kind;
    const struct dataset_input *in; /* INPUT                                */
    struct dataset_fit          fit;
    size_t                      offset; /* TARGET: of its first number in t */
    /* From the source's cells to the encoder's categories or classes: by
     * their index, or (index NULL) by the number that they are. */
    bool                  is_named;
    float                *index; /* NaN: a category unknown to the encoder */
    struct dataset_labels labels;
    uint64_t              n_seen; /* rows, in this pass */
};

/* roles is [meta->n_columns].  ERR_INVALID ("/dataset") where a column, a type
 * or a class does not fit: each that does not is added to e. */
enum err dataset_roles_assign(struct dataset_role          *roles,
                              const struct dataset_encoder *enc,
                              const struct dataset_meta *meta,
                              struct errinfo            *e);
void     dataset_role_release(struct dataset_role *role);

/* The category or class of a cell; NaN where it has none. */
float dataset_role_map(const struct dataset_role *role, float cell);

/* Input columns that are read cell by cell: the parts [in->n_parts] of one, or
 * (text) its numbers straight into x.  ERR_INVALID: it is no date. */
enum err dataset_role_parts(const struct dataset_role   *role,
                            const struct dataset_block  *block,
                            const struct dataset_column *col, float cell,
                            float *part, struct errinfo *e);

#endif
