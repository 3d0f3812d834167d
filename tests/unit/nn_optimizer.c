#include "nn/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "golden/nn_oracles.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define N 4
#define N_STEPS 6

/* f(w) = 1/2 sum c w^2 + 0.1/3 sum w^3, the oracle's */
static void
gradient(const float *w, float *g)
{
    static const float c[N] = { 1, 0.3f, 4, -0.2f };

    for (size_t i = 0; i < N; i++)
        g[i] = c[i] * w[i] + 0.1f * w[i] * w[i];
}

static const float start[N] = { 1, -2, 0.5f, 0.3f };

/* clang-format off */
static const struct {
    const char   *name;
    float         rate, momentum;
    bool          nesterov;
    float         decay, rho;
    const double *want; /* [N_STEPS][N]; NULL: no oracle */
} runs[] = {
    { "sgd",     0.1f,  0,    false, 0,     0,     steps_sgd      },
    { "sgd",     0.1f,  0.9f, false, 0,     0,     steps_momentum },
    { "sgd",     0.1f,  0.9f, true,  0,     0,     steps_nesterov },
    { "sgd",     0.1f,  0,    false, 0.01f, 0,     steps_decay    },
    { "sgd",     0.1f,  0.9f, false, 0.01f, 0,     NULL           },
    { "adagrad", 0.1f,  0,    false, 0,     0,     steps_adagrad  },
    { "rmsprop", 0.01f, 0,    false, 0,     0.99f, steps_rmsprop  },
    { "adam",    0.1f,  0,    false, 0,     0,     steps_adam     },
    { "adamw",   0.1f,  0,    false, 0.01f, 0,     steps_adamw    },
    { "rprop",   0,     0,    false, 0,     0,     steps_rprop    },
};
/* clang-format on */
#define N_RUNS ((int)COUNT_OF(runs))

static struct nn_optimizer *
run_optimizer(int i, size_t n_params)
{
    struct nn_optimizer_spec spec;
    struct nn_optimizer     *opt = NULL;

    nn_optimizer_spec_init(&spec, nn_optimizer_type_find(runs[i].name));
    spec.momentum = runs[i].momentum;
    spec.nesterov = runs[i].nesterov;
    spec.weight_decay = runs[i].decay;
    spec.rho = runs[i].rho;
    ck_assert_int_eq(nn_optimizer_spec_check(&spec, NULL), ERR_OK);
    ck_assert_int_eq(nn_optimizer_new(&spec, n_params, &opt, NULL), ERR_OK);
    return opt;
}

START_TEST(six_steps_are_the_oracles)
{
    struct nn_optimizer *opt = run_optimizer(_i, N);
    float                w[N], g[N];

    memcpy(w, start, sizeof(w));
    for (size_t step = 0; runs[_i].want != NULL && step < N_STEPS; step++) {
        gradient(w, g);
        fix_step(opt, w, g, N, runs[_i].rate);
        for (size_t i = 0; i < N; i++)
            ck_assert_double_eq_tol(w[i], runs[_i].want[step * N + i], 2e-6);
    }
    nn_optimizer_free(opt);
}
END_TEST

/* A row added to the table without one here fails. */
START_TEST(every_optimizer_has_an_oracle)
{
    const struct nn_optimizer_type *type;

    for (size_t i = 0; (type = nn_optimizer_type_at(i)) != NULL; i++) {
        bool found = false;

        for (int r = 0; r < N_RUNS; r++)
            found |= runs[r].want != NULL &&
                     strcmp(runs[r].name, nn_optimizer_type_name(type)) == 0;
        ck_assert_msg(found, "%s", nn_optimizer_type_name(type));
    }
}
END_TEST

#define MANY 2500 /* more than two of any piece an optimiser may cut */

/* In pieces and on every instruction set with FMA: the same bits. */
START_TEST(pieces_do_not_matter)
{
    struct nn_optimizer *whole = run_optimizer(_i, MANY);
    struct nn_optimizer *cut = run_optimizer(_i, MANY);
    float                w[MANY], v[MANY], g[MANY];

    fix_sine(w, MANY, 0.7, 0.1, 1);
    memcpy(v, w, sizeof(v));
    for (int step = 0; step < 4; step++) {
        fix_sine(g, MANY, 1.3, 0.9 * step, 0.5);
        fix_step(whole, w, g, MANY, 0.1f);
        nn_optimizer_begin(cut);
        for (size_t first = 0, n; first < MANY; first += n) {
            n = MANY - first < 37 ? MANY - first : 37;
            nn_optimizer_update(cut, v, g + first, first, n, 0.1f);
        }
    }
    ck_assert(fix_same(w, v, MANY));
    nn_optimizer_free(whole);
    nn_optimizer_free(cut);
}
END_TEST

