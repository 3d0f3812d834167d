/*
 * json_memory.h - jansson when memory is short
 *
 * Model    jansson 2.14 does not look whether its buffers could grow: where
 *          they could not, it writes behind them.  So its allocations never
 *          fail: what malloc() refuses comes from a reserve that is made at the
 *          start, and no text is read for which there is no memory in sight.
 * Threads  Any, after codec_json_init(), which comes before there are others.
 */
#ifndef CODEC_JSON_MEMORY_H
#define CODEC_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void codec_json_init(void);

/* Is there memory in sight to read a text of len bytes? */
bool codec_json_has_room(size_t len);

/* For texts that jansson made: json_dumps(). */
void codec_json_free(void *p);

#endif
