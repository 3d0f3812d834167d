#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/subnormal.h"
#include "nn/team.h"
#include "nn/train.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define N_IN 150
#define N_OUT 10
#define N_ROWS 250
#define BATCH 100 /* the last one has 50 */

/* Runs the parts one after the other, the last one first, as on a thread that
 * was just started: what depends on another part, on their number or on the
 * caller's thread shows. */
struct backward_team {
    struct nn_team team;
    unsigned       mode;       /* of its threads */
    unsigned       most_parts; /* seen           */
};

static void
run_backward(struct nn_team *team, nn_part_fn fn, void *ctx, unsigned n_parts)
{
    struct backward_team *t = (struct backward_team *)team;
    unsigned              mine = nn_subnormal_mode();

    ck_assert_uint_gt(n_parts, 1);
    ck_assert_uint_le(n_parts, team->n);
    if (n_parts > t->most_parts)
        t->most_parts = n_parts;
    nn_subnormal_set(t->mode);
    for (unsigned part = n_parts; part-- > 0;) {
        fn(ctx, part, n_parts);
        ck_assert_uint_eq(nn_subnormal_mode(), t->mode);
    }
    nn_subnormal_set(mine);
}

/* clang-format off */
static const struct {
    const char             *optimizer;
    struct nn_train_options options;
} cases[] = {
    { "sgd",  { .batch_size = BATCH, .rate = 0.1f,   .middle = 0.5f } },
    { "adam", { .batch_size = BATCH, .rate = 0.001f, .middle = 0.5f } },
    { "adam", { .batch_size = BATCH, .rate = 0.001f, .middle = 0.5f, .clip_norm = 0.1f } },
    { "adam", { .batch_size = BATCH, .rate = 0.001f, .middle = 0.5f, .measure = true } },
    { "adamw", { .batch_size = BATCH, .rate = 0.001f, .middle = 0.5f } },
};
/* clang-format on */

static struct nn_net *
trained(int which, struct nn_team *team, struct nn_train_sums *sums)
{
    static const struct fix_layer layers[] = { { 200, NN_RELU },
                                               { 70, NN_GELU },
                                               { N_OUT, NN_SOFTMAX } };
    struct nn_spec       spec = fix_spec(N_IN, layers, 3, NN_CROSS_ENTROPY);

    spec.layer[1].use_bias = false;
    fix_ready(&spec);

    struct nn_net       *net = fix_net(&spec, 1);
    struct nn_work      *work = fix_work(net, BATCH);
    size_t               n_params = nn_net_n_params(net);
    struct nn_optimizer *opt =
        fix_optimizer(cases[which].optimizer, 0.9f, n_params);
    float *grad = mem_floats(n_params, 0), *x = mem_floats(N_ROWS * N_IN, 0),
          *t = mem_floats(N_ROWS * N_OUT, 0);

    ck_assert(grad != NULL && x != NULL && t != NULL);
    fix_sine(x, N_ROWS * N_IN, 0.37, 0.2, 1);
    for (size_t i = 0; i < N_ROWS; i++)
        t[i * N_OUT + i * 3 % N_OUT] = 1;
    if (team != NULL)
        ck_assert_int_eq(nn_work_set_team(work, team, NULL), ERR_OK);
    memset(sums, 0, sizeof(*sums));
    ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, N_ROWS,
                            &cases[which].options, sums));
    free(t);
    free(x);
    free(grad);
    nn_optimizer_free(opt);
    nn_work_free(work);
    return net;
}

START_TEST(a_team_of_any_size_gives_the_same_bytes)
{
    static const unsigned sizes[] = { 1, 2, 3, 8 };
    struct nn_train_sums  alone, shared;
    struct nn_net        *net = trained(_i, NULL, &alone);

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct backward_team team = { .team = { 8, sizes[i], run_backward },
                                     .mode = nn_subnormal_mode() };
        struct nn_net       *other = trained(_i, &team.team, &shared);

        ck_assert(fix_same(nn_net_params(net), nn_net_params(other),
                           nn_net_n_params(net)));
        ck_assert(memcmp(&alone, &shared, sizeof(alone)) == 0);
        if (sizes[i] > 1)
            ck_assert_uint_gt(team.most_parts, 1);
        nn_net_free(other);
    }
    nn_net_free(net);
}
END_TEST

#if NN_FLUSHES != 0
/* Weights of 0 show it: a gradient of 1e-41 would be seen in them. */
START_TEST(parts_take_subnormals_for_zero_as_training_does)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { N_IN } },
                            .n_layers = 1,
                            .loss = { .type = NN_MSE } };
    struct backward_team team = { .team = { 4, 4, run_backward },
                                  .mode = nn_subnormal_mode() };
    struct nn_train_options options = { .batch_size = BATCH, .rate = 0.1f };
    struct nn_train_sums    sums = { 0 };

    spec.layer[0] = fix_dense(200, NN_LINEAR);
    spec.layer[0].init.type = NN_INIT_ZEROS;
    fix_ready(&spec);

    struct nn_net       *net = fix_net(&spec, 1);
    struct nn_work      *work = fix_work(net, BATCH);
    size_t               n_params = nn_net_n_params(net);
    struct nn_optimizer *opt = fix_optimizer("sgd", 0, n_params);
    float *grad = mem_floats(n_params, 0), *x = mem_floats(BATCH * N_IN, 0),
          *t = mem_floats(BATCH * 200, 0);

    ck_assert(grad != NULL && x != NULL && t != NULL);
    for (size_t i = 0; i < BATCH * N_IN; i++)
        x[i] = 1e-37f; /* a normal number; its products are not */
    for (size_t i = 0; i < BATCH * 200; i++)
        t[i] = 0.01f;
    ck_assert_int_eq(nn_work_set_team(work, &team.team, NULL), ERR_OK);
    ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, BATCH, &options,
                            &sums));
    ck_assert_uint_gt(team.most_parts, 1);
    ck_assert_uint_eq(nn_subnormal_mode(), team.mode);
    for (size_t i = 0; i < (size_t)200 * N_IN; i++)
        ck_assert_float_eq(nn_net_params(net)[i], 0);
    free(t);
    free(x);
    free(grad);
    nn_optimizer_free(opt);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST
#endif

/* Waking a thread costs more than a small net's whole batch. */
START_TEST(a_small_net_is_not_shared)
{
    static const struct fix_layer layers[] = { { 16, NN_RELU },
                                               { 3, NN_TANH } };
    struct nn_spec                spec = fix_spec(4, layers, 2, NN_MSE);
    struct nn_net                *net = fix_net(&spec, 1);
    struct nn_work               *work = fix_work(net, 64);
    struct backward_team          team = { .team = { 4, 4, run_backward } };
    float                         x[64 * 4];

    fix_sine(x, COUNT_OF(x), 0.3, 0.1, 1);
    ck_assert_int_eq(nn_work_set_team(work, &team.team, NULL), ERR_OK);
    nn_net_forward(net, work, x, 64);
    ck_assert_uint_eq(team.most_parts, 0);
    nn_work_free(work);
    nn_net_free(net);
}
END_TEST

Suite *
suite_nn_team(void)
{
    Suite *s = suite_create("nn/team");
    TCase *t = tcase_create("team");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_team_of_any_size_gives_the_same_bytes, 0,
                        (int)COUNT_OF(cases));
#if NN_FLUSHES != 0
    tcase_add_test(t, parts_take_subnormals_for_zero_as_training_does);
#endif
    tcase_add_test(t, a_small_net_is_not_shared);
    suite_add_tcase(s, t);
    return s;
}
