#include "serving/live.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "codec/dataset.h"
#include "codec/stored.h"
#include "nn/train.h"
#include "serving/registry.h"

#define DEFAULT_RATE 0.01F

struct serving_live {
    struct serving_registry *reg;
    const char              *network; /* borrowed */
    pthread_mutex_t         *lock;    /* held: this network is ours */
    int64_t                  network_id;
    int64_t                  base; /* the latest version */
    size_t                   taken;
    struct nn_net           *net;
    struct dataset_encoder  *encoder; /* or NULL */
    struct store_live stored;     /* optimizer NULL: it is the first update */
    bool              is_damaged; /* what is stored cannot be read */
};

const struct nn_net *
serving_live_net(const struct serving_live *live)
{
    return live->net;
}

const struct dataset_encoder *
serving_live_encoder(const struct serving_live *live)
{
    return live->encoder;
}

void
serving_live_end(struct serving_live *live)
{
    if (live == NULL)
        return;
    store_live_release(&live->stored);
    dataset_encoder_free(live->encoder);
    nn_net_free(live->net);
    serving_registry_give(live->reg, live->taken);
    pthread_mutex_unlock(live->lock);
    free(live);
}

/* Of what was taken keep so much. */
static void
keep_memory(struct serving_live *live, size_t n)
{
    serving_registry_give(live->reg, live->taken - n);
    live->taken = n;
}

/* Take n bytes more.  It is asked for all at once, so that an update that can
 * never have what it needs is told that, and not to come again. */
static enum err
take_memory(struct serving_live *live, size_t n, struct errinfo *e)
{
    size_t   all;
    enum err rc;

    if (!mem_add(live->taken, n, &all))
        return err_set(e, ERR_INVALID, "/inputs", "is too large a batch");
    keep_memory(live, 0);
    rc = serving_registry_take(live->reg, all, "the update", e);
    if (rc == ERR_OK)
        live->taken = all;
    return rc;
}

/* The state that the update before left, where there is one. */
static enum err
read_optimizer(struct serving_live *live, struct errinfo *e)
{
    struct store *db = serving_registry_store(live->reg);
    size_t        n;
    enum err      rc = store_live_bytes(db, live->network_id, &n, e);

    if (rc == ERR_OK)
        rc = take_memory(live, n, e);
    if (rc == ERR_OK)
        rc = store_live_get(db, live->network_id, &live->stored, e);
    if (rc == ERR_CORRUPT)
        log_write(LOG_WARN, "serving", "network '%s': %s", live->network,
                  err_what(e));
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) {
        live->stored = (struct store_live){ .version = -1 };
        live->is_damaged = rc == ERR_CORRUPT; /* see step_spec() */
        err_clear(e);
        rc = ERR_OK;
    }
    return rc;
}

static enum err
read_state(struct serving_live *live, struct errinfo *e)
{
    struct store        *db = serving_registry_store(live->reg);
    struct store_network row = { 0 };
    size_t               bytes;
    enum err             rc = store_network_get(db, live->network, &row, e);

    if (rc != ERR_OK)
        return rc;
    live->network_id = row.id;
    if (row.serving_version >= 0)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "version %lld is pinned, so nobody would see "
                               "what this network learns: PATCH "
                               "serving_version to null first",
                               (long long)row.serving_version),
                       "version_pinned");
    if (rc == ERR_OK)
        rc = codec_stored_net_bytes(db, live->network, &bytes, e);
    if (rc == ERR_OK) /* and its bytes, on their way from and to the store */
        rc = take_memory(live, 2 * bytes, e);
    if (rc == ERR_OK) /* this network, not one that has its name since */
        rc = codec_stored_net_row(db, &row, STORE_LATEST, &live->net,
                                  &live->encoder, &live->base, e);
    store_network_release(&row);
    return rc == ERR_OK ? read_optimizer(live, e) : rc;
}

enum err
serving_live_begin(struct serving_registry *reg, const char *network,
                   struct serving_live **out, struct errinfo *e)
{
    struct serving_live *live = mem_array(1, sizeof(*live), 0);
    enum err             rc;

