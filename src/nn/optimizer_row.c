/*
 * optimizer_row.c - every optimiser there is
 *
 * sgd and adam run over vectors in kernel/.  The others are plain loops: they
 * are compiled once, so that they too give the same bytes on every CPU.
 */
#include "nn/optimizer_row.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"

static size_t
one_vector(const struct nn_optimizer_spec *spec)
{
    (void)spec;
    return 1;
}

static size_t
two_vectors(const struct nn_optimizer_spec *spec)
{
    (void)spec;
    return 2;
}

/* --- sgd ------------------------------------------------------------------ */

static size_t
sgd_vectors(const struct nn_optimizer_spec *spec)
{
    return spec->momentum > 0 ? 1 : 0;
}

/* Nesterov 1983 as Sutskever et al. 2013 write it: the step looks ahead by the
 * velocity it will have. */
static void
nesterov(const struct nn_optimizer_piece *p, const float *g)
{
    float *w = p->w, *v = p->state[0];
    float  momentum = p->spec->momentum;

    for (size_t i = 0; i < p->n; i++) {
        float step = p->rate * g[i];

        v[i] = momentum * v[i] - step;
        w[i] += momentum * v[i] - step;
    }
}

/* Without Nesterov's look ahead, and without decay. */
static struct nn_kernel_step
plain_step(const struct nn_optimizer_piece *p)
{
    return (struct nn_kernel_step){
        .rule = p->spec->momentum > 0 ? NN_KERNEL_MOMENTUM : NN_KERNEL_SGD,
        .w = p->w,
        .m = p->state[0],
        .rate = p->rate,
        .momentum = p->spec->momentum,
    };
}

static bool
sgd_step(const struct nn_optimizer_piece *p, struct nn_kernel_step *out)
{
    *out = plain_step(p);
    return !p->spec->nesterov && p->spec->weight_decay == 0;
}

#define PIECE 1024

/* Weight decay is the gradient of weight_decay / 2 w^2. */
static void
sgd_update(const struct nn_optimizer_piece *p)
{
    struct nn_optimizer_piece part = *p;
    struct nn_kernel_step     step;
    float                     g[PIECE], decay = p->spec->weight_decay;

    for (size_t done = 0; done < p->n; done += part.n) {
        part.n = p->n - done < PIECE ? p->n - done : PIECE;
        part.w = p->w + done;
        if (p->state[0] != NULL)
            part.state[0] = p->state[0] + done;
        for (size_t i = 0; i < part.n; i++)
            g[i] = p->g[done + i] + decay * part.w[i];
        step = plain_step(&part);
        if (p->spec->nesterov)
            nesterov(&part, g);
        else
            nn_kernel()->step(&step, g, part.n);
    }
}

/* The square of a gradient below 1e-16 may be flushed (subnormal.h), and then
 * epsilon alone is what it is divided by: so a step stays below the rate. */
static float
epsilon_of(const struct nn_optimizer_spec *spec)
{
    return spec->epsilon > 1e-15f ? spec->epsilon : 1e-15f;
}

/* --- adagrad, rmsprop ----------------------------------------------------- */

static void
adagrad_update(const struct nn_optimizer_piece *p)
{
    float *v = p->state[0], epsilon = epsilon_of(p->spec);

    for (size_t i = 0; i < p->n; i++) {
        float g = p->g[i];

        v[i] += g * g;
        p->w[i] -= p->rate * g / (sqrtf(v[i]) + epsilon);
    }
}

static void
rmsprop_update(const struct nn_optimizer_piece *p)
{
    float *v = p->state[0], rho = p->spec->rho, epsilon = epsilon_of(p->spec);
    float  rest = (float)(1.0 - rho);

    for (size_t i = 0; i < p->n; i++) {
        float g = p->g[i];

        v[i] = rho * v[i] + rest * g * g;
        p->w[i] -= p->rate * g / (sqrtf(v[i]) + epsilon);
    }
}

/* --- adam, adamw ---------------------------------------------------------- */

/* x^n by squaring: libm's pow() may give other bits on another machine. */
static double
power(double x, uint64_t n)
{
    double result = 1;

    for (; n > 0; n /= 2) {
        if (n % 2 == 1)
            result *= x;
        x *= x;
    }
    return result;
}

/* What the start from zero takes from m and from sqrt v. */
static void
adam_begin(const struct nn_optimizer_spec *spec, uint64_t steps,
           double factor[2])
{
    factor[0] = 1.0 - power(spec->beta_1, steps);
    factor[1] = sqrt(1.0 - power(spec->beta_2, steps));
}

/* adamw's decay is apart from the gradient, so that it is not scaled as that
 * is; adam has none. */
static bool
adam_step(const struct nn_optimizer_piece *p, struct nn_kernel_step *out)
{
    const struct nn_optimizer_spec *s = p->spec;

    *out = (struct nn_kernel_step){
        .rule = s->weight_decay > 0 ? NN_KERNEL_ADAMW : NN_KERNEL_ADAM,
        .w = p->w,
        .m = p->state[0],
        .v = p->state[1],
        .rate = (float)(p->rate * p->factor[1] / p->factor[0]),
        .epsilon = (float)(epsilon_of(s) * p->factor[1]),
        .rest_1 = (float)(1.0 - s->beta_1),
        .rest_2 = (float)(1.0 - s->beta_2),
        .keep = (float)(1.0 - (double)p->rate * s->weight_decay),
    };
    return true;
}

/* --- rprop ---------------------------------------------------------------- */

static float
sign(float x)
{
    return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;
}

