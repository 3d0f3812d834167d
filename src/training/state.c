/* state.c - all that a job needs to go on as if nothing had happened */
#include "training/state.h"

#include <math.h>
#include <string.h>

#define STATE_MAGIC "BPST"
#define STATE_VERSION 6u

/* --- the fields, in their one order --------------------------------------- */

/* Walks over a state to write it, to read it, or to count its bytes. */
struct cursor {
    enum { COUNT, WRITE, READ } mode;
    uint8_t       *out;
    const uint8_t *in;
    size_t         n; /* bytes so far */
};

/* Little-endian, whatever the machine. */
static void
field_u64(struct cursor *c, uint64_t *x)
{
    if (c->mode == WRITE)
        for (int i = 0; i < 8; i++)
            c->out[c->n + (size_t)i] = (uint8_t)(*x >> (8 * i));
    if (c->mode == READ) {
        *x = 0;
        for (int i = 0; i < 8; i++)
            *x |= (uint64_t)c->in[c->n + (size_t)i] << (8 * i);
    }
    c->n += 8;
}

static void
field_f64(struct cursor *c, double *x)
{
    uint64_t bits;

    memcpy(&bits, x, sizeof(bits));
    field_u64(c, &bits);
    memcpy(x, &bits, sizeof(bits));
}

static void
fields_row(struct cursor *c, struct store_epoch *row)
{
    field_u64(c, &row->epoch);
    field_u64(c, &row->restart);
    field_u64(c, &row->fold);
    field_f64(c, &row->loss);
    field_f64(c, &row->accuracy);
    field_f64(c, &row->val_loss);
    field_f64(c, &row->val_accuracy);
    field_f64(c, &row->learning_rate);
    field_f64(c, &row->gradient_norm);
    field_f64(c, &row->seconds);
    field_f64(c, &row->samples_per_second);
}

static void
fields_watch(struct cursor *c, struct training_watch *w)
{
    field_f64(c, &w->first_loss);
    field_f64(c, &w->least_loss);
    field_f64(c, &w->loss_at_least_val);
    field_u64(c, &w->diverging);
    field_u64(c, &w->overfitting);
    for (size_t i = 0; i < NN_MAX_LAYERS; i++) {
        field_u64(c, &w->vanishing[i]);
        field_u64(c, &w->exploding[i]);
    }
    for (size_t k = 0; k < TRAINING_WARNING_COUNT; k++)
        for (size_t i = 0; i < NN_MAX_LAYERS + 1; i++)
            field_u64(c, &w->raised[k][i]);
}

static void
field_size(struct cursor *c, size_t *x)
{
    uint64_t n = *x;

    field_u64(c, &n);
    *x = (size_t)n;
}

static void
fields_sums(struct cursor *c, struct nn_train_sums *s)
{
    field_f64(c, &s->loss);
    field_f64(c, &s->gradient_norm);
    field_size(c, &s->n_rows);
    field_size(c, &s->n_batches);
    field_f64(c, &s->n_correct);
    for (size_t i = 0; i < NN_MAX_LAYERS; i++) {
        field_f64(c, &s->layer_norm[i]);
        field_f64(c, &s->update_ratio[i]);
    }
}

static void
fields_state(struct cursor *c, struct training_state *s)
{
    field_u64(c, &s->epoch);
    field_u64(c, &s->restart);
    field_u64(c, &s->began);
    field_f64(c, &s->rate);
    field_f64(c, &s->elapsed);
    field_f64(c, &s->elapsed_before);
    field_u64(c, &s->seed);
    field_u64(c, &s->window_rows);
    field_u64(c, &s->best_epoch);
    field_f64(c, &s->best_figure);
    field_u64(c, &s->waited);
    field_f64(c, &s->least_val_loss);
    field_f64(c, &s->plateau);
    field_u64(c, &s->plateau_waited);
    for (size_t i = 0; i < CODEC_MAX_STRIP; i++)
        field_f64(c, &s->strip[i]);
    fields_row(c, &s->last);
    fields_row(c, &s->best);
    for (size_t i = 0; i < CODEC_MAX_RESTARTS; i++) {
        field_u64(c, &s->outcome[i].epochs);
        field_u64(c, &s->outcome[i].best_epoch);
        field_f64(c, &s->outcome[i].figure);
        field_u64(c, &s->outcome[i].reason);
        fields_row(c, &s->outcome[i].row);
    }
    field_u64(c, &s->kept_restart);
    fields_watch(c, &s->watch);
    fields_sums(c, &s->sums);
    field_f64(c, &s->seconds);
}

