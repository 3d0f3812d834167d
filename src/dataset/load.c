#include "dataset/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/fit.h"
#include "dataset/internal.h"

/* What a pass does with some rows of a column. */
typedef enum err (*use_fn)(struct dataset_load *load, struct dataset_role *role,
                           const struct dataset_column *col, const float *cell,
                           struct errinfo *e);

struct pass {
    struct dataset_load   *load;
    enum dataset_role_kind kind;
    use_fn                 use;
};

/* --- a pass over the chunks ----------------------------------------------- */

static enum err
missing_rows(struct errinfo *e)
{
    return err_set(e, ERR_CORRUPT, "",
                   "rows of the dataset are missing or out of order");
}

static enum err
take_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    const struct pass   *pass = arg;
    struct dataset_load *load = pass->load;
    struct dataset_block place;
    size_t               end, offset = 0;
    bool                 wanted = false;
    enum err             rc;

    rc = dataset_chunk_place(load->meta, p, len, &place, e);
    if (rc != ERR_OK)
        return rc;
    end = place.first_column + place.n_columns;
    for (size_t i = place.first_column; i < end; i++)
        wanted = wanted || load->role[i].kind == pass->kind;
    if (!wanted)
        return ERR_OK;
    rc = dataset_chunk_decode(load->meta, p, len, &load->block, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = place.first_column; i < end; i++) {
        const struct dataset_column *col = &load->meta->column[i];
        struct dataset_role         *role = &load->role[i];

        if (role->kind == pass->kind) {
            if (role->n_seen != place.first_row)
                return missing_rows(e);
            rc = pass->use(load, role, col, load->block.cell + offset, e);
            if (rc != ERR_OK)
                return rc;
            role->n_seen += place.n_rows;
        }
        offset += col->width;
    }
    return ERR_OK;
}

static enum err
run(struct dataset_load *load, enum dataset_role_kind kind, use_fn use,
    struct errinfo *e)
{
    struct pass pass = { load, kind, use };
    size_t      n = load->meta->n_columns;
    enum err    rc;

    for (size_t i = 0; i < n; i++)
        load->role[i].n_seen = 0;
    rc = load->source->each(load->source->arg, take_chunk, &pass, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        if (load->role[i].kind == kind &&
            load->role[i].n_seen != load->meta->n_rows)
            rc = missing_rows(e);
    return rc;
}

/* --- what the passes do --------------------------------------------------- */

static enum err
put_class(const struct dataset_load *load, const struct dataset_role *role,
          const struct dataset_column *col, float cell, float *t,
          struct errinfo *e)
{
    const struct dataset_encoder *enc = load->enc;
    float                         k = dataset_role_map(role, cell);

