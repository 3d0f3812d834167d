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

static const struct {
    const char   *name;
    float         momentum;
    const double *want; /* [N_STEPS][N] */
} runs[] = {
    { "sgd", 0, steps_sgd },
    { "sgd", 0.9f, steps_momentum },
    { "adam", 0, steps_adam },
};

START_TEST(six_steps_are_the_oracles)
{
    struct nn_optimizer *opt =
        fix_optimizer(runs[_i].name, runs[_i].momentum, N);
    float w[N], g[N];

    memcpy(w, start, sizeof(w));
    for (size_t step = 0; step < N_STEPS; step++) {
        gradient(w, g);
        fix_step(opt, w, g, N, 0.1f);
        for (size_t i = 0; i < N; i++)
            ck_assert_double_eq_tol(w[i], runs[_i].want[step * N + i], 2e-6);
    }
    nn_optimizer_free(opt);
}
END_TEST

/* Stored between two steps and read back, it goes on with the same bits. */
START_TEST(a_stored_state_goes_on)
{
    struct nn_optimizer *opt =
        fix_optimizer(runs[_i].name, runs[_i].momentum, N);
    struct nn_optimizer *back =
        fix_optimizer(runs[_i].name, runs[_i].momentum, N);
    size_t         len = nn_optimizer_state_bytes(opt);
    unsigned char *bytes = mem_array(len, 1, 0);
    float          w[N], v[N], g[N];

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

    tcase_add_loop_test(t, six_steps_are_the_oracles, 0, (int)COUNT_OF(runs));
    tcase_add_loop_test(t, a_stored_state_goes_on, 0, (int)COUNT_OF(runs));
    tcase_add_test(t, import_refuses_what_is_no_state);
    tcase_add_test(t, state_is_as_large_as_needed);
    suite_add_tcase(s, t);
    return s;
}
