/*
 * rows.h - columns and chunks in the making: what every reader writes to
 *
 * Model    A reader names the columns of a part (_add), begins the part, and
 *          for each row writes its cells and then calls _next.  Rows are
 *          gathered in one block; a full block is folded into what is known of
 *          its columns (numbers, distinct values) and leaves as a chunk.
 *          A column holds numbers until a cell of it is none.  Then the block
 *          leaves as it is, its distinct numbers become the first categories,
 *          and the row under way opens the next block.  Likewise names become
 *          texts where there are too many of them, or one is too long.
 * Owner    The caller's storage: dataset_rows_init() and _release().
 * Errors   ERR_INVALID with the place that the reader gives.
 */
#ifndef DATASET_ROWS_H
#define DATASET_ROWS_H

#include "base/buf.h"
#include "base/err.h"
#include "dataset/distinct.h"
#include "dataset/meta.h"
#include "dataset/sample.h"
#include "dataset/texts.h"
#include "dataset/upload.h"

/* Floats of a block: 1 MiB. */
#define DATASET_CHUNK_FLOATS ((size_t)256 * 1024)
/* Distinct numbers remembered over all input columns: 64 MiB or so.  A column
 * beyond that can no longer turn categorical. */
#define DATASET_MAX_DISTINCT ((size_t)1 << 22)

/* Bytes of a block's texts; with more it leaves before it is full. */
#define DATASET_CHUNK_TEXT ((size_t)1 << 20)

/* A column in the making.  meta.type is what its cells are for now: numbers
 * may become names, names texts; what they mean is settled at the end. */
struct dataset_draft {
    struct dataset_column meta;
    bool                  chosen; /* its type was, by ?types= */
    bool                  too_many; /* distinct numbers: the set is gone */
    bool                  all_dates; /* texts: each of them so far       */
    struct dataset_floats seen;     /* numbers…                          */
    uint32_t *byte_count; /* [256] …of which 0 to 255 are counted here; NULL:
                             there was none                              */
    struct dataset_names  names;    /* categories…                       */
    uint64_t             *count;    /* [n_counts] …and how often         */
    size_t                n_counts;
    uint64_t              present;  /* numbers; their mean is meta.mean  */
    double                m2;       /* sum of (x - mean)^2               */
};

struct dataset_rows {
    dataset_chunk_fn sink;
    void            *sink_arg;
    size_t           chunk_floats;
    struct dataset_limits limits;

    size_t                n_columns, capacity;
    struct dataset_draft *column;
    /* The two things a reader needs for each cell, packed. */
    uint8_t              *type; /* enum dataset_type                    */
    uint32_t             *at;   /* place of its first float in the part */
    struct dataset_names  names;
    size_t                row_width; /* all columns           */
    size_t                n_distinct; /* input columns        */
    size_t                name_bytes; /* of all categories    */
    struct dataset_grams  grams;      /* of columns of text   */

    /* The part under way: columns first to n_columns. */
    size_t     first, width;
    size_t     max_rows; /* of a block                   */
    float     *cell;     /* [max_rows][width]            */
    float     *row;      /* the one being written, in it */
    float     *gathered; /* [max_rows] of one column     */
    size_t     n_rows;   /* complete, in this block      */
    uint64_t   first_row;
    uint64_t   n_before; /* rows that were there already: see resume.c */
    const struct dataset_source *base; /* arrays that more is added to; borrowed;
                                          NULL: none                     */
    struct buf chunk, text;
    struct dataset_texts  texts, spare; /* the block's                  */
    bool                  has_texts;    /* a column of them             */
    bool                  has_others;   /* than numbers of width 1      */
    uint32_t             *local; /* [n_local] a category's place in it  */
    size_t                n_local;
    struct dataset_sample sample;

    /* Rows that were dropped, where that is asked for: how many, and why the
     * first ones were. */
    bool                    skips;
    uint64_t                n_skipped;
    struct dataset_skipped *skipped; /* [DATASET_MAX_SKIPPED] */
};

