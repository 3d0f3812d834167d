#include "base/random.h"

#include <assert.h>
#include <math.h>

/* The constants and the round are those of the paper that random.h names;
 * its authors' Random123 gives the known answers of the unit test. */
#define MULTIPLIER_0 0xd2511f53u
#define MULTIPLIER_1 0xcd9e8d57u
#define WEYL_0 0x9e3779b9u
#define WEYL_1 0xbb67ae85u
#define N_ROUNDS 10

void
random_block(const struct random_at *at, uint32_t index, uint32_t out[4])
{
    uint32_t c0 = index, c1 = at->step, c2 = at->epoch, c3 = at->purpose;
    uint32_t k0 = (uint32_t)at->seed, k1 = (uint32_t)(at->seed >> 32);

    for (int i = 0; i < N_ROUNDS; i++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t
random_u32(const struct random_at *at, uint32_t index)
{
    uint32_t block[4];

    random_block(at, index / 4, block);
    return block[index % 4];
}

float
random_uniform(const struct random_at *at, uint32_t index)
{
    return (float)(random_u32(at, index) >> 8) * 0x1p-24f;
}

/* Box-Muller makes two normals of two draws; each block has two such pairs.
 * The half keeps the logarithm's argument off zero. */
float
random_normal(const struct random_at *at, uint32_t index)
{
    const double    two_pi = 6.28318530717958647692;
    uint32_t        block[4];
    const uint32_t *pair = &block[index % 4 / 2 * 2];
    double          radius, angle;

    random_block(at, index / 4, block);
    radius = sqrt(-2 * log((pair[0] + 0.5) * 0x1p-32));
    angle = two_pi * (pair[1] * 0x1p-32);
    return (float)(radius * (index % 2 == 0 ? cos(angle) : sin(angle)));
}

/* A number below n out of 64 random bits: the high word of their product,
 * computed in two halves.  No value is likelier than another by more than
 * n / 2^64, and every draw costs the same, which rejection would not. */
static uint32_t
below(uint64_t n, uint32_t high, uint32_t low)
{
    return (uint32_t)((high * n + (low * n >> 32)) >> 32);
}

#define DRAWN 32 /* numbers at a time, of two draws each */

static inline void
draw_blocks(const struct random_at *at, uint32_t first, uint32_t n,
            uint32_t *draw)
{
    for (uint32_t i = 0; i < n; i++)
        random_block(at, first + i, draw + 4 * i);
}

void
random_permutation(const struct random_at *at, uint32_t *perm, size_t n)
{
    uint32_t draw[2 * DRAWN], j, kept;

    assert(n <= (uint64_t)UINT32_MAX + 1);
    for (size_t i = 0; i < n; i++)
        perm[i] = (uint32_t)i;
    for (size_t k = 0; k + 1 < n; k++) {
        size_t i = n - 1 - k, of = k % DRAWN;

        /* Draws do not wait for each other, exchanges do. */
        if (of == 0 && i >= DRAWN)
            draw_blocks(at, (uint32_t)(k / 2), DRAWN / 2, draw);
        else if (of == 0)
            draw_blocks(at, (uint32_t)(k / 2), (uint32_t)(i + 1) / 2, draw);
        j = below(i + 1, draw[2 * of], draw[2 * of + 1]);
        kept = perm[i];
        perm[i] = perm[j];
        perm[j] = kept;
    }
}
