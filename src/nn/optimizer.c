#include "nn/optimizer.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/floats.h"
#include "nn/kernel/kernel.h"

/* The state vectors follow in the same block, each on a cache line. */
struct nn_optimizer {
    struct nn_optimizer_spec spec;
    size_t                   n_params;
    uint64_t                 steps; /* taken so far */
    float                   *state[NN_OPTIMIZER_MAX_VECTORS];
};

struct nn_optimizer_type {
    const char             *name;
    const struct nn_member *members;
    /* Vectors of n_params that it keeps between steps. */
    size_t (*n_vectors)(const struct nn_optimizer_spec *spec);
    /* Parameters first..first + n. */
    void (*update)(struct nn_optimizer *opt, float *params, const float *grad,
                   size_t first, size_t n, float rate);
};

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_optimizer) + FLOAT_SIZE - 1) /          \
                     FLOAT_SIZE)

/* --- sgd ------------------------------------------------------------------ */

static size_t
sgd_vectors(const struct nn_optimizer_spec *spec)
{
    return spec->momentum > 0 ? 1 : 0;
}

static void
sgd_update(struct nn_optimizer *opt, float *params, const float *grad,
           size_t first, size_t n, float rate)
{
    if (opt->spec.momentum > 0)
        nn_kernel()->sgd_momentum(params + first, opt->state[0] + first,
                                  grad + first, n, rate, opt->spec.momentum);
    else
        nn_kernel()->sgd(params + first, grad + first, n, rate);
}

/* --- adam ----------------------------------------------------------------- */

static size_t
adam_vectors(const struct nn_optimizer_spec *spec)
{
    (void)spec;
    return 2;
}

/* x^n by squaring: libm's pow() may give other bits on another machine. */
static double
power(double x, uint64_t n)
{
    double result = 1;

    for (; n > 0; n /= 2, x *= x)
        if (n % 2 == 1)
            result *= x;
    return result;
}

static void
adam_update(struct nn_optimizer *opt, float *params, const float *grad,
            size_t first, size_t n, float rate)
{
    const struct nn_optimizer_spec *s = &opt->spec;
    struct nn_kernel_adam           p = {
                  .rate = rate,
                  .beta_1 = s->beta_1,
                  .beta_2 = s->beta_2,
                  .epsilon = s->epsilon,
                  .rest_1 = (float)(1.0 - s->beta_1),
                  .rest_2 = (float)(1.0 - s->beta_2),
                  .correct_1 = (float)(1.0 / (1.0 - power(s->beta_1, opt->steps))),
                  .correct_2 = (float)(1.0 / (1.0 - power(s->beta_2, opt->steps))),
    };

    nn_kernel()->adam(params + first, opt->state[0] + first,
                      opt->state[1] + first, grad + first, n, &p);
}

/* --- the table ------------------------------------------------------------ */

/* clang-format off */
#define AT(member) offsetof(struct nn_optimizer_spec, member)
#define RATE(value) \
    { "learning_rate", NN_MEMBER_FLOAT, AT(learning_rate), false, 0, FLT_MAX, true, false, value }

static const struct nn_member sgd_members[] = {
    RATE(0.01),
    { "momentum", NN_MEMBER_FLOAT, AT(momentum), false, 0, 1, false, true,  0     },
    { 0 }
};
static const struct nn_member adam_members[] = {
    RATE(0.001),
    { "beta_1",   NN_MEMBER_FLOAT, AT(beta_1),   false, 0, 1, false, true,  0.9   },
    { "beta_2",   NN_MEMBER_FLOAT, AT(beta_2),   false, 0, 1, false, true,  0.999 },
    { "epsilon",  NN_MEMBER_FLOAT, AT(epsilon),  false, 0, 1, true,  false, 1e-8  },
    { 0 }
};