    if (live == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    live->reg = reg;
    live->network = network;
    live->lock = serving_registry_live_lock(reg, network);
    pthread_mutex_lock(live->lock);
    rc = read_state(live, e);
    if (rc != ERR_OK) {
        serving_live_end(live);
        return rc;
    }
    *out = live;
    return ERR_OK;
}

/* --- an update ------------------------------------------------------------ */

/* What one update needs beside the net. */
struct step {
    struct nn_optimizer_spec        spec;
    const struct nn_optimizer_type *before; /* of the update before, or NULL */
    struct nn_optimizer            *opt;
    struct nn_work                 *work;
    float                          *grad, *x;
};

static void
step_release(struct step *s)
{
    nn_optimizer_free(s->opt);
    nn_work_free(s->work);
    free(s->grad);
    free(s->x);
}

/* The optimiser asked for, or the one before.  A damaged state is not replaced
 * by none before the client says with which optimiser. */
static enum err
step_spec(struct serving_live *live, const struct codec_batch *batch,
          struct step *s, struct errinfo *e)
{
    struct nn_optimizer_spec before = { 0 };
    enum err                 rc = ERR_OK;

    if (live->is_damaged && !batch->has_optimizer)
        return err_set(e, ERR_CORRUPT, "/optimizer",
                       "the stored state of the optimiser is damaged: send "
                       "\"optimizer\" with the batch, and it begins anew");
    if (live->is_damaged)
        log_write(LOG_WARN, "serving",
                  "network '%s' goes on without the damaged state of its "
                  "optimiser",
                  live->network);
    if (live->stored.optimizer != NULL)
        rc = codec_optimizer_parse(live->stored.optimizer, &before, e);
    if (rc != ERR_OK)
        return rc;
    s->before = before.type;
    if (batch->has_optimizer) {
        s->spec = batch->optimizer;
    } else if (before.type != NULL) {
        s->spec = before;
    } else {
        nn_optimizer_spec_init(&s->spec, nn_optimizer_type_find("sgd"));
        s->spec.learning_rate = DEFAULT_RATE;
    }
    return ERR_OK;
}

/* With the state of the one before where that is of the same type: another
 * learning rate is no other optimiser.  The next state has that one's room. */
static enum err
step_optimizer(struct serving_live *live, struct step *s, struct errinfo *e)
{
    enum err rc =
        nn_optimizer_new(&s->spec, nn_net_n_params(live->net), &s->opt, e);

    if (rc == ERR_OK && s->before == s->spec.type &&
        live->stored.state_len == nn_optimizer_state_bytes(s->opt))
        rc = nn_optimizer_import(s->opt, live->stored.state,
                                 live->stored.state_len, e);
    free(live->stored.state);
    live->stored.state = NULL;
    live->stored.state_len = 0;
    return rc;
}

/* Beside what was taken to begin with: the workspace, the rows, the gradient,
 * the optimiser, and its next state as far as that is larger than the stored
 * one. */
static enum err
step_memory(struct serving_live *live, size_t n_rows, const struct step *s,
            struct errinfo *e)
{
    size_t   n_params = nn_net_n_params(live->net), work, x, sum;
    size_t   opt = nn_optimizer_bytes(&s->spec, n_params);
    size_t   stored = live->stored.state_len;
    size_t   fixed = n_params * sizeof(float) + opt;
    enum err rc = nn_work_bytes(nn_net_spec(live->net), n_rows, true, &work, e);

    if (rc != ERR_OK)
        return rc;
    if (opt > stored)
        fixed += opt - stored;
    if (!mem_mul(n_rows, nn_net_n_in(live->net) * sizeof(float), &x) ||
        !mem_add(work, x, &sum) || !mem_add(sum, fixed, &sum))
        return err_set(e, ERR_INVALID, "/inputs", "is too large a batch");
    return take_memory(live, sum, e);
}

static enum err
step_init(struct serving_live *live, const struct codec_batch *batch,
          struct step *s, struct errinfo *e)
{
    size_t   n = batch->rows.n_rows;
    enum err rc = step_spec(live, batch, s, e);

