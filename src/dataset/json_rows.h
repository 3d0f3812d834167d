/*
 * json_rows.h - what json_document.c and json_rows.c share: the document finds
 * rows, their tokens come here one by one
 *
 * Errors   ERR_INVALID with the line and column of the token at hand.
 */
#ifndef DATASET_JSON_ROWS_H
#define DATASET_JSON_ROWS_H

#include "dataset/readers.h"

/* Inside of a table's row, json->field tokens behind its [: a cell, or the ]
 * that ends it. */
enum err dataset_json_read_cell(struct dataset_json     *json,
                                const struct json_token *t, struct errinfo *e);
/* Inside of "inputs" or "targets": all but the ] behind the last row. */
enum err dataset_json_read_array(struct dataset_json     *json,
                                 const struct json_token *t, struct errinfo *e);

/* ERR_INVALID: this token stands where something else was expected. */
enum err dataset_json_unexpected(const struct json_token *t,
                                 const char *expected, struct errinfo *e);

#endif
