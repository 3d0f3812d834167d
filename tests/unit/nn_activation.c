/*
 * Activations one number at a time: against the formula in double, alike on
 * every instruction set, and wherever in a vector a number stands.
 */
#include "nn/activation.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define SLOPE 0.2f

/* f and f', each by itself. */
struct pair {
    double y, slope;
};

static struct pair
sigmoid_of(double z)
{
    double y = z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));

    return (struct pair){ y, exp(-fabs(z)) / pow(1 + exp(-fabs(z)), 2) };
}

static struct pair
tanh_of(double z)
{
    return (struct pair){ tanh(z), 1 / pow(cosh(z), 2) };
}

static struct pair
linear_of(double z)
{
    return (struct pair){ z, 1 };
}

static struct pair
relu_of(double z)
{
    return (struct pair){ z > 0 ? z : 0, z > 0 };
}

static struct pair
leaky_relu_of(double z)
{
    return (struct pair){ z > 0 ? z : (double)SLOPE * z,
                          z > 0 ? 1 : (double)SLOPE };
}

static struct pair
elu_of(double z)
{
    return (struct pair){ z > 0 ? z : expm1(z), z > 0 ? 1 : exp(z) };
}

static struct pair
gelu_of(double z)
{
    double share = erfc(-z / sqrt(2)) / 2;

    return (struct pair){ z * share,
                          share + z * exp(-z * z / 2) / sqrt(2 * acos(-1)) };
}

static struct pair
silu_of(double z)
{
    double s = sigmoid_of(z).y;

    return (struct pair){ z * s, s * (1 + z * (1 - s)) };
}

static struct pair
softplus_of(double z)
{
    return (struct pair){ z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)),
                          sigmoid_of(z).y };
}

static struct pair
softsign_of(double z)
{
    return (struct pair){ z / (1 + fabs(z)), 1 / pow(1 + fabs(z), 2) };
}

/*
 * How far float32 may be off.  y: in units of the last place.  Its slope: of 1,
 * because that is what it is compared with where errors are propagated; a slope
 * told by y knows no more than y's digits (near 1, of sigmoid and tanh).
 */
/* clang-format off */
static const struct {
    enum nn_activation a;
    struct pair (*of)(double z);
    double             y_ulps, slope;
} rows[] = {
    { NN_LINEAR,     linear_of,     0,   0    },
    { NN_SIGMOID,    sigmoid_of,    2,   2e-7 },
    { NN_TANH,       tanh_of,       2.5, 3e-7 },
    { NN_RELU,       relu_of,       0,   0    },
    { NN_LEAKY_RELU, leaky_relu_of, 0.5, 0    },
    { NN_ELU,        elu_of,        3,   2e-7 },
    { NN_GELU,       gelu_of,       5,   4e-7 },
    { NN_SILU,       silu_of,       3,   4e-7 },
    { NN_SOFTPLUS,   softplus_of,   3,   3e-7 },
    { NN_SOFTSIGN,   softsign_of,   1.5, 2e-7 },
};
/* clang-format on */

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

static void
check_near(int i, const char *set, const float *z, const float *y,
           const float *d)
{
    const char *name = nn_activation_name(rows[i].a);

    for (size_t k = 0; k < N; k++) {
        struct pair want = rows[i].of((double)z[k]);
        double      ulps = fix_ulps(y[k], want.y);
        /* A result below the least normal number has its own places. */
        double allowed = fabs(want.y) < 1e-37 ? 8 : rows[i].y_ulps;

        ck_assert_msg(ulps <= allowed,
                      "%s(%.9g) on %s: %.9g, should be %.9g (%.2f ulp)", name,
                      (double)z[k], set, (double)y[k], want.y, ulps);
        ck_assert_msg(fabs(d[k] - want.slope) <= rows[i].slope,
                      "%s'(%.9g) on %s: %.9g, should be %.9g", name,
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
        forward_and_slope(rows[_i].a, z, N, y, d);
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
    forward_and_slope(rows[_i].a, z, N, y, d);
    for (size_t k = 0; k < N; k += 7) {
        forward_and_slope(rows[_i].a, z + k, 1, alone, slope);
        ck_assert(fix_same(alone, y + k, 1) && fix_same(slope, d + k, 1));
    }

    struct nn_activation_batch b = batch(N);
    if (nn_activation_row(rows[_i].a)->forward != NULL)
        nn_activation_row(rows[_i].a)->forward(&b, z, z);
    ck_assert(fix_same(z, y, N));
}
END_TEST

START_TEST(a_nan_stays_one)
{
    const float z[2] = { NAN, 1 };
    float       y[2], d[2];

    forward_and_slope(rows[_i].a, z, 2, y, d);
    ck_assert(isnan(y[0]) && isfinite(y[1]));
}
END_TEST

START_TEST(every_activation_has_a_formula)
{
    for (int a = 0; a < NN_ACTIVATION_COUNT; a++) {
        bool found = a == NN_SOFTMAX; /* not of one number */

        for (size_t i = 0; i < COUNT_OF(rows); i++)
            found |= (int)rows[i].a == a;
        ck_assert_msg(found, "%s", nn_activation_name((enum nn_activation)a));
    }
}
END_TEST

Suite *
suite_nn_activation(void)
{
    Suite *s = suite_create("nn/activation");
    TCase *t = tcase_create("activation");
    int    n = (int)COUNT_OF(rows);

    tcase_add_loop_test(t, an_activation_is_its_formula_on_every_set, 0, n);
    tcase_add_loop_test(t, a_number_does_not_depend_on_its_place, 0, n);
    tcase_add_loop_test(t, a_nan_stays_one, 0, n);
    tcase_add_test(t, every_activation_has_a_formula);
    suite_add_tcase(s, t);
    return s;
}
