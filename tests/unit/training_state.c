/* training_state.c - a job's state in bytes and back */
#include "training/state.h"
#include "training/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "training_suites.h"

static struct nn_net *
net_new(float value)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { 3 } },
                            .n_layers = 1,
                            .loss = { .type = NN_MSE } };
    struct nn_net *net = NULL;
    struct errinfo e;

    err_clear(&e);
    nn_layer_spec_init(&spec.layer[0], nn_layer_type_find("dense"));
    spec.layer[0].units = 2;
    ck_assert_int_eq(nn_spec_check(&spec, &e), ERR_OK);
    ck_assert_int_eq(nn_net_new(&spec, &net, &e), ERR_OK);
    for (size_t i = 0; i < nn_net_n_params(net); i++)
        nn_net_params(net)[i] = value + (float)i;
    return net;
}

struct parts {
    struct nn_net       *net, *best;
    struct nn_optimizer *opt;
};

static void
parts_init(struct parts *p)
{
    struct nn_optimizer_spec spec;
    struct errinfo           e;
    float                    grad[8];

    err_clear(&e);
    p->net = net_new(1);
    p->best = net_new(100);
    nn_optimizer_spec_init(&spec, nn_optimizer_type_find("adam"));
    ck_assert_int_eq(nn_optimizer_new(&spec, 8, &p->opt, &e), ERR_OK);
    for (int i = 0; i < 8; i++)
        grad[i] = (float)i;
    nn_optimizer_begin(p->opt);
    nn_optimizer_update(p->opt, nn_net_params(p->net), grad, 0,
                        nn_net_n_params(p->net), 0.1f);
}

static void
parts_release(struct parts *p)
{
    nn_optimizer_free(p->opt);
    nn_net_free(p->best);
    nn_net_free(p->net);
}

static const struct training_state sample = {
    .epoch = 9,
    .restart = 3,
    .began = 1,
    .rate = 0.0625,
    .kept_restart = 2,
    .outcome = { { 1, 1, 0.5, TRAINING_PATIENCE }, [99] = { 7, 8, 9, 1 } },
    .watch = { .first_loss = 2.5,
               .vanishing = { [63] = 4 },
               .raised = { [5] = { [64] = 77 } } },
    .best_epoch = 4,
    .best_figure = 0.25,
    .waited = 5,
    .least_val_loss = 0.375,
    .plateau = 0.01,
    .plateau_waited = 3,
    .strip = { 1.5, 1.25, 1e-300 },
    .elapsed = 1.5,
    .elapsed_before = 0.25,
    .seed = 0x123456789,
    .last = { .epoch = 9, .loss = 3 },
    .best = { .epoch = 4, .loss = 2, .val_loss = 0.25 },
};

/* Into bytes whose length is exact, so that a sanitizer sees reads beyond. */
static uint8_t *export(const struct parts          *p,
                       const struct training_state *state, size_t *len)
{
    const struct training_parts parts = {
        .net = p->net,
        .best = p->best,
        .winner = "won",
        .winner_len = 3,
        .winner_room = 100,
        .opt = p->opt,
        .encoder = "{}",
        .encoder_len = 3,
    };
    size_t   room = training_state_bytes(&parts);
    uint8_t *bytes = malloc(room);

    *len = training_state_export(state, &parts, bytes);
    ck_assert_uint_le(*len, room);
    return realloc(bytes, *len);
}

static bool
params_equal(const struct nn_net *a, const struct nn_net *b)
{
    return memcmp(nn_net_params_const(a), nn_net_params_const(b),
                  nn_net_params_bytes(a)) == 0;
}

