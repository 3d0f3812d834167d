/*
 * bench_csv.c - how fast a table is read: bytes of CSV in, chunks out
 *
 * Usage    bench_csv [MIB].  Made tables of that many MiB (64), each fed in
 *          pieces of 64 KiB on one core; the digest, the types, the statistics
 *          and the chunks are made as in an upload, and the chunks forgotten.
 *          One line a table: "csv floats 123 MB/s", the best of three.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/random.h"
#include "dataset/upload.h"

#define PIECE (64 * KIB)
#define RUNS 3

typedef void (*cell_fn)(struct buf *out, uint32_t draw, size_t column);

static void
put_float(struct buf *out, uint32_t draw, size_t column)
{
    (void)column;
    buf_printf(out, "%.6f", (double)draw / 4294967296.0 * 200 - 100);
}

static void
put_pixel(struct buf *out, uint32_t draw, size_t column)
{
    (void)column;
    buf_printf(out, "%u", draw % 3 == 0 ? draw >> 24 : 0);
}

/* Numbers, names, dates and yes or no in turn. */
static void
put_mixed(struct buf *out, uint32_t draw, size_t column)
{
    static const char *const names[] = { "red", "green", "blue", "" };

    if (column % 4 == 0)
        buf_puts(out, names[draw % 4]);
    else if (column % 4 == 1)
        buf_printf(out, "2024-%02u-%02u", draw % 12 + 1, draw / 12 % 28 + 1);
    else if (column % 4 == 2)
        buf_puts(out, draw % 2 ? "yes" : "no");
    else
        put_float(out, draw, column);
}

static void
make(struct buf *out, size_t bytes, size_t n_columns, cell_fn put)
{
    const struct random_at at = { .seed = 1, .purpose = RANDOM_TEST };
    uint32_t               n = 0;

    buf_init(out, 2 * bytes);
    for (size_t i = 0; i < n_columns; i++)
        buf_printf(out, "c%zu,", i);
    buf_puts(out, "y\n");
    while (out->len < bytes && !out->failed) {
        for (size_t i = 0; i < n_columns; i++) {
            put(out, random_u32(&at, n++), i);
            buf_putc(out, ',');
        }
        buf_printf(out, "0.%u\n", n % 1000);
    }
}

static enum err
forget(void *arg, const void *p, size_t len, struct errinfo *e)
{
    (void)arg;
    (void)p;
    (void)len;
    (void)e;
    return ERR_OK;
}

/* By the thread's own clock: a neighbour who takes the core away does not count
 * then. */
static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static enum err
read_once(const struct buf *text, double *out_seconds, struct errinfo *e)
{
    const struct dataset_upload_options options = { .format = DATASET_CSV,
                                                    .header = true };
    struct dataset_upload              *up = NULL;
    struct dataset_meta                 meta = { 0 };
    double                              began = now();
    enum err rc = dataset_upload_new(&options, forget, NULL, &up, e);

    for (size_t at = 0; at < text->len && rc == ERR_OK; at += PIECE) {
        size_t n = text->len - at < PIECE ? text->len - at : PIECE;

        rc = dataset_upload_feed(up, text->data + at, n, e);
    }
    if (rc == ERR_OK)
        rc = dataset_upload_end(up, &meta, e);
    *out_seconds = now() - began;
    dataset_meta_release(&meta);
    dataset_upload_free(up);
    return rc;
}

int
main(int argc, char **argv)
{
    /* clang-format off */
    static const struct {
        const char *name;
        size_t      n_columns;
        cell_fn     put;
    } tables[] = {
        { "floats", 20,  put_float },
        { "pixels", 784, put_pixel },
        { "mixed",  20,  put_mixed },
    };
    /* clang-format on */
    size_t mib = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 64;

    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct buf     text = { 0 };
        struct errinfo e;
        double         best = 0;

        err_clear(&e);
        make(&text, mib * MIB, tables[i].n_columns, tables[i].put);
        for (int run = 0; run < RUNS; run++) {
            double seconds;

            if (text.failed || read_once(&text, &seconds, &e) != ERR_OK) {
                fprintf(stderr, "%s: %s\n", tables[i].name, err_what(&e));
                return EXIT_FAILURE;
            }
            if ((double)text.len / seconds > best)
                best = (double)text.len / seconds;
        }
        printf("csv %s %.0f MB/s\n", tables[i].name, best / 1e6);
        buf_release(&text);
    }
    return EXIT_SUCCESS;
}
