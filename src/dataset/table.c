#include "dataset/table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/roles.h"

struct load;
typedef enum err (*use_fn)(struct load *load, struct dataset_role *role,
                           const struct dataset_column *col, const float *cell,
                           struct errinfo *e);

struct load {
    const struct dataset_encoder *enc;
    const struct dataset_meta    *meta;
    struct dataset_table         *table;
    struct dataset_role          *role;     /* [meta->n_columns] */
    bool                         *is_train; /* [n_rows]          */
    bool                          raw;  /* parts are stored as they are     */
    float                        *part; /* [n_part] of some rows of a column */
    size_t                        n_part;
    bool                         *left_out; /* [n_rows], or NULL */
    struct dataset_block          block;
    enum dataset_role_kind        kind; /* of roles that this pass reads */
    use_fn                        use;
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
    struct load         *load = arg;
    struct dataset_block place;
    size_t               end, offset = 0;
    bool                 wanted = false;
    enum err             rc;

    rc = dataset_chunk_place(load->meta, p, len, &place, e);
    if (rc != ERR_OK)
        return rc;
    end = place.first_column + place.n_columns;
    for (size_t i = place.first_column; i < end; i++)
        wanted = wanted || load->role[i].kind == load->kind;
    if (!wanted)
        return ERR_OK;
    rc = dataset_chunk_decode(load->meta, p, len, &load->block, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = place.first_column; i < end; i++) {
        const struct dataset_column *col = &load->meta->column[i];
        struct dataset_role         *role = &load->role[i];

        if (role->kind == load->kind) {
            if (role->n_seen != place.first_row)
                return missing_rows(e);
            rc = load->use(load, role, col, load->block.cell + offset, e);
            if (rc != ERR_OK)
                return rc;
            role->n_seen += place.n_rows;
        }
        offset += col->width;
    }
    return ERR_OK;
}

static enum err
pass(struct load *load, const struct dataset_source *source,
     enum dataset_role_kind kind, use_fn use, struct errinfo *e)
{
    size_t   n = load->meta->n_columns;
    enum err rc;

