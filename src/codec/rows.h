/*
 * rows.h - rows of a stored dataset as a client wrote them
 *
 * Model    A page: rows first to before first + n, each an object by column
 *          name: numbers, names, dates and texts, null where missing, arrays
 *          nested as their shape; what is ignored was not kept.  Chunks come in
 *          any order.
 * Owner    codec_rows_new() gives a page to the caller; meta is borrowed.
 */
#ifndef CODEC_ROWS_H
#define CODEC_ROWS_H

#include "base/buf.h"
#include "dataset/meta.h"

struct codec_rows;

/* Fewer than n rows where there are fewer, or they would take more than
 * max_bytes or so. */
enum err codec_rows_new(const struct dataset_meta *meta, uint64_t first,
                        size_t n, size_t max_bytes, struct codec_rows **out,
                        struct errinfo *e);
void     codec_rows_free(struct codec_rows *rows); /* NULL is fine */

/* How many rows the page will have. */
uint64_t codec_rows_count(const struct codec_rows *rows);
/* One of the chunks that have them. */
enum err codec_rows_chunk(struct codec_rows *rows, const void *p, size_t len,
                          struct errinfo *e);
/* {"data": [...], "next": N or null} */
enum err codec_rows_format(struct codec_rows *rows, struct buf *out,
                           struct errinfo *e);

#endif
