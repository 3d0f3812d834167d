/*
 * digest.h - SHA-256, by nettle
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/sha2.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65 /* with its NUL */

struct digest {
    struct sha256_ctx ctx;
};

void digest_init(struct digest *d);
void digest_update(struct digest *d, const void *p, size_t n);
void digest_final(struct digest *d, uint8_t out[DIGEST_SIZE]);
void digest_bytes(const void *p, size_t n, uint8_t out[DIGEST_SIZE]);

/* Compare in a time that does not tell where the two differ: keys. */
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);
void digest_hex(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE]);
void digest_hex_of(const void *p, size_t n, char out[DIGEST_HEX_SIZE]);

#endif
