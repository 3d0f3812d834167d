/*
 * predict_row.h - inside codec/: one row of a prediction's body, token by token
 *
 * Model    A row is an array, flat or nested as input_shape, or an object by
 *          the names of the columns; its numbers go straight to where raw rows
 *          are (dataset/encoder.h).  What is wrong with a row is told, and the
 *          rows behind it are read for what is wrong with them.
 */
#ifndef CODEC_PREDICT_ROW_H
#define CODEC_PREDICT_ROW_H

#include "base/json.h"
#include "codec/predict.h"

#define PREDICT_POINTER_SIZE 96

/* Where in the document the reader is. */
enum predict_place {
    AT_START,  /* before the document                   */
    IN_TOP,    /* among its members                     */
    IN_INPUTS, /* between rows                          */
    IN_ARRAY,  /* in a row that is an array             */
    IN_OBJECT, /* in a row that is an object            */
    IN_COLUMN, /* in the array of a column of an object */
    SKIPPING,  /* no object: only its syntax is of interest */
    AT_END
};

struct predict_reader {
    struct codec_predict         *out;
    const struct dataset_encoder *enc;  /* or NULL */
    size_t                        rank; /* of the network's inputs */
    enum predict_place            place;
    char                          member[16]; /* of the document: what comes */
    bool                          seen_inputs, seen_version;
    size_t                        capacity; /* rows raw has room for */
    float                        *row;      /* being filled          */
    size_t                        count;    /* numbers of it so far  */
    size_t                        element;  /* of an array, from 0   */
    unsigned                      depth;    /* brackets open in it   */
    const struct dataset_input   *column;   /* IN_OBJECT, IN_COLUMN  */
    size_t                        next;     /* column, where in order */
    bool                          is_wrong; /* the row: all is said  */
    bool                          skips;    /* the value that comes  */
    unsigned                      skipped;  /* brackets open in one  */
    size_t                        n_wrong;  /* mistakes told         */
    /* [n_inputs + n_targets]: in which row each was last, from 1; NULL: in
     * none */
    size_t *named;
};

/* Told; at is a JSON Pointer. */
void predict_wrong(struct predict_reader *r, struct errinfo *e, const char *at,
                   const char *what);
/* The pointer of this column of the row, "/inputs/3/age", or for NULL of this
 * element, "/inputs/3/0". */
void predict_row_pointer(const struct predict_reader *r, const char *name,
                         char out[PREDICT_POINTER_SIZE]);
/* Is this token one of a value that is passed over? */
bool predict_skips(struct predict_reader *r, const struct json_token *t);

/* The token that begins a row, and those within it.  An error ends the reading;
 * mistakes are counted in r->n_wrong. */
enum err predict_row_begin(struct predict_reader *r, const struct json_token *t,
                           struct errinfo *e);
enum err predict_row_take(struct predict_reader *r, const struct json_token *t,
                          struct errinfo *e);

/* predict_names.c: a key of a row that is an object.  Where it names an input,
 * r->column and r->count are that column's; else its value is passed over. */
enum err predict_row_key(struct predict_reader *r, const struct json_token *t,
                         struct errinfo *e);

#endif
