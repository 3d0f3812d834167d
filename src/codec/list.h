/*
 * list.h - the shape of every list: {"data": [...], "next": X}
 */
#ifndef CODEC_LIST_H
#define CODEC_LIST_H

#include <stdint.h>

#include "base/buf.h"

void codec_list_begin(struct buf *out);
/* Before element i. */
void codec_list_next(struct buf *out, size_t i);
/* next is the last name or number shown where more follows; NULL, or negative,
 * at the end. */
void codec_list_end_name(struct buf *out, const char *next);
void codec_list_end_number(struct buf *out, int64_t next);

#endif
