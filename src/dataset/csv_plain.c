/*
 * csv_plain.c - rows of nothing but plain numbers, read at a stretch
 *
 * Most large files are such rows.  Here a number is read where it lies, with
 * one look at each byte; whatever is not a whole row of plain numbers, or of
 * nothing where a number may be missing, is left to the reader of all forms,
 * which so has every error to itself.
 */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "dataset/csv.h"
#include "dataset/internal.h"

/* The number at s, as num_read_float() has it; what pictures and codes are made
 * of, a digit or three, is read without the general machinery. */
static inline const char *
read_number(const char *s, float *out)
{
    unsigned a = (unsigned char)s[0] - (unsigned)'0', b, c;

    if (a > 9)
        return num_read_float(s, out);
    b = (unsigned char)s[1] - (unsigned)'0';
    if (b > 9 && s[1] != '.' && s[1] != 'e' && s[1] != 'E') {
        *out = (float)a;
        return s + 1;
    }
    if (a == 0 || b > 9)
        return num_read_float(s, out);
    c = (unsigned char)s[2] - (unsigned)'0';
    if (c > 9 && s[2] != '.' && s[2] != 'e' && s[2] != 'E') {
        *out = (float)(10 * a + b);
        return s + 2;
    }
    if (c > 9 || (unsigned char)s[3] - (unsigned)'0' <= 9 || s[3] == '.' ||
        s[3] == 'e' || s[3] == 'E')
        return num_read_float(s, out);
    *out = (float)(100 * a + 10 * b + c);
    return s + 3;
}

/* One row, which ends at a line feed that is there.  The byte behind it; NULL:
 * it is no such row. */
static const char *
read_row(const struct dataset_rows *rows, char delimiter, const char *p)
{
    float *x = rows->row;

    for (size_t i = 0; i < rows->n_columns; i++) {
        bool is_last = i + 1 == rows->n_columns;

        if (*p == delimiter && !rows->column[i].meta.is_target)
            x[i] = NAN;
        else
            p = read_number(p, &x[i]);
        if (p == NULL)
            return NULL;
        if (is_last && *p == '\r')
            p++;
        if (*p != (is_last ? '\n' : delimiter))
            return NULL;
        p++;
    }
    return p;
}

enum err
dataset_csv_plain_rows(struct dataset_csv *csv, const char **p, const char *end,
                       struct errinfo *e)
{
    struct dataset_rows *rows = csv->rows;
    enum err             rc = ERR_OK;

    if (!csv->open || rows->skips || rows->has_others)
        return ERR_OK;
    /* Behind the last line feed a number could be cut in two. */
    end = memrchr(*p, '\n', (size_t)(end - *p));
    while (end != NULL && *p <= end && rc == ERR_OK) {
        const char *next = read_row(rows, csv->delimiter, *p);

        if (next == NULL || (size_t)(next - *p) > rows->limits.row_bytes)
            break;
        *p = next;
        csv->line++;
        rc = dataset_rows_next(rows, e);
    }
    return rc;
}