START_TEST(comes_back_whole)
{
    struct training_state state = sample;
    struct training_saved saved;
    struct parts          from, to;
    struct errinfo        e;
    size_t                len, again_len;

    /* Second round: the best epoch is the last, and not written twice. */
    if (_i == 1)
        state.best_epoch = state.epoch;
    err_clear(&e);
    parts_init(&from);
    parts_init(&to);
    for (size_t i = 0; i < 8; i++)
        nn_net_params(to.net)[i] = nn_net_params(to.best)[i] = 0;
    if (_i == 1)
        memcpy(nn_net_params(from.best), nn_net_params(from.net),
               nn_net_params_bytes(from.net));
    uint8_t *bytes = export(&from, &state, &len);
    ck_assert_int_eq(training_saved_parse(bytes, len, &saved, &e), ERR_OK);
    ck_assert_str_eq(saved.encoder, "{}");
    ck_assert_uint_eq(saved.state.epoch, 9);
    ck_assert_uint_eq(saved.state.waited, 5);
    ck_assert(saved.state.best_figure == 0.25 && saved.state.elapsed == 1.5);
    ck_assert(saved.state.best.val_loss == 0.25);
    ck_assert_int_eq(
        training_saved_restore(&saved, to.net, to.best, to.opt, &e), ERR_OK);
    ck_assert(params_equal(from.net, to.net));
    ck_assert(params_equal(from.best, to.best));
    ck_assert_uint_eq(saved.winner_len, 3);
    ck_assert_mem_eq(saved.winner, "won", 3);
    ck_assert_uint_eq(saved.state.seed, 0x123456789);
    ck_assert_uint_eq(saved.state.watch.raised[5][64], 77);
    ck_assert_uint_eq(saved.state.outcome[99].epochs, 7);

    uint8_t *again = export(&to, &saved.state, &again_len);
    ck_assert_uint_eq(len, again_len);
    ck_assert_int_eq(memcmp(bytes, again, len), 0);
    free(again);
    free(bytes);
    parts_release(&to);
    parts_release(&from);
}
END_TEST

START_TEST(refuses_what_is_cut_or_changed)
{
    struct training_saved saved;
    struct parts          p;
    struct errinfo        e;
    size_t                len;

    parts_init(&p);
    uint8_t *bytes = export(&p, &sample, &len);
    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, bytes, n);
        err_clear(&e);
        ck_assert_int_eq(training_saved_parse(cut, n, &saved, &e), ERR_CORRUPT);
        free(cut);
    }
    bytes[4]++; /* another version */
    ck_assert_int_eq(training_saved_parse(bytes, len, &saved, &e), ERR_CORRUPT);
    free(bytes);
    parts_release(&p);
}
END_TEST

/* The third restart of a job, as the state of a job of its own. */
START_TEST(a_restart_alone_is_a_job)
{
    struct training_state s = sample;

    s.watch.raised[1][0] = 1; /* by another restart */
    training_state_alone(&s);
    ck_assert_uint_eq(s.epoch, 8);
    ck_assert_uint_eq(s.began, 0);
    ck_assert_uint_eq(s.restart, 1);
    ck_assert_uint_eq(s.kept_restart, 0);
    ck_assert_uint_eq(s.best_epoch, 3);
    ck_assert_uint_eq(s.last.epoch, 8);
    ck_assert_uint_eq(s.best.epoch, 3);
    ck_assert_uint_eq(s.watch.raised[5][64], 76);
    ck_assert_uint_eq(s.watch.raised[1][0], 0);
    ck_assert_uint_eq(s.outcome[0].epochs, 0);
    ck_assert(s.elapsed == 1.25 && s.elapsed_before == 0);
    /* What decides how it goes on is what it was. */
    ck_assert_uint_eq(s.seed, sample.seed);
    ck_assert_uint_eq(s.waited, sample.waited);
    ck_assert(s.rate == sample.rate && s.plateau == sample.plateau);
    ck_assert(s.best_figure == sample.best_figure);
    ck_assert_mem_eq(s.strip, sample.strip, sizeof(s.strip));
    struct training_state once = s;
    training_state_alone(&s);
    ck_assert_mem_eq(&s, &once, sizeof(s));
}
END_TEST

