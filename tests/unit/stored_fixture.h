/*
 * stored_fixture.h - a store in a directory of its own, with networks, datasets
 *                    and jobs in it, as a client would have made them
 */
#ifndef TESTS_STORED_FIXTURE_H
#define TESTS_STORED_FIXTURE_H

#include "codec/job.h"
#include "dataset/upload.h"
#include "nn/net.h"
#include "store/store.h"

struct fixture {
    char          directory[64];
    char          path[96];
    struct store *db;
};

void fixture_init(struct fixture *f);
void fixture_release(struct fixture *f);
void fixture_reopen(struct fixture *f);

/* Bodies as of API.md. */
void    fixture_network(struct fixture *f, const char *body);
int64_t fixture_job(struct fixture *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fixture_job_spec(struct codec_job *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fixture_dataset(struct fixture *f, const char *name,
                     enum dataset_format format, const char *text);

/* The version's row; release it. */
void fixture_version(struct fixture *f, const char *network, int64_t version,
                     struct store_version *out);
/* A new version with all parameters set to value and no encoder. */
int64_t fixture_constant_version(struct fixture *f, const char *network,
                                 float value);

/* 4 rows, and a network that can learn them. */
void fixture_xor(struct fixture *f);
/* n rows of three classes, two numbers and a category; shift moves the numbers,
 * turn the order in which the categories appear. */
void fixture_blobs(struct fixture *f, const char *name, int n, int shift,
                   int turn);
/* A network for them: 5 inputs, 3 outputs. */
void fixture_blobs_network(struct fixture *f, const char *name);

#endif
