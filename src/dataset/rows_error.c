/*
 * rows_error.c - rows that are wrong: told, or dropped and counted
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataset/internal.h"
#include "dataset/rows.h"

enum err
dataset_refuse(struct errinfo *e, const struct dataset_spot *spot,
               const char *fmt, ...)
{
    char    where[64], what[512];
    va_list ap;

    snprintf(where, sizeof(where), "line %" PRIu64 ", column %" PRIu64,
             spot->line, spot->column);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, where, "%s", what);
}

enum err
dataset_rows_skip(struct dataset_rows *rows, struct errinfo *e)
{
    struct dataset_skipped *s;

    if (rows->skipped == NULL) {
        rows->skipped =
            mem_array(DATASET_MAX_SKIPPED, sizeof(*rows->skipped), 0);
        if (rows->skipped == NULL)
            return DATASET_NOMEM(e);
    }
    if (rows->n_skipped < DATASET_MAX_SKIPPED && e != NULL && e->n > 0) {
        s = &rows->skipped[rows->n_skipped];
        snprintf(s->where, sizeof(s->where), "%s", e->item[0].where);
        snprintf(s->what, sizeof(s->what), "%s", e->item[0].what);
    }
    rows->n_skipped++;
    err_clear(e);
    return ERR_OK;
}

bool
dataset_rows_are_none(const struct dataset_rows *rows)
{
    return rows->first_row == rows->n_before;
}

enum err
dataset_rows_none(const struct dataset_rows *rows, struct errinfo *e)
{
    if (rows->n_skipped > 0 && rows->skipped != NULL)
        return err_set(e, ERR_INVALID, rows->skipped[0].where,
                       "all %" PRIu64
                       " rows were skipped; the first one: %.120s",
                       rows->n_skipped, rows->skipped[0].what);
    return err_set(e, ERR_INVALID, "line 2, column 1",
                   "there is a row of names and no row of data");
}

/* --- rows for columns that are there -------------------------------------- */

enum err
dataset_rows_same(const struct dataset_rows *rows, size_t i, const char *name,
                  size_t len, const struct dataset_spot *spot,
                  struct errinfo *e)
{
    const char *expected =
        i < rows->n_columns ? rows->column[i].meta.name : NULL;

    if (expected == NULL)
        return dataset_refuse(
            e, spot, "found column '%.*s', the dataset has only %zu",
            (int)(len < 40 ? len : 40), name, rows->n_columns);
    if (strlen(expected) != len || memcmp(expected, name, len) != 0)
        return dataset_refuse(e, spot,
                              "found column '%.*s', expected '%.60s': the "
                              "dataset's columns in their order",
                              (int)(len < 40 ? len : 40), name, expected);
    return ERR_OK;
}

enum err
dataset_rows_all(const struct dataset_rows *rows, size_t n,
                 const struct dataset_spot *spot, struct errinfo *e)
{
    if (n == rows->n_columns)
        return ERR_OK;
    return dataset_refuse(e, spot, "found %zu columns, the dataset has %zu", n,
                          rows->n_columns);
}
