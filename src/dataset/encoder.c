#include "dataset/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/date.h"
#include "dataset/internal.h"

/* clang-format off */
static const char *const scalings[DATASET_SCALE_COUNT] = {
    [DATASET_SCALE_NONE]     = "none",
    [DATASET_SCALE_STANDARD] = "standard",
    [DATASET_SCALE_MIN_MAX]  = "min_max",
    [DATASET_SCALE_ROBUST]   = "robust",
};
static const char *const missings[DATASET_MISSING_COUNT] = {
    [DATASET_MISSING_MEAN]      = "mean",
    [DATASET_MISSING_MEDIAN]    = "median",
    [DATASET_MISSING_INDICATOR] = "indicator",
    [DATASET_MISSING_VALUE]     = "value",
};
/* clang-format on */

const char *
dataset_scaling_name(enum dataset_scaling s)
{
    return scalings[s];
}

bool
dataset_scaling_find(const char *name, enum dataset_scaling *out)
{
    for (enum dataset_scaling s = 0; s < DATASET_SCALE_COUNT; s++) {
        if (strcmp(scalings[s], name) == 0) {
            *out = s;
            return true;
        }
    }
    return false;
}

const char *
dataset_missing_name(enum dataset_missing m)
{
    return missings[m];
}

bool
dataset_missing_find(const char *name, enum dataset_missing *out)
{
    for (enum dataset_missing m = 0; m < DATASET_MISSING_COUNT; m++) {
        if (strcmp(missings[m], name) == 0) {
            *out = m;
            return true;
        }
    }
    return false;
}

bool
dataset_encoding_equal(const struct dataset_encoding *a,
                       const struct dataset_encoding *b)
{
    return a->scale_inputs == b->scale_inputs &&
           a->scale_targets == b->scale_targets && a->missing == b->missing &&
           (a->missing != DATASET_MISSING_VALUE ||
            a->missing_value == b->missing_value);
}

/* --- columns in ----------------------------------------------------------- */

static bool
has_categories(enum dataset_type type)
{
    return type == DATASET_CATEGORICAL || type == DATASET_CLASS ||
           type == DATASET_BOOLEAN;
}

/* What the type says of widths. */
static void
lay_out(struct dataset_input *in)
{
    in->n_parts = 0;
    switch (in->type) {
    case DATASET_NUMERIC:
    case DATASET_BOOLEAN:
        in->n_parts = in->width;
        break;
    case DATASET_DATETIME:
        in->width = 2;
        in->n_parts = DATASET_DATE_PARTS;
        break;
    case DATASET_TEXT:
        in->width = in->grams.size;
        in->n_in = in->width;
        return;
    case DATASET_CATEGORICAL:
    case DATASET_CLASS:
        in->n_in = in->n_categories;
        return;
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
    }
    in->n_in = in->indicator ? 2 * in->n_parts : in->n_parts;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct dataset_category *)a)->name,
                  ((const struct dataset_category *)b)->name);
}

static bool
sort_names(struct dataset_input *in)
{
    size_t n = in->n_categories;

    if (n == 0)
        return true;
    in->by_name = mem_array(n, sizeof(*in->by_name), 0);
    if (in->by_name == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        in->by_name[i] = (struct dataset_category){ in->categories[i], i };
    qsort(in->by_name, n, sizeof(*in->by_name), compare_names);
    return true;
}

float
dataset_input_category(const struct dataset_input *in, const char *name)
{
    const struct dataset_category  key = { .name = name };
    const struct dataset_category *found = NULL;

    if (in->n_categories > 0)
        found = bsearch(&key, in->by_name, in->n_categories,
                        sizeof(*in->by_name), compare_names);
    return found != NULL ? (float)found->index : NAN;
}

bool
dataset_encoder_layout(struct dataset_encoder *enc)
{
    enc->raw_width = enc->n_in = 0;
    enc->only_numbers = true;
    for (size_t i = 0; i < enc->n_inputs; i++) {
        struct dataset_input *in = &enc->input[i];

        lay_out(in);
        in->raw_offset = enc->raw_width;
        in->offset = enc->n_in;
        enc->raw_width += in->width;
        enc->n_in += in->n_in;
        if (in->type != DATASET_NUMERIC)
            enc->only_numbers = false;
        if (!sort_names(in))
            return false;
    }
    return true;
}

/* How a column is encoded; what is allocated is not there yet.  The one place
 * that says how many inputs it gives. */
static void
describe(struct dataset_input *in, const struct dataset_column *col,
         enum dataset_missing missing)
{
    in->type = col->type;
    in->width = col->width;
    in->grams = col->grams;
    in->n_categories = has_categories(col->type) ? col->n_categories : 0;
    in->indicator = missing == DATASET_MISSING_INDICATOR && col->missing > 0;
    lay_out(in);
}

static bool
input_init(struct dataset_input *in, const struct dataset_column *col,
           enum dataset_missing missing)
{
    size_t n;

    describe(in, col, missing);
    n = in->n_categories;
    in->n_categories = 0;
    in->name = mem_dup(col->name, strlen(col->name));
    if (in->name == NULL)
        return false;
    if (has_categories(col->type)) {
        in->categories = dataset_strings_copy(col->categories, n);
        if (in->categories == NULL)
            return false;
        in->n_categories = n;
    }
    in->a = mem_floats(in->n_parts, 0);
    in->b = mem_floats(in->n_parts, 0);
    in->fill = mem_floats(in->n_parts, 0);
    if (in->a == NULL || in->b == NULL || in->fill == NULL)
        return false;
    for (size_t k = 0; k < in->n_parts; k++)
        in->b[k] = 1;
    return true;
}

static enum err
add_inputs(struct dataset_encoder *enc, const struct dataset_meta *meta,
           struct errinfo *e)
{
    enc->input = mem_array(meta->n_columns, sizeof(*enc->input), 0);
    enc->target = mem_array(meta->n_columns, sizeof(*enc->target), 0);
    if (enc->input == NULL || enc->target == NULL)
        return DATASET_NOMEM(e);
    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];
        struct dataset_input        *in = &enc->input[enc->n_inputs];

        if (col->type == DATASET_IGNORED || col->is_aside)
            continue;
        if (col->is_target) {
            char *name = mem_dup(col->name, strlen(col->name));

            if (name == NULL)
                return DATASET_NOMEM(e);
            enc->target[enc->n_targets++] = name;
            continue;
        }
        enc->n_inputs++; /* from here on it is ours to free */
        if (!input_init(in, col, enc->encoding.missing))
            return DATASET_NOMEM(e);
    }
    if (!dataset_encoder_layout(enc))
        return DATASET_NOMEM(e);
    if (enc->n_in == 0)
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset has no input with a value");
    return ERR_OK;
}

