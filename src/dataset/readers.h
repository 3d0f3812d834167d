/*
 * readers.h - the four readers: bytes of one form in, rows out
 *
 * Model    Each takes its bytes in pieces of any size and writes to the rows it
 *          was given; how the bytes are cut makes no difference.
 * Owner    The caller's storage: _init() and _release(); rows and choices are
 *          borrowed and outlive the reader.
 * Errors   As dataset/upload.h says.
 */
#ifndef DATASET_READERS_H
#define DATASET_READERS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "dataset/choices.h"
#include "dataset/line.h"
#include "dataset/rows.h"

/* --- csv.c ---------------------------------------------------------------- */


struct dataset_csv {
    struct dataset_rows          *rows;
    const struct dataset_choices *choices;
    int                           state;
    unsigned                      n_bom; /* bytes of a mark seen so far */
    bool     open;      /* the columns are known                        */
    bool     cut;       /* the cell so far is in `cell`, not in a piece */
    bool     row_is_over; /* the byte that ended it is taken            */
    bool     is_fatal;  /* an error that is not only this row's         */
    unsigned bits;      /* of all bytes of the cell, or-ed              */
    size_t   row_bytes; /* of the row so far                            */
    uint64_t line;      /* of the byte at hand                          */
    size_t   field;     /* of the row, from 0                           */
    struct dataset_spot spot; /* where the cell began                   */
    struct buf          cell;
    struct dataset_line kept; /* the first row; every one that may be
                                 dropped                                */
    char          delimiter;  /* NUL: not found yet                     */
    unsigned char stops[256]; /* what ends a run of bytes               */

    /* Until the delimiter is found: the first line so far, and how often
     * each of the four that it may be stands in it. */
    struct buf head;
    size_t     n_found[4];
    bool       in_quotes;
};

void dataset_csv_init(struct dataset_csv *csv, struct dataset_rows *rows,
                      const struct dataset_choices *choices);
void dataset_csv_release(struct dataset_csv *csv);
enum err dataset_csv_feed(struct dataset_csv *csv, const char *p, size_t n,
                          struct errinfo *e);
enum err dataset_csv_end(struct dataset_csv *csv, uint64_t *out_n_rows,
                         struct errinfo *e);

/* --- ndjson.c -------------------------------------------------------------- */

struct dataset_ndjson {
    struct dataset_rows          *rows;
    const struct dataset_choices *choices;
    struct json_reader            reader; /* of one line                     */
    bool                          open;   /* the columns are known           */
    bool                          named;  /* ?columns= told them             */
    bool                          is_blank; /* nothing on this line yet      */
    bool                          skipping; /* what is left of it            */
    int                           state;
    uint64_t                      line;
    uint64_t                      row; /* of objects, from 1                 */
    size_t                        line_bytes;
    size_t                        column; /* of the member being read        */
    size_t                        n_marks;
    uint64_t *seen; /* [n_marks] by column: the row that has it              */
    struct dataset_line kept;
};

void     dataset_ndjson_init(struct dataset_ndjson *nd, struct dataset_rows *rows,
                             const struct dataset_choices *choices);
void     dataset_ndjson_release(struct dataset_ndjson *nd);
enum err dataset_ndjson_feed(struct dataset_ndjson *nd, const char *p, size_t n,
                             struct errinfo *e);
enum err dataset_ndjson_end(struct dataset_ndjson *nd, uint64_t *out_n_rows,
                            struct errinfo *e);

/* In place of _feed() and _end(), where the objects are elements of an array
 * that somebody else reads: its tokens, from a { on.  Bad ones are not skipped. */
enum err dataset_ndjson_element(struct dataset_ndjson *nd,
                                const struct json_token *t, struct errinfo *e);
/* Is the next token the { of an object, or the array's end? */
bool     dataset_ndjson_is_between(const struct dataset_ndjson *nd);

/* --- json_document.c and json_rows.c -------------------------------------- */

