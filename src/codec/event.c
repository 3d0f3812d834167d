#include "codec/event.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "codec/write.h"

void
codec_event_begin(struct buf *out, enum codec_event_form form, const char *name,
                  uint64_t id)
{
    if (form == CODEC_EVENT_SSE) {
        if (id != 0)
            buf_printf(out, "id: %" PRIu64 "\n", id);
        buf_printf(out, "event: %s\ndata: ", name);
    } else {
        buf_putc(out, '{');
        if (id != 0)
            buf_printf(out, "\"id\":%" PRIu64 ",", id);
        buf_printf(out, "\"event\":\"%s\",\"data\":", name);
    }
}

void
codec_event_end(struct buf *out, enum codec_event_form form)
{
    buf_puts(out, form == CODEC_EVENT_SSE ? "\n\n" : "}\n");
}

static void
write_figure(struct buf *out, const char *name, double x)
{
    if (!isnan(x))
        write_double(out, name, x);
}

static void
write_epoch(struct buf *out, const struct store_epoch *row)
{
    write_figure(out, "loss", row->loss);
    write_figure(out, "accuracy", row->accuracy);
    write_figure(out, "val_loss", row->val_loss);
    write_figure(out, "val_accuracy", row->val_accuracy);
    write_figure(out, "learning_rate", row->learning_rate);
    write_figure(out, "gradient_norm", row->gradient_norm);
    write_figure(out, "seconds", row->seconds);
    write_figure(out, "samples_per_second", row->samples_per_second);
}

void
codec_epoch_format(int64_t job, const struct store_epoch *row, struct buf *out)
{
    write_begin(out);
    write_count(out, "job", (uint64_t)job);
    write_count(out, "epoch", row->epoch);
    write_epoch(out, row);
    write_end(out);
}

void
codec_progress_format(int64_t job, const struct codec_progress *progress,
                      const struct store_epoch *last, struct buf *out)
{
    write_begin(out);
    write_count(out, "job", (uint64_t)job);
    write_member(out, "progress");
    write_begin(out);
    write_count(out, "epoch", progress->epoch);
    write_count(out, "epochs", progress->epochs);
    write_double(out, "fraction", progress->fraction);
    write_double(out, "samples_per_second", progress->samples_per_second);
    write_double(out, "eta_seconds", progress->eta_seconds);
    write_end(out);
    write_member(out, "metrics");
    if (last->epoch != 0)
        codec_metrics_format(last, out);
    else
        buf_puts(out, "null");
    write_end(out);
}

static void
write_warning(json_t *warning, int64_t job, enum codec_event_form form,
              struct buf *out)
{
    char *text;

    json_object_set_new(warning, "job", json_integer(job));
    text = json_dumps(warning, JSON_COMPACT);
    codec_event_begin(out, form, "warning", 0);
    buf_puts(out, text != NULL ? text : "{}");
    codec_event_end(out, form);
    free(text);
}

size_t
codec_warnings_events(const char *warnings, int64_t job, size_t from,
                      uint64_t epoch, enum codec_event_form form,
                      struct buf *out)
{
    json_t *list = warnings != NULL ? json_loads(warnings, 0, NULL) : NULL;
    size_t  i = 0, n = json_array_size(list);

    for (; i < n; i++) {
        json_t *warning = json_array_get(list, i);

        if ((uint64_t)json_integer_value(json_object_get(warning, "epoch")) >
            epoch)
            break;
        if (i >= from)
            write_warning(warning, job, form, out);
    }
    json_decref(list);
    return i;
}
