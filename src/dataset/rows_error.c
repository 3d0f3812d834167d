/*
 * rows_error.c - rows that are wrong: told, or dropped and counted
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

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
