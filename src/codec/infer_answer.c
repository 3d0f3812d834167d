/* infer_answer.c - an answer of the Open Inference Protocol, and metadata */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/infer_columns.h"
#include "codec/write.h"

/* --- texts: labels, and best classes -------------------------------------- */

/* Append a text of a BYTES tensor: JSON, or a length and the bytes. */
static void
put_text(struct buf *out, const char *text, size_t len, bool binary, bool first)
{
    if (!binary) {
        if (!first)
            buf_putc(out, ',');
        json_write_string(out, text, len);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        buf_putc(out, (char)(len >> 8 * i & 0xff));
    buf_append(out, text, len);
}

/* The place of the largest output that is not before (y, place) in order. */
static size_t
next_best(const float *y, size_t n, size_t last)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        bool after =
            last == n || y[i] < y[last] || (y[i] == y[last] && i > last);

        if (after && (best == n || y[i] > y[best]))
            best = i;
    }
    return best;
}

/* "0.98:2:virginica" */
static void
put_classes(const struct codec_infer_answer *a, uint64_t k, bool binary,
            struct buf *out)
{
    struct buf text = { 0 };
    bool       first = true;

    for (size_t r = 0; r < a->n_rows; r++) {
        const float *y = a->y + r * a->n_out;
        size_t       best = a->n_out;

        for (uint64_t i = 0; i < k; i++) {
            best = next_best(y, a->n_out, best);
            if (best == a->n_out)
                break; /* outputs that are not numbers */
            buf_reset(&text);
            num_format_float(&text, y[best]);
            buf_printf(&text, ":%zu", best);
            if (a->encoder != NULL && best < a->encoder->n_classes)
                buf_printf(&text, ":%s", a->encoder->classes[best]);
            put_text(out, text.data, text.len, binary, first);
            first = false;
        }
    }
    out->failed = out->failed || text.failed;
    buf_release(&text);
}

/* --- outputs -------------------------------------------------------------- */

static void
put_data(const struct codec_infer_output *o, const struct codec_infer_answer *a,
         bool binary, struct buf *out)
{
    uint64_t k = o->classification < a->n_out ? o->classification : a->n_out;

    if (o->classification > 0) {
        put_classes(a, k, binary, out);
    } else if (o->is_label) {
        for (size_t i = 0; i < a->n_rows; i++)
            put_text(out, a->label[i], strlen(a->label[i]), binary, i == 0);
    } else if (binary) {
        buf_append(out, a->y, a->n_rows * a->n_out * sizeof(*a->y));
    } else {
        for (size_t i = 0; i < a->n_rows * a->n_out; i++) {
            if (i > 0)
                buf_putc(out, ',');
            num_format_float(out, a->y[i]);
        }
    }
}

static void
write_output(const struct codec_infer_output *o,
             const struct codec_infer_answer *a, struct buf *tensors,
             struct buf *out)
{
    bool     texts = o->is_label || o->classification > 0;
    uint64_t width = o->classification > 0 && o->classification < a->n_out
                         ? o->classification
                         : a->n_out;
    size_t   before = tensors->len;

    write_begin(out);
    write_text(out, "name", o->is_label ? "label" : "output");
    write_text(out, "datatype", texts ? "BYTES" : "FP32");
    write_member(out, "shape");
    if (o->is_label)
        buf_printf(out, "[%zu]", a->n_rows);
    else
        buf_printf(out, "[%zu,%llu]", a->n_rows, (unsigned long long)width);
    if (o->binary) {
        put_data(o, a, true, tensors);
        write_member(out, "parameters");
        write_begin(out);
        write_count(out, "binary_data_size", tensors->len - before);
        write_end(out);
    } else {
        write_member(out, "data");
        buf_putc(out, '[');
        put_data(o, a, false, out);
        buf_putc(out, ']');
    }
    write_end(out);
}

enum err
codec_infer_format(const struct codec_infer        *infer,
                   const struct codec_infer_answer *a, struct buf *out,
                   size_t *out_json_len, struct errinfo *e)
{
    struct buf tensors = { 0 };
    char       version[24];

    buf_init(&tensors, GIB);
    for (size_t i = 0; i < infer->n_outputs; i++)
        if (infer->output[i].is_label && a->label == NULL)
            return err_set(e, ERR_INVALID, "/outputs",
                           "this version knows no classes, so it has no label");
    snprintf(version, sizeof(version), "%lld", (long long)a->version);
    write_begin(out);
    write_text(out, "model_name", a->network);
    write_text(out, "model_version", version);
    if (infer->id != NULL)
        write_text(out, "id", infer->id);
    write_member(out, "outputs");
    buf_putc(out, '[');
    for (size_t i = 0; i < infer->n_outputs; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_output(&infer->output[i], a, &tensors, out);
    }
    buf_putc(out, ']');
    write_end(out);
    *out_json_len = tensors.len > 0 ? out->len : 0;
    buf_append(out, tensors.data, tensors.len);
    out->failed = out->failed || tensors.failed;
    buf_release(&tensors);
    return ERR_OK;
}

