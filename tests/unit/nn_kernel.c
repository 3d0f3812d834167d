#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "nn/kernel/kernel.h"
#include "nn_fixture.h"
#include "nn_suites.h"

#define MARK 12345.0f /* what lies beside C and must stay */

static bool
fuses(const struct nn_kernel *kernel)
{
    return strcmp(kernel->name, "avx2") == 0 ||
           strcmp(kernel->name, "avx512") == 0;
}

/* --- the matrix product --------------------------------------------------- */

/* The three layouts that training needs: X W^T, dZ^T X, dZ W. */
enum layout { FORWARD, WEIGHTS, INPUTS, N_LAYOUTS };

struct product {
    size_t m, n, k, a_row, a_col, b_row, b_col, c_row;
    float *a, *b, *c, *start; /* start: what C holds before */
    bool   accumulate;
};

static void
product_open(struct product *p, size_t m, size_t n, size_t k,
             enum layout layout, bool accumulate, uint32_t draw)
{
    struct random_at at = { .seed = 1, .purpose = RANDOM_TEST, .step = draw };
    size_t           size_a = m * k, size_b = k * n, size_c;

    *p = (struct product){ .m = m, .n = n, .k = k, .c_row = n + draw % 3 };
    p->accumulate = accumulate;
    p->a_row = layout == WEIGHTS ? 1 : k;
    p->a_col = layout == WEIGHTS ? m : 1;
    p->b_row = layout == FORWARD ? 1 : n;
    p->b_col = layout == FORWARD ? k : 1;
    size_c = m * p->c_row;
    p->a = mem_floats(size_a, 0);
    p->b = mem_floats(size_b, 0);
    p->c = mem_floats(size_c, 0);
    p->start = mem_floats(size_c, 0);
    ck_assert(p->a && p->b && p->c && p->start);

    /* Draws that never repeat: an index that is off by a row must show. */
    for (size_t i = 0; i < size_a; i++)
        p->a[i] = random_uniform(&at, (uint32_t)i) - 0.5f;
    at.epoch = 1;
    for (size_t i = 0; i < size_b; i++)
        p->b[i] = random_uniform(&at, (uint32_t)i) - 0.5f;
    for (size_t i = 0; i < size_c; i++)
        p->start[i] = i % p->c_row < n ? (float)(i % 7) - 3.0f : MARK;
}

static void
product_close(struct product *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
    free(p->start);
}

static void
product_run(struct product *p, const struct nn_kernel *kernel, float *scratch)
{
    memcpy(p->c, p->start, p->m * p->c_row * sizeof(*p->c));
    kernel->gemm(p->m, p->n, p->k, p->a, p->a_row, p->a_col, p->b, p->b_row,
                 p->b_col, p->c, p->c_row, p->accumulate, scratch);
}

/*
 * Against the definition: each element must be the one chain of roundings over
 * k ascending, to the bit, and near the sum in double.  k roundings of terms
 * below 1/4 and sums below k/4 stay far within k * 2^-20.
 */
static void
product_check(struct product *p, const struct nn_kernel *kernel)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->c_row; j++) {
            float  c = p->c[i * p->c_row + j];
            float  start = p->start[i * p->c_row + j];
            float  chain = p->accumulate ? start : 0.0f;
            double sum = chain;

            if (j >= p->n) {
                ck_assert_msg(c == MARK, "%s wrote beside C", kernel->name);
                continue;
            }
            for (size_t q = 0; q < p->k; q++) {
                float a = p->a[i * p->a_row + q * p->a_col];
                float b = p->b[q * p->b_row + j * p->b_col];

                chain = fuses(kernel) ? fmaf(a, b, chain) : a * b + chain;
                sum += (double)a * b;
            }
            ck_assert_msg(c == chain && fabs(c - sum) <= p->k * 0x1p-20,
                          "%s %zux%zux%zu [%zu][%zu]: %.9g, chain %.9g, "
                          "double %.17g",
                          kernel->name, p->m, p->n, p->k, i, j, (double)c,
                          (double)chain, sum);
        }
    }
}

