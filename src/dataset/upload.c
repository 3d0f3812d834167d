#include "dataset/upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/gunzip.h"
#include "dataset/choices.h"
#include "dataset/internal.h"
#include "dataset/readers.h"
#include "dataset/targets.h"

#define GZIP_FIRST 0x1f
#define GZIP_SECOND 0x8b

static const char *const part_names[] = { "inputs", "targets" };

struct dataset_upload {
    struct dataset_choices       choices;
    struct dataset_rows          rows;
    struct digest                digest;
    const struct dataset_source *base;  /* NULL: nothing is appended to */
    uint64_t                     bytes; /* as they came           */
    uint64_t                     plain; /* without gzip           */
    uint64_t                     max_bytes;

    /* The part under way; CSV and JSON are one part without a name. */
    bool           is_open;
    bool           is_known; /* gzip or not                     */
    unsigned char  head[2];  /* until it is                     */
    size_t         n_head;
    struct gunzip *gunzip; /* NULL: the bytes are plain already */
    union {
        struct dataset_csv    csv;
        struct dataset_ndjson ndjson;
        struct dataset_json   json;
        struct dataset_array  array;
    } reader;

    /* DATASET_ARRAYS */
    size_t   part; /* under way, in part_names */
    bool     seen[COUNT_OF(part_names)];
    uint64_t n_rows[COUNT_OF(part_names)];
};

/* What a file's name says of its form. */
static enum dataset_format
format_of(const char *filename)
{
    /* clang-format off */
    static const struct {
        const char         *ending;
        enum dataset_format format;
    } endings[] = {
        { ".ndjson", DATASET_NDJSON }, { ".ndjson.gz", DATASET_NDJSON },
        { ".jsonl",  DATASET_NDJSON }, { ".jsonl.gz",  DATASET_NDJSON },
        { ".json",   DATASET_JSON },   { ".json.gz",   DATASET_JSON },
    };
    /* clang-format on */
    size_t len = filename != NULL ? strlen(filename) : 0;

    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        size_t n = strlen(endings[i].ending);

        if (len > n && strcmp(filename + len - n, endings[i].ending) == 0)
            return endings[i].format;
    }
    return DATASET_CSV;
}

static void
reader_release(struct dataset_upload *up)
{
    gunzip_free(up->gunzip);
    up->gunzip = NULL;
    if (!up->is_open)
        return;
    up->is_open = false;
    switch (up->choices.format) {
    case DATASET_CSV:
        dataset_csv_release(&up->reader.csv);
        break;
    case DATASET_NDJSON:
        dataset_ndjson_release(&up->reader.ndjson);
        break;
    case DATASET_JSON:
        dataset_json_release(&up->reader.json);
        break;
    case DATASET_ARRAYS:
        dataset_array_release(&up->reader.array);
        break;
    }
}

static void
reader_open(struct dataset_upload *up)
{
    up->is_open = true;
    up->is_known = false;
    up->n_head = 0;
    switch (up->choices.format) {
    case DATASET_CSV:
        dataset_csv_init(&up->reader.csv, &up->rows, &up->choices);
        break;
    case DATASET_NDJSON:
        dataset_ndjson_init(&up->reader.ndjson, &up->rows, &up->choices);
        break;
    case DATASET_JSON:
        dataset_json_init(&up->reader.json, &up->rows, &up->choices);
        break;
    case DATASET_ARRAYS:
        dataset_array_init(&up->reader.array, part_names[up->part], &up->rows);
        break;
    }
}

enum err
dataset_upload_new(const struct dataset_upload_options *options,
                   dataset_chunk_fn sink, void *arg,
                   struct dataset_upload **out, struct errinfo *e)
{
    struct dataset_upload *up = mem_array(1, sizeof(*up), 0);
    enum err               rc;

    if (up == NULL)
        return DATASET_NOMEM(e);
    dataset_rows_init(&up->rows, sink, arg);
    if (options->limits != NULL)
        up->rows.limits = *options->limits;
    digest_init(&up->digest);
    up->max_bytes = options->max_bytes;
    rc = dataset_choices_parse(options, &up->choices, e);
    if (rc != ERR_OK) {
        dataset_upload_free(up);
        return rc;
    }
    if (options->format != DATASET_ARRAYS)
        reader_open(up);
    *out = up;
    return ERR_OK;
}