/* --- metadata ------------------------------------------------------------- */

static void
write_tensor(struct buf *out, const char *name, const char *type,
             const struct nn_shape *shape)
{
    write_begin(out);
    write_text(out, "name", name);
    write_text(out, "datatype", type);
    write_member(out, "shape");
    buf_puts(out, "[-1");
    for (size_t i = 0; i < shape->rank; i++)
        buf_printf(out, ",%zu", shape->dim[i]);
    buf_putc(out, ']');
    write_end(out);
}

/* Of a row as predictions bring it. */
static struct nn_shape
input_shape(const struct nn_spec *spec, const struct dataset_encoder *encoder)
{
    if (encoder == NULL || encoder->raw_width == nn_shape_size(&spec->input))
        return spec->input;
    return (struct nn_shape){ .rank = 1, .dim = { encoder->raw_width } };
}

typedef void (*tensor_fn)(struct buf *out, const char *name, const char *type,
                          const struct nn_shape *shape);

/* What goes in, each told by write(): a tensor of rows, or a tensor a column.
 */
static void
write_inputs(struct buf *out, const struct nn_spec *spec,
             const struct dataset_encoder *encoder, tensor_fn write)
{
    struct nn_shape shape = input_shape(spec, encoder);

    buf_putc(out, '[');
    if (dataset_encoder_takes_numbers(encoder)) {
        write(out, "input", "FP32", &shape);
    } else {
        for (size_t i = 0; i < encoder->n_inputs; i++) {
            const struct dataset_input *column = &encoder->input[i];

            if (i > 0)
                buf_putc(out, ',');
            shape = (struct nn_shape){ .rank = 1,
                                       .dim = { infer_column_width(column) } };
            write(out, column->name, infer_column_datatype(column), &shape);
        }
    }
    buf_putc(out, ']');
}

void
codec_infer_metadata(const char *network, const int64_t *version,
                     size_t n_versions, const struct nn_spec *spec,
                     const struct dataset_encoder *encoder, size_t n_out,
                     struct buf *out)
{
    const struct nn_shape output = { .rank = 1, .dim = { n_out } };
    const struct nn_shape none = { 0 };

    write_begin(out);
    write_text(out, "name", network);
    write_member(out, "versions");
    for (size_t i = 0; i < n_versions; i++)
        buf_printf(out, "%s\"%lld\"", i == 0 ? "[" : ",",
                   (long long)version[i]);
    buf_puts(out, n_versions == 0 ? "[]" : "]");
    write_text(out, "platform", "backpropd");
    write_member(out, "inputs");
    write_inputs(out, spec, encoder, write_tensor);
    write_member(out, "outputs");
    buf_putc(out, '[');
    write_tensor(out, "output", "FP32", &output);
    if (encoder != NULL && encoder->n_classes > 0) {
        buf_putc(out, ',');
        write_tensor(out, "label", "BYTES", &none);
    }
    buf_putc(out, ']');
    write_end(out);
}

/* As Triton's model configuration has it: dims with the rows in front, and no
 * batching of its own beside them. */
static void
write_config(struct buf *out, const char *name, const char *type,
             const struct nn_shape *shape)
{
    write_begin(out);
    write_text(out, "name", name);
    write_text(out, "data_type",
               strcmp(type, "BYTES") == 0 ? "TYPE_STRING" : "TYPE_FP32");
    write_member(out, "dims");
    buf_puts(out, "[-1");
    for (size_t i = 0; i < shape->rank; i++)
        buf_printf(out, ",%zu", shape->dim[i]);
    buf_putc(out, ']');
    write_end(out);
}

void
codec_infer_config(const char *network, const struct nn_spec *spec,
                   const struct dataset_encoder *encoder, size_t n_out,
                   struct buf *out)
{
    const struct nn_shape output = { .rank = 1, .dim = { n_out } };

    write_begin(out);
    write_text(out, "name", network);
    write_text(out, "platform", "backpropd");
    write_text(out, "backend", "backpropd");
    write_json(out, "version_policy", "{\"all\":{}}");
    write_count(out, "max_batch_size", 0);
    write_member(out, "input");
    write_inputs(out, spec, encoder, write_config);
    write_member(out, "output");
    buf_putc(out, '[');
    write_config(out, "output", "FP32", &output);
    buf_putc(out, ']');
    write_end(out);
}
