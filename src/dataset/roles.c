#include "dataset/roles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/date.h"
#include "dataset/distinct.h"
#include "dataset/internal.h"

/* --- roles ---------------------------------------------------------------- */

static enum err
find_role(struct dataset_role *roles, const struct dataset_meta *meta,
          const char *name, const char *what, struct dataset_role **out,
          const struct dataset_column **out_col, struct errinfo *e)
{
    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];

        if (col->type != DATASET_IGNORED && strcmp(col->name, name) == 0) {
            *out = &roles[i];
            *out_col = col;
            return ERR_OK;
        }
    }
    return err_add(e, ERR_INVALID, "/dataset",
                   "the dataset has no column '%.80s', which is %s of the "
                   "network",
                   name, what);
}

/* Map the categories of a column to these names. */
static enum err
map_names(struct dataset_role *role, const struct dataset_column *col,
          char *const *names, size_t n, struct errinfo *e)
{
    struct dataset_names set = { 0 };
    enum err             rc = ERR_OK;

    role->is_named = true;
    if (dataset_type_cells(col->type) == DATASET_NUMBERS)
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

float
dataset_role_map(const struct dataset_role *role, float cell)
{
    if (isnan(cell))
        return NAN;
    if (role->index != NULL)
        return role->index[(size_t)cell];
    return dataset_labels_find(&role->labels, cell);
}

/* --- dates, texts, booleans ----------------------------------------------- */

static float
truth_of(const struct dataset_column *col, float cell)
{
    const char *name;
    unsigned    pair;
    bool        truth;

    if (dataset_type_cells(col->type) == DATASET_NUMBERS)
        return cell;
    name = col->categories[(size_t)cell];
    return dataset_cell_truth(name, strlen(name), &pair, &truth) ? (float)truth
                                                                 : NAN;
}

enum err
dataset_role_parts(const struct dataset_role   *role,
                   const struct dataset_block  *block,
                   const struct dataset_column *col, float cell, float *part,
                   struct errinfo *e)
{
    const struct dataset_input *in = role->in;
    struct dataset_date         date = { NAN, NAN };
    struct buf                  name = { 0 };
    const char                 *s = NULL;
    size_t                      len = 0;
    float                       raw[2];
    enum err                    rc = ERR_OK;

    if (in->type == DATASET_BOOLEAN) {
        *part = isnan(cell) ? NAN : truth_of(col, cell);
        return ERR_OK;
    }
    s = dataset_block_text(block, col, cell, &name, &len);
    if (name.failed)
        rc = DATASET_NOMEM(e);
    else if (in->type == DATASET_TEXT && s != NULL)
        dataset_input_read(in, s, len, part);
    else if (in->type == DATASET_DATETIME && s != NULL &&
             !dataset_input_read(in, s, len, raw))
        rc = err_set(e, ERR_INVALID, "/dataset",
                     "column '%.80s' holds '%.*s', which is no date", in->name,
                     (int)(len < 40 ? len : 40), s);
    else if (in->type == DATASET_DATETIME && s != NULL)
        date = (struct dataset_date){ raw[0], raw[1] };
    if (rc == ERR_OK && in->type == DATASET_DATETIME)
        dataset_date_parts(&date, part);
    buf_release(&name);
    return rc;
}

/* --- who is who ----------------------------------------------------------- */

/* Can cells of this column be read as the encoder reads its input? */
static bool
is_readable(const struct dataset_input *in, const struct dataset_column *col)
{
    enum dataset_cells cells = dataset_type_cells(col->type);

    switch (in->type) {
    case DATASET_NUMERIC:
        return cells == DATASET_NUMBERS;
    case DATASET_BOOLEAN:
    case DATASET_CATEGORICAL:
    case DATASET_CLASS:
        return cells != DATASET_TEXTS;
    case DATASET_DATETIME:
    case DATASET_TEXT:
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    return true;
}

static enum err
add_input(struct dataset_role *roles, const struct dataset_meta *meta,
          const struct dataset_input *in, struct errinfo *e)
{
    const struct dataset_column *col;
    struct dataset_role         *role;
    bool                         is_array = in->type == DATASET_NUMERIC;
    enum err                     rc;

    rc = find_role(roles, meta, in->name, "an input", &role, &col, e);
    if (rc != ERR_OK)
        return rc;
    if (!is_readable(in, col))
        return err_add(e, ERR_INVALID, "/dataset",
                       "column '%.80s' is %s, the network was trained on %s",
                       in->name, dataset_type_name(col->type),
                       in->type == DATASET_NUMERIC
                           ? "numbers"
                           : dataset_type_name(in->type));
    if (col->width != (is_array ? in->width : 1))
        return err_add(e, ERR_INVALID, "/dataset",
                       "column '%.80s' has %zu numbers a row, the network "
                       "takes %zu",
                       in->name, col->width, in->width);
    role->kind = DATASET_ROLE_INPUT;
    role->in = in;
    if (in->type == DATASET_CATEGORICAL || in->type == DATASET_CLASS)
        return map_names(role, col, in->categories, in->n_categories, e);
    return ERR_OK;
}

/* Every class of the source must be one of the encoder's: tell all that are
 * not. */
static enum err
check_classes(const struct dataset_role *role, const struct dataset_column *col,
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
add_target(struct dataset_role *roles, const struct dataset_meta *meta,
           const struct dataset_encoder *enc, size_t i, size_t *offset,
           struct errinfo *e)
{
    const char                  *name = enc->target[i];
    const struct dataset_column *col;
    struct dataset_role         *role;
    enum err                     rc;

    rc = find_role(roles, meta, name, "a target", &role, &col, e);
    if (rc != ERR_OK)
        return rc;
    role->kind = DATASET_ROLE_TARGET;
    role->offset = *offset;
    *offset += col->width;
    if (enc->task == DATASET_CLASSIFICATION) {
        if (col->width != 1)
            return err_add(e, ERR_INVALID, "/dataset",
                           "column '%.80s' has %zu numbers a row, expected one "
                           "class",
                           name, col->width);
        rc = map_names(role, col, enc->classes, enc->n_classes, e);
        return rc == ERR_OK ? check_classes(role, col, e) : rc;
    }
    if (dataset_type_cells(col->type) != DATASET_NUMBERS)
        return err_add(e, ERR_INVALID, "/dataset",
                       "column '%.80s' is categorical, the network gives "
                       "numbers",
                       name);
    return ERR_OK;
}

enum err
dataset_roles_assign(struct dataset_role          *roles,
                     const struct dataset_encoder *enc,
                     const struct dataset_meta *meta, struct errinfo *e)
{
    size_t   n_out = 0;
    enum err rc, bad = ERR_OK;

    for (size_t i = 0; i < enc->n_inputs + enc->n_targets; i++) {
        if (i < enc->n_inputs)
            rc = add_input(roles, meta, &enc->input[i], e);
        else
            rc = add_target(roles, meta, enc, i - enc->n_inputs, &n_out, e);
        if (rc == ERR_INVALID)
            bad = rc; /* the other columns' mistakes are told with it */
        else if (rc != ERR_OK)
            return rc;
    }
    if (bad != ERR_OK)
        return bad;
    if (enc->task == DATASET_REGRESSION && n_out != enc->n_out)
        return err_add(e, ERR_INVALID, "/dataset",
                       "the dataset has %zu targets a row, the network has %zu "
                       "outputs",
                       n_out, enc->n_out);
    return ERR_OK;
}

void
dataset_role_release(struct dataset_role *role)
{
    free(role->index);
    dataset_labels_release(&role->labels);
    dataset_fit_release(&role->fit);
    *role = (struct dataset_role){ 0 };
}
