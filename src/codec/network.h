/*
 * network.h - networks, versions and weights to and from JSON
 *
 * Model    A spec is stored as the complete JSON of API.md (every default filled
 *          in: input_shape, layers, loss, seed) and read back by the same code
 *          that reads a client's. Unknown members are mistakes; all mistakes are
 *          told at once, each with its pointer, range and what was found.
 * Owner    Parsed structs are plain data.  Formatters append to the caller's
 *          buffer.
 * Errors   ERR_MALFORMED: not JSON (line and column); ERR_INVALID otherwise.
 */
#ifndef CODEC_NETWORK_H
#define CODEC_NETWORK_H

#include "base/buf.h"
#include "base/err.h"
#include "nn/net.h"
#include "store/store.h"

#define CODEC_NAME_SIZE 64 /* a name of up to 63 bytes, and its NUL */
#define CODEC_MAX_KEEP 1000000
#define CODEC_MAX_SEED 9007199254740991u /* 2^53 - 1: exact in every client */

/* [a-z0-9][a-z0-9._-]{0,62} */
bool codec_name_is_valid(const char *name, size_t len);

struct codec_network {
    char           name[CODEC_NAME_SIZE];
    struct nn_spec spec; /* checked */
    int64_t        keep_versions; /* 0: all */
};

/* db has the dataset that the body may name: see codec/network_data.h. */
enum err codec_network_parse(const void *body, size_t len, struct store *db,
                             struct codec_network *out, struct errinfo *e);

/* A spec as stored, and back. */
void     codec_spec_format(const struct nn_spec *spec, struct buf *out);
enum err codec_spec_parse(const char *json, struct nn_spec *out,
                          struct errinfo *e);

/* A network as API.md shows it: layers with output_shape and parameters. */
enum err codec_network_format(const struct store_network *row, struct buf *out,
                              struct errinfo *e);
void     codec_version_format(const struct store_version *row, struct buf *out);

/* {"serving_version": 3 or null, "keep_versions": 5 or null}, one or both. */
struct codec_patch {
    bool    pins, keeps;
    int64_t serving_version; /* -1: the latest */
    int64_t keep_versions;   /* 0: all         */
};
enum err codec_patch_parse(const void *body, size_t len,
                           struct codec_patch *out, struct errinfo *e);

/* {"layers": [{"index": 0, "weight": [[…]], "bias": […]}]} */
void codec_weights_format(const struct nn_net *net, struct buf *out);

/* Reads the same in pieces, straight into net's parameters; every tensor must
 * come exactly once.  net is borrowed and holds part of them after an error. */
struct codec_weights;
enum err codec_weights_new(struct nn_net *net, struct codec_weights **out,
                           struct errinfo *e);
void     codec_weights_free(struct codec_weights *w); /* NULL is fine */
enum err codec_weights_feed(struct codec_weights *w, const void *p, size_t n,
                            struct errinfo *e);
enum err codec_weights_end(struct codec_weights *w, struct errinfo *e);

#endif
