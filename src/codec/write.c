#include "codec/write.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/num.h"
#include "codec/list.h"

void
write_begin(struct buf *out)
{
    buf_putc(out, '{');
}

void
write_end(struct buf *out)
{
    buf_putc(out, '}');
}

void
write_member(struct buf *out, const char *name)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        buf_putc(out, ',');
    json_write_string(out, name, strlen(name));
    buf_putc(out, ':');
}

void
write_text(struct buf *out, const char *name, const char *text)
{
    write_member(out, name);
    if (text == NULL)
        buf_puts(out, "null");
    else
        json_write_string(out, text, strlen(text));
}

void
write_count(struct buf *out, const char *name, uint64_t n)
{
    write_member(out, name);
    num_format_u64(out, n);
}

void
write_double(struct buf *out, const char *name, double x)
{
    write_member(out, name);
    num_format_double(out, x);
}

void
write_bool(struct buf *out, const char *name, bool value)
{
    write_member(out, name);
    buf_puts(out, value ? "true" : "false");
}

void
write_json(struct buf *out, const char *name, const char *json)
{
    write_member(out, name);
    buf_puts(out, json != NULL ? json : "null");
}

void
write_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    if (wall_ms != 0)
        clock_format(wall_ms, text);
    write_text(out, name, wall_ms != 0 ? text : NULL);
}

void
write_shape(struct buf *out, const char *name, const struct nn_shape *shape)
{
    write_member(out, name);
    for (size_t i = 0; i < shape->rank; i++)
        buf_printf(out, "%c%zu", i == 0 ? '[' : ',', shape->dim[i]);
    buf_putc(out, ']');
}

/* A word, or an object where it has a scale that is not the default. */
static void
write_init(struct buf *out, const char *name, const struct nn_init_spec *init)
{
    const char *scale = nn_init_scale_name(init->type);

    if (scale == NULL) {
        write_text(out, name, nn_init_name(init->type));
        return;
    }
    write_member(out, name);
    write_begin(out);
    write_text(out, "type", nn_init_name(init->type));
    write_member(out, scale);
    num_format_float(out, init->scale);
    write_end(out);
}

void
write_members(struct buf *out, const struct nn_member *member, const void *base)
{
    for (; member->name != NULL; member++) {
        const char *field = (const char *)base + member->offset;

        switch (member->kind) {
        case NN_MEMBER_COUNT:
            write_count(out, member->name, *(const size_t *)field);
            break;
        case NN_MEMBER_FLOAT:
            if (isnan(*(const float *)field))
                break; /* does not apply */
            write_member(out, member->name);
            num_format_float(out, *(const float *)field);
            break;
        case NN_MEMBER_BOOL:
            write_bool(out, member->name, *(const bool *)field);
            break;
        case NN_MEMBER_ACTIVATION:
            write_text(out, member->name,
                       nn_activation_name(*(const enum nn_activation *)field));
            break;
        case NN_MEMBER_INIT:
            write_init(out, member->name, (const struct nn_init_spec *)field);
            break;
        }
    }
}

void
codec_list_begin(struct buf *out)
{
    buf_puts(out, "{\"data\":[");
}

void
codec_list_next(struct buf *out, size_t i)
{
    if (i > 0)
        buf_putc(out, ',');
}

void
codec_list_end_name(struct buf *out, const char *next)
{
    buf_puts(out, "],\"next\":");
    if (next == NULL)
        buf_puts(out, "null");
    else
        json_write_string(out, next, strlen(next));
    buf_putc(out, '}');
}

void
codec_list_end_number(struct buf *out, int64_t next)
{
    if (next < 0)
        buf_puts(out, "],\"next\":null}");
    else
        buf_printf(out, "],\"next\":%" PRId64 "}", next);
}
