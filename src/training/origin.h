/*
 * origin.h - where a version came from, and whether it comes out again
 */
#ifndef TRAINING_ORIGIN_H
#define TRAINING_ORIGIN_H

#include "base/buf.h"
#include "store/store.h"

/* What made a version, as JSON: the job's spec, what "latest" meant to it, and
 * which program it was. */
void training_origin_format(const struct store_job *row, struct buf *out);

/* A job that verifies another has weights of this digest in its hands: append
 * what comes of it, as members of its result.  ERR_CONFLICT, slug
 * "origin_gone", where the other job has been deleted meanwhile. */
enum err training_verdict_format(struct store *db, const struct store_job *row,
                                 const char *sha256, struct buf *out,
                                 struct errinfo *e);

#endif
