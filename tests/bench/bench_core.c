/*
 * bench_core.c - the bare core: no daemon, no store, no HTTP
 *
 *   bench_core peak                     FMA peak, GFLOP/s
 *   bench_core gemm                     matrix products, GFLOP/s
 *   bench_core train [net…]             N1 … N4: samples a second
 *   bench_core rate NET THREADS SECONDS [DIRECTORY ROWS]
 *                                       for bench_train.py: samples a second,
 *                                       and the peak before and after; on the
 *                                       first rows of what it unpacked there
 *
 * Every figure is measured between two runs of the peak loop, and told as a
 * fraction of it too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/random.h"
#include "nn/kernel/kernel.h"
#include "nn/train.h"
#include "peak.h"
#include "training/team.h"

#define SLICES 160
#define CALM (SLICES - SLICES / 20)
#define SLICE 0.001 /* seconds */

/* One thread is timed by its own clock: a neighbour who takes the core away
 * does not count then. */
static clockid_t which_clock = CLOCK_THREAD_CPUTIME_ID;

static double
now(void)
{
    struct timespec ts;

    clock_gettime(which_clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Repeat work(arg), which tells how much it did, for so long; a rate.  The
 * clock is read more seldom the shorter the work. */
static double
rate_of(double (*work)(void *arg), void *arg, double seconds)
{
    double began = now(), done = 0, spent;
    size_t times = 1;

    do {
        for (size_t i = 0; i < times; i++)
            done += work(arg);
        spent = now() - began;
        if (spent < seconds / 8)
            times *= 2;
    } while (spent < seconds);
    return done / spent;
}

static double
peak_work(void *arg)
{
    (void)arg;
    return peak_loop();
}

/* Slices of the work and of the peak loop in turn.  Told are the rate of the
 * calm slices (the fastest twentieth) and the median, and both as a fraction
 * of the peak loop's. */
static void
report(const char *name, double (*work)(void *arg), void *arg, double unit,
       const char *unit_name)
{
    double rate[SLICES], peak[SLICES];

    rate_of(work, arg, SLICE); /* warm */
    for (int i = 0; i < SLICES; i++) {
        peak[i] = rate_of(peak_work, NULL, SLICE / 2);
        rate[i] = rate_of(work, arg, SLICE);
    }
    qsort(rate, SLICES, sizeof(*rate), compare);
    qsort(peak, SLICES, sizeof(*peak), compare);
    printf(
        "%-18s %12.1f %-10s %5.1f %%   median %12.1f %5.1f %% of peak %.1f\n",
        name, rate[CALM] / unit, unit_name, 100 * rate[CALM] / peak[CALM],
        rate[SLICES / 2] / unit, 100 * rate[SLICES / 2] / peak[SLICES / 2],
        peak[CALM] * 1e-9);
    fflush(stdout);
}

/* --- matrix products ------------------------------------------------------ */

struct product {
    size_t m, n, k;
    size_t a_row, a_col, b_row, b_col;
    float *a, *b, *c, *scratch;
};

static double
product_work(void *arg)
{
    const struct product *p = arg;

    nn_kernel()->gemm(p->m, p->n, p->k, p->a, p->a_row, p->a_col, p->b,
                      p->b_row, p->b_col, p->c, p->n, false, p->scratch);
    return 2.0 * (double)(p->m * p->n * p->k);
}

static float *
some_floats(size_t n, uint32_t step)
{
    struct random_at at = { .seed = 1, .purpose = RANDOM_TEST, .step = step };
    float           *x = mem_floats(n, 0);

    if (x == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        x[i] = random_uniform(&at, (uint32_t)i) - 0.5f;
    return x;
}

/* kind: f forward X W^T, w weights dZ^T X, i inputs dZ W. */
static void
product(size_t m, size_t n, size_t k, char kind)
{
    struct product p = { .m = m, .n = n, .k = k };
    char           name[64];

    p.a_row = kind == 'w' ? 1 : k;
    p.a_col = kind == 'w' ? m : 1;
    p.b_row = kind == 'f' ? 1 : n;
    p.b_col = kind == 'f' ? k : 1;
    p.a = some_floats(m * k, 0);
    p.b = some_floats(k * n, 1);
    p.c = some_floats(m * n, 2);
    p.scratch = mem_floats(nn_kernel_scratch_floats(), 0);
    snprintf(name, sizeof(name), "%c %zux%zux%zu", kind, m, n, k);
    report(name, product_work, &p, 1e9, "GFLOP/s");
    free(p.a);
    free(p.b);
    free(p.c);
    free(p.scratch);
}

static void
products(void)
{
    product(32, 128, 784, 'f');
    product(128, 784, 32, 'w');
    product(64, 256, 784, 'f');
    product(256, 784, 64, 'w');
    product(64, 128, 256, 'f');
    product(128, 256, 64, 'w');
    product(64, 256, 128, 'i');
    product(128, 1024, 784, 'f');
    product(128, 1024, 1024, 'f');
    product(1024, 784, 128, 'w');
    product(1024, 1024, 128, 'w');
    product(128, 1024, 1024, 'i');
    product(32, 10, 128, 'f');
    product(10, 128, 32, 'w');
    product(32, 128, 10, 'i');
    product(128, 10, 1024, 'f');
    product(10, 1024, 128, 'w');
    product(128, 1024, 10, 'i');
    product(1, 256, 784, 'f');
    product(256, 784, 1, 'w');
    product(1, 256, 128, 'i');
    product(1, 1024, 1024, 'f');
}

/* --- training ------------------------------------------------------------- */

struct bench_net {
    const char        *name;
    size_t             n_in, n_layers, units[3];
    enum nn_activation hidden, output;
    enum nn_loss       loss;
    size_t             batch;
    const char        *optimizer;
    float              momentum, rate;
    size_t             rows;
};

/* clang-format off */
static const struct bench_net nets[] = {
    { "N1", 784, 2, { 128, 10 },        NN_RELU,    NN_SOFTMAX, NN_CROSS_ENTROPY, 32,  "sgd",  0,    0.1f,   128 },
    { "N2", 784, 3, { 256, 128, 10 },   NN_RELU,    NN_SOFTMAX, NN_CROSS_ENTROPY, 64,  "adam", 0,    0.001f, 128 },
    { "N3", 784, 3, { 1024, 1024, 10 }, NN_RELU,    NN_SOFTMAX, NN_CROSS_ENTROPY, 128, "sgd",  0.9f, 0.01f,  128 },
    { "XOR",  2, 2, { 2, 1 },           NN_SIGMOID, NN_SIGMOID, NN_SQUARED_ERROR, 1,   "sgd",  0,    0.5f,   4096 },
    { "iris", 4, 2, { 10, 3 },          NN_SIGMOID, NN_SIGMOID, NN_SQUARED_ERROR, 1,   "sgd",  0,    0.1f,   4096 },
};
/* clang-format on */

struct run {
    const struct bench_net *at;
    struct nn_net          *net;
    struct nn_work         *work;
    struct nn_optimizer    *opt;
    float                  *x, *t, *grad;
    double                  flop; /* of one sample */
};

/* The first n bytes of a file. */
static void
read_file(const char *directory, const char *name, void *to, size_t n)
{
    char  path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "rb");
    if (file == NULL || fread(to, 1, n, file) != n) {
        fprintf(stderr, "bench_core: %s: cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
}

/* On rows of a directory, or (NULL) on numbers drawn by chance. */
static void
run_open(struct run *r, const struct bench_net *at, const char *directory)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { at->n_in } },
                            .n_layers = at->n_layers,
                            .loss = { .type = at->loss } };
    struct nn_optimizer_spec opt;
    struct errinfo           e;
    size_t n_out = at->units[at->n_layers - 1], width = at->n_in;

    memset(r, 0, sizeof(*r));
    r->at = at;
    err_clear(&e);
    for (size_t i = 0; i < at->n_layers; i++) {
        bool last = i + 1 == at->n_layers;

        nn_layer_spec_init(&spec.layer[i], nn_layer_type_find("dense"));
        spec.layer[i].units = at->units[i];
        spec.layer[i].activation = last ? at->output : at->hidden;
        /* The first layer has no gradient of its input. */
        r->flop += (i == 0 ? 4.0 : 6.0) * (double)(width * at->units[i]);
        width = at->units[i];
    }
    nn_optimizer_spec_init(&opt, nn_optimizer_type_find(at->optimizer));
    if (at->momentum > 0)
        opt.momentum = at->momentum;
    if (nn_spec_check(&spec, &e) != ERR_OK ||
        nn_net_new(&spec, &r->net, &e) != ERR_OK ||
        nn_work_new(r->net, at->batch, true, &r->work, &e) != ERR_OK ||
        nn_optimizer_new(&opt, nn_net_n_params(r->net), &r->opt, &e) != ERR_OK)
        abort();
    nn_net_init(r->net, 1);
    r->grad = mem_floats(nn_net_n_params(r->net), 0);
    r->x = some_floats(at->rows * at->n_in, 3);
    r->t = mem_floats(at->rows * n_out, 0);
    if (directory == NULL) {
        for (size_t i = 0; i < at->rows; i++)
            r->t[i * n_out + i * 7 % n_out] = 1;
        return;
    }
    unsigned char *label = malloc(at->rows);
    if (label == NULL)
        abort();
    read_file(directory, "labels.u8", label, at->rows);
    read_file(directory, "inputs.f32", r->x,
              at->rows * at->n_in * sizeof(*r->x));
    for (size_t i = 0; i < at->rows; i++)
        r->t[i * n_out + label[i] % n_out] = 1;
    free(label);
}

static void
run_close(struct run *r)
{
    nn_optimizer_free(r->opt);
    nn_work_free(r->work);
    nn_net_free(r->net);
    free(r->grad);
    free(r->x);
    free(r->t);
}

/* One epoch; all rows. */
static double
run_work(void *arg)
{
    struct run          *r = arg;
    struct nn_train_sums sums = { 0 };

    const struct nn_train_options options = {
        .batch_size = r->at->batch,
        .rate = r->at->rate,
        .middle = 0.5f,
    };

    if (!nn_train_rows(r->net, r->work, r->opt, r->grad, r->x, r->t, NULL,
                       r->at->rows, &options, &sums))
        abort();
    return r->flop * (double)r->at->rows;
}

static void
training(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT_OF(nets); i++) {
        bool       asked = argc == 0;
        struct run r;

        for (int a = 0; a < argc; a++)
            asked |= strcmp(argv[a], nets[i].name) == 0;
        if (!asked)
            continue;
        run_open(&r, &nets[i], NULL);
        report(nets[i].name, run_work, &r, r.flop, "samples/s");
        run_close(&r);
    }
}

