#include "codec/class_weights.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/walk.h"
#include "codec/write.h"

static void
read_given(struct walk *w, json_t *value, struct codec_class_weights *out)
{
    size_t      n = json_object_size(value);
    const char *name;
    json_t     *weight;
    char        at[WALK_POINTER_SIZE];

    out->weighting = CODEC_CLASSES_GIVEN;
    out->name = mem_array(n, sizeof(*out->name), 0);
    out->weight = mem_array(n, sizeof(*out->weight), 0);
    if (out->name == NULL || out->weight == NULL) {
        err_add(w->e, ERR_NOMEM, "", "out of memory");
        return;
    }
    json_object_foreach(value, name, weight)
    {
        walk_pointer(at, "/class_weights", name);
        if (!value_double(weight, at, 0, FLT_MAX, false, false,
                          &out->weight[out->n], w->e))
            continue;
        out->name[out->n] = mem_dup(name, strlen(name));
        if (out->name[out->n] == NULL) {
            err_add(w->e, ERR_NOMEM, "", "out of memory");
            return;
        }
        out->n++;
    }
}

void
codec_class_weights_read(struct walk *w, struct codec_class_weights *out)
{
    json_t *value = walk_nullable(w, "class_weights");

    if (value == NULL)
        return;
    if (json_is_string(value) &&
        strcmp(json_string_value(value), "balanced") == 0)
        out->weighting = CODEC_CLASSES_BALANCED;
    else if (json_is_object(value) && json_object_size(value) > 0)
        read_given(w, value, out);
    else
        walk_wrong(w, "class_weights",
                   "must be \"balanced\" or an object that gives classes "
                   "weights, as {\"yes\": 2}");
}

void
codec_class_weights_write(const struct codec_class_weights *weights,
                          struct buf                       *out)
{
    if (weights->weighting == CODEC_CLASSES_EVEN) {
        write_json(out, "class_weights", NULL);
        return;
    }
    if (weights->weighting == CODEC_CLASSES_BALANCED) {
        write_text(out, "class_weights", "balanced");
        return;
    }
    write_member(out, "class_weights");
    write_begin(out);
    for (size_t i = 0; i < weights->n; i++)
        write_double(out, weights->name[i], weights->weight[i]);
    write_end(out);
}

void
codec_class_weights_release(struct codec_class_weights *weights)
{
    for (size_t i = 0; i < weights->n; i++)
        free(weights->name[i]);
    free(weights->name);
    free(weights->weight);
    memset(weights, 0, sizeof(*weights));
}