/* Where a cell stands, for errors. */
struct dataset_spot {
    uint64_t line, column;
};

void dataset_rows_init(struct dataset_rows *rows, dataset_chunk_fn sink,
                       void *arg);
void dataset_rows_release(struct dataset_rows *rows);

/* Add a numeric column; rank 0 takes no dim.  An error's where is `where`. */
enum err dataset_rows_add(struct dataset_rows *rows, const char *name,
                          size_t len, size_t rank, const size_t *dim,
                          const char *where, struct errinfo *e);

/* ?types= says so; before the part begins. */
void dataset_rows_choose(struct dataset_rows *rows, size_t column,
                         enum dataset_type type);

/* All columns of the part, from `first`, are there. */
enum err dataset_rows_begin(struct dataset_rows *rows, size_t first,
                            struct errinfo *e);

/* The columns and all rows of base are there: what follows is more of it. */
enum err dataset_rows_resume(struct dataset_rows         *rows,
                             const struct dataset_source *base,
                             struct errinfo              *e);
/* The same of the next array of base, whose rows have this shape: the part
 * begins behind its rows. */
enum err dataset_rows_resume_array(struct dataset_rows *rows, const char *name,
                                   size_t rank, const size_t *dim,
                                   struct errinfo *e);
/* The block's complete rows into what is known of their columns. */
enum err dataset_rows_fold(struct dataset_rows *rows, struct errinfo *e);

/* How often number k of those seen was there. */
uint64_t dataset_draft_count(const struct dataset_draft *col, size_t k);

/* What a column holds from the next row on. */
void dataset_rows_turn(struct dataset_rows *rows, size_t column,
                       enum dataset_type type);

/* The cell of a column of width 1: a number or a name, or nothing. */
enum err dataset_rows_text(struct dataset_rows *rows, size_t column,
                           const char *s, size_t len,
                           const struct dataset_spot *spot, struct errinfo *e);
enum err dataset_rows_missing(struct dataset_rows *rows, size_t column,
                              const struct dataset_spot *spot,
                              struct errinfo *e);

/* Could such a cell be written?  s NULL: a missing one.  Nothing is changed. */
enum err dataset_rows_check(const struct dataset_rows *rows, size_t column,
                            const char *s, size_t len,
                            const struct dataset_spot *spot, struct errinfo *e);

/* The row under way is dropped for the reason in e, which is cleared. */
enum err dataset_rows_skip(struct dataset_rows *rows, struct errinfo *e);
/* Did none come, or none that was kept? */
bool     dataset_rows_are_none(const struct dataset_rows *rows);
/* Set e to what an upload without a row gets to hear. */
enum err dataset_rows_none(const struct dataset_rows *rows, struct errinfo *e);

/* Rows are added to columns that are there: is column i called so, are all of
 * them named? */
enum err dataset_rows_same(const struct dataset_rows *rows, size_t i,
                           const char *name, size_t len,
                           const struct dataset_spot *spot, struct errinfo *e);
enum err dataset_rows_all(const struct dataset_rows *rows, size_t n,
                          const struct dataset_spot *spot, struct errinfo *e);

/* The row is complete. */
enum err dataset_rows_next(struct dataset_rows *rows, struct errinfo *e);

/* The part is: its last chunk leaves.  *out_n rows it had. */
enum err dataset_rows_end(struct dataset_rows *rows, uint64_t *out_n,
                          struct errinfo *e);

/* The complete rows of the block leave; one under way moves to the front. */
enum err dataset_rows_flush(struct dataset_rows *rows, struct errinfo *e);

/* Names of the block's complete rows become texts of it. */
enum err dataset_rows_name(struct dataset_rows *rows, struct errinfo *e);

/* The row under way has so many bytes: are they too many? */
enum err dataset_rows_check_bytes(const struct dataset_rows *rows, size_t n,
                                  const struct dataset_spot *spot,
                                  struct errinfo            *e);

/* Set e to ERR_INVALID at "line 3, column 2". */
enum err dataset_refuse(struct errinfo *e, const struct dataset_spot *spot,
                        const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