void
dataset_upload_free(struct dataset_upload *up)
{
    if (up == NULL)
        return;
    reader_release(up);
    dataset_rows_release(&up->rows);
    dataset_choices_release(&up->choices);
    free(up);
}

/* Is it a dataset of inputs and targets? */
static bool
is_pair(const struct dataset_meta *meta)
{
    if (meta->n_columns != COUNT_OF(part_names))
        return false;
    for (size_t i = 0; i < COUNT_OF(part_names); i++)
        if (strcmp(meta->column[i].name, part_names[0]) != 0 &&
            strcmp(meta->column[i].name, part_names[1]) != 0)
            return false;
    return true;
}

/* What was there before the rows of the file: a reader of JSON sees which of the
 * two it is. */
static enum err
resume_file(struct dataset_upload *up, struct errinfo *e)
{
    up->rows.skips = up->choices.skips;
    if (up->choices.format == DATASET_JSON && is_pair(up->base->meta)) {
        up->rows.base = up->base;
        return ERR_OK;
    }
    return dataset_rows_resume(&up->rows, up->base, e);
}

enum err
dataset_upload_resume(struct dataset_upload       *up,
                      const struct dataset_source *base, struct errinfo *e)
{
    up->base = base;
    up->choices.has_task = true;
    up->choices.task = base->meta->task;
    up->bytes = base->meta->bytes;
    digest_update(&up->digest, base->meta->sha256, sizeof(base->meta->sha256));
    if (up->choices.format ==
        DATASET_ARRAYS) /* its parts will tell what it is */
        return ERR_OK;
    return resume_file(up, e);
}

void
dataset_upload_chunk_floats(struct dataset_upload *up, size_t n)
{
    up->rows.chunk_floats = n;
}

/* --- bytes ---------------------------------------------------------------- */

static enum err
feed_plain(void *arg, const void *p, size_t n, struct errinfo *e)
{
    struct dataset_upload *up = arg;

    up->plain += n;
    if (up->max_bytes > 0 && up->plain > up->max_bytes)
        return err_set(e, ERR_LIMIT, "",
                       "the dataset has more than %" PRIu64 " bytes, the most "
                       "this server takes",
                       up->max_bytes);
    switch (up->choices.format) {
    case DATASET_CSV:
        return dataset_csv_feed(&up->reader.csv, p, n, e);
    case DATASET_NDJSON:
        return dataset_ndjson_feed(&up->reader.ndjson, p, n, e);
    case DATASET_JSON:
        return dataset_json_feed(&up->reader.json, p, n, e);
    case DATASET_ARRAYS:
        return dataset_array_feed(&up->reader.array, p, n, e);
    }
    return ERR_OK;
}

static enum err
feed_part(struct dataset_upload *up, const void *p, size_t n, struct errinfo *e)
{
    if (up->gunzip != NULL)
        return gunzip_feed(up->gunzip, p, n, e);
    return feed_plain(up, p, n, e);
}

/* Two bytes, or the end, tell whether this is gzip. */
static enum err
settle_coding(struct dataset_upload *up, struct errinfo *e)
{
    up->is_known = true;
    if (up->n_head == 2 && up->head[0] == GZIP_FIRST &&
        up->head[1] == GZIP_SECOND) {
        enum err rc = gunzip_new(feed_plain, up, 0, &up->gunzip, e);

        if (rc != ERR_OK)
            return rc;
    }
    return feed_part(up, up->head, up->n_head, e);
}

enum err
dataset_upload_feed(struct dataset_upload *up, const void *p, size_t len,
                    struct errinfo *e)
{
    const unsigned char *u = p, *end = u + len;

    if (len == 0)
        return ERR_OK;
    if (!up->is_open)
        return err_set(e, ERR_INVALID, "",
                       "found bytes outside the files inputs and targets");
    digest_update(&up->digest, p, len);
    up->bytes += len;
    while (!up->is_known && u < end) {
        up->head[up->n_head++] = *u++;
        if (up->n_head == 2 || up->head[0] != GZIP_FIRST) {
            enum err rc = settle_coding(up, e);

            if (rc != ERR_OK)
                return rc;
        }
    }
    return u < end ? feed_part(up, u, (size_t)(end - u), e) : ERR_OK;
}

