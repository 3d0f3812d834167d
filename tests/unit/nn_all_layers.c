/*
 * A network with a layer of every kind: what is stored predicts the same, and
 * it trains to the same bytes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"
#include "nn/team.h"
#include "nn/train.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define N_IN 6
#define N_OUT 3
#define BATCH 8
#define N_ROWS 50

static void
train_all(struct nn_net *net, int epochs, struct nn_team *team)
{
    struct nn_work      *work = fix_work(net, 16);
    struct nn_optimizer *opt = fix_optimizer("adam", 0, nn_net_n_params(net));
    float               *grad = mem_floats(nn_net_n_params(net), 0);
    struct nn_train_options options = { .batch_size = 16,
                                        .rate = 0.01f,
                                        .clip_norm = 0.5f,
                                        .draws = { .seed = 9 } };
    static float            x[N_ROWS * N_IN], t[N_ROWS * N_OUT];

    fix_sine(x, N_ROWS * N_IN, 0.7, 0.3, 1.5);
    memset(t, 0, sizeof(t));
    for (size_t s = 0; s < N_ROWS; s++)
        t[s * N_OUT + s % N_OUT] = 1;
    if (team != NULL)
        ck_assert_int_eq(nn_work_set_team(work, team, NULL), ERR_OK);
    for (int epoch = 0; epoch < epochs; epoch++) {
        struct nn_train_sums sums = { 0 };

        options.draws.epoch = (uint32_t)epoch;
        ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, N_ROWS,
                                &options, &sums));
        ck_assert(isfinite(sums.loss) && sums.loss > 0);
    }
    free(grad);
    nn_optimizer_free(opt);
    nn_work_free(work);
}

START_TEST(every_layer_is_stored_and_predicts_the_same_bits)
{
    struct nn_spec  spec = fix_all_layers(20);
    struct nn_net  *net = fix_net(&spec, 5), *back = fix_net(&spec, 6);
    struct nn_work *work = fix_work(net, BATCH), *other = fix_work(back, BATCH);
    size_t          len = nn_net_params_bytes(net);
    unsigned char  *bytes = mem_array(len, 1, 0);
    float           x[BATCH * N_IN];

    train_all(net, 3, NULL);
    fix_sine(x, BATCH * N_IN, 0.7, 0.3, 1.5);
    nn_net_export(net, bytes);
    ck_assert_int_eq(nn_net_import(back, bytes, len, NULL), ERR_OK);
    ck_assert(fix_same(nn_net_forward(net, work, x, BATCH),
                       nn_net_forward(back, other, x, BATCH), BATCH * N_OUT));
    free(bytes);
    nn_work_free(work);
    nn_work_free(other);
    nn_net_free(net);
    nn_net_free(back);
}
END_TEST

/* Three epochs of everything: the same bytes again, and on every instruction
 * set that has FMA. */
START_TEST(every_layer_trains_to_the_same_bytes)
{
    struct nn_spec          spec = fix_all_layers(20);
    struct nn_net          *first = fix_net(&spec, 5);
    const struct nn_kernel *kernel;

    train_all(first, 3, NULL);
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        struct nn_net *net = fix_net(&spec, 5);
        bool           same;

        ck_assert(nn_kernel_select(kernel->name));
        train_all(net, 3, NULL);
        same = fix_same(nn_net_params(net), nn_net_params(first),
                        nn_net_n_params(net));
        if (s == 0 || strcmp(kernel->name, "avx2") == 0)
            ck_assert_msg(same, "%s", kernel->name);
        for (size_t i = 0; i < nn_net_n_params(net); i++)
            ck_assert_float_eq_tol(nn_net_params(net)[i],
                                   nn_net_params(first)[i], 5e-3f);
        nn_net_free(net);
    }
    nn_kernel_select(NULL);
    nn_net_free(first);
}
END_TEST

/* Runs the parts one after the other, the last one first. */
struct counting_team {
    struct nn_team team;
    unsigned       most_parts; /* seen */
};

static void
run_counted(struct nn_team *team, nn_part_fn fn, void *ctx, unsigned n_parts)
{
    struct counting_team *t = (struct counting_team *)team;

    if (n_parts > t->most_parts)
        t->most_parts = n_parts;
    for (unsigned part = n_parts; part-- > 0;)
        fn(ctx, part, n_parts);
}

START_TEST(every_layer_is_shared_with_the_same_bytes)
{
    static const unsigned sizes[] = { 1, 2, 3, 8 };
    struct nn_spec        spec = fix_all_layers(500);
    struct nn_net        *alone = fix_net(&spec, 5);

    train_all(alone, 2, NULL);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct counting_team team = { .team = { 8, sizes[i], run_counted } };
        struct nn_net       *net = fix_net(&spec, 5);

        train_all(net, 2, &team.team);
        ck_assert(fix_same(nn_net_params(net), nn_net_params(alone),
                           nn_net_n_params(net)));
        if (sizes[i] > 1)
            ck_assert_uint_gt(team.most_parts, 1);
        nn_net_free(net);
    }
    nn_net_free(alone);
}
END_TEST

Suite *
suite_nn_all_layers(void)
{
    Suite *s = suite_create("nn/all_layers");
    TCase *t = tcase_create("all layers");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_layer_is_stored_and_predicts_the_same_bits);
    tcase_add_test(t, every_layer_trains_to_the_same_bytes);
    tcase_add_test(t, every_layer_is_shared_with_the_same_bytes);
    suite_add_tcase(s, t);
    return s;
}
