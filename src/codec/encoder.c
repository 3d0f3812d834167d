#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "codec/dataset.h"
#include "codec/json_memory.h"
#include "codec/texts.h"
#include "codec/write.h"

/* --- an encoder, written -------------------------------------------------- */

/* As doubles, whose 17 digits come back exactly, and so do the float32. */
static void
write_exact(struct buf *out, const char *name, const float *x, size_t n)
{
    write_member(out, name);
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        num_format_double(out, (double)x[i]);
    }
    buf_putc(out, ']');
}

static void
write_input(const struct dataset_input *input, struct buf *out)
{
    write_begin(out);
    write_text(out, "name", input->name);
    write_text(out, "type", dataset_type_name(input->type));
    write_count(out, "width", input->width);
    write_bool(out, "indicator", input->indicator);
    if (input->categories != NULL)
        codec_write_texts(out, "categories", input->categories,
                          input->n_categories);
    if (input->type == DATASET_TEXT)
        codec_write_grams(&input->grams, out);
    write_exact(out, "a", input->a, input->n_parts);
    write_exact(out, "b", input->b, input->n_parts);
    write_exact(out, "fill", input->fill, input->n_parts);
    write_end(out);
}

void
codec_encoder_format(const struct dataset_encoder *enc, struct buf *out)
{
    const struct dataset_encoding *how = &enc->encoding;
    size_t n = enc->task == DATASET_REGRESSION ? enc->n_out : 0;

    write_begin(out);
    write_text(out, "scale_inputs", dataset_scaling_name(how->scale_inputs));
    write_text(out, "scale_targets", dataset_scaling_name(how->scale_targets));
    write_text(out, "missing", dataset_missing_name(how->missing));
    write_double(out, "missing_value", how->missing_value);
    write_member(out, "inputs");
    buf_putc(out, '[');
    for (size_t i = 0; i < enc->n_inputs; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_input(&enc->input[i], out);
    }
    buf_putc(out, ']');
    write_text(out, "task", dataset_task_name(enc->task));
    codec_write_texts(out, "targets", enc->target, enc->n_targets);
    write_count(out, "outputs", enc->n_out);
    codec_write_texts(out, "classes", enc->classes, enc->n_classes);
    write_double(out, "low", enc->low);
    write_double(out, "high", enc->high);
    write_exact(out, "target_a", enc->target_a, n);
    write_exact(out, "target_b", enc->target_b, n);
    write_end(out);
}

/* --- and read back -------------------------------------------------------- */

static bool
read_floats(json_t *value, size_t n, float **out)
{
    float *x;

    if (json_array_size(value) != n)
        return false;
    x = mem_array(n, sizeof(*x), 0);
    *out = x;
    if (x == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *number = json_array_get(value, i);

        if (!json_is_number(number))
            return false;
        x[i] = (float)json_number_value(number);
    }
    return true;
}

static bool
read_input(json_t *value, struct dataset_input *in)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    json_t     *categories = json_object_get(value, "categories");
    json_t     *a = json_object_get(value, "a");
    size_t      n = json_array_size(a);

    in->name = codec_text_of(json_object_get(value, "name"));
    if (in->name == NULL || type == NULL ||
        !dataset_type_find(type, &in->type) ||
        !codec_read_size(json_object_get(value, "width"), &in->width) ||
        in->width < 1 || in->width > DATASET_MAX_WIDTH)
        return false;
    in->indicator = json_is_true(json_object_get(value, "indicator"));
    if (categories != NULL &&
        !codec_read_texts(categories, &in->categories, &in->n_categories))
        return false;
    if (in->type == DATASET_TEXT &&
        !codec_read_grams(json_object_get(value, "text"), &in->grams))
        return false;
    in->n_parts = n; /* compared with what the type says by the caller */
    return read_floats(a, n, &in->a) &&
           read_floats(json_object_get(value, "b"), n, &in->b) &&
           read_floats(json_object_get(value, "fill"), n, &in->fill);
}

static bool
read_inputs(json_t *inputs, struct dataset_encoder *enc)
{
    size_t n = json_array_size(inputs);

    enc->input = mem_array(n, sizeof(*enc->input), 0);
    if (enc->input == NULL)
        return false;
    enc->n_inputs = n; /* free looks at all of them; they are zero */
    for (size_t i = 0; i < n; i++)
        if (!read_input(json_array_get(inputs, i), &enc->input[i]))
            return false;
    if (!dataset_encoder_layout(enc))
        return false;
    for (size_t i = 0; i < n; i++)
        if (enc->input[i].n_parts !=
            json_array_size(json_object_get(json_array_get(inputs, i), "a")))
            return false;
    return true;
}

static bool
read_encoding(json_t *document, struct dataset_encoding *out)
{
    const char *inputs =
        json_string_value(json_object_get(document, "scale_inputs"));
    const char *targets =
        json_string_value(json_object_get(document, "scale_targets"));
    const char *missing =
        json_string_value(json_object_get(document, "missing"));
    json_t *value = json_object_get(document, "missing_value");

    out->missing_value = (float)json_number_value(value);
    return inputs != NULL && targets != NULL && missing != NULL &&
           json_is_number(value) &&
           dataset_scaling_find(inputs, &out->scale_inputs) &&
           dataset_scaling_find(targets, &out->scale_targets) &&
           dataset_missing_find(missing, &out->missing);
}

static bool
read_encoder(json_t *document, struct dataset_encoder *enc)
{
    json_t     *low = json_object_get(document, "low");
    json_t     *high = json_object_get(document, "high");
    const char *task = json_string_value(json_object_get(document, "task"));
    size_t      n;

    if (!read_encoding(document, &enc->encoding) || task == NULL ||
        !dataset_task_find(task, &enc->task) || !json_is_number(low) ||
        !json_is_number(high) ||
        !codec_read_size(json_object_get(document, "outputs"), &enc->n_out))
        return false;
    enc->low = (float)json_number_value(low);
    enc->high = (float)json_number_value(high);
    n = enc->task == DATASET_REGRESSION ? enc->n_out : 0;
    return read_inputs(json_object_get(document, "inputs"), enc) &&
           codec_read_texts(json_object_get(document, "targets"), &enc->target,
                            &enc->n_targets) &&
           codec_read_texts(json_object_get(document, "classes"), &enc->classes,
                            &enc->n_classes) &&
           read_floats(json_object_get(document, "target_a"), n,
                       &enc->target_a) &&
           read_floats(json_object_get(document, "target_b"), n,
                       &enc->target_b);
}

enum err
codec_encoder_parse(const char *json, struct dataset_encoder **out,
                    struct errinfo *e)
{
    struct dataset_encoder *enc = mem_array(1, sizeof(*enc), 0);
    json_t                 *document;
    bool                    whole;

    if (enc == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    errno = 0; /* nobody says why: was it for want of memory? */
    document =
        codec_json_has_room(strlen(json)) ? json_loads(json, 0, NULL) : NULL;
    whole = read_encoder(document, enc);
    json_decref(document);
    if (!whole) {
        dataset_encoder_free(enc);
        if (errno == ENOMEM)
            return err_set(e, ERR_NOMEM, "", "out of memory");
        return err_set(e, ERR_CORRUPT, "encoder",
                       "what is stored of the encoder cannot be read");
    }
    *out = enc;
    return ERR_OK;
}
