#include "nn/optimizer_row.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/floats.h"
#include "nn/kernel/kernel.h"

/* The state vectors follow in the same block, each on a cache line. */
struct nn_optimizer {
    struct nn_optimizer_spec spec;
    size_t                   n_params;
    uint64_t                 steps;     /* taken so far         */
    double                   factor[2]; /* of the one under way */
    float                   *state[NN_OPTIMIZER_VECTORS];
};

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_optimizer) + FLOAT_SIZE - 1) /          \
                     FLOAT_SIZE)

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
    if (opt->spec.type->begin != NULL)
        opt->spec.type->begin(&opt->spec, opt->steps, opt->factor);
}

void
nn_optimizer_skip(struct nn_optimizer *opt, size_t n_steps)
{
    opt->steps += n_steps;
}

static struct nn_optimizer_piece
piece_of(const struct nn_optimizer *opt, float *params, const float *grad,
         size_t first, size_t n, float rate)
{
    struct nn_optimizer_piece piece = {
        .spec = &opt->spec,
        .steps = opt->steps,
        .factor = opt->factor,
        .rate = rate,
        .n = n,
        .w = params + first,
        .g = grad,
    };

    assert(opt->steps > 0 && first + n <= opt->n_params);
    for (size_t i = 0; i < NN_OPTIMIZER_VECTORS; i++)
        if (opt->state[i] != NULL)
            piece.state[i] = opt->state[i] + first;
    return piece;
}

static bool
step_of(const struct nn_optimizer_piece *piece, struct nn_kernel_step *out)
{
    const struct nn_optimizer_type *type = piece->spec->type;

    return type->step != NULL && type->step(piece, out);
}

double
nn_optimizer_update(struct nn_optimizer *opt, float *params, const float *grad,
                    size_t first, size_t n, float rate)
{
    struct nn_optimizer_piece piece =
        piece_of(opt, params, grad, first, n, rate);
    struct nn_kernel_step step;
    double                squares;

    if (step_of(&piece, &step))
        return nn_kernel()->step(&step, grad, n);
    squares = nn_kernel()->sum_squares(grad, n);
    if (isfinite(squares))
        opt->spec.type->update(&piece);
    return squares;
}

bool
nn_optimizer_step(const struct nn_optimizer *opt, float *params, float rate,
                  struct nn_kernel_step *out)
{
    struct nn_optimizer_piece piece =
        piece_of(opt, params, NULL, 0, opt->n_params, rate);

    return step_of(&piece, out);
}

void
nn_optimizer_vectors(const struct nn_optimizer *opt,
                     const float               *out[NN_OPTIMIZER_VECTORS])
{
    for (size_t v = 0; v < NN_OPTIMIZER_VECTORS; v++)
        out[v] = opt->state[v];
}

bool
nn_optimizer_is_plain(const struct nn_optimizer *opt)
{
    return strcmp(opt->spec.type->name, "sgd") == 0 &&
           opt->spec.momentum == 0 && opt->spec.weight_decay == 0 &&
           !opt->spec.nesterov;
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
