/*
 * random.h - random numbers as a function of where they are used
 *
 * Model    Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 *          1, 2, 3", SC11): a draw depends on (seed, purpose, epoch, step,
 *          index) and on nothing else.  There is no state to save, and no order
 *          in which threads must draw.
 * Threads  Pure functions.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a draw is for: two purposes never share numbers. */
enum random_purpose {
    RANDOM_INIT = 1,   /* initial parameters; step: layer * 4 + tensor */
    RANDOM_SHUFFLE,    /* order of rows; epoch                         */
    RANDOM_SPLIT,      /* training and validation rows                 */
    RANDOM_DROPOUT,    /* epoch, step: batch, then layer in purpose's high bits */
    RANDOM_TEST,
    RANDOM_CHECK, /* which parameters a check of gradients looks at; step: layer */
    RANDOM_RESTART = 16, /* seeds of restarts; step: the restart */
    RANDOM_SAMPLE, /* rows that a dataset is described by; index: the row */
    RANDOM_FOLD = 20 /* which rows are held out together; step: the class */
};

struct random_at {
    uint64_t seed;
    uint32_t purpose;
    uint32_t epoch;
    uint32_t step;
};

/* Four draws of 32 bits: block `index` at this place. */
void random_block(const struct random_at *at, uint32_t index, uint32_t out[4]);

/* The index-th draw at this place: 32 bits; uniform in [0, 1) with 24 bits;
 * standard normal (Box-Muller in double). */
uint32_t random_u32(const struct random_at *at, uint32_t index);
float    random_uniform(const struct random_at *at, uint32_t index);
float    random_normal(const struct random_at *at, uint32_t index);

/* Put perm[0..n) = 0..n-1 into a random order (Fisher-Yates). */
void random_permutation(const struct random_at *at, uint32_t *perm, size_t n);

#endif
