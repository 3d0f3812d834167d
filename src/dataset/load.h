/*
 * load.h - one load of a table: passes over the chunks of its source
 *
 * Model    A pass reads every chunk that has a column of one role, and uses its
 *          cells: targets, then marks of parts and weights, then inputs to fit
 *          the encoder on and inputs to encode.
 * Owner    dataset_table_load_split() makes and releases it.
 */
#ifndef DATASET_LOAD_H
#define DATASET_LOAD_H

#include "dataset/chunk.h"
#include "dataset/roles.h"
#include "dataset/table.h"

struct dataset_load {
    const struct dataset_encoder *enc;
    const struct dataset_source  *source;
    const struct dataset_meta    *meta; /* the source's */
    struct dataset_table         *table;
    struct dataset_role          *role;     /* [meta->n_columns] */
    bool                         *is_train; /* [n_rows]          */
    bool                         *left_out; /* [n_rows], or NULL */
    bool   raw;  /* inputs are stored as they are, to be scaled in place */
    float *part; /* [n_part] of some rows of a column */
    size_t n_part;
    struct dataset_block block;
};

/* Give a column that is no input the role of a part or a weight. */
enum err dataset_load_set_aside(struct dataset_load *load, const char *name,
                                enum dataset_role_kind kind, struct errinfo *e);
void     dataset_load_release(struct dataset_load *load);

enum err dataset_load_targets(struct dataset_load *load, struct errinfo *e);
enum err dataset_load_weights(struct dataset_load *load, struct errinfo *e);
/* Into is_train and left_out. */
enum err dataset_load_parts(struct dataset_load *load, struct errinfo *e);
/* Fit enc, which is load->enc, on the rows that train. */
enum err dataset_load_fit(struct dataset_load    *load,
                          struct dataset_encoder *enc, struct errinfo *e);
enum err dataset_load_inputs(struct dataset_load *load, struct errinfo *e);

#endif
