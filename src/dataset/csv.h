/*
 * csv.h - what csv.c and csv_row.c share: bytes find cells, cells make rows
 */
#ifndef DATASET_CSV_H
#define DATASET_CSV_H

#include "dataset/readers.h"

/* --- csv_row.c ------------------------------------------------------------ */

/* A cell is whole: s[0..len), or csv->cell with that at its end. */
enum err dataset_csv_end_cell(struct dataset_csv *csv, const char *s,
                              size_t len, struct errinfo *e);
/* All cells of the row are there. */
enum err dataset_csv_end_row(struct dataset_csv *csv, struct errinfo *e);

/* --- csv_plain.c ---------------------------------------------------------- */

/* Before a row: take as many whole rows of plain numbers as there are, and move
 * *p behind them. */
enum err dataset_csv_plain_rows(struct dataset_csv *csv, const char **p,
                                const char *end, struct errinfo *e);

#endif
