/*
 * dataset_suites.h - the suites of check_dataset, one per file, and how they
 * upload
 *
 * Model    A body is uploaded in pieces to a list of chunks in memory, and told
 *          as a text: the task, a line a column, a line a row; or the error.
 *          A body must tell the same however its bytes are cut.
 */
#ifndef DATASET_SUITES_H
#define DATASET_SUITES_H

#include <check.h>

#include "dataset/table.h"
#include "dataset/upload.h"

Suite *suite_dataset_csv(void);
Suite *suite_dataset_forms(void);
Suite *suite_dataset_json(void);
Suite *suite_dataset_limits(void);
Suite *suite_dataset_arrays(void);
Suite *suite_dataset_chunk(void);
Suite *suite_dataset_types(void);
Suite *suite_dataset_encoder(void);
Suite *suite_dataset_encoding(void);
Suite *suite_dataset_table(void);
Suite *suite_dataset_resume(void);
Suite *suite_dataset_oom(void);

struct part {
    const char *name; /* of DATASET_ARRAYS */
    const char *p;
    size_t      len;
};

struct body {
    struct dataset_upload_options options;
    size_t                        chunk_floats; /* 0: as in real life */
    size_t                        n_parts;
    struct part                   part[2];
    const char                   *filename; /* of the parts */
};

/* How to cut each part: into pieces of `every` bytes (0: whole), and once
 * before byte `at` (0: not). */
struct cut {
    size_t every, at;
};

struct stored {
    enum err            rc;
    struct errinfo      e;
    struct dataset_meta meta; /* where rc is ERR_OK */
    size_t              n_chunks;
    char               *chunk[4096];
    size_t              len[4096];
    char              **text; /* [n_rows][row_width], once cells were told */
};

/* A CSV body with a header and no choices. */
struct body csv_body(const char *text);

void stored_put(const struct body *body, struct cut cut, struct stored *out);
/* More rows, byte by byte; s->rc tells how that went. */
void stored_append(struct stored *s, const struct body *body);
void stored_release(struct stored *s);

/* Upload a CSV that must be right. */
void stored_csv(const char *text, struct stored *out);

/* All chunks decoded: [n_rows][row_width], for free(). */
float *stored_cells(struct stored *s);

struct dataset_source stored_source(struct stored *s);

/* The text of it, for free(). */
char *stored_tell(struct stored *s);

/* Upload in every way of cutting, with blocks of real life and of one or two
 * rows, and expect this text each time; one that ends in * is a beginning. */
void expect(const struct body *body, const char *text);

#endif
