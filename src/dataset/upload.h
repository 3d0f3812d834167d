/*
 * upload.h - bytes of a file in, chunks of rows and a dataset_meta out
 *
 * Model    An upload has one part (CSV, NDJSON, JSON) or two (inputs, then
 *          targets, or the other way round, each .npy or IDX).  Bytes come in
 *          pieces of any size; gzip is noticed by its first bytes and undone.  Rows leave as
 *          chunks of about 1 MiB, to be stored as they are; what the columns
 *          are is known at the end.
 *            CSV   RFC 4180; the delimiter is , ; tab or |, as told, else the
 *                  one that stands most often in the first line; header row
 *                  unless told otherwise; an empty field, ? and
 *                  the words of dataset/cell.h (NA, NaN, null, …)
 *                  are missing; a line with nothing on it is no row.  A column is numeric where every present value
 *                  is a number by JSON's grammar (a leading + and ".5" too),
 *                  else categorical.
 *            NDJSON  an object a line; the first one names the columns, unless
 *                  ?columns= does.  null, or no such member: missing.
 *            JSON  {"inputs": [[…]], "targets": [[…]]}: columns "inputs" and
 *                  "targets" (a target row of one number may also be written
 *                  without its brackets); or {"columns": […], "rows": [[…]]};
 *                  or [{…}, …], an array of the objects that NDJSON has a line.
 *            IDX   LeCun's format; a rank-3 file of images gets the shape
 *                  [1, height, width].  npy: version 1 to 3, in C
 *                  or Fortran order.
 *          What a column is: numeric where every present value is a number;
 *          boolean where there are two words that say yes and no; datetime
 *          where every value is a date; text where there are more than 10,000
 *          different values, one of more than 256 bytes, or mostly different
 *          ones of three words and more; class for a numeric target of a
 *          classification; else categorical.  Or what ?types= says.
 *          Targets: as asked by name, else the last column.  The task, where
 *          not asked: classification where the only target column is
 *          categorical, or holds integers with 2 to 100 distinct values, each
 *          twice on the average.
 * Owner    dataset_upload_new() gives an upload to the caller, _free() takes it.
 * Threads  One thread at a time.
 *          More rows of a dataset that there is: its old chunks are folded first,
 *          then the new ones leave with the numbers of rows behind them, and
 *          the meta is that of all rows.  The digest is then of the digest
 *          before, as 32 bytes, and the new bytes.
 * Errors   ERR_INVALID with "line 3, column 2" (from 1; in CSV the column is
 *          the field's, in JSON the byte's) or "inputs, byte 80": what was
 *          found, what was expected.  "?types", "?target" or "?task" where the
 *          columns do not fit what the query asks.
 *          ERR_MALFORMED for gzip and JSON that are none, ERR_LIMIT with the
 *          limit.  After an error only _free() is allowed.
 * Format   A chunk: see dataset/chunk.h.
 */
#ifndef DATASET_UPLOAD_H
#define DATASET_UPLOAD_H

#include "base/err.h"
#include "dataset/chunk.h"
#include "dataset/meta.h"

enum dataset_format {
    DATASET_CSV,
    DATASET_NDJSON, /* an object a line */
    DATASET_JSON,
    DATASET_ARRAYS /* parts "inputs" and "targets", .npy or IDX; or one part
                      "file", which makes it one of the others              */
};

/* What an operator may set; each is told, with its name, where it is hit. */
struct dataset_limits {
    size_t   columns, categories; /* of one column          */
    size_t   row_bytes;           /* of a row of text       */
    uint64_t rows;
};
#define DATASET_LIMITS                                      \
    {                                                       \
        DATASET_MAX_COLUMNS, DATASET_MAX_CATEGORIES,        \
            DATASET_MAX_ROW_BYTES, DATASET_MAX_ROWS         \
    }

struct dataset_upload_options {
    enum dataset_format format;
    bool                header; /* CSV: the first row names the columns */
    const char         *target; /* names, comma between; NULL: the last column */
    const char         *types;  /* "age:numeric,id:ignored"; NULL: none        */
    const char         *task;   /* "classification", "regression"; NULL: guess */
    const char *columns;   /* names for the columns in order, comma between;
                              NDJSON: the members to take; NULL: the file's  */
    const char *delimiter; /* CSV: "," ";" "|" "tab"; NULL: found            */
    const char *text_size, *text_words, *text_characters; /* what of a text is
                              counted: "4096", "1-2", "0"; NULL: the default */
    const char *on_error;  /* "fail" or "skip" rows that are wrong; NULL: fail */
    uint64_t            max_bytes; /* plain bytes over all parts; 0: no limit  */
    const struct dataset_limits *limits; /* borrowed; NULL: the defaults     */
};

struct dataset_upload;

/* Options are copied; a bad `types` or `task` is ERR_MALFORMED naming the
 * query parameter. */
enum err dataset_upload_new(const struct dataset_upload_options *options,
                            dataset_chunk_fn sink, void *arg,
                            struct dataset_upload **out, struct errinfo *e);
void     dataset_upload_free(struct dataset_upload *up); /* NULL is fine */

/* Before the first byte: the rows to come follow those of base, which is
 * borrowed until the upload is freed.  Its columns, types, targets and task
 * stay; a CSV header must name the same columns in the same order, and arrays
 * come as base's did.  Base's chunks are read once (of arrays, twice). */
enum err dataset_upload_resume(struct dataset_upload       *up,
                               const struct dataset_source *base,
                               struct errinfo              *e);

/* DATASET_ARRAYS: the bytes that follow belong to this part: "inputs" or
 * "targets", which are arrays, or "file", a table whose form its file name (NULL:
 * none) tells: .ndjson, .jsonl, .json, else CSV.  Any other name, or one seen
 * before, is ERR_INVALID. */
enum err dataset_upload_part(struct dataset_upload *up, const char *name,
                             const char *filename, struct errinfo *e);
enum err dataset_upload_feed(struct dataset_upload *up, const void *p,
                             size_t len, struct errinfo *e);
/* All bytes are there: last chunks leave, *out is the caller's to release. */
enum err dataset_upload_end(struct dataset_upload *up, struct dataset_meta *out,
                            struct errinfo *e);

#endif
