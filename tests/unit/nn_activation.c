/*
 * Activations one number at a time: against the formula in double, alike on
 * every instruction set, and wherever in a vector a number stands.
 */
#include "nn/activation.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn_fixture.h"
#include "nn_formulas.h"
#include "nn_suites.h"

#define SLOPE 0.2f
#define N 4001

/* -20 to 20, and where float32 ends. */
static void
numbers(float z[N])
{
    static const float ends[] = { 0,   -0.0f, 1e-30f, -1e-30f, 88,
                                  -87, 1e4f,  -1e4f,  3e38f,   -3e38f };

    for (size_t i = 0; i < N; i++)
        z[i] = (float)((double)i * 0.01 - 20 + 1e-4 * sin((double)i));
    memcpy(z, ends, sizeof(ends));
}

static struct nn_activation_batch
batch(size_t n)
{
    return (struct nn_activation_batch){ nn_kernel(), 1, n, SLOPE };
}

static void
forward_and_slope(enum nn_activation a, const float *z, size_t n, float *y,
                  float *d)
{
    const struct nn_activation_row *row = nn_activation_row(a);
    struct nn_activation_batch      b = batch(n);

    memcpy(y, z, n * sizeof(*y));
    if (row->forward != NULL)
        row->forward(&b, y, z);
    for (size_t i = 0; i < n; i++)
        d[i] = 1;
    if (row->backward != NULL)
        row->backward(&b, d, y, row->needs_z ? z : NULL);
}

static enum nn_activation
activation(int i)
{
    return fix_formula_at((size_t)i)->a;
}

static void
check_near(int i, const char *set, const float *z, const float *y,
           const float *d)
{
    const struct fix_formula *row = fix_formula_at((size_t)i);
    const char               *name = nn_activation_name(row->a);

    for (size_t k = 0; k < N; k++) {
        struct fix_pair want = row->of((double)z[k], (double)SLOPE);
        double          ulps = fix_ulps(y[k], want.y);
        /* A result below the least normal number has its own places. */
        double allowed = fabs(want.y) < 1e-37 ? 8 : row->y_ulps;

        /* Not asserted each time: check writes every assertion down. */
        if (!(ulps <= allowed))
            ck_abort_msg("%s(%.9g) on %s: %.9g, should be %.9g (%.2f ulp)",
                         name, (double)z[k], set, (double)y[k], want.y, ulps);
        if (!(fabs(d[k] - want.slope) <= row->slope))
            ck_abort_msg("%s'(%.9g) on %s: %.9g, should be %.9g", name,
                         (double)z[k], set, (double)d[k], want.slope);
    }
}

START_TEST(an_activation_is_its_formula_on_every_set)
{
    static float            z[N], y[N], d[N], first_y[N], first_d[N];
    const struct nn_kernel *kernel;

    numbers(z);
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        ck_assert(nn_kernel_select(kernel->name));
        forward_and_slope(activation(_i), z, N, y, d);
        check_near(_i, kernel->name, z, y, d);
        if (s == 0) {
            memcpy(first_y, y, sizeof(y));
            memcpy(first_d, d, sizeof(d));
        } else if (strcmp(kernel->name, "avx2") == 0) {
            ck_assert(fix_same(y, first_y, N));
            ck_assert(fix_same(d, first_d, N));
        }
    }
    nn_kernel_select(NULL);
}
END_TEST

/* Alone or in a crowd, first or last: the same bits, in place too. */
START_TEST(a_number_does_not_depend_on_its_place)
{
    static float z[N], y[N], d[N];
    float        alone[1], slope[1];

    numbers(z);
    forward_and_slope(activation(_i), z, N, y, d);
    for (size_t k = 0; k < N; k += 7) {
        forward_and_slope(activation(_i), z + k, 1, alone, slope);
        ck_assert(fix_same(alone, y + k, 1) && fix_same(slope, d + k, 1));
    }

    struct nn_activation_batch b = batch(N);
    if (nn_activation_row(activation(_i))->forward != NULL)
        nn_activation_row(activation(_i))->forward(&b, z, z);
    ck_assert(fix_same(z, y, N));
}
END_TEST

START_TEST(a_nan_stays_one)
{
    const float z[2] = { NAN, 1 };
    float       y[2], d[2];

    forward_and_slope(activation(_i), z, 2, y, d);
    ck_assert(isnan(y[0]) && isfinite(y[1]));
}
END_TEST

START_TEST(every_activation_has_a_formula)
{
    for (int a = 0; a < NN_SOFTMAX; a++)
        ck_assert_msg(fix_formula_of((enum nn_activation)a) != NULL, "%s",
                      nn_activation_name((enum nn_activation)a));
}
END_TEST

Suite *
suite_nn_activation(void)
{
    Suite *s = suite_create("nn/activation");
    TCase *t = tcase_create("activation");
    int    n = 0;

    while (fix_formula_at((size_t)n) != NULL)
        n++;

    tcase_add_loop_test(t, an_activation_is_its_formula_on_every_set, 0, n);
    tcase_add_loop_test(t, a_number_does_not_depend_on_its_place, 0, n);
    tcase_add_loop_test(t, a_nan_stays_one, 0, n);
    tcase_add_test(t, every_activation_has_a_formula);
    suite_add_tcase(s, t);
    return s;
}
