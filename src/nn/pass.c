/*
 * pass.c - room for a pass, its parts, and one batch forward
 *
 * Samples go through layers that are split (layer.h) part by part: each thread
 * takes some of them through all such layers in a row, without waiting for the
 * others in between.  A layer with many weights that are trained is shared by
 * its rows instead: weights that another core wrote come slowly.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/floats.h"
#include "nn/layout.h"
#include "nn/pass.h"
#include "nn/subnormal.h"

#define HEADER_FLOATS                                                          \
    nn_floats_padded((sizeof(struct nn_work) + FLOAT_SIZE - 1) / FLOAT_SIZE)

/* Floats for max_batch samples of width floats, and fixed more; false on
 * overflow. */
static bool
batch_floats(size_t max_batch, size_t width, size_t fixed, size_t *out)
{
    size_t n;

    if (!mem_mul(max_batch, width, &n) || !mem_add(n, fixed, &n) ||
        !mem_add(n, 15, &n))
        return false;
    *out = n / 16 * 16;
    return true;
}

/* How large each part is, in floats, and the whole. */
struct sizes {
    size_t y[NN_MAX_LAYERS], kept[NN_MAX_LAYERS], squares[NN_MAX_LAYERS];
    size_t total;
};

static struct nn_layer_room
room_of(const struct nn_layer_spec *layer, const struct nn_shape *in)
{
    if (layer->type->room == NULL)
        return (struct nn_layer_room){ 0 };
    return layer->type->room(layer, in);
}

/* Doubles for the squares of its gradient, one a row and one for the rest. */
static size_t
n_squares(const struct nn_layer_spec *layer, const struct nn_shape *in)
{
    return layer->type->n_rows != NULL ? layer->type->n_rows(layer, in) + 1 : 1;
}

/* False on overflow. */
static bool
work_sizes(const struct nn_spec *spec, size_t max_batch, bool training,
           struct sizes *out)
{
    struct nn_layout layout = nn_layout_of(spec);
    struct sizes     s = { .total = HEADER_FLOATS };

    if (!mem_add(s.total, nn_kernel_scratch_floats(), &s.total))
        return false;
    for (size_t i = 0; i < spec->n_layers; i++) {
        struct nn_layer_room room = { 0 };
        size_t               width = nn_shape_size(&layout.shape[i + 1]);

        if (training)
            room = room_of(&spec->layer[i], &layout.shape[i]);
        if (!batch_floats(max_batch, width, 0, &s.y[i]) ||
            !batch_floats(max_batch, room.per_sample, room.fixed, &s.kept[i]) ||
            !mem_add(s.total, s.y[i], &s.total) ||
            !mem_add(s.total, s.kept[i], &s.total))
            return false;
        if (!training)
            continue;
        s.squares[i] =
            nn_floats_padded(2 * n_squares(&spec->layer[i], &layout.shape[i]));
        if (!mem_add(s.total, s.y[i], &s.total) || /* the error terms */
            !mem_add(s.total, s.squares[i], &s.total))
            return false;
    }
    *out = s;
    return true;
}

enum err
nn_work_bytes(const struct nn_spec *spec, size_t max_batch, bool training,
              size_t *out, struct errinfo *e)
{
    struct sizes sizes;
    size_t       bytes;

    if (!work_sizes(spec, max_batch, training, &sizes) ||
        !mem_mul(sizes.total, sizeof(float), &bytes))
        return err_set(e, ERR_INVALID, "/batch_size",
                       "%zu samples at once are more than memory can address",
                       max_batch);
    *out = bytes;
    return ERR_OK;
}

/* The next n floats of the block; NULL for none. */
static float *
take(float **next, size_t n)
{
    float *p = n > 0 ? *next : NULL;

    *next += n;
    return p;
}

enum err
nn_work_new(const struct nn_net *net, size_t max_batch, bool training,
            struct nn_work **out, struct errinfo *e)
{
    const struct nn_spec *spec = nn_net_spec(net);
    struct sizes          sizes;
    size_t                bytes;
    enum err rc = nn_work_bytes(spec, max_batch, training, &bytes, e);

    assert(max_batch > 0);
    if (rc != ERR_OK)
        return rc;
    work_sizes(spec, max_batch, training, &sizes);

    float          *next = mem_floats(sizes.total, 0);
    struct nn_work *work = (void *)next;

