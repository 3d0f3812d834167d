/*
 * choices.h - what the query of an upload asks for
 *
 * Owner    The caller's storage: start with { 0 }, end with _release().
 * Errors   ERR_MALFORMED where the query makes no sense by itself, ERR_INVALID
 *          where the columns do not fit it; where is "?types" and the like.
 */
#ifndef DATASET_CHOICES_H
#define DATASET_CHOICES_H

#include "base/err.h"
#include "dataset/rows.h"
#include "dataset/upload.h"

struct dataset_choices {
    enum dataset_format format;
    bool                header;
    bool                skips;     /* rows that are wrong                    */
    char                delimiter; /* CSV; NUL: what the first line has      */
    size_t              n_columns; /* ?columns=; 0: not given                */
    char              **column;    /* [n_columns]; "": as the file has it    */
    char               *target; /* NULL: the last column */
    size_t              n_types;
    char              **name; /* [n_types] */
    enum dataset_type  *type; /* [n_types] */
    struct dataset_grams grams; /* of columns of text                        */
    bool                has_task;
    enum dataset_task   task;
};

enum err dataset_choices_parse(const struct dataset_upload_options *options,
                               struct dataset_choices *out, struct errinfo *e);
void     dataset_choices_release(struct dataset_choices *choices);

/* Column i, called *name, may have been given another name. */
void dataset_choices_rename(const struct dataset_choices *choices, size_t i,
                            const char **name, size_t *len);

/* Types and targets of a table whose columns are all there. */
enum err dataset_choices_apply(const struct dataset_choices *choices,
                               struct dataset_rows *rows, struct errinfo *e);

/* Uploads of "inputs" and "targets" leave little to choose. */
enum err dataset_choices_check_arrays(const struct dataset_choices *choices,
                                      struct errinfo *e);

#endif
