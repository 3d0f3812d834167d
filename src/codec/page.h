/*
 * page.h - rows of a stored dataset as a client wrote them
 *
 * Model    A page: rows first to before first + n, each an object by column
 *          name: numbers, names, dates and texts, null where missing, arrays
 *          nested as their shape; what is ignored was not kept.  Chunks come in
 *          any order.
 * Owner    codec_page_new() gives a page to the caller; meta is borrowed.
 */
#ifndef CODEC_PAGE_H
#define CODEC_PAGE_H

#include "base/buf.h"
#include "dataset/meta.h"

struct codec_page;

/* Fewer than n rows where there are fewer, or they would take more than
 * max_bytes or so. */
enum err codec_page_new(const struct dataset_meta *meta, uint64_t first,
                        size_t n, size_t max_bytes, struct codec_page **out,
                        struct errinfo *e);
void     codec_page_free(struct codec_page *rows); /* NULL is fine */

/* How many rows the page will have. */
uint64_t codec_page_count(const struct codec_page *rows);
/* One of the chunks that have them. */
enum err codec_page_chunk(struct codec_page *rows, const void *p, size_t len,
                          struct errinfo *e);
/* {"data": [...], "next": N or null} */
enum err codec_page_format(struct codec_page *rows, struct buf *out,
                           struct errinfo *e);

#endif