/* --- targets out ---------------------------------------------------------- */

static enum err
set_targets(struct dataset_encoder *enc, const struct dataset_meta *meta,
            bool symmetric, struct errinfo *e)
{
    size_t width = dataset_meta_target_width(meta);
    size_t n = meta->n_classes;

    if (meta->task == DATASET_REGRESSION) {
        if (width != enc->n_out)
            return err_set(
                e, ERR_INVALID, "/dataset",
                "the dataset has %zu target%s a row, the network has "
                "%zu output%s",
                width, width == 1 ? "" : "s", enc->n_out,
                enc->n_out == 1 ? "" : "s");
        enc->target_a = mem_floats(enc->n_out, 0);
        enc->target_b = mem_floats(enc->n_out, 0);
        if (enc->target_a == NULL || enc->target_b == NULL)
            return DATASET_NOMEM(e);
        for (size_t k = 0; k < enc->n_out; k++)
            enc->target_b[k] = 1;
        return ERR_OK;
    }
    if (enc->encoding.scale_targets != DATASET_SCALE_NONE)
        return err_set(e, ERR_INVALID, "/scale_targets",
                       "must be none: the targets of the dataset are classes");
    if (n < 2)
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset has %zu class%s; classification needs two "
                       "at least",
                       n, n == 1 ? "" : "es");
    if (n != enc->n_out && !(n == 2 && enc->n_out == 1))
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset has %zu classes, the network has %zu "
                       "output%s; expected %zu outputs%s",
                       n, enc->n_out, enc->n_out == 1 ? "" : "s", n,
                       n == 2 ? ", or 1" : "");
    enc->classes = dataset_strings_copy(meta->classes, n);
    if (enc->classes == NULL)
        return DATASET_NOMEM(e);
    enc->n_classes = n;
    enc->low = symmetric ? -1 : 0;
    enc->high = 1;
    return ERR_OK;
}

size_t
dataset_meta_input_shape(const struct dataset_meta     *meta,
                         const struct dataset_encoding *encoding,
                         size_t                         dim[DATASET_MAX_RANK])
{
    const struct dataset_column *only = NULL;
    size_t                       n_columns = 0;

    dim[0] = 0;
    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];
        struct dataset_input         in = { 0 };

        if (col->is_target || col->is_aside || col->type == DATASET_IGNORED)
            continue;
        describe(&in, col,
                 encoding != NULL ? encoding->missing : DATASET_MISSING_MEAN);
        dim[0] += in.n_in;
        only = col;
        n_columns++;
    }
    if (n_columns != 1 || only->rank == 0 || dim[0] != only->width)
        return 1;
    for (size_t i = 0; i < only->rank; i++)
        dim[i] = only->dim[i];
    return only->rank;
}

size_t
dataset_meta_outputs(const struct dataset_meta *meta)
{
    if (meta->task == DATASET_REGRESSION)
        return dataset_meta_target_width(meta);
    return meta->n_classes == 2 ? 1 : meta->n_classes;
}

enum err
dataset_encoder_new(const struct dataset_meta     *meta,
                    const struct dataset_encoding *encoding, size_t n_out,
                    bool symmetric, struct dataset_encoder **out,
                    struct errinfo *e)
{
    struct dataset_encoder *enc = mem_array(1, sizeof(*enc), 0);
    enum err                rc;

    if (enc == NULL)
        return DATASET_NOMEM(e);
    enc->encoding = *encoding;
    enc->task = meta->task;
    enc->n_out = n_out;
    rc = add_inputs(enc, meta, e);
    if (rc == ERR_OK)
        rc = set_targets(enc, meta, symmetric, e);
    if (rc != ERR_OK) {
        dataset_encoder_free(enc);
        return rc;
    }
    *out = enc;
    return ERR_OK;
}

void
dataset_encoder_free(struct dataset_encoder *enc)
{
    if (enc == NULL)
        return;
    for (size_t i = 0; enc->input != NULL && i < enc->n_inputs; i++) {
        struct dataset_input *in = &enc->input[i];

        free(in->name);
        free(in->by_name);
        dataset_strings_free(in->categories, in->n_categories);
        free(in->a);
        free(in->b);
        free(in->fill);
    }
    free(enc->input);
    dataset_strings_free(enc->target, enc->n_targets);
    dataset_strings_free(enc->classes, enc->n_classes);
    free(enc->target_a);
    free(enc->target_b);
    free(enc);
}