#define N_PARTS 5

/* Bytes before the parts: magic, version, fields, lengths. */
static size_t
header_size(void)
{
    struct training_state state;
    struct cursor         c = { .mode = COUNT };

    memset(&state, 0, sizeof(state));
    fields_state(&c, &state);
    return 8 + c.n + 8 * N_PARTS;
}

void
training_state_restart(struct training_state *s, uint64_t seed)
{
    s->began = s->epoch;
    s->elapsed_before = s->elapsed;
    s->seed = seed;
    s->best_epoch = 0;
    s->best_figure = 0;
    s->waited = 0;
    s->least_val_loss = INFINITY;
    s->plateau = 1;
    s->plateau_waited = 0;
    memset(&s->sums, 0, sizeof(s->sums));
    s->seconds = 0;
    training_watch_restart(&s->watch);
}

void
training_state_init(struct training_state *state, uint64_t seed)
{
    memset(state, 0, sizeof(*state));
    state->restart = 1;
    training_state_restart(state, seed);
}

/* An epoch in the numbers of a job that began after `began`; 0: before that. */
static uint64_t
epoch_since(uint64_t epoch, uint64_t began)
{
    return epoch > began ? epoch - began : 0;
}

static void
row_alone(struct store_epoch *row, uint64_t began)
{
    row->epoch = epoch_since(row->epoch, began);
    row->restart = 0;
}

void
training_state_alone(struct training_state *s)
{
    uint64_t began = s->began;

    s->epoch = epoch_since(s->epoch, began);
    s->best_epoch = epoch_since(s->best_epoch, began);
    row_alone(&s->last, began);
    row_alone(&s->best, began);
    training_watch_alone(&s->watch, began);
    s->elapsed -= s->elapsed_before;
    s->elapsed_before = 0;
    s->began = 0;
    s->restart = 1;
    s->kept_restart = 0;
    memset(s->outcome, 0, sizeof(s->outcome));
}

bool
training_state_is_best(const struct training_state *s)
{
    return s->best_epoch == s->epoch && s->sums.n_rows == 0;
}

bool
training_state_has_epoch(const struct training_state *s)
{
    return s->kept_restart != 0 || s->epoch > s->began;
}

/* --- out ------------------------------------------------------------------ */

size_t
training_state_bytes(const struct training_parts *parts)
{
    size_t nets = 1 + (parts->best != NULL);

    return header_size() + nets * nn_net_params_bytes(parts->net) +
           nn_optimizer_state_bytes(parts->opt) + parts->winner_room +
           parts->encoder_len;
}

size_t
training_state_export(const struct training_state *state,
                      const struct training_parts *parts, void *out)
{
    struct training_state s = *state;
    struct cursor         c = { .mode = WRITE, .out = out, .n = 8 };
    uint64_t              params_len = nn_net_params_bytes(parts->net);
    uint64_t              opt_len = nn_optimizer_state_bytes(parts->opt);
    uint64_t              encoder_len = parts->encoder_len;

    /* While a job gets better with every epoch, its parameters are the best
     * ones: they are not written twice. */
    bool apart = parts->best != NULL && state->best_epoch != 0 &&
                 !training_state_is_best(state);
    uint64_t best_len = apart ? params_len : 0;
    uint64_t winner_len = state->kept_restart != 0 ? parts->winner_len : 0;

    memcpy(out, STATE_MAGIC, 4);
    memcpy((uint8_t *)out + 4, (const uint8_t[]){ STATE_VERSION, 0, 0, 0 }, 4);
    fields_state(&c, &s);
    field_u64(&c, &params_len);
    field_u64(&c, &opt_len);
    field_u64(&c, &best_len);
    field_u64(&c, &winner_len);
    field_u64(&c, &encoder_len);

    uint8_t *p = c.out + c.n;
    nn_net_export(parts->net, p);
    p += params_len;
    nn_optimizer_export(parts->opt, p);
    p += opt_len;
    if (apart)
        nn_net_export(parts->best, p);
    p += best_len;
    if (winner_len > 0)
        memcpy(p, parts->winner, winner_len);
    p += winner_len;
    memcpy(p, parts->encoder, parts->encoder_len);
    p += parts->encoder_len;
    return (size_t)(p - (uint8_t *)out);
}