static void
product_test(size_t m, size_t n, size_t k, uint32_t draw)
{
    float *scratch = mem_floats(nn_kernel_scratch_floats(), 0);

    ck_assert_ptr_nonnull(scratch);
    for (int layout = 0; layout < N_LAYOUTS; layout++) {
        const struct nn_kernel *kernel;
        struct product          p;

        product_open(&p, m, n, k, (enum layout)layout, draw % 2 == 1, draw);
        for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
            product_run(&p, kernel, scratch);
            product_check(&p, kernel);
        }
        product_close(&p);
    }
    free(scratch);
}

START_TEST(gemm_is_right_on_all_small_shapes)
{
    size_t m = (size_t)_i + 1;

    for (size_t n = 1; n <= 20; n++)
        for (size_t k = 1; k <= 20; k++)
            product_test(m, n, k, (uint32_t)(n + k));
}
END_TEST

/* Around the blocks (256 of k and of n, groups of 32 to 64 rows, 128 turned
 * samples) and the tiles, and each of the ways that gemm can take. */
START_TEST(gemm_is_right_on_large_shapes)
{
    static const size_t shapes[][3] = {
        { 1, 256, 784 },  { 9, 300, 257 },   { 515, 33, 20 },  { 64, 10, 512 },
        { 40, 65, 1 },    { 33, 257, 511 },  { 7, 513, 30 },   { 1, 77, 300 },
        { 2, 200, 260 },  { 131, 300, 270 }, { 33, 264, 264 }, { 16, 49, 9000 },
        { 54, 256, 100 },
    };
    const size_t *s = shapes[_i % (int)COUNT_OF(shapes)];

    product_test(s[0], s[1], s[2], (uint32_t)_i);
}
END_TEST

/* --- a product that somebody is told of ----------------------------------- */

struct told {
    const struct product   *p;
    const struct nn_kernel *kernel;
    size_t *next;    /* [m]: where the next piece of a row begins */
    float  *seen;    /* [m][n]: C as it was when told             */
    double *squares; /* [m]                                    */
    bool    passing;
};

static void
told_piece(void *ctx, size_t row, size_t first, size_t n, float *c)
{
    struct told *t = ctx;

    ck_assert(row < t->p->m && first == t->next[row] && n > 0);
    t->next[row] += n;
    if (!t->passing)
        ck_assert_ptr_eq(c, t->p->c + row * t->p->c_row + first);
    memcpy(t->seen + row * t->p->n + first, c, n * sizeof(*c));
    t->squares[row] += t->kernel->sum_squares(c, n);
}

/* Around the 256 of k, and with more than one block of columns. */
START_TEST(gemm_then_tells_what_is_final_piece_by_piece)
{
    static const size_t shapes[][3] = {
        { 1, 3, 1 },     { 13, 700, 257 }, { 30, 33, 64 }, { 2, 300, 20 },
        { 45, 177, 64 }, { 64, 160, 3 },   { 24, 300, 9 }, { 16, 160, 131 },
    };
    const size_t           *s = shapes[_i / 2];
    bool                    passing = _i % 2 == 1;
    float                  *scratch = mem_floats(nn_kernel_scratch_floats(), 0);
    struct product          p;
    const struct nn_kernel *kernel;

    product_open(&p, s[0], s[1], s[2], WEIGHTS, false, 3);
    for (size_t k = 0; (kernel = nn_kernel_at(k)) != NULL; k++) {
        size_t      next[64] = { 0 };
        double      squares[64] = { 0 };
        float      *seen = mem_floats(p.m * p.n, 0);
        struct told told = { &p, kernel, next, seen, squares, passing };
        struct nn_kernel_then then = { .fn = told_piece,
                                       .ctx = &told,
                                       .passing = passing,
                                       .beside = { p.start } };

        ck_assert(scratch != NULL && seen != NULL);
        memcpy(p.c, p.start, p.m * p.c_row * sizeof(*p.c));
        kernel->gemm_then(p.m, p.n, p.k, p.a, p.a_row, p.a_col, p.b, p.b_row,
                          p.b_col, p.c, p.c_row, &then, scratch);
        for (size_t i = 0; i < p.m; i++) {
            ck_assert_uint_eq(next[i], p.n);
            if (passing)
                memcpy(p.c + i * p.c_row, seen + i * p.n, p.n * sizeof(*p.c));
            else
                ck_assert(fix_same(seen + i * p.n, p.c + i * p.c_row, p.n));
        }
        product_check(&p, kernel);
        free(seen);
    }
    product_close(&p);
    free(scratch);
}
END_TEST