enum dataset_member {
    DATASET_MEMBER_INPUTS,
    DATASET_MEMBER_TARGETS,
    DATASET_MEMBER_COLUMNS,
    DATASET_MEMBER_ROWS,
    DATASET_MEMBER_COUNT
};

struct dataset_json {
    struct dataset_rows          *rows;
    const struct dataset_choices *choices;
    struct json_reader            reader;
    int                           state;
    enum dataset_member           member; /* being read */
    bool                          seen[DATASET_MEMBER_COUNT];
    uint64_t                      n_rows[DATASET_MEMBER_COUNT];
    size_t                        field; /* of a table's row */
    struct dataset_ndjson         objects; /* rows as objects */
    uint64_t                      n_objects;
    bool                          is_objects;

    /* An array's row: its shape is known when the first one has ended. */
    bool       shaped;
    size_t     rank;  /* 0: not known yet                          */
    size_t     level; /* arrays open, the row's own counted        */
    size_t     dim[DATASET_MAX_RANK];   /* 0: not known yet        */
    size_t     count[DATASET_MAX_RANK]; /* elements at each level  */
    size_t     n_cells;                 /* of the row so far       */
    struct buf first;                   /* floats of the first row */
};

void     dataset_json_init(struct dataset_json *json, struct dataset_rows *rows,
                           const struct dataset_choices *choices);
void     dataset_json_release(struct dataset_json *json);
enum err dataset_json_feed(struct dataset_json *json, const char *p, size_t n,
                           struct errinfo *e);
enum err dataset_json_end(struct dataset_json *json, uint64_t *out_n_rows,
                          struct errinfo *e);

/* --- array.c and array_head.c --------------------------------------------- */

enum dataset_element {
    DATASET_U8,
    DATASET_I8,
    DATASET_U16,
    DATASET_I16,
    DATASET_U32,
    DATASET_I32,
    DATASET_U64,
    DATASET_I64,
    DATASET_F32,
    DATASET_F64
};

/* What the head of a file says. */
struct dataset_array_head {
    enum dataset_element element;
    size_t               size; /* bytes of an element */
    bool                 big_endian;
    bool                 fortran; /* the first dimension runs fastest */
    size_t               rank; /* of the whole, rows included */
    uint64_t             dim[DATASET_MAX_RANK + 1];
    bool                 is_idx;
};

/* How many bytes the head has, judged by the first n of them: more than n
 * where they do not tell yet. */
enum err dataset_array_head_size(const char *name, const unsigned char *p,
                                 size_t n, size_t *out, struct errinfo *e);
/* Read a head whose bytes are all there. */
enum err dataset_array_head_parse(const char *name, const unsigned char *p,
                                  size_t n, struct dataset_array_head *out,
                                  struct errinfo *e);

/* n elements of such a file, from p on, as float32. */
void dataset_array_convert(const struct dataset_array_head *head,
                           const unsigned char *p, size_t n, float *out);

struct dataset_array {
    struct dataset_rows      *rows;
    const char               *name; /* "inputs" or "targets" */
    struct buf                bytes; /* the head as far as it is there */
    bool                      open;  /* it was all there               */
    struct dataset_array_head head;
    uint64_t                  offset; /* bytes of the file so far      */
    uint64_t                  n_rows; /* still to come                 */
    size_t                    n_cells; /* of the row so far            */
    unsigned char             part[8]; /* an element that was cut      */
    size_t                    n_part;
    /* Fortran order: all of it, as it came; NULL otherwise. */
    float *whole;
    size_t n_whole;
};

void     dataset_array_init(struct dataset_array *array, const char *name,
                            struct dataset_rows *rows);
void     dataset_array_release(struct dataset_array *array);
enum err dataset_array_feed(struct dataset_array *array, const unsigned char *p,
                            size_t n, struct errinfo *e);
enum err dataset_array_end(struct dataset_array *array, uint64_t *out_n_rows,
                           struct errinfo *e);

#endif
