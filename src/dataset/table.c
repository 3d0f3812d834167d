#include "dataset/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/distinct.h"
#include "dataset/fit.h"
#include "dataset/internal.h"

enum kind { UNUSED, INPUT, TARGET };

/* What a column of the source is to the encoder. */
struct role {
    enum kind                   kind;
    const struct dataset_input *in; /* INPUT                                 */
    struct dataset_fit          fit;
    size_t                      offset; /* TARGET: of its first number in t  */
    /* From the source's cells to the encoder's categories or classes: by
     * their index, or (index NULL) by the number that they are. */
    bool                  is_named;
    float                *index; /* NaN: a category unknown to the encoder */
    struct dataset_labels labels;
    uint64_t              n_seen; /* rows, in this pass */
};

struct load;
typedef enum err (*use_fn)(struct load *load, struct role *role,
                           const struct dataset_column *col, const float *cell,
                           struct errinfo *e);

struct load {
    const struct dataset_encoder *enc;
    const struct dataset_meta    *meta;
    struct dataset_table         *table;
    struct role                  *role;     /* [meta->n_columns] */
    bool                         *is_train; /* [n_rows]          */
    struct dataset_block          block;
    enum kind                     kind; /* of roles that this pass reads */
    use_fn                        use;
};

/* --- roles ---------------------------------------------------------------- */

static enum err
find_role(struct load *load, const char *name, const char *what,
          struct role **out, const struct dataset_column **out_col,
          struct errinfo *e)
{
    const struct dataset_meta *meta = load->meta;

    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];

        if (col->type != DATASET_IGNORED && strcmp(col->name, name) == 0) {
            *out = &load->role[i];
            *out_col = col;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "/dataset",
                   "the dataset has no column '%.80s', which is %s of the "
                   "network",
                   name, what);
}

/* Map the categories of a column to these names. */
static enum err
map_names(struct role *role, const struct dataset_column *col,
          char *const *names, size_t n, struct errinfo *e)
{
    struct dataset_names set = { 0 };
    enum err             rc = ERR_OK;

    role->is_named = true;
    if (col->type == DATASET_NUMERIC)
        return dataset_labels_new(names, n, &role->labels, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        if (!dataset_names_add(&set, names[i], strlen(names[i])))
            rc = DATASET_NOMEM(e);
    role->index = mem_floats(col->n_categories, 0);
    if (role->index == NULL)
        rc = DATASET_NOMEM(e);
    for (size_t i = 0; i < col->n_categories && rc == ERR_OK; i++) {
        const char *name = col->categories[i];
        size_t      place = dataset_names_find(&set, name, strlen(name));

        role->index[i] = place < set.n ? (float)place : NAN;
    }
    dataset_names_release(&set);
    return rc;
}

static float
map_cell(const struct role *role, float cell)
{
    if (isnan(cell))
        return NAN;
    if (role->index != NULL)
        return role->index[(size_t)cell];
    return dataset_labels_find(&role->labels, cell);
}

static enum err
add_input(struct load *load, const struct dataset_input *in, struct errinfo *e)
{
    const struct dataset_column *col;
    struct role                 *role;
    enum err                     rc;

    rc = find_role(load, in->name, "an input", &role, &col, e);
    if (rc != ERR_OK)
        return rc;
    if (in->type == DATASET_NUMERIC && col->type != DATASET_NUMERIC)
        return err_set(e, ERR_INVALID, "/dataset",
                       "column '%.80s' is categorical, the network was trained "
                       "on numbers",
                       in->name);
    if (in->width != col->width)
        return err_set(e, ERR_INVALID, "/dataset",
                       "column '%.80s' has %zu numbers a row, the network "
                       "takes %zu",
                       in->name, col->width, in->width);
    role->kind = INPUT;
    role->in = in;
    if (in->type == DATASET_CATEGORICAL)
        return map_names(role, col, in->categories, in->n_categories, e);
    return ERR_OK;
}

/* Every class of the source must be one of the encoder's: tell all that are
 * not. */
static enum err
check_classes(const struct role *role, const struct dataset_column *col,
              struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; role->index != NULL && i < col->n_categories; i++)
        if (isnan(role->index[i]))
            rc = err_add(e, ERR_INVALID, "/dataset",
                         "the network knows no class '%.80s'",
                         col->categories[i]);
    return rc;
}

static enum err
add_target(struct load *load, const char *name, size_t *offset,
           struct errinfo *e)
{
    const struct dataset_encoder *enc = load->enc;
    const struct dataset_column  *col;
    struct role                  *role;
    enum err                      rc;

    rc = find_role(load, name, "a target", &role, &col, e);
    if (rc != ERR_OK)
        return rc;
    role->kind = TARGET;
    role->offset = *offset;
    *offset += col->width;
    if (enc->task == DATASET_CLASSIFICATION) {
        if (col->width != 1)
            return err_set(e, ERR_INVALID, "/dataset",
                           "column '%.80s' has %zu numbers a row, expected one "
                           "class",
                           name, col->width);
        rc = map_names(role, col, enc->classes, enc->n_classes, e);
        return rc == ERR_OK ? check_classes(role, col, e) : rc;
    }
    if (col->type != DATASET_NUMERIC)
        return err_set(e, ERR_INVALID, "/dataset",
                       "column '%.80s' is categorical, the network gives "
                       "numbers",
                       name);
    return ERR_OK;
}