/* --- a product whose parameters take their step --------------------------- */

/* What makes the gradient of some rows special. */
enum rows { USUAL, ASLEEP, FAINT, LARGE, HUGE_ROWS, NO_NUMBERS, N_ROWS_KINDS };

static void
rows_become(struct product *p, enum rows kind)
{
    static const float scale[] = { 1, 0, 1e-24f, 1e16f, 1e21f, INFINITY };

    for (size_t q = 0; q < p->k; q++)
        for (size_t i = 0; i < p->m; i += 3)
            p->a[i * p->a_row + q * p->a_col] *=
                q % 5 == 2 || kind != NO_NUMBERS ? scale[kind] : 1;
}

/* As it is told, row by row, each by itself. */
static void
step_by_hand(const struct product *p, const struct nn_kernel *kernel,
             const struct nn_kernel_step *step, double *squares, float *scratch)
{
    size_t               *next = calloc(p->m, sizeof(*next));
    float                *seen = mem_floats(p->m * p->n, 0);
    struct told           told = { p, kernel, next, seen, squares, true };
    struct nn_kernel_then then = { .fn = told_piece,
                                   .ctx = &told,
                                   .passing = true };

    ck_assert(next != NULL && seen != NULL);
    kernel->gemm_then(p->m, p->n, p->k, p->a, p->a_row, p->a_col, p->b,
                      p->b_row, p->b_col, p->c, p->c_row, &then, scratch);
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            struct nn_kernel_step one =
                nn_kernel_step_from(step, i * p->c_row + j);

            kernel->step(&one, seen + i * p->n + j, 1);
        }
    free(seen);
    free(next);
}

static bool
all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Parameters and moments before any step; as they lie in three parts. */
static void
parameters_open(const struct product *p, float *w)
{
    size_t n = p->m * p->c_row;

    memcpy(w, p->start, n * sizeof(*w));
    for (size_t i = 0; i < n; i++)
        w[n + i] = w[2 * n + i] = i % p->c_row < p->n ? 0.01f : MARK;
}

static void
step_is_of(struct nn_kernel_step *step, float *w, size_t n)
{
    step->w = w;
    step->m = step->rule >= NN_KERNEL_MOMENTUM ? w + n : NULL;
    step->v = step->rule >= NN_KERNEL_ADAM ? w + 2 * n : NULL;
}