static const struct nn_optimizer_type types[] = {
    { "sgd",  sgd_members,  sgd_vectors,  sgd_update  },
    { "adam", adam_members, adam_vectors, adam_update },
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

/* --- an optimiser --------------------------------------------------------- */

/* n_params is of a checked net, at most NN_MAX_PARAMETERS: no overflow. */
static size_t
optimizer_floats(const struct nn_optimizer_spec *spec, size_t n_params)
{
    assert(n_params <= NN_MAX_PARAMETERS);
    return HEADER_FLOATS +
           spec->type->n_vectors(spec) * nn_floats_padded(n_params);
}

size_t
nn_optimizer_bytes(const struct nn_optimizer_spec *spec, size_t n_params)
{
    return optimizer_floats(spec, n_params) * sizeof(float);
}

enum err
nn_optimizer_new(const struct nn_optimizer_spec *spec, size_t n_params,
                 struct nn_optimizer **out, struct errinfo *e)
{
    float               *next = mem_floats(optimizer_floats(spec, n_params), 0);
    struct nn_optimizer *opt = (void *)next;

    if (opt == NULL)
        return err_set(e, ERR_NOMEM, "",
                       "out of memory for the state of %s (%zu bytes)",
                       spec->type->name, nn_optimizer_bytes(spec, n_params));
    opt->spec = *spec;
    opt->n_params = n_params;
    next += HEADER_FLOATS;
    for (size_t i = 0; i < spec->type->n_vectors(spec); i++) {
        opt->state[i] = next;
        next += nn_floats_padded(n_params);
    }
    *out = opt;
    return ERR_OK;
}

void
nn_optimizer_free(struct nn_optimizer *opt)
{
    free(opt);
}

void
nn_optimizer_begin(struct nn_optimizer *opt)
{
    opt->steps++;
}

void
nn_optimizer_update(struct nn_optimizer *opt, float *params, const float *grad,
                    size_t first, size_t n, float rate)
{
    assert(first + n <= opt->n_params);
    if (n > 0)
        opt->spec.type->update(opt, params, grad, first, n, rate);
}

void
nn_optimizer_vectors(const struct nn_optimizer *opt,
                     const float *out[NN_OPTIMIZER_MAX_VECTORS])
{
    for (size_t v = 0; v < NN_OPTIMIZER_MAX_VECTORS; v++)
        out[v] = opt->state[v];
}

/* --- as stored ------------------------------------------------------------ */

#define STEPS_SIZE 8

size_t
nn_optimizer_state_bytes(const struct nn_optimizer *opt)
{
    return STEPS_SIZE +
           opt->spec.type->n_vectors(&opt->spec) * opt->n_params * FLOAT_SIZE;
}

void
nn_optimizer_export(const struct nn_optimizer *opt, void *out)
{
    unsigned char *p = out;

    for (int i = 0; i < STEPS_SIZE; i++)
        *p++ = (unsigned char)(opt->steps >> (8 * i));
    for (size_t i = 0; i < opt->spec.type->n_vectors(&opt->spec); i++) {
        nn_floats_export(opt->state[i], opt->n_params, p);
        p += opt->n_params * FLOAT_SIZE;
    }
}

enum err
nn_optimizer_import(struct nn_optimizer *opt, const void *p, size_t len,
                    struct errinfo *e)
{
    const unsigned char *bytes = p;
    size_t               n_vectors = opt->spec.type->n_vectors(&opt->spec);
    uint64_t             steps = 0;

    if (len != nn_optimizer_state_bytes(opt))
        return err_set(e, ERR_CORRUPT, "",
                       "%zu bytes of optimiser state where %s has %zu", len,
                       opt->spec.type->name, nn_optimizer_state_bytes(opt));
    if (!nn_floats_finite(bytes + STEPS_SIZE, n_vectors * opt->n_params))
        return err_set(e, ERR_CORRUPT, "",
                       "the optimiser's state is not finite");

    for (int i = 0; i < STEPS_SIZE; i++)
        steps |= (uint64_t)*bytes++ << (8 * i);
    for (size_t i = 0; i < n_vectors; i++) {
        nn_floats_import(bytes, opt->n_params, opt->state[i]);
        bytes += opt->n_params * FLOAT_SIZE;
    }
    opt->steps = steps;
    return ERR_OK;
}
