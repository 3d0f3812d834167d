#include "nn/check.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/layer.h"
#include "nn/loss.h"

/* Multiply-adds of one check: about half a second. */
#define BUDGET 5e8
#define MAX_BYTES (64 * MIB) /* of numbers in double */
#define MAX_SAMPLES 4096     /* parameters of one layer */
/* In double it leaves an error near 1e-10 of the difference. */
#define STEP 1e-5
#define NOWHERE SIZE_MAX

struct check {
    const struct nn_net *net;
    struct nn_work      *work;
    const float         *x, *t;
    size_t               n;
    float               *grad;
    /* In double, [n][width]: x, then each layer's outputs, of the network as it
     * is; and two buffers for the network with one parameter moved. */
    double *base[NN_MAX_LAYERS + 1], *moved[2];
    double *got, *want; /* [MAX_SAMPLES] */
};

/* --- a pass in double ----------------------------------------------------- */

static const struct nn_shape *
shape_into(const struct nn_net *net, size_t i)
{
    return i == 0 ? &nn_net_spec(net)->input : nn_net_layer_shape(net, i - 1);
}

static const struct nn_loss_row *
loss_of(const struct check *c)
{
    return nn_loss_row(nn_net_spec(c->net)->loss.type);
}

static struct nn_exact_pass
exact_pass(const struct check *c, size_t i, size_t moved, double by)
{
    size_t n_layers = nn_net_spec(c->net)->n_layers;

    return (struct nn_exact_pass){
        .spec = &nn_net_spec(c->net)->layer[i],
        .in = shape_into(c->net, i),
        .out = nn_net_layer_shape(c->net, i),
        .n = c->n,
        .params = nn_net_params_const(c->net) + nn_net_layer_offset(c->net, i),
        .moved = moved,
        .by = by,
        .y = nn_work_layer_output(c->work, i),
        .z_only =
            i + 1 == n_layers && loss_of(c)->output != NN_ACTIVATION_COUNT,
    };
}

static double
exact_loss(const struct check *c, const double *y)
{
    const struct nn_loss_spec *loss = &nn_net_spec(c->net)->loss;
    size_t                     n_out = nn_net_n_out(c->net);
    const float               *y32 = nn_work_output(c->work);
    double                     sum = 0;

    for (size_t s = 0; s < c->n; s++)
        sum += loss_of(c)->exact(loss, y + s * n_out, y32 + s * n_out,
                                 c->t + s * n_out, n_out);
    return sum / (double)c->n;
}

/* The loss, and the penalty of layer i, with a parameter of that layer moved:
 * what lies before it stays, and other layers' penalties cancel out. */
static double
loss_moved(const struct check *c, size_t i, size_t moved, double by)
{
    size_t                      n_layers = nn_net_spec(c->net)->n_layers;
    const struct nn_layer_type *type = nn_net_spec(c->net)->layer[i].type;
    struct nn_exact_pass        pass = exact_pass(c, i, moved, by);
    double extra = type->penalty != NULL ? type->penalty(&pass) : 0;

    type->exact(&pass, c->base[i], c->moved[i % 2]);
    for (size_t k = i + 1; k < n_layers; k++) {
        pass = exact_pass(c, k, NOWHERE, 0);
        pass.spec->type->exact(&pass, c->moved[(k - 1) % 2], c->moved[k % 2]);
    }
    return exact_loss(c, c->moved[(n_layers - 1) % 2]) + extra;
}

/* --- which parameters ----------------------------------------------------- */

/* How many of layer i's the budget allows; each costs two passes from there. */
static size_t
samples_of(const struct check *c, size_t i)
{
    size_t n_layers = nn_net_spec(c->net)->n_layers;
    size_t trained = nn_net_layer_trained(c->net, i);
    double cost = 0, allowed;

    for (size_t k = i; k < n_layers; k++)
        cost += 2.0 * (double)c->n *
                ((double)nn_net_layer_parameters(c->net, k) +
                 (double)nn_shape_size(nn_net_layer_shape(c->net, k)));
    allowed = BUDGET / (double)n_layers / cost;
    if (allowed > MAX_SAMPLES)
        allowed = MAX_SAMPLES;
    return allowed < (double)trained ? (size_t)allowed : trained;
}

/* Sample k of n: one from the k-th of n equal parts of the parameters. */
static size_t
sample_at(const struct check *c, size_t layer, size_t k, size_t n)
{
    const struct random_at at = { .purpose = RANDOM_CHECK,
                                  .step = (uint32_t)layer };
    size_t                 trained = nn_net_layer_trained(c->net, layer);
    size_t                 first = trained / n * k + trained % n * k / n;
    size_t end = trained / n * (k + 1) + trained % n * (k + 1) / n;

    return first + random_u32(&at, (uint32_t)k) % (end - first);
}