static void
step_test(const size_t shape[3], enum rows kind)
{
    struct nn_kernel_step   step = { .rate = 0.01f,
                                     .momentum = 0.9f,
                                     .epsilon = 1e-7f,
                                     .rest_1 = 0.1f,
                                     .rest_2 = 0.001f,
                                     .keep = 0.9999f };
    float                  *scratch = mem_floats(nn_kernel_scratch_floats(), 0);
    float                  *by_first_set[NN_KERNEL_ADAMW + 1] = { NULL };
    const struct nn_kernel *kernel;
    struct product          p;
    size_t                  n;

    product_open(&p, shape[0], shape[1], shape[2], WEIGHTS, false, 4);
    rows_become(&p, kind);
    n = p.m * p.c_row;
    for (size_t k = 0; (kernel = nn_kernel_at(k)) != NULL; k++)
        for (step.rule = NN_KERNEL_SGD; step.rule <= NN_KERNEL_ADAMW;
             step.rule++) {
            float  *one = mem_floats(3 * n, 0), *other = mem_floats(3 * n, 0);
            float  *first = by_first_set[step.rule];
            double *squares = calloc(2 * p.m, sizeof(*squares));
            struct nn_kernel_then then = { .step = &step,
                                           .squares = squares + p.m };

            ck_assert(one && other && squares && scratch);
            parameters_open(&p, one);
            parameters_open(&p, other);
            step_is_of(&step, one, n);
            step_by_hand(&p, kernel, &step, squares, scratch);
            step_is_of(&step, other, n);
            kernel->gemm_then(p.m, p.n, p.k, p.a, p.a_row, p.a_col, p.b,
                              p.b_row, p.b_col, p.c, p.c_row, &then, scratch);
            ck_assert(!fuses(kernel) || first == NULL ||
                      fix_same(first, other, 3 * n));
            ck_assert_msg(fix_same(one, other, 3 * n), "%s, rule %d",
                          kernel->name, (int)step.rule);
            ck_assert(all_finite(other, 3 * n));
            ck_assert(memcmp(squares, squares + p.m, p.m * sizeof(*squares)) ==
                      0);
            ck_assert(kind != FAINT || (squares[0] > 0 && squares[0] < 1e-30));
            ck_assert(kind != LARGE || squares[0] > 1e30);
            ck_assert(kind != NO_NUMBERS || !isfinite(squares[p.m]));
            free(one);
            free(squares);
            if (first == NULL && fuses(kernel))
                by_first_set[step.rule] = other;
            else
                free(other);
        }
    for (size_t rule = 0; rule < COUNT_OF(by_first_set); rule++)
        free(by_first_set[rule]);
    product_close(&p);
    free(scratch);
}

/* Rows of whole tiles and others, columns that end within a tile and within a
 * vector, one block and more, of few and of many terms. */
START_TEST(a_step_is_what_the_gradient_says)
{
    static const size_t shapes[][3] = {
        { 128, 784, 32 }, { 256, 300, 64 }, { 77, 161, 17 }, { 72, 1200, 61 },
        { 65, 145, 300 }, { 40, 700, 256 }, { 96, 128, 64 }, { 9, 129, 3 },
        { 72, 700, 256 }, { 48, 704, 40 },
    };

    for (int kind = 0; kind < N_ROWS_KINDS; kind++)
        step_test(shapes[_i], (enum rows)kind);
}
END_TEST

START_TEST(gemm_of_no_terms_is_zero_or_what_was_there)
{
    const struct nn_kernel *kernel;
    float                   scratch[1], c[6];

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        for (int i = 0; i < 6; i++)
            c[i] = 3.0f;
        kernel->gemm(2, 3, 0, c, 0, 1, c, 3, 1, c, 3, true, scratch);
        ck_assert_float_eq(c[5], 3.0f);
        kernel->gemm(2, 3, 0, c, 0, 1, c, 3, 1, c, 3, false, scratch);
        ck_assert_float_eq(c[0] + c[5], 0.0f);
    }
}
END_TEST

/* --- functions ------------------------------------------------------------ */

typedef void (*map_fn)(float *y, const float *z, size_t n);

static map_fn
function(const struct nn_kernel *kernel, int which)
{
    return which == 0   ? kernel->exp
           : which == 1 ? kernel->sigmoid
                        : kernel->tanh;
}

static double
reference(int which, double z)
{
    return which == 0 ? exp(z) : which == 1 ? 1 / (1 + exp(-z)) : tanh(z);
}

/* Every 4099th of all float32 bit patterns, NaNs and subnormals included. */
#define SWEEP 1047808
#define STRIDE 4099u

START_TEST(functions_are_within_2_ulp_everywhere)
{
    float *z = mem_floats(SWEEP, 0), *first = mem_floats(SWEEP, 0),
          *y = mem_floats(SWEEP, 0);
    const struct nn_kernel *kernel;
    bool                    have_first = false;

    ck_assert(z && first && y);
    for (uint32_t i = 0; i < SWEEP; i++) {
        uint32_t bits = i * STRIDE;

        memcpy(&z[i], &bits, sizeof(bits));
    }
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        double worst = 0;

        function(kernel, _i)(y, z, SWEEP);
        for (size_t i = 0; i < SWEEP; i++) {
            double ulps = fix_ulps(y[i], reference(_i, z[i]));

            /* Not asserted each time: check writes every assertion down. */
            if (!(ulps <= 2))
                ck_abort_msg("%s function %d at %a: %a, %.3f ulp", kernel->name,
                             _i, (double)z[i], (double)y[i], ulps);
            worst = ulps > worst ? ulps : worst;
        }
        ck_assert_msg(worst > 0, "a sweep without any rounding proves nothing");

        /* The sets with FMA give the same bits. */
        if (fuses(kernel) && have_first)
            ck_assert(fix_same(first, y, SWEEP));
        if (fuses(kernel)) {
            memcpy(first, y, SWEEP * sizeof(*y));
            have_first = true;
        }
    }
    free(z);
    free(first);
    free(y);
}
END_TEST

