#include "dataset/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/internal.h"

/* clang-format off */
static const char *const scalings[DATASET_SCALE_COUNT] = {
    [DATASET_SCALE_NONE]     = "none",
    [DATASET_SCALE_STANDARD] = "standard",
    [DATASET_SCALE_MIN_MAX]  = "min_max",
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

/* --- columns in ----------------------------------------------------------- */

static bool
input_init(struct dataset_input *in, const struct dataset_column *col)
{
    in->type = col->type;
    in->width = col->width;
    in->name = mem_dup(col->name, strlen(col->name));
    if (in->name == NULL)
        return false;
    if (col->type == DATASET_CATEGORICAL) {
        in->categories =
            dataset_strings_copy(col->categories, col->n_categories);
        if (in->categories == NULL)
            return false;
        in->n_categories = col->n_categories;
        return true;
    }
    in->a = mem_floats(col->width, 0);
    in->b = mem_floats(col->width, 0);
    in->fill = mem_floats(col->width, 0);
    if (in->a == NULL || in->b == NULL || in->fill == NULL)
        return false;
    for (size_t k = 0; k < col->width; k++)
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
        if (!input_init(in, col))
            return DATASET_NOMEM(e);
        in->raw_offset = enc->raw_width;
        in->offset = enc->n_in;
        enc->raw_width += in->width;
        enc->n_in +=
            col->type == DATASET_CATEGORICAL ? in->n_categories : in->width;
    }
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
        return ERR_OK;
    }
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

enum err
dataset_encoder_new(const struct dataset_meta *meta,
                    enum dataset_scaling scaling, size_t n_out, bool symmetric,
                    struct dataset_encoder **out, struct errinfo *e)
{
    struct dataset_encoder *enc = mem_array(1, sizeof(*enc), 0);
    enum err                rc;

    if (enc == NULL)
        return DATASET_NOMEM(e);
    enc->scaling = scaling;
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
        dataset_strings_free(in->categories, in->n_categories);
        free(in->a);
        free(in->b);
        free(in->fill);
    }
    free(enc->input);
    dataset_strings_free(enc->target, enc->n_targets);
    dataset_strings_free(enc->classes, enc->n_classes);
    free(enc);
}

/* --- rows ----------------------------------------------------------------- */

float
dataset_encoder_middle(const struct dataset_encoder *enc)
{
    return (enc->low + enc->high) / 2;
}

static float
category_index(const struct dataset_input *in, const char *name)
{
    for (size_t i = 0; i < in->n_categories; i++)
        if (strcmp(in->categories[i], name) == 0)
            return (float)i;
    return NAN;
}

float
dataset_encoder_category(const struct dataset_encoder *enc, size_t i,
                         const char *name)
{
    const struct dataset_input *in = &enc->input[i];
    float                       index = category_index(in, name), x;
    struct buf                  canonical = { 0 };

    /* "1.0" is the category that the dataset calls "1". */
    if (!isnan(index) ||
        dataset_cell_parse(name, strlen(name), &x) != DATASET_CELL_NUMBER)
        return index;
    dataset_cell_name(x, &canonical);
    if (!canonical.failed)
        index = category_index(in, canonical.data);
    buf_release(&canonical);
    return index;
}

void
dataset_input_apply(const struct dataset_input *in, const float *raw, float *x)
{
    if (in->type == DATASET_CATEGORICAL) {
        float index = raw[0];

        for (size_t k = 0; k < in->n_categories; k++)
            x[k] = (float)k == index;
        return;
    }
    /* In double, so that numbers near the end of float32's range do not
     * overflow on the way. */
    for (size_t k = 0; k < in->width; k++) {
        double v = isnan(raw[k]) ? in->fill[k] : raw[k];

        x[k] = (float)((v - in->a[k]) * in->b[k]);
    }
}

void
dataset_encoder_apply(const struct dataset_encoder *enc, const float *raw,
                      size_t n, float *x)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < enc->n_inputs; i++)
            dataset_input_apply(&enc->input[i],
                                raw + r * enc->raw_width +
                                    enc->input[i].raw_offset,
                                x + r * enc->n_in + enc->input[i].offset);
}

size_t
dataset_encoder_class(const struct dataset_encoder *enc, const float *y)
{
    size_t best = 0;

    if (enc->n_out == 1)
        return y[0] >= dataset_encoder_middle(enc);
    for (size_t k = 1; k < enc->n_out; k++)
        if (y[k] > y[best])
            best = k;
    return best;
}