static enum err
assign_roles(struct load *load, struct errinfo *e)
{
    const struct dataset_encoder *enc = load->enc;
    size_t                        n_out = 0;
    enum err                      rc;

    for (size_t i = 0; i < enc->n_inputs; i++) {
        rc = add_input(load, &enc->input[i], e);
        if (rc != ERR_OK)
            return rc;
    }
    for (size_t i = 0; i < enc->n_targets; i++) {
        rc = add_target(load, enc->target[i], &n_out, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (enc->task == DATASET_REGRESSION && n_out != enc->n_out)
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset has %zu targets a row, the network has %zu "
                       "outputs",
                       n_out, enc->n_out);
    return ERR_OK;
}

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
        struct role                 *role = &load->role[i];

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
pass(struct load *load, const struct dataset_source *source, enum kind kind,
     use_fn use, struct errinfo *e)
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
put_class(const struct load *load, const struct role *role,
          const struct dataset_column *col, float cell, float *t,
          struct errinfo *e)
{
    const struct dataset_encoder *enc = load->enc;
    float                         k = map_cell(role, cell);

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
use_target(struct load *load, struct role *role,
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

static enum err
use_for_fit(struct load *load, struct role *role,
            const struct dataset_column *col, const float *cell,
            struct errinfo *e)
{
    const struct dataset_block *block = &load->block;

    (void)col;
    (void)e;
    dataset_fit_add(&role->fit, cell, block->n_rows, block->width,
                    load->is_train + block->first_row);
    return ERR_OK;
}

static enum err
use_input(struct load *load, struct role *role,
          const struct dataset_column *col, const float *cell,
          struct errinfo *e)
{
    const struct dataset_block *block = &load->block;
    size_t                      n_in = load->table->n_in;
    float *x = load->table->x + block->first_row * n_in + role->in->offset;

    (void)col;
    (void)e;
    for (size_t r = 0; r < block->n_rows; r++) {
        if (role->is_named) {
            float k = map_cell(role, *cell);

            if (!isnan(k))
                x[(size_t)k] = 1; /* x is zero elsewhere */
        } else {
            dataset_input_apply(role->in, cell, x);
        }
        cell += block->width;
        x += n_in;
    }
    return ERR_OK;
}

static enum err
fit_inputs(struct load *load, struct dataset_encoder *enc,
           const struct dataset_source *source, struct errinfo *e)
{
    enum err rc;

    for (size_t i = 0; i < load->meta->n_columns; i++) {
        struct role *role = &load->role[i];

        if (role->kind != INPUT)
            continue;
        rc = dataset_fit_init(&role->fit, role->in, e);
        if (rc != ERR_OK)
            return rc;
    }
    rc = pass(load, source, INPUT, use_for_fit, e);
    for (size_t i = 0; i < load->meta->n_columns && rc == ERR_OK; i++) {
        const struct role *role = &load->role[i];

        if (role->kind == INPUT)
            dataset_fit_finish(&role->fit, enc->scaling,
                               &enc->input[role->in - enc->input]);
    }
    return rc;
}

/* --- the table ------------------------------------------------------------ */

/* Besides x and t: a row's number in one of the two lists, and while the rows
 * are split its places in two more and a mark. */
#define BYTES_A_ROW (3 * sizeof(uint32_t) + sizeof(bool))

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

static enum err
table_new(const struct dataset_encoder *enc, const struct dataset_meta *meta,
          struct dataset_table **out, struct errinfo *e)
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
    table->x = mem_floats(table->n_rows * table->n_in, 0);
    table->t = mem_floats(table->n_rows * table->n_out, 0);
    if (table->x == NULL || table->t == NULL) {
        dataset_table_free(table);
        return DATASET_NOMEM(e);
    }
    *out = table;
    return ERR_OK;
}

static void
load_release(struct load *load)
{
    for (size_t i = 0; load->role != NULL && i < load->meta->n_columns; i++) {
        free(load->role[i].index);
        dataset_labels_release(&load->role[i].labels);
        dataset_fit_release(&load->role[i].fit);
    }
    free(load->role);
    free(load->is_train);
    dataset_block_release(&load->block);
}

enum err
dataset_table_load(struct dataset_encoder *enc, bool fit,
                   const struct dataset_source *source, double fraction,
                   uint64_t seed, struct dataset_table **out, struct errinfo *e)
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
    rc = assign_roles(&load, e);
    if (rc != ERR_OK)
        goto out;
    rc = table_new(enc, meta, &load.table, e);
    if (rc != ERR_OK)
        goto out;
    rc = pass(&load, source, TARGET, use_target, e);
    if (rc != ERR_OK)
        goto out;
    rc = dataset_table_split(enc, load.table, fraction, seed, load.is_train, e);
    if (rc != ERR_OK)
        goto out;
    if (fit) {
        rc = fit_inputs(&load, enc, source, e);
        if (rc != ERR_OK)
            goto out;
    }
    rc = pass(&load, source, INPUT, use_input, e);
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
    free(table->x);
    free(table->t);
    free(table->train);
    free(table->validation);
    free(table);
}