    if (isnan(k))
        return err_set(e, ERR_INVALID, "/dataset",
                       "the network knows no class %.9g, which column '%.80s' "
                       "holds",
                       (double)cell, col->name);
    if (enc->n_out == 1)
        t[0] = k > 0 ? enc->high : enc->low;
    else
        t[(size_t)k] = 1;
    return ERR_OK;
}

static enum err
use_target(struct dataset_load *load, struct dataset_role *role,
           const struct dataset_column *col, const float *cell,
           struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    size_t                      n_out = load->table->n_out;

    for (size_t r = 0; r < block->n_rows; r++, cell += block->width) {
        float *t = load->table->t + (block->first_row + r) * n_out;

        for (size_t k = 0; k < col->width; k++)
            if (isnan(cell[k]))
                return err_set(e, ERR_INVALID, "/dataset",
                               "row %zu has no value in column '%.80s', which "
                               "is a target of the network",
                               block->first_row + r + 1, col->name);
        if (role->is_named) {
            enum err rc = put_class(load, role, col, *cell, t, e);

            if (rc != ERR_OK)
                return rc;
        } else {
            memcpy(t + role->offset, cell, col->width * sizeof(*t));
        }
    }
    return ERR_OK;
}

/* The parts of the block's cells of a column, one row behind the other: where
 * they lie already, or read one by one. */
static enum err
find_parts(struct dataset_load *load, const struct dataset_role *role,
           const struct dataset_column *col, const float *cell,
           const float **out, size_t *stride, struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    size_t                      n = role->in->n_parts;
    enum err                    rc = ERR_OK;

    *out = cell;
    *stride = block->width;
    if (role->in->type == DATASET_NUMERIC)
        return ERR_OK;
    if (block->n_rows * n > load->n_part) {
        free(load->part);
        load->n_part = block->n_rows * n;
        load->part = mem_floats(load->n_part, 0);
        if (load->part == NULL) {
            load->n_part = 0;
            return DATASET_NOMEM(e);
        }
    }
    for (size_t r = 0; r < block->n_rows && rc == ERR_OK; r++)
        rc = dataset_role_parts(role, block, col, cell[r * block->width],
                                load->part + r * n, e);
    *out = load->part;
    *stride = n;
    return rc;
}

static enum err
use_for_fit(struct dataset_load *load, struct dataset_role *role,
            const struct dataset_column *col, const float *cell,
            struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    const float                *part;
    size_t                      stride;
    enum err                    rc;

    if (role->in->n_parts == 0)
        return ERR_OK;
    rc = find_parts(load, role, col, cell, &part, &stride, e);
    if (rc == ERR_OK)
        dataset_fit_add(&role->fit, part, block->n_rows, stride,
                        load->is_train + block->first_row);
    return rc;
}

/* x is zero where nothing was written. */
static enum err
use_cell_by_cell(struct dataset_load *load, const struct dataset_role *role,
                 const struct dataset_column *col, const float *cell, float *x,
                 struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    enum err                    rc = ERR_OK;

    for (size_t r = 0; r < block->n_rows && rc == ERR_OK; r++) {
        if (role->is_named) {
            float k = dataset_role_map(role, *cell);

            if (!isnan(k))
                x[(size_t)k] = 1;
        } else {
            rc = dataset_role_parts(role, block, col, *cell, x, e);
        }
        cell += block->width;
        x += load->table->n_in;
    }
    return rc;
}

static enum err
use_input(struct dataset_load *load, struct dataset_role *role,
          const struct dataset_column *col, const float *cell,
          struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    const struct dataset_input *in = role->in;
    size_t                      n_in = load->table->n_in, stride;
    float       *x = load->table->x + block->first_row * n_in + in->offset;
    const float *part;
    enum err     rc;

    if (in->n_parts == 0)
        return use_cell_by_cell(load, role, col, cell, x, e);
    rc = find_parts(load, role, col, cell, &part, &stride, e);
    for (size_t r = 0; r < block->n_rows && rc == ERR_OK; r++) {
        if (load->raw)
            memcpy(x, part, in->n_parts * sizeof(*x));
        else
            dataset_input_scale(in, part, x);
        part += stride;
        x += n_in;
    }
    return rc;
}

/* --- columns that are no inputs ------------------------------------------- */

enum err
dataset_load_set_aside(struct dataset_load *load, const char *name,
                       enum dataset_role_kind kind, struct errinfo *e)
{
    for (size_t i = 0; i < load->meta->n_columns; i++) {
        const struct dataset_column *col = &load->meta->column[i];
        bool                         is_word = col->type == DATASET_CATEGORICAL;

        if (col->type == DATASET_IGNORED || strcmp(col->name, name) != 0)
            continue;
        if (load->role[i].kind != DATASET_ROLE_UNUSED)
            return err_set(e, ERR_INVALID, "/dataset",
                           "column '%.80s' is an input or a target already",
                           name);
        if (is_word != (kind == DATASET_ROLE_PART) || col->width != 1)
            return err_set(e, ERR_INVALID, "/dataset",
                           kind == DATASET_ROLE_PART
                               ? "column '%.80s' holds no words; expected "
                                 "train, validation and test"
                               : "column '%.80s' holds no single numbers",
                           name);
        load->role[i].kind = kind;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "/dataset",
                   "the dataset has no column '%.80s'", name);
}

enum dataset_part
dataset_part_of(const char *word)
{
    if (strcmp(word, "train") == 0)
        return DATASET_PART_TRAIN;
    if (strcmp(word, "validation") == 0 || strcmp(word, "val") == 0 ||
        strcmp(word, "valid") == 0)
        return DATASET_PART_VALIDATION;
    return strcmp(word, "test") == 0 ? DATASET_PART_TEST : DATASET_PART_NONE;
}

static enum err
use_part(struct dataset_load *load, struct dataset_role *role,
         const struct dataset_column *col, const float *cell, struct errinfo *e)
{
    const struct dataset_block *block = &load->block;

    (void)role;
    for (size_t r = 0; r < block->n_rows; r++, cell += block->width) {
        size_t      row = block->first_row + r;
        const char *word = isnan(*cell) ? "" : col->categories[(size_t)*cell];

        enum dataset_part part = dataset_part_of(word);

        load->is_train[row] = part == DATASET_PART_TRAIN;
        load->left_out[row] = part == DATASET_PART_TEST;
        if (part == DATASET_PART_NONE)
            return err_set(e, ERR_INVALID, "/dataset",
                           "row %zu has '%.40s' in column '%.80s'; expected "
                           "train, validation (val, valid) or test",
                           row + 1, word, col->name);
    }
    return ERR_OK;
}

static enum err
use_weight(struct dataset_load *load, struct dataset_role *role,
           const struct dataset_column *col, const float *cell,
           struct errinfo *e)
{
    const struct dataset_block *block = &load->block;

