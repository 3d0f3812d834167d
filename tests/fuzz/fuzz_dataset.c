/*
 * fuzz_dataset.c - every reader of datasets on bytes that nobody wrote
 *
 * Model    The first byte says which reader, the second how it is asked; the
 *          rest is the body.  It is uploaded whole, then byte by byte: both
 * must end with the same chunks and the same meta, or the same error.  What was
 * accepted is encoded and split, as a job would.  A body for the chunk reader
 * is decoded against a small dataset. With --enable-fuzz libFuzzer calls it;
 * else replay.c does, on the files of corpus/dataset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/mem.h"
#include "dataset/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body beyond this says nothing that a shorter one does not. */
#define MAX_BODY 4096
#define MAX_CHUNKS 4096

struct told {
    enum err            rc;
    struct errinfo      e;
    struct dataset_meta meta;
    size_t              n_chunks;
    struct buf          chunk[MAX_CHUNKS];
};

static enum err
keep_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct told *told = arg;

    if (told->n_chunks == MAX_CHUNKS)
        return err_set(e, ERR_FULL, "", "more chunks than are kept");
    buf_append(&told->chunk[told->n_chunks++], p, len);
    return ERR_OK;
}

static enum err
each_chunk(void *arg, dataset_chunk_fn sink, void *sink_arg, struct errinfo *e)
{
    struct told *told = arg;
    enum err     rc = ERR_OK;

    for (size_t i = 0; i < told->n_chunks && rc == ERR_OK; i++)
        rc = sink(sink_arg, told->chunk[i].data, told->chunk[i].len, e);
    return rc;
}

static void
told_release(struct told *told)
{
    for (size_t i = 0; i < told->n_chunks; i++)
        buf_release(&told->chunk[i]);
    dataset_meta_release(&told->meta);
}

static struct dataset_upload_options
options_of(uint8_t reader, uint8_t how)
{
    static const enum dataset_format formats[] = { DATASET_CSV, DATASET_NDJSON,
                                                   DATASET_JSON,
                                                   DATASET_ARRAYS };
    struct dataset_upload_options    options = {
           .format = formats[reader % COUNT_OF(formats)],
           .header = how & 1,
           .on_error = how & 2 && reader % 4 < 2 ? "skip" : NULL,
           .types = how & 4 ? "a:text,b:boolean,c:class,d:datetime" : NULL,
           .columns = how & 8 ? "a,b,c" : NULL,
           .delimiter = how & 16 ? "tab" : NULL,
           .text_size = "8",
           .text_characters = "1-3",
           .max_bytes = 1 << 20,
    };

    return options;
}

/* Pieces of `every` bytes; 0: whole. */
static enum err
feed(struct dataset_upload *up, const uint8_t *p, size_t n, size_t every,
     struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t at = 0; at < n && rc == ERR_OK;) {
        size_t step = every > 0 && every < n - at ? every : n - at;

        rc = dataset_upload_feed(up, p + at, step, e);
        at += step;
    }
    return rc;
}

static void
upload(uint8_t reader, uint8_t how, const uint8_t *p, size_t n, size_t every,
       struct told *told)
{
    struct dataset_upload_options options = options_of(reader, how);
    struct dataset_upload        *up = NULL;
    struct errinfo               *e = &told->e;
    size_t                        half = n > 0 ? p[0] * n / 256 : 0;
    enum err rc = dataset_upload_new(&options, keep_chunk, told, &up, e);

    if (rc == ERR_OK)
        dataset_upload_chunk_floats(up, 1 + how / 32);
    if (rc == ERR_OK && options.format == DATASET_ARRAYS) {
        rc = dataset_upload_part(up, "inputs", NULL, e);
        if (rc == ERR_OK && half > 0)
            rc = feed(up, p + 1, half - 1, every, e);
        if (rc == ERR_OK)
            rc = dataset_upload_part(up, "targets", NULL, e);
        if (rc == ERR_OK)
            rc = feed(up, p + half, n - half, every, e);
    } else if (rc == ERR_OK) {
        rc = feed(up, p, n, every, e);
    }
    if (rc == ERR_OK)
        rc = dataset_upload_end(up, &told->meta, e);
    dataset_upload_free(up);
    told->rc = rc;
}

static void
differ(const char *what)
{
    fprintf(stderr, "whole and byte by byte differ: %s\n", what);
    abort();
}

static void
compare(const struct told *a, const struct told *b)
{
    if (a->rc != b->rc)
        differ("how it ended");
    if (a->rc != ERR_OK) {
        if (strcmp(a->e.item[0].where, b->e.item[0].where) != 0 ||
            strcmp(a->e.item[0].what, b->e.item[0].what) != 0)
            differ("the error");
        return;
    }
    if (a->n_chunks != b->n_chunks || a->meta.n_rows != b->meta.n_rows ||
        a->meta.n_columns != b->meta.n_columns ||
        a->meta.n_skipped != b->meta.n_skipped)
        differ("rows or columns");
    for (size_t i = 0; i < a->n_chunks; i++)
        if (a->chunk[i].len != b->chunk[i].len ||
            memcmp(a->chunk[i].data, b->chunk[i].data, a->chunk[i].len) != 0)
            differ("a chunk");
}

/* What a job would do with it. */
static void
encode(struct told *told)
{
    const struct dataset_encoding how = { .scale_inputs = DATASET_SCALE_ROBUST,
                                          .missing =
                                              DATASET_MISSING_INDICATOR };
    struct dataset_source         source = { &told->meta, each_chunk, told };
    struct dataset_encoder       *enc = NULL;
    struct dataset_table         *table = NULL;
    size_t                        n_out = dataset_meta_outputs(&told->meta);

    if (n_out > 64 || dataset_encoder_new(&told->meta, &how, n_out, false, &enc,
                                          NULL) != ERR_OK)
        return;
    if (enc->n_in < 4096 && told->meta.n_rows < 4096 &&
        dataset_table_load(enc, true, &source, 0.25, 1, &table, NULL) != ERR_OK)
        differ("what was accepted cannot be loaded");
    dataset_table_free(table);
    dataset_encoder_free(enc);
}

/* Bytes as a chunk of a dataset that has one of each. */
static void
decode(const uint8_t *p, size_t n)
{
    static const char    text[] = "a,b,c,d,y\nthe cat,yes,1,2024-02-29,red\n"
                                  "a dog,no,2,2024-03-01,blue\n";
    static struct told   told;
    struct dataset_block block = { 0 };

    memset(&told, 0, sizeof(told));
    upload(0, 1 | 4, (const uint8_t *)text, strlen(text), 0, &told);
    if (told.rc != ERR_OK)
        differ("the chunk's own dataset");
    dataset_chunk_decode(&told.meta, p, n, &block, NULL);
    dataset_block_release(&block);
    told_release(&told);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct told whole, bytes;

    if (size < 2 || size > MAX_BODY)
        return 0;
    if (data[0] % 5 == 4) {
        decode(data + 2, size - 2);
        return 0;
    }
    memset(&whole, 0, sizeof(whole));
    memset(&bytes, 0, sizeof(bytes));
    upload(data[0] % 5, data[1], data + 2, size - 2, 0, &whole);
    upload(data[0] % 5, data[1], data + 2, size - 2, 1, &bytes);
    compare(&whole, &bytes);
    if (whole.rc == ERR_OK)
        encode(&whole);
    told_release(&whole);
    told_release(&bytes);
    return 0;
}