START_TEST(functions_know_zero_infinity_and_nan)
{
    const float z[] = { 0.0f,  -0.0f,  INFINITY,  -INFINITY, NAN,
                        1e30f, -1e30f, 0x1p-149f, -0x1p-149f };
    const float want[3][COUNT_OF(z)] = {
        { 1, 1, INFINITY, 0, NAN, INFINITY, 0, 1, 1 },
        { 0.5f, 0.5f, 1, 0, NAN, 1, 0, 0.5f, 0.5f },
        { 0.0f, -0.0f, 1, -1, NAN, 1, -1, 0x1p-149f, -0x1p-149f },
    };
    const struct nn_kernel *kernel;
    float                   y[COUNT_OF(z)];

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        function(kernel, _i)(y, z, COUNT_OF(z));
        for (size_t i = 0; i < COUNT_OF(z); i++)
            if (isnan(want[_i][i]))
                ck_assert_msg(isnan(y[i]), "%s", kernel->name);
            else
                ck_assert_msg(fix_same(&y[i], &want[_i][i], 1),
                              "%s function %d of %g: %g", kernel->name, _i,
                              (double)z[i], (double)y[i]);
    }
}
END_TEST

/* A value's result depends on the value only, and nothing beyond n is
 * written; in place as well. */
START_TEST(functions_do_not_see_the_place)
{
    float                   z[40], y[41], one;
    const struct nn_kernel *kernel;

    fix_sine(z, 40, 0.7, 0.3, 5);
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        for (size_t n = 1; n <= 40; n++) {
            memcpy(y, z, sizeof(z));
            y[n] = MARK;
            function(kernel, _i)(y, y, n);
            function(kernel, _i)(&one, &z[n - 1], 1);
            ck_assert(y[n - 1] == one && y[n] == MARK);
        }
    }
}
END_TEST

/* --- once per parameter --------------------------------------------------- */

#define N_PARAMS 1003 /* whole vectors of every set, and some */

/* Also of numbers whose squares a float does not hold. */
START_TEST(sum_of_squares_is_right_at_every_size)
{
    static const float      scale[] = { 7, 1e-30f, 1e-18f, 1e17f, 1e37f };
    float                   x[N_PARAMS];
    const struct nn_kernel *kernel, *best = nn_kernel();

    for (size_t c = 0; c < COUNT_OF(scale); c++) {
        fix_sine(x, N_PARAMS, 1.3, 0.1, scale[c]);
        for (size_t n = 0; n <= N_PARAMS; n += n < 140 ? 1 : 107) {
            double want = 0;

            for (size_t i = 0; i < n; i++)
                want += (double)x[i] * x[i];
            for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
                double sum = kernel->sum_squares(x, n);

                ck_assert_msg(fabs(sum - want) <= 1e-6 * want, "%s %zu: %g %g",
                              kernel->name, n, sum, want); /* both 0 for none */
                if (fuses(kernel))
                    ck_assert(sum == best->sum_squares(x, n));
            }
        }
    }
    x[N_PARAMS / 2] = INFINITY;
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++)
        ck_assert(isinf(kernel->sum_squares(x, N_PARAMS)));
    x[N_PARAMS / 3] = NAN;
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++)
        ck_assert(isnan(kernel->sum_squares(x, N_PARAMS)));
}
END_TEST