/* The peak loop on all threads of a team. */
static void
peak_part(void *ctx, unsigned part, unsigned n_parts)
{
    double *done = ctx;

    (void)n_parts;
    for (int i = 0; i < 20; i++)
        done[16 * part] += peak_loop();
}

static double
team_peak_work(void *arg)
{
    struct training_team *team = arg;
    double                done[16 * 64] = { 0 }, sum = 0;
    struct nn_team       *nn = training_team_nn(team);

    if (nn->most == 1)
        peak_part(done, 0, 1);
    else
        nn->run(nn, peak_part, done, nn->most);
    for (unsigned i = 0; i < nn->most; i++)
        sum += done[16 * i];
    return sum;
}

static int
one_rate(const char *name, unsigned threads, double seconds,
         const char *directory, size_t rows)
{
    struct training_team *team = NULL;
    struct run            r;

    if (threads < 1 || threads > 64 ||
        training_team_new(threads, &team, NULL) != ERR_OK)
        return EXIT_FAILURE;
    which_clock = CLOCK_MONOTONIC;
    for (size_t i = 0; i < COUNT_OF(nets); i++) {
        if (strcmp(name, nets[i].name) != 0)
            continue;
        struct bench_net at = nets[i];

        if (rows > 0)
            at.rows = rows;
        run_open(&r, &at, directory);
        if (nn_work_set_team(r.work, training_team_nn(team), NULL) != ERR_OK)
            abort();
        double before = rate_of(team_peak_work, team, 0.05);
        double rate = rate_of(run_work, &r, seconds) / r.flop;
        printf("%f %f %f\n", rate, before * 1e-9,
               rate_of(team_peak_work, team, 0.05) * 1e-9);
        run_close(&r);
    }
    training_team_free(team);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "peak") == 0) {
        report("peak", peak_work, NULL, 1e9, "GFLOP/s");
    } else if (strcmp(what, "gemm") == 0) {
        products();
    } else if (strcmp(what, "train") == 0) {
        training(argc - 2, argv + 2);
    } else if (strcmp(what, "rate") == 0 && (argc == 5 || argc == 7)) {
        return one_rate(argv[2], (unsigned)atoi(argv[3]), atof(argv[4]),
                        argc == 7 ? argv[5] : NULL,
                        argc == 7 ? (size_t)atoi(argv[6]) : 0);
    } else {
        fprintf(stderr, "usage: bench_core peak | gemm | train [net…] | "
                        "rate NET THREADS SECONDS [DIRECTORY ROWS]\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