    if (work == NULL)
        return err_set(e, ERR_NOMEM, "",
                       "out of memory for a pass of %zu samples (%zu bytes)",
                       max_batch, bytes);
    work->max_batch = max_batch;
    next += HEADER_FLOATS;
    work->scratch = take(&next, nn_kernel_scratch_floats());
    for (size_t i = 0; i < spec->n_layers; i++) {
        work->y[i] = take(&next, sizes.y[i]);
        work->kept[i] = take(&next, sizes.kept[i]);
        work->d[i] = training ? take(&next, sizes.y[i]) : NULL;
        work->squares[i] = (void *)take(&next, sizes.squares[i]);
    }
    *out = work;
    return ERR_OK;
}

void
nn_work_free(struct nn_work *work)
{
    if (work != NULL)
        free(work->more);
    free(work);
}

size_t
nn_work_team_bytes(unsigned most)
{
    return (most - 1) * nn_kernel_scratch_floats() * sizeof(float);
}

enum err
nn_work_set_team(struct nn_work *work, struct nn_team *team, struct errinfo *e)
{
    size_t n = nn_work_team_bytes(team->most) / sizeof(float);
    float *more = NULL;

    if (n > 0 && (more = mem_floats(n, 0)) == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory for %u threads",
                       team->most);
    free(work->more);
    work->more = more;
    work->team = team;
    return ERR_OK;
}

size_t
nn_work_max_batch(const struct nn_work *work)
{
    return work->max_batch;
}

const float *
nn_work_output(const struct nn_work *work)
{
    assert(work->output != NULL);
    return work->output;
}

const float *
nn_work_layer_output(const struct nn_work *work, size_t i)
{
    return work->y[i];
}

/* --- parts ---------------------------------------------------------------- */

/* Samples are cut where whole tiles end. */
#define SLICE 16
/* A part with fewer multiplications than this is not worth waking a thread. */
#define PART_WORK 250000

struct nn_slice
nn_pass_slice(const struct nn_pass *p, unsigned part, unsigned n_parts)
{
    size_t pieces = nn_pass_pieces(p);
    size_t first = pieces * part / n_parts * SLICE;
    size_t end = pieces * (part + 1) / n_parts * SLICE;

    if (end > p->n)
        end = p->n;
    return (struct nn_slice){ first, end - first };
}

size_t
nn_pass_pieces(const struct nn_pass *p)
{
    return (p->n + SLICE - 1) / SLICE;
}

/* Parts of a pass over n samples that each have enough to do. */
static size_t
worth(size_t n_params, size_t n)
{
    size_t work, most;

    if (!mem_mul(n_params, n, &work))
        work = SIZE_MAX;
    most = work / PART_WORK;
    return most > 1 ? most : 1;
}

size_t
nn_work_most_parts(const struct nn_spec *spec, size_t n)
{
    return worth(nn_layout_of(spec).offset[spec->n_layers], n);
}

/* A part as its caller would compute it, whichever thread it is on. */
struct share {
    nn_part_fn fn;
    void      *ctx;
    unsigned   mode;
};

static void
share_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct share *s = ctx;
    unsigned            was = nn_subnormal_mode();

    nn_subnormal_set(s->mode);
    s->fn(s->ctx, part, n_parts);
    nn_subnormal_set(was);
}

void
nn_pass_share(const struct nn_pass *p, size_t n_pieces, nn_part_fn fn,
              void *ctx)
{
    struct nn_team *team = p->work->team;
    size_t          parts = worth(nn_net_n_params(p->net), p->n);

    if (team == NULL)
        parts = 1;
    else if (parts > team->n)
        parts = team->n;
    parts = parts < n_pieces ? parts : n_pieces;
    if (parts > 1) {
        struct share share = { fn, ctx, nn_subnormal_mode() };

        team->run(team, share_part, &share, (unsigned)parts);
    } else {
        fn(ctx, 0, 1);
    }
}

/* --- forward -------------------------------------------------------------- */

bool
nn_pass_is_split(const struct nn_pass *p, size_t i)
{
    return nn_net_spec(p->net)->layer[i].type->error != NULL;
}

struct random_at
nn_pass_draws(const struct nn_pass *p, size_t i)
{
    if (p->draws == NULL)
        return (struct random_at){ 0 };
    return (struct random_at){
        .seed = p->draws->seed,
        .purpose = RANDOM_DROPOUT | (uint32_t)i << 8,
        .epoch = p->draws->epoch,
        .step = p->draws->batch,
    };
}

static const struct nn_shape *
input_of(const struct nn_pass *p, size_t i)
{
    return i == 0 ? &nn_net_spec(p->net)->input
                  : nn_net_layer_shape(p->net, i - 1);
}

