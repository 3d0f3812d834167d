#include "dataset/table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/load.h"

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
fit_ordered(struct dataset_load *load, struct dataset_encoder *enc,
            struct errinfo *e)
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
scale_targets(const struct dataset_load *load, struct dataset_encoder *enc,
              bool fit, struct errinfo *e)
{
    const struct dataset_table *table = load->table;
    size_t                      n_out = table->n_out;
    float                      *sorted;

    if (enc->encoding.scale_targets == DATASET_SCALE_NONE)
        return ERR_OK;
    sorted = mem_floats(table->n_train, 0);
    if (sorted == NULL)
        return DATASET_NOMEM(e);
    for (size_t k = 0; fit && k < n_out; k++)
        dataset_fit_values(sorted, gather(table, table->t + k, n_out, sorted),
                           enc->encoding.scale_targets, &enc->target_a[k],
                           &enc->target_b[k]);
    free(sorted);
    dataset_encoder_scale_targets(enc, table->t, table->n_rows);
    return ERR_OK;
}

/* Decide which rows train, and read what they weigh. */
static enum err
split_rows(struct dataset_load *load, const struct dataset_split *split,
           struct errinfo *e)
{
    struct dataset_table *table = load->table;
    enum err              rc = ERR_OK;

    if (split->weight != NULL) {
        if (table->mapped == NULL)
            table->weight = mem_floats(table->n_rows, 0);
        if (table->weight == NULL)
            return DATASET_NOMEM(e);
        rc = dataset_load_weights(load, e);
    }
    if (rc != ERR_OK || split->column == NULL)
        return rc == ERR_OK ? dataset_table_split(load->enc, table, split,
                                                  load->is_train, e)
                            : rc;
    load->left_out = mem_array(table->n_rows, sizeof(*load->left_out), 0);
    if (load->left_out == NULL)
        return DATASET_NOMEM(e);
    rc = dataset_load_parts(load, e);
    return rc == ERR_OK
               ? dataset_table_list(table, load->is_train, load->left_out, e)
               : rc;
}

/* --- before it is read ---------------------------------------------------- */

static enum err
check_targets(const struct dataset_role *role, const struct dataset_meta *meta,
              struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];

        if (role[i].kind == DATASET_ROLE_TARGET && col->missing > 0)
            rc = err_add(e, ERR_INVALID, "/dataset",
                         "%" PRIu64 " of its rows have no value in column "
                         "'%.80s', which is a target of the network",
                         col->missing, col->name);
    }
    return rc;
}

enum err
dataset_table_fits(const struct dataset_encoder *enc,
                   const struct dataset_meta *meta, struct errinfo *e)
{
    struct dataset_role *role = mem_array(meta->n_columns, sizeof(*role), 0);
    enum err             rc;

    if (role == NULL)
        return DATASET_NOMEM(e);
    rc = dataset_roles_assign(role, enc, meta, e);
    if (rc == ERR_OK)
        rc = check_targets(role, meta, e);
    for (size_t i = 0; i < meta->n_columns; i++)
        dataset_role_release(&role[i]);
    free(role);
    return rc;
}

/* --- the table ------------------------------------------------------------ */

/* Besides x and t: a row's number in one of the two lists, its weight, and
 * while the rows are split its places in two more and two marks. */
#define BYTES_A_ROW (3 * sizeof(uint32_t) + sizeof(float) + 2 * sizeof(bool))
/* What a mapped row has of 4 bytes each: scale, train, validation, order,
 * weight. */
#define N_MAPPED 5

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
    struct dataset_load load = { .enc = enc, .source = source, .meta = meta };
    enum err            rc;

    load.role = mem_array(meta->n_columns, sizeof(*load.role), 0);
    load.is_train = mem_array(meta->n_rows, sizeof(*load.is_train), 0);
    if (load.role == NULL || load.is_train == NULL) {
        rc = DATASET_NOMEM(e);
        goto out;
    }
    rc = dataset_roles_assign(load.role, enc, meta, e);
    if (rc == ERR_OK && split->column != NULL)
        rc = dataset_load_set_aside(&load, split->column, DATASET_ROLE_PART, e);
    if (rc == ERR_OK && split->weight != NULL)
        rc = dataset_load_set_aside(&load, split->weight, DATASET_ROLE_WEIGHT,
                                    e);
    if (rc != ERR_OK)
        goto out;
    rc = table_new(enc, meta, split, &load.table, e);
    if (rc != ERR_OK)
        goto out;
    rc = dataset_load_targets(&load, e);
    if (rc != ERR_OK)
        goto out;
    rc = split_rows(&load, split, e);
    if (rc != ERR_OK)
        goto out;
    rc = scale_targets(&load, enc, fit, e);
    if (rc != ERR_OK)
        goto out;
    if (fit) {
        rc = dataset_load_fit(&load, enc, e);
        if (rc != ERR_OK)
            goto out;
    }
    load.raw = fit && dataset_fit_needs_order(&enc->encoding);
    rc = dataset_load_inputs(&load, e);
    if (rc == ERR_OK && load.raw)
        rc = fit_ordered(&load, enc, e);
    if (rc != ERR_OK)
        goto out;
    *out = load.table;
    load.table = NULL;
out:
    dataset_table_free(load.table);
    dataset_load_release(&load);
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
