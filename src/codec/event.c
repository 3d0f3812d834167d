#include "codec/event.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "codec/json_memory.h"
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
codec_event_begin_at(struct buf *out, enum codec_event_form form,
                     const char *name, const char *id)
{
    buf_printf(out, form == CODEC_EVENT_SSE ? "id: %s\n" : "{\"id\":\"%s\",",
               id);
    buf_printf(out,
               form == CODEC_EVENT_SSE ? "event: %s\ndata: "
                                       : "\"event\":\"%s\",\"data\":",
               name);
}

void
codec_event_end(struct buf *out, enum codec_event_form form)
{
    buf_puts(out, form == CODEC_EVENT_SSE ? "\n\n" : "}\n");
}

void
codec_epoch_format(int64_t job, const struct store_epoch *row, struct buf *out)
{
    write_begin(out);
    write_count(out, "job", (uint64_t)job);
    codec_epoch_members(row, out);
    write_end(out);
}

void
codec_progress_format(int64_t job, const struct codec_progress *progress,
                      const struct store_epoch *last, struct buf *out)
{
    write_begin(out);
    write_count(out, "job", (uint64_t)job);
    codec_progress_write(progress, out);
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
    codec_json_free(text);
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