/* Also a number that alone is not zero, wherever it stands. */
START_TEST(sum_of_squares_of_zeros_is_zero)
{
    float                   x[N_PARAMS];
    const struct nn_kernel *kernel;

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++)
        for (size_t n = 0; n <= 140; n++) {
            for (size_t i = 0; i < n; i++)
                x[i] = i % 2 == 0 ? 0.0f : -0.0f;
            ck_assert(kernel->sum_squares(x, n) == 0);
            for (size_t i = 0; i < n; i++) {
                x[i] = -1e-30f;
                double sum = kernel->sum_squares(x, n);
                if (!(fabs(sum - 1e-60) < 1e-66))
                    ck_abort_msg("%s %zu of %zu: %g", kernel->name, i, n, sum);
                x[i] = 0;
            }
        }
}
END_TEST

/* Updates against their formulas in double, tails included. */
START_TEST(updates_follow_their_formulas)
{
    float                 w0[N_PARAMS], v0[N_PARAMS], m0[N_PARAMS], g[N_PARAMS];
    float                 w[N_PARAMS], v[N_PARAMS], m[N_PARAMS];
    struct nn_kernel_step p = {
        .w = w,
        .m = m,
        .v = v,
        .rate = 0.1f,
        .momentum = 0.9f,
        .epsilon = 1e-4f,
        .rest_1 = 0.1f,
        .rest_2 = 0.001f,
        .keep = 0.99f,
    };
    const struct nn_kernel *kernel;

    fix_sine(w0, N_PARAMS, 0.9, 0.2, 1);
    fix_sine(g, N_PARAMS, 1.7, 0.4, 1);
    fix_sine(m0, N_PARAMS, 0.3, 1, 1);
    fix_sine(v0, N_PARAMS, 0.5, 1, 0.3);
    for (size_t i = 0; i < N_PARAMS; i++)
        v0[i] = fabsf(v0[i]);
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        for (p.rule = NN_KERNEL_SGD; p.rule <= NN_KERNEL_ADAMW; p.rule++) {
            memcpy(w, w0, sizeof(w));
            memcpy(m, m0, sizeof(m));
            memcpy(v, v0, sizeof(v));
            kernel->step(&p, g, N_PARAMS);
            for (size_t i = 0; i < N_PARAMS; i++) {
                double keep = p.rule == NN_KERNEL_ADAMW ? 0.99 : 1;
                double want_m = m0[i], want_v = v0[i], step = 0.1 * g[i];

                if (p.rule == NN_KERNEL_MOMENTUM) {
                    want_m = 0.9 * m0[i] - 0.1 * g[i];
                    step = -want_m;
                } else if (p.rule >= NN_KERNEL_ADAM) {
                    want_m = 0.9 * m0[i] + 0.1 * g[i];
                    want_v = 0.999 * v0[i] + 0.001 * g[i] * g[i];
                    step = 0.1 * want_m / (sqrt(want_v) + 1e-4);
                }
                ck_assert_double_eq_tol(m[i], want_m, 1e-6);
                ck_assert_double_eq_tol(v[i], want_v, 1e-6);
                ck_assert_double_eq_tol(w[i], keep * w0[i] - step,
                                        1e-6 + 1e-5 * fabs(step));
            }
        }
    }
}
END_TEST

/* What is no finite number rests; the others move, and stay numbers. */
START_TEST(what_is_not_finite_rests)
{
    static const float      odd[] = { 1e25f, -1e38f, INFINITY, NAN, -NAN };
    float                   w[21], m[21], v[21], g[21];
    struct nn_kernel_step   p = { .w = w,
                                  .m = m,
                                  .v = v,
                                  .rate = 0.1f,
                                  .momentum = 0.5f,
                                  .epsilon = 1e-8f,
                                  .rest_1 = 0.1f,
                                  .rest_2 = 0.1f,
                                  .keep = 1 };
    const struct nn_kernel *kernel;

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++)
        for (p.rule = NN_KERNEL_SGD; p.rule <= NN_KERNEL_ADAMW; p.rule++) {
            for (size_t i = 0; i < 21; i++) {
                w[i] = m[i] = v[i] = 1;
                g[i] = i % 4 == 3 ? odd[i / 4] : 2;
            }
            kernel->step(&p, g, 21);
            for (size_t i = 0; i < 21; i++) {
                bool rests = !isfinite(g[i]);

                ck_assert_msg((w[i] == 1 && m[i] == 1 && v[i] == 1) == rests &&
                                  isfinite(w[i]) && isfinite(v[i]),
                              "%s, rule %d, %zu: %g", kernel->name, (int)p.rule,
                              i, (double)w[i]);
            }
        }
}
END_TEST

