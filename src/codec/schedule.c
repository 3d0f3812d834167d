#include "codec/schedule.h"

#include <math.h>

#define AT(member) offsetof(struct codec_schedule, member)
#define EPOCHS 1e8 /* CODEC_MAX_EPOCHS, as a double */

/* clang-format off */
#define WARMUP { "warmup_epochs", NN_MEMBER_COUNT, AT(warmup_epochs), false, 0, EPOCHS, false, false, 0 }
#define FACTOR(value) \
               { "factor", NN_MEMBER_FLOAT, AT(factor), false, 0, 1, true, false, value }
#define FLOOR  { "min_rate", NN_MEMBER_FLOAT, AT(min_rate), false, 0, 1e6, false, false, 0 }
#define END    { NULL, NN_MEMBER_COUNT, 0, false, 0, 0, false, false, 0 }

static const struct nn_member constant[] = { WARMUP, END };
static const struct nn_member step[] = {
    { "every_epochs", NN_MEMBER_COUNT, AT(every_epochs), false, 1, EPOCHS, false, false, 10 },
    FACTOR(0.1), WARMUP, END };
static const struct nn_member exponential[] = { FACTOR(0.95), WARMUP, END };
static const struct nn_member cosine[] = {
    { "restart_epochs", NN_MEMBER_COUNT, AT(restart_epochs), false, 0, EPOCHS, false, false, 0 },
    FLOOR, WARMUP, END };
static const struct nn_member plateau[] = {
    { "patience", NN_MEMBER_COUNT, AT(patience), false, 1, EPOCHS, false, false, 10 },
    FACTOR(0.1), FLOOR, WARMUP, END };

static const struct {
    const char             *name;
    const struct nn_member *members;
} types[] = {
    [CODEC_SCHEDULE_CONSTANT]    = { "constant",    constant },
    [CODEC_SCHEDULE_STEP]        = { "step",        step },
    [CODEC_SCHEDULE_EXPONENTIAL] = { "exponential", exponential },
    [CODEC_SCHEDULE_COSINE]      = { "cosine",      cosine },
    [CODEC_SCHEDULE_PLATEAU]     = { "plateau",     plateau },
};
/* clang-format on */

const char *
codec_schedule_name(enum codec_schedule_type type)
{
    return types[type].name;
}

const struct nn_member *
codec_schedule_members(enum codec_schedule_type type)
{
    return types[type].members;
}

void
codec_schedule_init(struct codec_schedule *s, enum codec_schedule_type type)
{
    *s = (struct codec_schedule){ .type = type };
    nn_members_default(types[type].members, s);
}

double
codec_schedule_rate(const struct codec_schedule *s, double rate, uint64_t epoch,
                    uint64_t n_epochs, double plateau_factor)
{
    uint64_t warmup = s->warmup_epochs, k, period;

    if (epoch <= warmup)
        return rate * (double)epoch / (double)(warmup + 1);
    k = epoch - warmup - 1;
    switch (s->type) {
    case CODEC_SCHEDULE_CONSTANT:
        break;
    case CODEC_SCHEDULE_STEP:
        k /= s->every_epochs; /* whole steps */
        rate *= pow((double)s->factor, (double)k);
        break;
    case CODEC_SCHEDULE_EXPONENTIAL:
        rate *= pow((double)s->factor, (double)k);
        break;
    case CODEC_SCHEDULE_COSINE:
        period = s->restart_epochs > 0 ? s->restart_epochs : n_epochs - warmup;
        rate = (double)s->min_rate +
               (rate - (double)s->min_rate) *
                   (1 + cos(M_PI * (double)(k % period) / (double)period)) / 2;
        break;
    case CODEC_SCHEDULE_PLATEAU:
        rate *= plateau_factor;
        break;
    case CODEC_SCHEDULE_COUNT:
        break;
    }
    return fmax(rate, (double)s->min_rate);
}
