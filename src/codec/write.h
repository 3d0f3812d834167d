/*
 * write.h - members of a JSON object, appended to a buffer
 *
 * Model    write_member() puts the comma and the name; a value must follow.
 *          Objects begin with write_begin(), which forgets the comma.
 */
#ifndef CODEC_WRITE_H
#define CODEC_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "nn/spec.h"

void write_begin(struct buf *out);
void write_end(struct buf *out);
void write_member(struct buf *out, const char *name);

void write_text(struct buf *out, const char *name, const char *text);
void write_count(struct buf *out, const char *name, uint64_t n);
/* Shortest digits; null where not finite. */
void write_double(struct buf *out, const char *name, double x);
void write_bool(struct buf *out, const char *name, bool value);
/* JSON as it is; null where NULL. */
void write_json(struct buf *out, const char *name, const char *json);
/* RFC 3339; null for 0. */
void write_time(struct buf *out, const char *name, int64_t wall_ms);
void write_shape(struct buf *out, const char *name,
                 const struct nn_shape *shape);
/* The members of a row of nn/, read from the struct they describe. */
void write_members(struct buf *out, const struct nn_member *member,
                   const void *base);

#endif