START_TEST(what_does_not_go_together_is_told)
{
    struct nn_optimizer_spec spec;
    struct errinfo           e;

    err_clear(&e);
    nn_optimizer_spec_init(&spec, nn_optimizer_type_find("sgd"));
    spec.nesterov = true;
    ck_assert_int_eq(nn_optimizer_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/optimizer/nesterov");
    err_clear(&e);
    nn_optimizer_spec_init(&spec, nn_optimizer_type_find("rprop"));
    spec.delta_min = 100;
    ck_assert_int_eq(nn_optimizer_spec_check(&spec, &e), ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/optimizer/delta_min");
    ck_assert(nn_optimizer_type_wants_full_batch(spec.type));
    ck_assert(
        !nn_optimizer_type_wants_full_batch(nn_optimizer_type_find("adam")));
}
END_TEST

/* Stored between two steps and read back, it goes on with the same bits. */
START_TEST(a_stored_state_goes_on)
{
    struct nn_optimizer *opt = run_optimizer(_i, N);
    struct nn_optimizer *back = run_optimizer(_i, N);
    size_t               len = nn_optimizer_state_bytes(opt);
    unsigned char       *bytes = mem_array(len, 1, 0);
    float                w[N], v[N], g[N];

    memcpy(w, start, sizeof(w));
    for (int step = 0; step < 3; step++) {
        gradient(w, g);
        fix_step(opt, w, g, N, 0.1f);
    }
    nn_optimizer_export(opt, bytes);
    ck_assert_mem_eq(bytes, "\x03\0\0\0\0\0\0\0", 8);
    ck_assert_int_eq(nn_optimizer_import(back, bytes, len, NULL), ERR_OK);
    memcpy(v, w, sizeof(v));
    gradient(w, g);
    fix_step(opt, w, g, N, 0.1f);
    fix_step(back, v, g, N, 0.1f);
    ck_assert(fix_same(w, v, N));
    free(bytes);
    nn_optimizer_free(opt);
    nn_optimizer_free(back);
}
END_TEST

START_TEST(import_refuses_what_is_no_state)
{
    struct nn_optimizer *opt = fix_optimizer("adam", 0, N);
    unsigned char        bytes[8 + 2 * N * 4], before[sizeof(bytes)],
        after[sizeof(bytes)];
    const float bad = NAN;

    ck_assert_uint_eq(nn_optimizer_state_bytes(opt), sizeof(bytes));
    nn_optimizer_export(opt, before);
    memset(bytes, 1, sizeof(bytes));
    ck_assert_int_eq(nn_optimizer_import(opt, bytes, sizeof(bytes) - 1, NULL),
                     ERR_CORRUPT);
    memcpy(bytes + sizeof(bytes) - 4, &bad, 4);
    ck_assert_int_eq(nn_optimizer_import(opt, bytes, sizeof(bytes), NULL),
                     ERR_CORRUPT);
    nn_optimizer_export(opt, after);
    ck_assert_mem_eq(before, after, sizeof(before));
    nn_optimizer_free(opt);
}
END_TEST

/* Without momentum there is nothing to keep. */
START_TEST(state_is_as_large_as_needed)
{
    struct nn_optimizer *plain = fix_optimizer("sgd", 0, N);
    struct nn_optimizer *heavy = fix_optimizer("sgd", 0.5f, N);

    ck_assert_uint_eq(nn_optimizer_state_bytes(plain), 8);
    ck_assert_uint_eq(nn_optimizer_state_bytes(heavy), 8 + N * 4);
    nn_optimizer_free(plain);
    nn_optimizer_free(heavy);
}
END_TEST

Suite *
suite_nn_optimizer(void)
{
    Suite *s = suite_create("nn/optimizer");
    TCase *t = tcase_create("optimizer");

    tcase_add_loop_test(t, six_steps_are_the_oracles, 0, N_RUNS);
    tcase_add_test(t, every_optimizer_has_an_oracle);
    tcase_add_loop_test(t, pieces_do_not_matter, 0, N_RUNS);
    tcase_add_test(t, what_does_not_go_together_is_told);
    tcase_add_loop_test(t, a_stored_state_goes_on, 0, N_RUNS);
    tcase_add_test(t, import_refuses_what_is_no_state);
    tcase_add_test(t, state_is_as_large_as_needed);
    suite_add_tcase(s, t);
    return s;
}
