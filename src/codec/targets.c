#include "codec/targets.h"

#include <float.h>
#include <string.h>

#include "codec/walk.h"

static void
read_number(json_t *value, const char *at, float *out, struct errinfo *e)
{
    double x;

    if (value_double(value, at, -FLT_MAX, FLT_MAX, false, false, &x, e))
        *out = (float)x;
}

static void
read_class(const char *name, const char *at,
           const struct dataset_encoder *encoder, size_t n_out, float *out,
           struct errinfo *e)
{
    size_t k = 0, n = encoder != NULL ? encoder->n_classes : 0;

    while (k < n && strcmp(encoder->classes[k], name) != 0)
        k++;
    if (k == n) {
        err_add(e, ERR_INVALID, at,
                n > 0 ? "is no class of this version: '%.60s'"
                      : "must be a number: this version knows no classes, such "
                        "as '%.60s'",
                name);
        return;
    }
    if (n_out == 1)
        out[0] = k == 0 ? encoder->low : encoder->high;
    for (size_t i = 0; n_out > 1 && i < n_out; i++)
        out[i] = (float)(i == k);
}

static void
read_target(json_t *value, const char *at,
            const struct dataset_encoder *encoder, size_t n_out, float *out,
            struct errinfo *e)
{
    char inner[WALK_POINTER_SIZE];

    if (json_is_string(value)) {
        read_class(json_string_value(value), at, encoder, n_out, out, e);
    } else if (!json_is_array(value) && n_out == 1) {
        read_number(value, at, out, e);
    } else if (!json_is_array(value) || json_array_size(value) != n_out) {
        err_add(e, ERR_INVALID, at, "must be an array of %zu number%s", n_out,
                n_out == 1 ? "" : "s");
    } else {
        for (size_t i = 0; i < n_out; i++) {
            walk_element(inner, at, i);
            read_number(json_array_get(value, i), inner, &out[i], e);
        }
    }
}

void
codec_targets_read(json_t *targets, const struct dataset_encoder *encoder,
                   size_t n_out, float *out, struct errinfo *e)
{
    size_t n = json_array_size(targets);
    char   at[WALK_POINTER_SIZE];

    for (size_t i = 0; i < n; i++) {
        walk_element(at, "/targets", i);
        read_target(json_array_get(targets, i), at, encoder, n_out,
                    out + i * n_out, e);
    }
    if (encoder != NULL && e->n == 0)
        dataset_encoder_scale_targets(encoder, out, n);
}
