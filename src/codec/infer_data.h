/*
 * infer_data.h - the numbers of a tensor in JSON, without a tree
 *
 * Model    {"inputs": [{…, "data": [1, [2, 3], …]}], …}: the array is read
 *          straight into floats, flat, and what is left of the text, with []
 *          in its place, is small enough for a tree.  An array that has
 *          anything but numbers and arrays is left where it is.
 * Owner    infer_data_release(); the caller may take x.
 */
#ifndef CODEC_INFER_DATA_H
#define CODEC_INFER_DATA_H

#include "base/buf.h"
#include "base/err.h"

struct infer_data {
    float     *x; /* [n]; NULL: there is no such array */
    size_t     n, capacity;
    struct buf rest; /* the text without it */
};

/* ERR_NOMEM only: what is no JSON is found by whoever reads the rest. */
enum err infer_data_read(const char *text, size_t len, struct infer_data *out,
                         struct errinfo *e);
void     infer_data_release(struct infer_data *data);

#endif
