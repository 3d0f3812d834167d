#include "nn/init.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum distribution { ZERO, UNIFORM, NORMAL };

/* variance = gain / fan, or scale as given; a uniform number of limit L has
 * the variance L^2 / 3, so its gain is three times the normal's. */
struct row {
    const char       *name;
    enum distribution distribution;
    double            gain;
    bool              fan_out; /* fan is fan_in + fan_out, else fan_in */
    const char       *scale_name;
    float             scale;
};

/* clang-format off */
static const struct row rows[NN_INIT_COUNT] = {
    [NN_INIT_DEFAULT]        = { "default",        ZERO,    0, false, NULL,     0     },
    [NN_INIT_GLOROT_UNIFORM] = { "glorot_uniform", UNIFORM, 6, true,  NULL,     0     },
    [NN_INIT_GLOROT_NORMAL]  = { "glorot_normal",  NORMAL,  2, true,  NULL,     0     },
    [NN_INIT_HE_UNIFORM]     = { "he_uniform",     UNIFORM, 6, false, NULL,     0     },
    [NN_INIT_HE_NORMAL]      = { "he_normal",      NORMAL,  2, false, NULL,     0     },
    [NN_INIT_LECUN_NORMAL]   = { "lecun_normal",   NORMAL,  1, false, NULL,     0     },
    [NN_INIT_UNIFORM]        = { "uniform",        UNIFORM, 0, false, "limit",  0.05f },
    [NN_INIT_NORMAL]         = { "normal",         NORMAL,  0, false, "stddev", 0.05f },
    [NN_INIT_ZEROS]          = { "zeros",          ZERO,    0, false, NULL,     0     },
};
/* clang-format on */

const char *
nn_init_name(enum nn_init i)
{
    assert(i < NN_INIT_COUNT);
    return rows[i].name;
}

bool
nn_init_find(const char *name, enum nn_init *out)
{
    /* "default" is ours, not a word of the API. */
    for (int i = NN_INIT_DEFAULT + 1; i < NN_INIT_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = (enum nn_init)i;
            return true;
        }
    }
    return false;
}

const char *
nn_init_scale_name(enum nn_init i)
{
    assert(i < NN_INIT_COUNT);
    return rows[i].scale_name;
}

float
nn_init_default_scale(enum nn_init i)
{
    assert(i < NN_INIT_COUNT);
    return rows[i].scale;
}

void
nn_init_fill(const struct nn_tensor_rule *rule, const struct random_at *at,
             float *out, size_t n)
{
    const struct row *row = &rows[rule->init.type];
    double            scale = rule->init.scale;

    assert(rule->init.type != NN_INIT_DEFAULT);
    if (row->gain > 0)
        scale = sqrt(row->gain / (double)(rule->fan_in + (row->fan_out
                                                              ? rule->fan_out
                                                              : 0)));
    for (size_t i = 0; i < n; i++) {
        uint32_t index = (uint32_t)i;

        switch (row->distribution) {
        case ZERO:
            out[i] = rule->start;
            break;
        case UNIFORM:
            out[i] = (float)(scale * (2.0 * random_uniform(at, index) - 1.0));
            break;
        case NORMAL:
            out[i] = (float)(scale * random_normal(at, index));
            break;
        }
    }
}