static void
check_layer(const struct check *c, size_t i, struct nn_check_layer *out)
{
    size_t       n = samples_of(c, i);
    const float *g = c->grad + nn_net_layer_offset(c->net, i);
    double       largest = 0;

    for (size_t k = 0; k < n; k++) {
        size_t at = sample_at(c, i, k, n);

        c->got[k] = g[at];
        c->want[k] =
            (loss_moved(c, i, at, STEP) - loss_moved(c, i, at, -STEP)) /
            (2 * STEP);
        largest = fmax(largest, fmax(fabs(c->got[k]), fabs(c->want[k])));
    }
    *out = (struct nn_check_layer){ .n_checked = n };
    for (size_t k = 0; k < n; k++) {
        double floor = fmax(0.01 * largest, 1e-6);
        double size = fmax(fabs(c->got[k]), fabs(c->want[k]));
        double error = fabs(c->got[k] - c->want[k]) / fmax(size, floor);

        if (!isfinite(error)) /* a gradient that overflowed is wrong indeed */
            error = INFINITY;
        if (k > 0 && error <= out->largest_error)
            continue;
        out->largest_error = error;
        out->parameter = sample_at(c, i, k, n);
        out->gradient = c->got[k];
        out->difference = c->want[k];
    }
}

/* --- the whole ------------------------------------------------------------ */

/* Doubles of the largest layer, and of all buffers. */
static size_t
buffer_doubles(const struct nn_net *net, size_t n, size_t *widest)
{
    size_t n_layers = nn_net_spec(net)->n_layers, sum = 0;

    *widest = 0;
    for (size_t i = 0; i <= n_layers; i++) {
        size_t size = nn_shape_size(shape_into(net, i)) * n;

        *widest = size > *widest ? size : *widest;
        sum += size;
    }
    return sum + 2 * *widest + 2 * MAX_SAMPLES;
}

enum err
nn_check_bytes(const struct nn_net *net, size_t n, size_t *out,
               struct errinfo *e)
{
    struct check c = { .net = net, .n = n };
    size_t       widest, work, doubles = buffer_doubles(net, n, &widest);
    bool         fits = doubles <= MAX_BYTES / sizeof(double);
    enum err     rc;

    assert(n > 0 && n <= NN_CHECK_MAX_ROWS);
    for (size_t i = 0; i < nn_net_spec(net)->n_layers; i++)
        fits &= nn_net_layer_trained(net, i) == 0 || samples_of(&c, i) > 0;
    if (!fits)
        return err_set(e, ERR_INVALID, "/inputs",
                       "these rows through this network are more than one "
                       "check may take: give fewer rows, or check a smaller "
                       "network of the same layers");
    rc = nn_work_bytes(nn_net_spec(net), n, true, &work, e);
    if (rc == ERR_OK)
        *out = work + nn_net_n_params(net) * sizeof(float) +
               doubles * sizeof(double);
    return rc;
}

static enum err
check_all(struct check *c, struct nn_check *out, struct errinfo *e)
{
    size_t n_layers = nn_net_spec(c->net)->n_layers;

    out->loss = nn_net_gradient(c->net, c->work, NULL, c->x, c->t, NULL, c->n,
                                c->grad, NULL);
    if (!isfinite(out->loss)) {
        err_set(e, ERR_INVALID, "/inputs",
                "the loss at these rows is not a finite number");
        return err_named(e, ERR_INVALID, "loss_not_finite");
    }
    for (size_t i = 0; i < c->n * nn_net_n_in(c->net); i++)
        c->base[0][i] = c->x[i];
    for (size_t i = 0; i < n_layers; i++) {
        struct nn_exact_pass pass = exact_pass(c, i, NOWHERE, 0);

        pass.spec->type->exact(&pass, c->base[i], c->base[i + 1]);
    }
    out->exact_loss = exact_loss(c, c->base[n_layers]);
    for (size_t i = 0; i < n_layers; i++)
        check_layer(c, i, &out->layer[i]);
    return ERR_OK;
}

/* Where each buffer lies in the room for all of them. */
static void
carve(struct check *c, double *next, size_t widest)
{
    for (size_t i = 0; i <= nn_net_spec(c->net)->n_layers; i++) {
        c->base[i] = next;
        next += nn_shape_size(shape_into(c->net, i)) * c->n;
    }
    c->moved[0] = next;
    c->moved[1] = next + widest;
    c->got = next + 2 * widest;
    c->want = c->got + MAX_SAMPLES;
}

enum err
nn_check_gradient(const struct nn_net *net, const float *x, const float *t,
                  size_t n, struct nn_check *out, struct errinfo *e)
{
    struct check    c = { .net = net, .x = x, .t = t, .n = n };
    struct nn_check check = { 0 };
    size_t          bytes, widest;
    double         *room = NULL;
    enum err        rc = nn_check_bytes(net, n, &bytes, e);

    if (rc == ERR_OK)
        rc = nn_work_new(net, n, true, &c.work, e);
    if (rc != ERR_OK)
        return rc;
    c.grad = mem_floats(nn_net_n_params(net), 0);
    room = mem_array(buffer_doubles(net, n, &widest), sizeof(*room), 0);
    if (c.grad == NULL || room == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory for a check");
        goto out;
    }
    carve(&c, room, widest);
    rc = check_all(&c, &check, e);
    if (rc == ERR_OK)
        *out = check;
out:
    free(room);
    free(c.grad);
    nn_work_free(c.work);
    return rc;
}
