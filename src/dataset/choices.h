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
    char               *target; /* NULL: the last column */
    size_t              n_types;
    char              **name; /* [n_types] */
    enum dataset_type  *type; /* [n_types] */
    bool                has_task;
    enum dataset_task   task;
};

enum err dataset_choices_parse(const struct dataset_upload_options *options,
                               struct dataset_choices *out, struct errinfo *e);
void     dataset_choices_release(struct dataset_choices *choices);

/* Types and targets of a table whose columns are all there. */
enum err dataset_choices_apply(const struct dataset_choices *choices,
                               struct dataset_rows *rows, struct errinfo *e);

/* Uploads of "inputs" and "targets" leave little to choose. */
enum err dataset_choices_check_arrays(const struct dataset_choices *choices,
                                      struct errinfo *e);

#endif
