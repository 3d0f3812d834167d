/*
 * schema.h - JSON Schemas of what we read, for the OpenAPI document
 *
 * Model    {"NetworkRequest": …, "JobRequest": …, "Layer": …}: made from the
 *          tables of nn/ and of codec/, and from the readers themselves
 *          (trace.h).  References go to "#/components/schemas/".
 * Owner    The caller gets a new reference; NULL where memory is short.
 */
#ifndef CODEC_SCHEMA_H
#define CODEC_SCHEMA_H

#include <jansson.h>

json_t *codec_schemas(void);

#endif
