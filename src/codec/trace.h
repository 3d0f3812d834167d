/*
 * trace.h - what a reader of JSON asks for, found by letting it read
 *
 * Model    The functions of walk.h tell here, while somebody listens on the same
 *          thread, which members they were asked for and what a value must be.
 *          trace_schema() feeds a reader with documents that grow by each member
 *          it asks for, until it asks for nothing new, and makes of what it heard
 *          a JSON Schema.  So the schema is the validator's own and cannot drift
 *          from it.  What a reader looks at without the functions of walk.h, such
 *          as an object that depends on its "type", is left open.
 * Owner    trace_schema() gives a new reference; NULL where memory is short.
 * Threads  A trace belongs to the thread that made it.
 */
#ifndef CODEC_TRACE_H
#define CODEC_TRACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Is somebody listening on this thread? */
bool trace_is_on(void);

/* An object at this pointer was asked for a member; null is one of its values;
 * it must be there. */
void trace_member(const char *at, const char *name);
void trace_nullable(const char *at, const char *name);
void trace_required(const char *at, const char *name);

/* The value at this pointer must be such. */
void trace_count(const char *at, uint64_t min, uint64_t max);
void trace_double(const char *at, double min, double max, bool above_min,
                  bool below_max);
void trace_bool(const char *at);
void trace_name(const char *at);
void trace_word(const char *at, const char *(*choice)(size_t i));

/* The reader is given a document, and what it says of it does not matter. */
typedef void (*trace_reader_fn)(const char *json, size_t len);

json_t *trace_schema(trace_reader_fn reader);

/* The schemas of values, for those who have no reader: new references. */
json_t *schema_count(uint64_t min, uint64_t max);
json_t *schema_double(double min, double max, bool above_min, bool below_max);
json_t *schema_word(const char *(*choice)(size_t i));

#endif