    (void)role;
    for (size_t r = 0; r < block->n_rows; r++, cell += block->width) {
        size_t row = block->first_row + r;

        if (!(*cell >= 0)) /* nor missing */
            return err_set(e, ERR_INVALID, "/dataset",
                           "row %zu has %s weight in column '%.80s'; expected "
                           "a number of at least 0",
                           row + 1, isnan(*cell) ? "no" : "a negative",
                           col->name);
        load->table->weight[row] = *cell;
    }
    return ERR_OK;
}

/* --- inputs --------------------------------------------------------------- */

enum err
dataset_load_fit(struct dataset_load *load, struct dataset_encoder *enc,
                 struct errinfo *e)
{
    enum err rc;

    for (size_t i = 0; i < load->meta->n_columns; i++) {
        struct dataset_role *role = &load->role[i];

        if (role->kind != DATASET_ROLE_INPUT)
            continue;
        rc = dataset_fit_init(&role->fit, role->in, e);
        if (rc != ERR_OK)
            return rc;
    }
    rc = run(load, DATASET_ROLE_INPUT, use_for_fit, e);
    for (size_t i = 0; i < load->meta->n_columns && rc == ERR_OK; i++) {
        const struct dataset_role *role = &load->role[i];

        if (role->kind == DATASET_ROLE_INPUT)
            dataset_fit_finish(&role->fit, &enc->encoding,
                               &enc->input[role->in - enc->input]);
    }
    return rc;
}

/* --- the others ----------------------------------------------------------- */

enum err
dataset_load_targets(struct dataset_load *load, struct errinfo *e)
{
    return run(load, DATASET_ROLE_TARGET, use_target, e);
}

enum err
dataset_load_weights(struct dataset_load *load, struct errinfo *e)
{
    return run(load, DATASET_ROLE_WEIGHT, use_weight, e);
}

enum err
dataset_load_parts(struct dataset_load *load, struct errinfo *e)
{
    return run(load, DATASET_ROLE_PART, use_part, e);
}

enum err
dataset_load_inputs(struct dataset_load *load, struct errinfo *e)
{
    return run(load, DATASET_ROLE_INPUT, use_input, e);
}

void
dataset_load_release(struct dataset_load *load)
{
    for (size_t i = 0; load->role != NULL && i < load->meta->n_columns; i++)
        dataset_role_release(&load->role[i]);
    free(load->role);
    free(load->is_train);
    free(load->part);
    free(load->left_out);
    dataset_block_release(&load->block);
}
