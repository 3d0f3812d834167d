/* training_team.c - threads that share passes, and the cores */
#include "training/team.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nn/train.h"
#include "training_suites.h"

#define MOST 8

/* Each part counts itself; not atomic, so that two at once would show. */
struct pieces {
    unsigned ran[MOST];
    unsigned n_parts;
    bool     slow; /* the helpers' parts */
};

/* Longer than anybody looks before he sleeps. */
static void
be_busy(void)
{
    int64_t until = clock_mono_us() + 2000;

    while (clock_mono_us() < until)
        ;
}

static void
count_part(void *ctx, unsigned part, unsigned n_parts)
{
    struct pieces *p = ctx;

    p->ran[part]++;
    if (part == 0)
        p->n_parts = n_parts;
    else if (p->slow)
        be_busy();
}

START_TEST(every_part_runs_once_and_is_waited_for)
{
    struct training_team *team = NULL;
    struct pieces         p = { 0 };
    unsigned              want[MOST] = { 0 };

    ck_assert_int_eq(training_team_new(MOST, &team, NULL), ERR_OK);
    struct nn_team *nn = training_team_nn(team);
    ck_assert_uint_eq(nn->most, MOST);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n_parts = 2 + i % (MOST - 1);

        p.slow = i % 100 == 50; /* the worker goes to sleep */
        nn->run(nn, count_part, &p, n_parts);
        ck_assert_uint_eq(p.n_parts, n_parts);
        for (unsigned part = 0; part < n_parts; part++)
            want[part]++;
        ck_assert(memcmp(p.ran, want, sizeof(want)) == 0);
        if (i % 100 == 0) /* the helpers do */
            be_busy();
    }
    training_team_free(team);
}
END_TEST

START_TEST(jobs_divide_the_cores)
{
    struct training_cores cores = { .most = 6 };
    struct training_team *team = NULL;
    static const unsigned want[] = { 4, 4, 3, 2, 1, 1, 1, 1 };

    ck_assert_int_eq(training_team_new(4, &team, NULL), ERR_OK);
    for (unsigned n_jobs = 0; n_jobs < COUNT_OF(want); n_jobs++) {
        atomic_store(&cores.n_jobs, n_jobs);
        training_team_share(team, &cores);
        ck_assert_uint_eq(training_team_nn(team)->n, want[n_jobs]);
    }
    training_team_free(team);
}
END_TEST

#define N_IN 300
#define N_ROWS 200

static struct nn_net *
trained(struct training_team *team)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { N_IN } },
                            .n_layers = 2,
                            .loss = { .type = NN_MSE } };
    const struct nn_train_options options = { .batch_size = 128, .rate = 0.1f };
    struct nn_optimizer_spec      adam;
    struct nn_net                *net = NULL;
    struct nn_work               *work = NULL;
    struct nn_optimizer          *opt = NULL;
    struct nn_train_sums          sums = { 0 };

    for (size_t i = 0; i < 2; i++) {
        nn_layer_spec_init(&spec.layer[i], nn_layer_type_find("dense"));
        spec.layer[i].units = i == 0 ? 100 : 4;
        spec.layer[i].activation = NN_TANH;
    }
    nn_optimizer_spec_init(&adam, nn_optimizer_type_find("adam"));
    ck_assert_int_eq(nn_spec_check(&spec, NULL), ERR_OK);
    ck_assert_int_eq(nn_net_new(&spec, &net, NULL), ERR_OK);
    ck_assert_int_eq(nn_work_new(net, 128, true, &work, NULL), ERR_OK);
    ck_assert_int_eq(nn_optimizer_new(&adam, nn_net_n_params(net), &opt, NULL),
                     ERR_OK);
    if (team != NULL)
        ck_assert_int_eq(nn_work_set_team(work, training_team_nn(team), NULL),
                         ERR_OK);
    nn_net_init(net, 1);
    float *grad = mem_floats(nn_net_n_params(net), 0);
    float *x = mem_floats(N_ROWS * N_IN, 0), *t = mem_floats(N_ROWS * 4, 0);
    ck_assert(grad != NULL && x != NULL && t != NULL);
    for (size_t i = 0; i < N_ROWS * N_IN; i++)
        x[i] = (float)(i * 37 % 101) / 101.0f;
    for (size_t i = 0; i < N_ROWS * 4; i++)
        t[i] = (float)(i * 13 % 7) / 7.0f;
    for (int epoch = 0; epoch < 3; epoch++)
        ck_assert(nn_train_rows(net, work, opt, grad, x, t, NULL, N_ROWS,
                                &options, &sums));
    free(t);
    free(x);
    free(grad);
    nn_optimizer_free(opt);
    nn_work_free(work);
    return net;
}

START_TEST(a_net_learns_the_same_bytes_from_any_number_of_threads)
{
    static const unsigned sizes[] = { 2, 3, 8 };
    struct nn_net        *alone = trained(NULL);

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct training_team *team = NULL;

        ck_assert_int_eq(training_team_new(sizes[i], &team, NULL), ERR_OK);
        struct nn_net *net = trained(team);
        ck_assert(memcmp(nn_net_params(alone), nn_net_params(net),
                         nn_net_params_bytes(net)) == 0);
        nn_net_free(net);
        training_team_free(team);
    }
    nn_net_free(alone);
}
END_TEST

Suite *
training_team_suite(void)
{
    Suite *s = suite_create("training/team");
    TCase *t = tcase_create("team");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_part_runs_once_and_is_waited_for);
    tcase_add_test(t, jobs_divide_the_cores);
    tcase_add_test(t, a_net_learns_the_same_bytes_from_any_number_of_threads);
    suite_add_tcase(s, t);
    return s;
}