/*
 * Each parameter has a step of its own that grows while the sign of its
 * gradient stays, and shrinks where it turns; where it turned, the parameter
 * rests once and the sign is forgotten.  That is the variant without going
 * back, which Igel & Huesken 2000 call iRprop-, and which PyTorch has.
 */
static void
rprop_update(const struct nn_optimizer_piece *p)
{
    const struct nn_optimizer_spec *s = p->spec;
    float                          *before = p->state[0], *delta = p->state[1];

    for (size_t i = 0; i < p->n; i++) {
        float g = p->g[i], d = p->steps == 1 ? s->delta_0 : delta[i];
        float turn = sign(g) * sign(before[i]);

        if (turn != 0)
            d *= turn > 0 ? s->eta_plus : s->eta_minus;
        d = d > s->delta_max   ? s->delta_max
            : d < s->delta_min ? s->delta_min
                               : d;
        if (turn < 0)
            g = 0;
        p->w[i] -= sign(g) * d;
        before[i] = g;
        delta[i] = d;
    }
}

/* --- the table ------------------------------------------------------------ */

/* clang-format off */
#define AT(member) offsetof(struct nn_optimizer_spec, member)
#define RATE(value) \
    { "learning_rate", NN_MEMBER_FLOAT, AT(learning_rate), false, 0, FLT_MAX, true, false, value }
/* [0, 1) */
#define SHARE(name, value) \
    { #name, NN_MEMBER_FLOAT, AT(name), false, 0, 1, false, true, value }
#define EPSILON(value) \
    { "epsilon", NN_MEMBER_FLOAT, AT(epsilon), false, 0, 1, true, false, value }
#define DECAY(value) \
    { "weight_decay", NN_MEMBER_FLOAT, AT(weight_decay), false, 0, FLT_MAX, false, false, value }

static const struct nn_member sgd_members[] = {
    RATE(0.01), SHARE(momentum, 0),
    { "nesterov", NN_MEMBER_BOOL, AT(nesterov), false, 0, 0, false, false, 0 },
    DECAY(0), { 0 }
};
static const struct nn_member adagrad_members[] = { RATE(0.01), EPSILON(1e-10), { 0 } };
static const struct nn_member rmsprop_members[] = {
    RATE(0.001), SHARE(rho, 0.9), EPSILON(1e-8), { 0 }
};
static const struct nn_member adam_members[] = {
    RATE(0.001), SHARE(beta_1, 0.9), SHARE(beta_2, 0.999), EPSILON(1e-8), { 0 }
};
static const struct nn_member adamw_members[] = {
    RATE(0.001), SHARE(beta_1, 0.9), SHARE(beta_2, 0.999), EPSILON(1e-8), DECAY(0.01), { 0 }
};
static const struct nn_member rprop_members[] = {
    { "eta_plus",  NN_MEMBER_FLOAT, AT(eta_plus),  false, 1, 100,     false, false, 1.2  },
    { "eta_minus", NN_MEMBER_FLOAT, AT(eta_minus), false, 0, 1,       true,  true,  0.5  },
    { "delta_0",   NN_MEMBER_FLOAT, AT(delta_0),   false, 0, FLT_MAX, true,  false, 0.1  },
    { "delta_min", NN_MEMBER_FLOAT, AT(delta_min), false, 0, FLT_MAX, false, false, 1e-6 },
    { "delta_max", NN_MEMBER_FLOAT, AT(delta_max), false, 0, FLT_MAX, true,  false, 50   },
    { 0 }
};

static const struct nn_optimizer_type types[] = {
/*    name       members         full batch   state        begin       step       update          */
    { "sgd",     sgd_members,     false, sgd_vectors, NULL,       sgd_step,  sgd_update     },
    { "adagrad", adagrad_members, false, one_vector,  NULL,       NULL,      adagrad_update },
    { "rmsprop", rmsprop_members, false, one_vector,  NULL,       NULL,      rmsprop_update },
    { "adam",    adam_members,    false, two_vectors, adam_begin, adam_step, NULL           },
    { "adamw",   adamw_members,   false, two_vectors, adam_begin, adam_step, NULL           },
    { "rprop",   rprop_members,   true,  two_vectors, NULL,       NULL,      rprop_update   },
};
/* clang-format on */

const struct nn_optimizer_type *
nn_optimizer_type_at(size_t i)
{
    return i < COUNT_OF(types) ? &types[i] : NULL;
}

const struct nn_optimizer_type *
nn_optimizer_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

const char *
nn_optimizer_type_name(const struct nn_optimizer_type *t)
{
    return t->name;
}

bool
nn_optimizer_type_wants_full_batch(const struct nn_optimizer_type *t)
{
    return t->full_batch;
}

const struct nn_member *
nn_optimizer_type_members(const struct nn_optimizer_type *t)
{
    return t->members;
}

void
nn_optimizer_spec_init(struct nn_optimizer_spec       *spec,
                       const struct nn_optimizer_type *type)
{
    memset(spec, 0, sizeof(*spec));
    spec->type = type;
    nn_members_default(type->members, spec);
}

enum err
nn_optimizer_spec_check(const struct nn_optimizer_spec *spec, struct errinfo *e)
{
    if (spec->nesterov && spec->momentum == 0)
        return err_add(e, ERR_INVALID, "/optimizer/nesterov",
                       "looks ahead by the momentum, which is 0: give a "
                       "momentum such as 0.9");
    if (spec->delta_min > spec->delta_max)
        return err_add(e, ERR_INVALID, "/optimizer/delta_min",
                       "must be at most delta_max, %g, got %g",
                       (double)spec->delta_max, (double)spec->delta_min);
    return ERR_OK;
}
