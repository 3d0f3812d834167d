#include "codec/encoding.h"

#include <float.h>

#include "codec/write.h"

static const char *
scaling_choice(size_t i)
{
    return i < DATASET_SCALE_COUNT
               ? dataset_scaling_name((enum dataset_scaling)i)
               : NULL;
}

/* The words alone; a value comes as an object. */
static const char *
missing_choice(size_t i)
{
    return i < DATASET_MISSING_VALUE
               ? dataset_missing_name((enum dataset_missing)i)
               : NULL;
}

static void
read_scaling(struct walk *w, const char *name, enum dataset_scaling *out)
{
    json_t *value = walk_member(w, name);
    char    at[WALK_POINTER_SIZE];
    size_t  i;

    walk_pointer(at, w->at, name);
    if (value != NULL && value_word(value, at, scaling_choice, &i, w->e))
        *out = (enum dataset_scaling)i;
}

void
codec_missing_read(struct walk *w, struct dataset_encoding *out)
{
    json_t     *value = walk_member(w, "missing"), *number;
    struct walk m;
    char        at[WALK_POINTER_SIZE];
    double      x;
    size_t      i;

    if (value == NULL)
        return;
    walk_pointer(at, w->at, "missing");
    if (!json_is_object(value)) {
        if (value_word(value, at, missing_choice, &i, w->e))
            out->missing = (enum dataset_missing)i;
        return;
    }
    walk_begin(&m, value, at, w->e);
    number = walk_member(&m, "value");
    walk_pointer(at, m.at, "value");
    if (number == NULL) {
        walk_missing(&m, "value");
    } else if (value_double(number, at, -(double)FLT_MAX, (double)FLT_MAX,
                            false, false, &x, w->e)) {
        out->missing = DATASET_MISSING_VALUE;
        out->missing_value = (float)x;
    }
    walk_end(&m);
}

void
codec_encoding_read(struct walk *w, struct dataset_encoding *out)
{
    read_scaling(w, "scale_inputs", &out->scale_inputs);
    read_scaling(w, "scale_targets", &out->scale_targets);
    codec_missing_read(w, out);
}

void
codec_encoding_write(const struct dataset_encoding *encoding, struct buf *out)
{
    write_text(out, "scale_inputs",
               dataset_scaling_name(encoding->scale_inputs));
    write_text(out, "scale_targets",
               dataset_scaling_name(encoding->scale_targets));
    if (encoding->missing != DATASET_MISSING_VALUE) {
        write_text(out, "missing", dataset_missing_name(encoding->missing));
        return;
    }
    write_member(out, "missing");
    write_begin(out);
    write_double(out, "value", encoding->missing_value);
    write_end(out);
}