/* --- parts ---------------------------------------------------------------- */

static enum err
end_part(struct dataset_upload *up, uint64_t *out_n_rows, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (!up->is_known)
        rc = settle_coding(up, e);
    if (rc == ERR_OK && up->gunzip != NULL)
        rc = gunzip_end(up->gunzip, e);
    if (rc != ERR_OK)
        return rc;
    switch (up->choices.format) {
    case DATASET_CSV:
        rc = dataset_csv_end(&up->reader.csv, out_n_rows, e);
        break;
    case DATASET_NDJSON:
        rc = dataset_ndjson_end(&up->reader.ndjson, out_n_rows, e);
        break;
    case DATASET_JSON:
        rc = dataset_json_end(&up->reader.json, out_n_rows, e);
        break;
    case DATASET_ARRAYS:
        rc = dataset_array_end(&up->reader.array, out_n_rows, e);
        break;
    }
    reader_release(up);
    return rc;
}

/* A table in a part of its own is as if it were the whole body. */
static enum err
begin_file(struct dataset_upload *up, const char *filename, struct errinfo *e)
{
    if (up->is_open || up->choices.format != DATASET_ARRAYS || up->seen[0] ||
        up->seen[1])
        return err_set(e, ERR_INVALID, "file",
                       "stands beside other parts; expected one file, or the "
                       "files inputs and targets");
    up->choices.format = format_of(filename);
    reader_open(up);
    return up->base != NULL ? resume_file(up, e) : ERR_OK;
}

enum err
dataset_upload_part(struct dataset_upload *up, const char *name,
                    const char *filename, struct errinfo *e)
{
    size_t   i = 0;
    enum err rc;

    if (up->base != NULL && strcmp(name, "file") != 0 &&
        !is_pair(up->base->meta))
        return err_set(e, ERR_INVALID, name,
                       "rows for a table come in a part called file");
    if (strcmp(name, "file") == 0 || up->choices.format != DATASET_ARRAYS)
        return begin_file(up, filename, e);
    if (up->is_open) {
        rc = end_part(up, &up->n_rows[up->part], e);
        if (rc != ERR_OK)
            return rc;
    }
    while (i < COUNT_OF(part_names) && strcmp(name, part_names[i]) != 0)
        i++;
    if (i == COUNT_OF(part_names))
        return err_set(e, ERR_INVALID, name,
                       "there is no such part; expected inputs and targets, or "
                       "file");
    if (up->seen[i])
        return err_set(e, ERR_INVALID, name, "is there twice");
    rc = dataset_choices_check_arrays(&up->choices, e);
    if (rc != ERR_OK)
        return rc;
    up->seen[i] = true;
    up->part = i;
    up->rows.base = up->base;
    reader_open(up);
    return ERR_OK;
}

static enum err
end_arrays(struct dataset_upload *up, uint64_t *out_n_rows, struct errinfo *e)
{
    if (up->is_open) {
        enum err rc = end_part(up, &up->n_rows[up->part], e);

        if (rc != ERR_OK)
            return rc;
    }
    for (size_t i = 0; i < COUNT_OF(part_names); i++)
        if (!up->seen[i])
            return err_set(e, ERR_INVALID, part_names[i],
                           "is missing; expected the files inputs and targets");
    if (up->n_rows[0] != up->n_rows[1])
        return err_set(e, ERR_INVALID, "targets",
                       "there are %" PRIu64 " targets for %" PRIu64
                       " rows of inputs",
                       up->n_rows[1], up->n_rows[0]);
    *out_n_rows = up->n_rows[0];
    return ERR_OK;
}

enum err
dataset_upload_end(struct dataset_upload *up, struct dataset_meta *out,
                   struct errinfo *e)
{
    uint64_t n_rows = 0;
    enum err rc;

    if (up->choices.format == DATASET_ARRAYS)
        rc = end_arrays(up, &n_rows, e);
    else
        rc = end_part(up, &n_rows, e);
    if (rc == ERR_OK)
        rc = dataset_targets_settle(&up->rows, &up->choices, n_rows, out, e);
    if (rc != ERR_OK)
        return rc;
    out->bytes = up->bytes;
    digest_final(&up->digest, out->sha256);
    return ERR_OK;
}