START_TEST(rows_are_summed_in_their_order)
{
    const struct nn_kernel *kernel;
    float                   x[7 * 37], sum[38];

    fix_sine(x, COUNT_OF(x), 0.7, 0.1, 3);
    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        for (size_t n = 1; n <= 37; n++) {
            sum[n] = MARK;
            kernel->sum_rows(sum, x, 7, n);
            for (size_t i = 0; i < n; i++) {
                float want = 0;

                for (size_t r = 0; r < 7; r++)
                    want += x[r * n + i];
                ck_assert(sum[i] == want);
            }
            ck_assert(sum[n] == MARK);
        }
    }
}
END_TEST

/* Through NaNs, and to the last odd float. */
START_TEST(relu_and_its_slope)
{
    const struct nn_kernel *kernel;
    float                   z[21], y[21], d[21];

    for (size_t s = 0; (kernel = nn_kernel_at(s)) != NULL; s++) {
        for (size_t i = 0; i < 21; i++) {
            z[i] = (float)(i % 5) - 2.0f;
            d[i] = (float)i + 1.0f;
        }
        z[3] = z[20] = NAN;
        kernel->relu(y, z, 21);
        kernel->relu_slope(d, y, 21);
        for (size_t i = 0; i < 21; i++) {
            ck_assert(isnan(z[i]) ? isnan(y[i]) : y[i] == fmaxf(z[i], 0));
            ck_assert(d[i] == (z[i] > 0 ? (float)i + 1.0f : 0.0f));
        }
    }
}
END_TEST

START_TEST(a_set_is_chosen_by_name)
{
    ck_assert(nn_kernel() == nn_kernel_at(0));
    ck_assert(!nn_kernel_select("abacus"));
    ck_assert(nn_kernel() == nn_kernel_at(0));
    for (size_t s = 0; nn_kernel_at(s) != NULL; s++) {
        ck_assert(nn_kernel_select(nn_kernel_at(s)->name));
        ck_assert(nn_kernel() == nn_kernel_at(s));
    }
    ck_assert(nn_kernel_select(NULL) && nn_kernel() == nn_kernel_at(0));
}
END_TEST

Suite *
suite_nn_kernel(void)
{
    Suite *s = suite_create("nn/kernel");
    TCase *t = tcase_create("gemm");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, gemm_is_right_on_all_small_shapes, 0, 20);
    tcase_add_loop_test(t, gemm_is_right_on_large_shapes, 0, 26);
    tcase_add_loop_test(t, gemm_then_tells_what_is_final_piece_by_piece, 0, 16);
    tcase_add_loop_test(t, a_step_is_what_the_gradient_says, 0, 10);
    tcase_add_test(t, gemm_of_no_terms_is_zero_or_what_was_there);
    suite_add_tcase(s, t);

    t = tcase_create("functions");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, functions_are_within_2_ulp_everywhere, 0, 3);
    tcase_add_loop_test(t, functions_know_zero_infinity_and_nan, 0, 3);
    tcase_add_loop_test(t, functions_do_not_see_the_place, 0, 3);
    suite_add_tcase(s, t);

    t = tcase_create("updates");
    tcase_add_test(t, sum_of_squares_is_right_at_every_size);
    tcase_add_test(t, sum_of_squares_of_zeros_is_zero);
    tcase_add_test(t, updates_follow_their_formulas);
    tcase_add_test(t, what_is_not_finite_rests);
    tcase_add_test(t, rows_are_summed_in_their_order);
    tcase_add_test(t, relu_and_its_slope);
    tcase_add_test(t, a_set_is_chosen_by_name);
    suite_add_tcase(s, t);
    return s;
}
