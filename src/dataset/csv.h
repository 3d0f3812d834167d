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

#endif
