/*
 * encode.c - rows through an encoder, and outputs back
 */
#include <math.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/date.h"
#include "dataset/grams.h"
#include "dataset/internal.h"

/* --- rows ----------------------------------------------------------------- */

float
dataset_encoder_middle(const struct dataset_encoder *enc)
{
    return (enc->low + enc->high) / 2;
}

float
dataset_encoder_category(const struct dataset_encoder *enc, size_t i,
                         const char *name)
{
    const struct dataset_input *in = &enc->input[i];
    float                       index = dataset_input_category(in, name), x;
    struct buf                  canonical = { 0 };

    if (in->type == DATASET_BOOLEAN && isnan(index)) {
        unsigned pair;
        bool     truth;

        if (dataset_cell_truth(name, strlen(name), &pair, &truth))
            return truth;
    }
    /* "1.0" is the category that the dataset calls "1". */
    if (!isnan(index) ||
        dataset_cell_parse(name, strlen(name), &x) != DATASET_CELL_NUMBER)
        return index;
    dataset_cell_name(x, &canonical);
    if (!canonical.failed)
        index = dataset_input_category(in, canonical.data);
    buf_release(&canonical);
    return index;
}

bool
dataset_input_read(const struct dataset_input *in, const char *s, size_t len,
                   float *raw)
{
    struct dataset_date date;

    if (in->type == DATASET_TEXT) {
        dataset_grams_count(&in->grams, s, len, raw);
        return true;
    }
    if (!dataset_date_parse(s, len, &date))
        return false;
    raw[0] = date.days;
    raw[1] = date.seconds;
    return true;
}

void
dataset_input_scale(const struct dataset_input *in, const float *part, float *x)
{
    size_t n = in->n_parts;

    /* In double, so that numbers near the end of float32's range do not
     * overflow on the way.  x may be part. */
    for (size_t k = 0; k < n; k++) {
        bool   lacks = isnan(part[k]);
        double v = lacks ? in->fill[k] : part[k];

        x[k] = (float)((v - in->a[k]) * in->b[k]);
        if (in->indicator)
            x[n + k] = lacks;
    }
}

void
dataset_input_apply(const struct dataset_input *in, const float *raw, float *x)
{
    float               part[DATASET_DATE_PARTS];
    struct dataset_date date;

    switch (in->type) {
    case DATASET_NUMERIC:
    case DATASET_BOOLEAN:
        dataset_input_scale(in, raw, x);
        break;
    case DATASET_DATETIME:
        date = (struct dataset_date){ raw[0], raw[1] };
        dataset_date_parts(&date, part);
        dataset_input_scale(in, part, x);
        break;
    case DATASET_TEXT:
        /* A text that is missing is no words. */
        for (size_t k = 0; k < in->width; k++)
            x[k] = isnan(raw[k]) ? 0 : raw[k];
        break;
    case DATASET_CATEGORICAL:
    case DATASET_CLASS:
        for (size_t k = 0; k < in->n_categories; k++)
            x[k] = (float)((float)k == raw[0]);
        break;
    case DATASET_IGNORED:
    case DATASET_TYPE_COUNT:
        break;
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

void
dataset_encoder_scale_targets(const struct dataset_encoder *enc, float *t,
                              size_t n)
{
    if (enc->encoding.scale_targets == DATASET_SCALE_NONE)
        return;
    for (size_t r = 0; r < n; r++, t += enc->n_out)
        for (size_t k = 0; k < enc->n_out; k++)
            t[k] =
                (float)(((double)t[k] - enc->target_a[k]) * enc->target_b[k]);
}

void
dataset_encoder_restore(const struct dataset_encoder *enc, float *y, size_t n)
{
    if (enc->encoding.scale_targets == DATASET_SCALE_NONE)
        return;
    for (size_t r = 0; r < n; r++, y += enc->n_out)
        for (size_t k = 0; k < enc->n_out; k++)
            y[k] = (float)((double)y[k] / enc->target_b[k] + enc->target_a[k]);
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

bool
dataset_encoder_takes_numbers(const struct dataset_encoder *enc)
{
    return enc == NULL || enc->only_numbers;
}
