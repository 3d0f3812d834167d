/*
 * scenario.h - a life of a store in steps, and what must be left of it
 *
 * Model    The same steps in the same order, each one call that the store
 *          acknowledges: networks, an upload, jobs with checkpoints, an end with
 *          a version, deletions, closing and opening again.  A dump is the
 *          digest of all rows but for times.  Whatever goes wrong, the rows that
 *          are found afterwards are those after the last acknowledged step, or
 *          those after the one that was under way.
 */
#ifndef TESTS_FAULT_SCENARIO_H
#define TESTS_FAULT_SCENARIO_H

#include "base/digest.h"
#include "store/store.h"

#define SCENARIO_MAX 64

struct scenario {
    char          directory[64];
    char          path[96];
    struct store *db; /* NULL: closed */
};

void scenario_init(struct scenario *s); /* a directory, no file yet */
void scenario_release(struct scenario *s);
void scenario_remove_files(struct scenario *s);

int scenario_n_steps(void);
/* What step i is called. */
const char *scenario_name(int i);
/* Do step i (from 0; the first one opens the store). */
enum err scenario_step(struct scenario *s, int i, struct errinfo *e);

/* Close, open and close the store, and describe what is in the file.  Fails
 * the test where it does not open, or SQLite finds a fault in it. */
void scenario_dump(struct scenario *s, char out[DIGEST_HEX_SIZE]);
/* Dumps after each of the steps, [0]: an empty file, on a disk that is good. */
const char (*scenario_expected(void))[DIGEST_HEX_SIZE];

#endif