    load->kind = kind;
    load->use = use;
    for (size_t i = 0; i < n; i++)
        load->role[i].n_seen = 0;
    rc = source->each(source->arg, take_chunk, load, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        if (load->role[i].kind == kind &&
            load->role[i].n_seen != load->meta->n_rows)
            rc = missing_rows(e);
    return rc;
}

/* --- what the passes do --------------------------------------------------- */

static enum err
put_class(const struct load *load, const struct dataset_role *role,
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
use_target(struct load *load, struct dataset_role *role,
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
find_parts(struct load *load, const struct dataset_role *role,
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
use_for_fit(struct load *load, struct dataset_role *role,
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
use_cell_by_cell(struct load *load, const struct dataset_role *role,
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
use_input(struct load *load, struct dataset_role *role,
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

/* --- what is fitted ------------------------------------------------------- */

/* The numbers at x[0], x[n], … of the training rows, without missing ones. */
static size_t
gather(const struct dataset_table *table, const float *x, size_t n, float *out)
{
    size_t n_out = 0;

    for (size_t i = 0; i < table->n_train; i++) {
        float v = x[(size_t)table->train[i] * n];

        if (!isnan(v))
            out[n_out++] = v;
    }
    return n_out;
}

/* The table holds the parts as they are: fit those of each number in order,
 * and scale them where they are. */
static enum err
fit_ordered(struct load *load, struct dataset_encoder *enc, struct errinfo *e)
{
    const struct dataset_table *table = load->table;
    float                      *sorted = mem_floats(table->n_train, 0);

    if (sorted == NULL)
        return DATASET_NOMEM(e);
    for (size_t i = 0; i < enc->n_inputs; i++) {
        struct dataset_input *in = &enc->input[i];
        float                *x = table->x + in->offset;

        for (size_t k = 0; k < in->n_parts; k++)
            dataset_fit_order(sorted, gather(table, x + k, table->n_in, sorted),
                              &enc->encoding, k, in);
        for (size_t r = 0; in->n_parts > 0 && r < table->n_rows; r++)
            dataset_input_scale(in, x + r * table->n_in, x + r * table->n_in);
    }
    free(sorted);
    return ERR_OK;
}

static enum err
scale_targets(const struct load *load, struct dataset_encoder *enc, bool fit,
              struct errinfo *e)
{
    const struct dataset_table *table = load->table;
    size_t                      n_out = table->n_out;
    float                      *sorted;

    if (enc->encoding.scale_targets == DATASET_SCALE_NONE)
        return ERR_OK;
    sorted = mem_floats(table->n_train, 0);
    if (sorted == NULL)
        return DATASET_NOMEM(e);
    for (size_t k = 0; k < n_out; k++) {
        float *t = table->t + k;

        if (fit)
            dataset_fit_values(sorted, gather(table, t, n_out, sorted),
                               enc->encoding.scale_targets, &enc->target_a[k],
                               &enc->target_b[k]);
        for (size_t r = 0; r < table->n_rows; r++)
            t[r * n_out] = (float)(((double)t[r * n_out] - enc->target_a[k]) *
                                   enc->target_b[k]);
    }
    free(sorted);
    return ERR_OK;
}

/* --- columns that are no inputs ------------------------------------------- */

static enum err
assign_aside(struct load *load, const char *name, enum dataset_role_kind kind,
             struct errinfo *e)
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

static enum err
use_part(struct load *load, struct dataset_role *role,
         const struct dataset_column *col, const float *cell, struct errinfo *e)
{
    const struct dataset_block *block = &load->block;

    (void)role;
    for (size_t r = 0; r < block->n_rows; r++, cell += block->width) {
        size_t      row = block->first_row + r;
        const char *word = isnan(*cell) ? "" : col->categories[(size_t)*cell];

        load->is_train[row] = strcmp(word, "train") == 0;
        load->left_out[row] = strcmp(word, "test") == 0;
        if (!load->is_train[row] && !load->left_out[row] &&
            strcmp(word, "validation") != 0 && strcmp(word, "val") != 0 &&
            strcmp(word, "valid") != 0)
            return err_set(e, ERR_INVALID, "/dataset",
                           "row %zu has '%.40s' in column '%.80s'; expected "
                           "train, validation (val, valid) or test",
                           row + 1, word, col->name);
    }
    return ERR_OK;
}

static enum err
use_weight(struct load *load, struct dataset_role *role,
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

/* Decide which rows train, and read what they weigh. */
static enum err
split_rows(struct load *load, const struct dataset_source *source,
           const struct dataset_split *split, struct errinfo *e)
{
    struct dataset_table *table = load->table;
    enum err              rc = ERR_OK;

    if (split->weight != NULL) {
        if (table->mapped == NULL)
            table->weight = mem_floats(table->n_rows, 0);
        if (table->weight == NULL)
            return DATASET_NOMEM(e);
        rc = pass(load, source, DATASET_ROLE_WEIGHT, use_weight, e);
    }
    if (rc != ERR_OK || split->column == NULL)
        return rc == ERR_OK ? dataset_table_split(load->enc, table, split,
                                                  load->is_train, e)
                            : rc;
    load->left_out = mem_array(table->n_rows, sizeof(*load->left_out), 0);
    if (load->left_out == NULL)
        return DATASET_NOMEM(e);
    rc = pass(load, source, DATASET_ROLE_PART, use_part, e);
    return rc == ERR_OK
               ? dataset_table_list(table, load->is_train, load->left_out, e)
               : rc;
}

/* --- inputs --------------------------------------------------------------- */

static enum err
fit_inputs(struct load *load, struct dataset_encoder *enc,
           const struct dataset_source *source, struct errinfo *e)
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
    rc = pass(load, source, DATASET_ROLE_INPUT, use_for_fit, e);
    for (size_t i = 0; i < load->meta->n_columns && rc == ERR_OK; i++) {
        const struct dataset_role *role = &load->role[i];

        if (role->kind == DATASET_ROLE_INPUT)
            dataset_fit_finish(&role->fit, &enc->encoding,
                               &enc->input[role->in - enc->input]);
    }
    return rc;
}

/* --- the table ------------------------------------------------------------ */

/* Besides x and t: a row's number in one of the two lists, its weight, and
 * while the rows are split its places in two more and two marks. */
/* Of 4 bytes each: scale, train, validation, order, weight. */
#define N_MAPPED 5
#define BYTES_A_ROW (3 * sizeof(uint32_t) + sizeof(float) + 2 * sizeof(bool))

enum err
dataset_table_bytes(const struct dataset_encoder *enc,
                    const struct dataset_meta *meta, size_t *out,
                    struct errinfo *e)
{
    size_t n;

    if (meta->n_rows > DATASET_MAX_ROWS ||
        !mem_add(enc->n_in, enc->n_out, &n) || !mem_mul(n, sizeof(float), &n) ||
        !mem_add(n, BYTES_A_ROW, &n) || !mem_mul(n, meta->n_rows, &n))
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset is too large for this machine: %" PRIu64
                       " rows of %zu inputs and %zu outputs",
                       meta->n_rows, enc->n_in, enc->n_out);
    *out = n;
    return ERR_OK;
}

/* While rows are split: their places in two lists, and two marks; and their
 * numbers in order, where a scale is fitted on those. */
size_t
dataset_table_file_bytes(const struct dataset_meta *meta)
{
    return (size_t)meta->n_rows * (3 * sizeof(uint32_t) + 2 * sizeof(bool));
}

/* All that there is for each row, one behind the other in a file. */
static enum err
table_map(struct dataset_table *table, const struct dataset_split *split,
          struct errinfo *e)
{
    size_t   n = table->n_rows, bytes;
    int      fd;
    enum err rc = split->open_file(split->arg, &fd, e);

    if (rc != ERR_OK)
        return rc;
    bytes = n * (table->n_in + table->n_out + N_MAPPED) * sizeof(float);
    table->mapped = mem_map_file(fd, bytes);
    if (table->mapped == NULL)
        return err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "database",
                       "no room for %zu bytes beside the database: %m", bytes);
    table->n_mapped = bytes;
    table->x = table->mapped;
    table->t = table->x + n * table->n_in;
    table->scale = table->t + n * table->n_out;
    table->train = (uint32_t *)(table->scale + n);
    table->validation = table->train + n;
    table->order = table->validation + n;
    if (split->weight != NULL)
        table->weight = (float *)(table->order + n);
    return ERR_OK;
}

static enum err
table_new(const struct dataset_encoder *enc, const struct dataset_meta *meta,
          const struct dataset_split *split, struct dataset_table **out,
          struct errinfo *e)
{
    struct dataset_table *table;
    size_t                unused;
    enum err              rc = dataset_table_bytes(enc, meta, &unused, e);

    if (rc != ERR_OK)
        return rc;
    table = mem_array(1, sizeof(*table), 0);
    if (table == NULL)
        return DATASET_NOMEM(e);
    table->n_rows = meta->n_rows;
    table->n_in = enc->n_in;
    table->n_out = enc->n_out;
    if (split->in_file) {
        rc = table_map(table, split, e);
    } else {
        table->x = mem_floats(table->n_rows * table->n_in, 0);
        table->t = mem_floats(table->n_rows * table->n_out, 0);
        if (table->x == NULL || table->t == NULL)
            rc = DATASET_NOMEM(e);
    }
    if (rc != ERR_OK) {
        dataset_table_free(table);
        return rc;
    }
    *out = table;
    return ERR_OK;
}

static void
load_release(struct load *load)
{
    for (size_t i = 0; load->role != NULL && i < load->meta->n_columns; i++) {
        dataset_role_release(&load->role[i]);
    }
    free(load->role);
    free(load->is_train);
    free(load->part);
    free(load->left_out);
    dataset_block_release(&load->block);
}

enum err
dataset_table_load(struct dataset_encoder *enc, bool fit,
                   const struct dataset_source *source, double fraction,
                   uint64_t seed, struct dataset_table **out, struct errinfo *e)
{
    const struct dataset_split split = { .fraction = fraction, .seed = seed };

    return dataset_table_load_split(enc, fit, source, &split, out, e);
}

enum err
dataset_table_load_split(struct dataset_encoder *enc, bool fit,
                         const struct dataset_source *source,
                         const struct dataset_split  *split,
                         struct dataset_table **out, struct errinfo *e)
{
    const struct dataset_meta *meta = source->meta;
    struct load                load = { .enc = enc, .meta = meta };
    enum err                   rc;

    load.role = mem_array(meta->n_columns, sizeof(*load.role), 0);
    load.is_train = mem_array(meta->n_rows, sizeof(*load.is_train), 0);
    if (load.role == NULL || load.is_train == NULL) {
        rc = DATASET_NOMEM(e);
        goto out;
    }
    rc = dataset_roles_assign(load.role, enc, meta, e);
    if (rc == ERR_OK && split->column != NULL)
        rc = assign_aside(&load, split->column, DATASET_ROLE_PART, e);
    if (rc == ERR_OK && split->weight != NULL)
        rc = assign_aside(&load, split->weight, DATASET_ROLE_WEIGHT, e);
    if (rc != ERR_OK)
        goto out;
    rc = table_new(enc, meta, split, &load.table, e);
    if (rc != ERR_OK)
        goto out;
    rc = pass(&load, source, DATASET_ROLE_TARGET, use_target, e);
    if (rc != ERR_OK)
        goto out;
    rc = split_rows(&load, source, split, e);
    if (rc != ERR_OK)
        goto out;
    rc = scale_targets(&load, enc, fit, e);
    if (rc != ERR_OK)
        goto out;
    if (fit) {
        rc = fit_inputs(&load, enc, source, e);
        if (rc != ERR_OK)
            goto out;
    }
    load.raw = fit && dataset_fit_needs_order(&enc->encoding);
    rc = pass(&load, source, DATASET_ROLE_INPUT, use_input, e);
    if (rc == ERR_OK && load.raw)
        rc = fit_ordered(&load, enc, e);
    if (rc != ERR_OK)
        goto out;
    *out = load.table;
    load.table = NULL;
out:
    dataset_table_free(load.table);
    load_release(&load);
    return rc;
}

void
dataset_table_free(struct dataset_table *table)
{
    if (table == NULL)
        return;
    if (table->mapped != NULL) {
        mem_unmap(table->mapped, table->n_mapped);
    } else {
        free(table->x);
        free(table->t);
        free(table->weight);
        free(table->train);
        free(table->validation);
    }
    free(table);
}
