/* state.c - all that a job needs to go on as if nothing had happened */
#include "training/state.h"

#include <string.h>

#define STATE_MAGIC "BPST"
#define STATE_VERSION 1u
#define ROW_FIELDS 9
#define N_FIELDS (5 + 2 * ROW_FIELDS + 4)
#define HEADER_SIZE ((size_t)8 + 8 * N_FIELDS)

/* --- little-endian, whatever the machine ---------------------------------- */

static uint8_t *
put_u64(uint8_t *p, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> (8 * i));
    return p + 8;
}

static const uint8_t *
get_u64(const uint8_t *p, uint64_t *x)
{
    *x = 0;
    for (int i = 0; i < 8; i++)
        *x |= (uint64_t)p[i] << (8 * i);
    return p + 8;
}

static uint8_t *
put_f64(uint8_t *p, double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return put_u64(p, bits);
}

static const uint8_t *
get_f64(const uint8_t *p, double *x)
{
    uint64_t bits;

    p = get_u64(p, &bits);
    memcpy(x, &bits, sizeof(bits));
    return p;
}

static uint8_t *
put_row(uint8_t *p, const struct store_epoch *row)
{
    p = put_u64(p, row->epoch);
    p = put_f64(p, row->loss);
    p = put_f64(p, row->accuracy);
    p = put_f64(p, row->val_loss);
    p = put_f64(p, row->val_accuracy);
    p = put_f64(p, row->learning_rate);
    p = put_f64(p, row->gradient_norm);
    p = put_f64(p, row->seconds);
    return put_f64(p, row->samples_per_second);
}

static const uint8_t *
get_row(const uint8_t *p, struct store_epoch *row)
{
    p = get_u64(p, &row->epoch);
    p = get_f64(p, &row->loss);
    p = get_f64(p, &row->accuracy);
    p = get_f64(p, &row->val_loss);
    p = get_f64(p, &row->val_accuracy);
    p = get_f64(p, &row->learning_rate);
    p = get_f64(p, &row->gradient_norm);
    p = get_f64(p, &row->seconds);
    return get_f64(p, &row->samples_per_second);
}

/* --- out ------------------------------------------------------------------ */

size_t
training_state_bytes(const struct training_parts *parts)
{
    size_t nets = parts->best != NULL ? 2 : 1;

    return HEADER_SIZE + nets * nn_net_params_bytes(parts->net) +
           nn_optimizer_state_bytes(parts->opt) + parts->encoder_len;
}

size_t
training_state_export(const struct training_state *state,
                      const struct training_parts *parts, void *out)
{
    size_t   params_len = nn_net_params_bytes(parts->net);
    size_t   opt_len = nn_optimizer_state_bytes(parts->opt);
    uint8_t *p = out;

    /* While a job gets better with every epoch, its parameters are the best
     * ones: they are not written twice. */
    bool apart = parts->best != NULL && state->best_epoch != 0 &&
                 state->best_epoch != state->epoch;
    size_t best_len = apart ? params_len : 0;

    memcpy(p, STATE_MAGIC, 4);
    p[4] = STATE_VERSION;
    p[5] = p[6] = p[7] = 0;
    p = put_u64(p + 8, state->epoch);
    p = put_u64(p, state->best_epoch);
    p = put_f64(p, state->best_figure);
    p = put_u64(p, state->waited);
    p = put_f64(p, state->elapsed);
    p = put_row(p, &state->last);
    p = put_row(p, &state->best);
    p = put_u64(p, params_len);
    p = put_u64(p, opt_len);
    p = put_u64(p, best_len);
    p = put_u64(p, parts->encoder_len);

    nn_net_export(parts->net, p);
    p += params_len;
    nn_optimizer_export(parts->opt, p);
    p += opt_len;
    if (apart)
        nn_net_export(parts->best, p);
    p += best_len;
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
    struct training_saved  saved = { 0 };
    struct training_state *state = &saved.state;
    const uint8_t         *p = bytes, *encoder;
    uint64_t               n_params, n_opt, n_best, n_encoder;
    size_t                 left, encoder_len;

    if (len < HEADER_SIZE || memcmp(p, STATE_MAGIC, 4) != 0)
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "these %zu bytes are no checkpoint", len);
    if (p[4] != STATE_VERSION || p[5] != 0 || p[6] != 0 || p[7] != 0)
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "a checkpoint of version %d; this program reads %u",
                       p[4], STATE_VERSION);
    p = get_u64(p + 8, &state->epoch);
    p = get_u64(p, &state->best_epoch);
    p = get_f64(p, &state->best_figure);
    p = get_u64(p, &state->waited);
    p = get_f64(p, &state->elapsed);
    p = get_row(p, &state->last);
    p = get_row(p, &state->best);
    p = get_u64(p, &n_params);
    p = get_u64(p, &n_opt);
    p = get_u64(p, &n_best);
    p = get_u64(p, &n_encoder);

    left = len - HEADER_SIZE;
    if (!take(&p, &left, n_params, &saved.params, &saved.params_len) ||
        !take(&p, &left, n_opt, &saved.opt, &saved.opt_len) ||
        !take(&p, &left, n_best, &saved.best, &saved.best_len) ||
        !take(&p, &left, n_encoder, &encoder, &encoder_len) || left != 0 ||
        encoder_len == 0 || encoder[encoder_len - 1] != '\0')
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
    if (state->best_epoch == state->epoch)
        return nn_net_import(best, saved->params, saved->params_len, e);
    return nn_net_import(best, saved->best, saved->best_len, e);
}