/* What a state offers where a restart leads: that one's best, or its last. */
START_TEST(the_winner_is_what_is_offered)
{
    struct training_state state = sample, alone = sample;
    struct training_saved saved;
    struct training_offer offer;
    struct parts          p, other;
    struct errinfo        e;
    size_t                len, winner_len;

    err_clear(&e);
    parts_init(&p);
    parts_init(&other);
    training_state_alone(&alone);
    alone.best.loss = 5;
    alone.last.loss = 6;
    uint8_t              *winner = export(&p, &alone, &winner_len);
    struct training_parts parts = {
        .net = other.net,
        .best = other.best,
        .opt = other.opt,
        .winner = winner,
        .winner_len = winner_len,
        .winner_room = winner_len,
        .encoder = "{}",
        .encoder_len = 3,
    };
    nn_net_params(p.best)[0] = 1e9f; /* the bytes are a copy */
    uint8_t *bytes = malloc(training_state_bytes(&parts));
    len = training_state_export(&state, &parts, bytes);
    ck_assert_int_eq(training_saved_parse(bytes, len, &saved, &e), ERR_OK);
    ck_assert_int_eq(training_saved_offer(&saved, CODEC_KEEP_BEST, &offer, &e),
                     ERR_OK);
    ck_assert(offer.row.loss == 5);
    ck_assert_uint_eq(offer.len, nn_net_params_bytes(p.net));
    ck_assert_int_eq(nn_net_import(p.net, offer.weights, offer.len, &e),
                     ERR_OK);
    ck_assert(nn_net_params(p.net)[0] == 100);
    ck_assert_int_eq(training_saved_offer(&saved, CODEC_KEEP_LAST, &offer, &e),
                     ERR_OK);
    ck_assert(offer.row.loss == 6);
    /* A winner whose bytes are damaged is never offered. */
    bytes[saved.winner - bytes]++;
    ck_assert_int_eq(training_saved_offer(&saved, CODEC_KEEP_BEST, &offer, &e),
                     ERR_CORRUPT);
    free(bytes);
    free(winner);
    parts_release(&other);
    parts_release(&p);
}
END_TEST

/* --- rows in a file --------------------------------------------------------
 */

/* Each row once, whatever does not divide evenly, and those of a window near
 * each other: within it and the window's rows of a drawn chunk. */
START_TEST(rows_in_a_file_are_each_drawn_once)
{
    static const size_t shape[][3] = { /* rows, of a chunk, of a window */
                                       { 100, 10, 30 },
                                       { 103, 10, 25 },
                                       { 7, 10, 30 },
                                       { 64, 1, 1 },
                                       { 1000, 7, 999 }
    };
    size_t                  n = shape[_i][0];
    struct training_plan    plan = { .in_file = true,
                                     .chunk_rows = shape[_i][1],
                                     .window_rows = shape[_i][2] };
    uint32_t                train[1000], order[2][1000], chunks[1000];
    struct dataset_table    table = { .train = train };
    struct training_trainer t = { .plan = &plan,
                                  .table = &table,
                                  .state.seed = 5,
                                  .train.n = n,
                                  .chunk_order = chunks };
    size_t                  seen[1000] = { 0 }, n_same = 0;

    for (size_t i = 0; i < n; i++)
        train[i] = (uint32_t)(2 * i);
    for (int k = 0; k < 2; k++) {
        t.order = order[k];
        training_shuffle(&t, (uint64_t)k + 1);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(order[0][i] % 2, 0);
        ck_assert_uint_lt(order[0][i], 2 * n);
        seen[order[0][i] / 2]++;
        n_same += order[0][i] == order[1][i];
    }
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(seen[i], 1);
    ck_assert_uint_lt(n_same, n / 2 + 1);
    t.order = order[1];
    training_shuffle(&t, 1);
    ck_assert_mem_eq(order[0], order[1], n * sizeof(uint32_t));
}
END_TEST

Suite *
training_state_suite(void)
{
    Suite *suite = suite_create("state");
    TCase *tc = tcase_create("state");

    tcase_add_loop_test(tc, comes_back_whole, 0, 2);
    tcase_add_test(tc, refuses_what_is_cut_or_changed);
    tcase_add_test(tc, a_restart_alone_is_a_job);
    tcase_add_test(tc, the_winner_is_what_is_offered);
    tcase_add_loop_test(tc, rows_in_a_file_are_each_drawn_once, 0, 5);
    suite_add_tcase(suite, tc);
    return suite;
}