/* --- in ------------------------------------------------------------------- */

/* The next n of the *left bytes at *p; false where there are fewer. */
static bool
take(const uint8_t **p, size_t *left, uint64_t n, const uint8_t **out,
     size_t *out_len)
{
    if (n > *left)
        return false;
    *out = *p;
    *out_len = (size_t)n;
    *p += n;
    *left -= (size_t)n;
    return true;
}

enum err
training_saved_parse(const void *bytes, size_t len, struct training_saved *out,
                     struct errinfo *e)
{
    struct training_saved saved = { 0 };
    struct cursor         c = { .mode = READ, .in = bytes, .n = 8 };
    size_t                header = header_size(), left, encoder_len;
    const uint8_t        *p = bytes, *encoder;
    uint64_t              part[N_PARTS];

    if (len < header || memcmp(p, STATE_MAGIC, 4) != 0)
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "these %zu bytes are no checkpoint", len);
    if (p[4] != STATE_VERSION || p[5] != 0 || p[6] != 0 || p[7] != 0)
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "a checkpoint of version %d; this program reads %u",
                       p[4], STATE_VERSION);
    fields_state(&c, &saved.state);
    for (size_t i = 0; i < N_PARTS; i++)
        field_u64(&c, &part[i]);

    p += header;
    left = len - header;
    if (!take(&p, &left, part[0], &saved.params, &saved.params_len) ||
        !take(&p, &left, part[1], &saved.opt, &saved.opt_len) ||
        !take(&p, &left, part[2], &saved.best, &saved.best_len) ||
        !take(&p, &left, part[3], &saved.winner, &saved.winner_len) ||
        !take(&p, &left, part[4], &encoder, &encoder_len) || left != 0 ||
        encoder_len == 0 || encoder[encoder_len - 1] != '\0' ||
        saved.state.restart < 1 || saved.state.restart > CODEC_MAX_RESTARTS ||
        saved.state.kept_restart > CODEC_MAX_RESTARTS ||
        (saved.state.kept_restart != 0) != (saved.winner_len != 0))
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "the lengths in the checkpoint do not add up to %zu",
                       len);
    saved.encoder = (const char *)encoder;
    *out = saved;
    return ERR_OK;
}

enum err
training_saved_restore(const struct training_saved *saved, struct nn_net *net,
                       struct nn_net *best, struct nn_optimizer *opt,
                       struct errinfo *e)
{
    const struct training_state *state = &saved->state;
    enum err                     rc;

    rc = nn_net_import(net, saved->params, saved->params_len, e);
    if (rc == ERR_OK)
        rc = nn_optimizer_import(opt, saved->opt, saved->opt_len, e);
    if (rc != ERR_OK || best == NULL || state->best_epoch == 0)
        return rc;
    if (training_state_is_best(state))
        return nn_net_import(best, saved->params, saved->params_len, e);
    return nn_net_import(best, saved->best, saved->best_len, e);
}

static struct training_offer
own_offer(const struct training_saved *saved, enum codec_keep keep)
{
    const struct training_state *s = &saved->state;

    if (keep == CODEC_KEEP_BEST && s->best_epoch != 0 &&
        !training_state_is_best(s))
        return (struct training_offer){ saved->best, saved->best_len, s->best };
    return (struct training_offer){ saved->params, saved->params_len, s->last };
}

enum err
training_saved_offer(const struct training_saved *saved, enum codec_keep keep,
                     struct training_offer *out, struct errinfo *e)
{
    struct training_saved winner;
    enum err              rc;

    if (saved->winner_len == 0) {
        *out = own_offer(saved, keep);
        return ERR_OK;
    }
    rc = training_saved_parse(saved->winner, saved->winner_len, &winner, e);
    if (rc == ERR_OK)
        *out = own_offer(&winner, keep);
    return rc;
}