    if (rc == ERR_OK)
        rc = step_memory(live, n, s, e);
    if (rc == ERR_OK)
        rc = nn_work_new(live->net, n, true, &s->work, e);
    if (rc != ERR_OK)
        return rc;
    s->grad = mem_floats(nn_net_n_params(live->net), 0);
    s->x = mem_floats(n * nn_net_n_in(live->net), 0);
    if (s->grad == NULL || s->x == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    return step_optimizer(live, s, e);
}

static enum err
step_run(struct serving_live *live, const struct codec_batch *batch,
         struct step *s, double *out_loss, struct errinfo *e)
{
    const struct nn_spec   *spec = nn_net_spec(live->net);
    size_t                  n = batch->rows.n_rows;
    struct nn_train_sums    sums = { 0 };
    struct nn_train_options options = {
        .batch_size = n,
        .rate = s->spec.learning_rate,
        .draws = { .seed = spec->seed,
                   .epoch = (uint32_t)(live->stored.steps >> 32),
                   .batch = (uint32_t)live->stored.steps },
    };
    const float *x = batch->rows.raw, *params = nn_net_params(live->net);

    if (live->encoder != NULL) {
        dataset_encoder_apply(live->encoder, x, n, s->x);
        x = s->x;
    }
    bool ok = nn_train_rows(live->net, s->work, s->opt, s->grad, x,
                            batch->target, batch->weight, n, &options, &sums);
    for (size_t i = 0; ok && i < nn_net_n_params(live->net); i++)
        ok = isfinite(params[i]);
    if (!ok)
        return err_named(e,
                         err_set(e, ERR_CONFLICT, "",
                                 "the loss, or a weight after the update, is "
                                 "not finite; nothing was changed: try a "
                                 "smaller learning rate"),
                         "loss_not_finite");
    *out_loss = sums.loss / (double)n;
    return ERR_OK;
}

static enum err
step_store(struct serving_live *live, struct step *s, int64_t *out_version,
           struct errinfo *e)
{
    struct store        *db = serving_registry_store(live->reg);
    struct buf           encoder = { 0 }, optimizer = { 0 };
    struct store_version row = { .network_id = live->network_id,
                                 .origin = "{\"train_on_batch\":true}",
                                 .created_ms = clock_wall_ms() };
    struct store_live    next = { .version = live->stored.version,
                                  .steps = live->stored.steps + 1 };
    uint8_t              digest[DIGEST_SIZE];
    char                 hex[DIGEST_HEX_SIZE];
    void                *weights = NULL;
    enum err             rc;

    row.n_bytes = nn_net_params_bytes(live->net);
    next.state_len = nn_optimizer_state_bytes(s->opt);
    weights = mem_array(row.n_bytes, 1, 0);
    next.state = mem_array(next.state_len, 1, 0);
    if (live->encoder != NULL)
        codec_encoder_format(live->encoder, &encoder);
    codec_optimizer_format(&s->spec, &optimizer);
    if (weights == NULL || next.state == NULL || encoder.failed ||
        optimizer.failed) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    nn_net_export(live->net, weights);
    nn_optimizer_export(s->opt, next.state);
    digest_bytes(weights, row.n_bytes, digest);
    digest_hex(digest, hex);
    row.encoder = encoder.data;
    row.sha256 = hex;
    row.weights = weights;
    next.optimizer = optimizer.data;
    rc = store_live_update(db, &row, live->base, &next, out_version, e);
out:
    free(next.state);
    free(weights);
    buf_release(&encoder);
    buf_release(&optimizer);
    return rc;
}

enum err
serving_live_update(struct serving_live *live, const struct codec_batch *batch,
                    double *out_loss, int64_t *out_version, struct errinfo *e)
{
    struct step s = { 0 };
    double      loss = 0;
    size_t      before = live->taken;
    enum err    rc = step_init(live, batch, &s, e);

    if (rc == ERR_OK)
        rc = step_run(live, batch, &s, &loss, e);
    if (rc == ERR_OK)
        rc = step_store(live, &s, out_version, e);
    step_release(&s);
    if (rc != ERR_OK)
        return rc;
    keep_memory(live, before); /* the model that is made now needs some */
    serving_registry_refresh(live->reg, live->network);
    *out_loss = loss;
    return ERR_OK;
}
