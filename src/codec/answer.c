#include "codec/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/write.h"

struct ranked {
    float  y;
    size_t index;
};

static int
best_first(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;

    if (p->y != q->y)
        return p->y > q->y ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

/* One output stands for two classes: the second one's probability, which is
 * between low and high. */
static void
rank(const float *y, size_t n_out, const struct dataset_encoder *encoder,
     struct ranked *r)
{
    if (n_out == 1) {
        float p = (y[0] - encoder->low) / (encoder->high - encoder->low);

        r[0] = (struct ranked){ 1 - p, 0 };
        r[1] = (struct ranked){ p, 1 };
        n_out = 2;
    } else {
        for (size_t i = 0; i < n_out; i++)
            r[i] = (struct ranked){ y[i], i };
    }
    qsort(r, n_out, sizeof(*r), best_first);
}

static void
write_row(const struct ranked *r, size_t k,
          const struct dataset_encoder *encoder, struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < k; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_begin(out);
        write_count(out, "index", r[i].index);
        if (encoder != NULL)
            write_text(out, "label", encoder->classes[r[i].index]);
        write_member(out, "probability");
        num_format_float(out, r[i].y);
        write_end(out);
    }
    buf_putc(out, ']');
}

enum err
codec_answer_top(const struct codec_source *source, const float *y, size_t n,
                 size_t n_out, const struct dataset_encoder *encoder,
                 uint64_t k, struct buf *out, struct errinfo *e)
{
    size_t         n_classes = encoder != NULL ? encoder->n_classes : n_out;
    struct ranked *r;

    if (n_classes < 2 ||
        (encoder != NULL && encoder->task != DATASET_CLASSIFICATION))
        return err_set(e, ERR_INVALID, "",
                       "\"top\" is about classes; the outputs of this network "
                       "are none");
    r = mem_array(n_classes, sizeof(*r), 0);
    if (r == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (k > n_classes)
        k = n_classes;
    write_begin(out);
    codec_source_format(source, out);
    write_member(out, "top");
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        rank(y + i * n_out, n_out, encoder, r);
        write_row(r, (size_t)k, encoder, out);
    }
    buf_putc(out, ']');
    write_end(out);
    free(r);
    return ERR_OK;
}

/* Why there is a null among the outputs, where there is one. */
static void
write_notes(const float *y, size_t n, size_t n_out, struct buf *out)
{
    size_t first = 0, count = 0;

    for (size_t i = 0; i < n * n_out; i++)
        if (!isfinite(y[i]) && count++ == 0)
            first = i;
    if (count > 0)
        buf_printf(out,
                   ",\"notes\":[{\"pointer\":\"/outputs/%zu/%zu\",\"detail\":"
                   "\"is beyond the range of a 32-bit float or no number at "
                   "all, as %zu of the outputs: weights or inputs are too "
                   "large\"}]",
                   first / n_out, first % n_out, count);
}

void
codec_source_format(const struct codec_source *source, struct buf *out)
{
    buf_puts(out, "\"network\":");
    json_write_string(out, source->network, strlen(source->network));
    if (source->job == 0) {
        buf_puts(out, ",\"version\":");
        num_format_u64(out, (uint64_t)source->version);
        return;
    }
    buf_puts(out, ",\"job\":");
    num_format_u64(out, (uint64_t)source->job);
    buf_puts(out, ",\"epoch\":");
    num_format_u64(out, source->epoch);
}

void
codec_predict_format(const struct codec_source *source, const float *y,
                     size_t n, size_t n_out, const char *const *label,
                     struct buf *out)
{
    buf_putc(out, '{');
    codec_source_format(source, out);
    buf_puts(out, ",\"outputs\":");
    json_write_rows(out, y, n, n_out);
    write_notes(y, n, n_out, out);
    if (label != NULL) {
        buf_puts(out, ",\"labels\":[");
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_putc(out, ',');
            json_write_string(out, label[i], strlen(label[i]));
        }
        buf_putc(out, ']');
    }
    buf_putc(out, '}');
}