struct nn_layer_pass
nn_pass_layer(const struct nn_pass *p, size_t i, const struct random_at *draws,
              unsigned part, struct nn_slice slice)
{
    const struct nn_spec  *spec = nn_net_spec(p->net);
    struct nn_work        *work = p->work;
    const struct nn_shape *in = input_of(p, i);
    float                 *kept = p->training ? work->kept[i] : NULL;

    if (kept != NULL)
        kept += slice.first * room_of(&spec->layer[i], in).per_sample;
    return (struct nn_layer_pass){
        .kernel = nn_kernel(),
        .spec = &spec->layer[i],
        .in = in,
        .out = nn_net_layer_shape(p->net, i),
        .n = slice.n,
        .params = nn_net_params_const(p->net) + nn_net_layer_offset(p->net, i),
        .turned = nn_net_turned(p->net, i),
        .scratch = part == 0
                       ? work->scratch
                       : work->more + (part - 1) * nn_kernel_scratch_floats(),
        .training = p->training,
        .kept = kept,
        .draws = p->draws != NULL ? draws : NULL,
    };
}

/* Layers from..to, one after the other, for some of the samples. */
struct stretch {
    const struct nn_pass *p;
    const float          *x; /* of the whole net */
    size_t                from, to;
};

static void
forward_slice(const struct stretch *s, unsigned part, struct nn_slice slice)
{
    for (size_t i = s->from; i < s->to; i++) {
        struct random_at     draws = nn_pass_draws(s->p, i);
        struct nn_layer_pass pass = nn_pass_layer(s->p, i, &draws, part, slice);
        const float         *x = i == 0 ? s->x : s->p->work->y[i - 1];

        pass.spec->type->forward(
            &pass, x + slice.first * nn_shape_size(pass.in),
            s->p->work->y[i] + slice.first * nn_shape_size(pass.out));
    }
}

static void
forward_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct stretch *s = ctx;

    forward_slice(s, part, nn_pass_slice(s->p, part, n_parts));
}

size_t
nn_pass_n_rows(const struct nn_pass *p, size_t i)
{
    const struct nn_layer_spec *layer = &nn_net_spec(p->net)->layer[i];

    return layer->type->n_rows(layer, input_of(p, i));
}

/* Layer s->from, cut as gradient_part() cuts it where no layer is narrower than
 * the team. */
static void
forward_rows_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct stretch *s = ctx;
    size_t                i = s->from, n = nn_pass_n_rows(s->p, i);
    struct nn_layer_pass  pass =
        nn_pass_layer(s->p, i, NULL, part, (struct nn_slice){ 0, s->p->n });

    pass.spec->type->forward_rows(&pass, i == 0 ? s->x : s->p->work->y[i - 1],
                                  s->p->work->y[i], n * part / n_parts,
                                  n * (part + 1) / n_parts);
}

/* So many inputs stay near while a thread goes through all of them. */
#define NEAR_FLOATS ((size_t)64 * 1024)

/*
 * Is layer i better shared by its rows than by the samples?  Then a thread
 * reads all inputs instead of all weights: where these change and are more,
 * the inputs few, and the work enough for threads to wait for each other once
 * more.
 */
static bool
is_by_rows(const struct nn_pass *p, size_t i)
{
    const struct nn_layer_spec *layer = &nn_net_spec(p->net)->layer[i];
    size_t                      n_in = nn_shape_size(input_of(p, i));

    return p->training && p->work->team != NULL && p->work->team->n > 1 &&
           layer->type->has_rows_apart != NULL &&
           layer->type->has_rows_apart(layer) && nn_pass_n_rows(p, i) > p->n &&
           p->n * n_in <= NEAR_FLOATS &&
           worth(nn_net_layer_trained(p->net, i), p->n) > 1;
}

const float *
nn_pass_forward(const struct nn_pass *p, const float *x)
{
    size_t         n_layers = nn_net_spec(p->net)->n_layers;
    struct stretch s = { .p = p, .x = x };

    assert(p->n > 0 && p->n <= p->work->max_batch);
    for (; s.from < n_layers; s.from = s.to) {
        s.to = s.from + 1;
        if (is_by_rows(p, s.from)) {
            nn_pass_share(p, nn_pass_n_rows(p, s.from), forward_rows_part, &s);
        } else if (nn_pass_is_split(p, s.from)) {
            while (s.to < n_layers && nn_pass_is_split(p, s.to) &&
                   !is_by_rows(p, s.to))
                s.to++;
            nn_pass_share(p, nn_pass_pieces(p), forward_part, &s);
        } else {
            forward_slice(&s, 0, (struct nn_slice){ 0, p->n });
        }
    }
    p->work->output = p->work->y[n_layers - 1];
    return p->work->output;
}

const float *
nn_net_forward(const struct nn_net *net, struct nn_work *work, const float *x,
               size_t n)
{
    const struct nn_pass p = { .net = net, .work = work, .n = n };

    return nn_pass_forward(&p, x);
}
