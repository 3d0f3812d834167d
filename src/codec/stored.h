/*
 * stored.h - rows of the store made into the objects of nn/ and dataset/
 *
 * Model    What both training/ and serving/ need: a network of a stored version
 *          with its encoder, and a stored dataset as a source of chunks.
 * Owner    As each function says.
 * Errors   ERR_NOTFOUND, ERR_CORRUPT, ERR_NOMEM.
 */
#ifndef CODEC_STORED_H
#define CODEC_STORED_H

#include "dataset/encoder.h"
#include "dataset/table.h"
#include "nn/net.h"
#include "store/store.h"

/* The net of this version, new for the caller; *out_encoder (new) is NULL where
 * the version has none.  version -1: the pinned one or else the latest.
 * *out_version tells which it was. */
enum err codec_stored_net(struct store *db, const char *network,
                          int64_t version, struct nn_net **out_net,
                          struct dataset_encoder **out_encoder,
                          int64_t *out_version, struct errinfo *e);

/* The same of a network whose row is at hand: ERR_NOTFOUND where that is gone,
 * also where another one has its name since. */
enum err codec_stored_net_row(struct store *db, const struct store_network *row,
                              int64_t version, struct nn_net **out_net,
                              struct dataset_encoder **out_encoder,
                              int64_t *out_version, struct errinfo *e);

/* Bytes such a net and encoder take (about), to ask the budget before. */
enum err codec_stored_net_bytes(struct store *db, const char *network,
                                size_t *out, struct errinfo *e);

/* A stored dataset; source.each() reads the store. */
struct codec_dataset {
    struct store         *db; /* borrowed */
    int64_t               id, revision, n_chunks;
    struct dataset_meta   meta;
    struct dataset_source source; /* borrows meta and this struct */
};

/* A revision of a dataset, 0: the latest.  New for the caller, at a place of
 * its own because source points into it. */
enum err codec_stored_dataset(struct store *db, const char *name,
                              int64_t revision, struct codec_dataset **out,
                              struct errinfo *e);
/* The same from a row that is at hand. */
enum err codec_stored_dataset_row(struct store               *db,
                                  const struct store_dataset *row,
                                  struct codec_dataset      **out,
                                  struct errinfo             *e);
void     codec_stored_dataset_free(struct codec_dataset *ds); /* NULL is fine */

#endif
