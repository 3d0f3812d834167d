#include "base/digest.h"

#include <nettle/memops.h>

_Static_assert(DIGEST_SIZE == SHA256_DIGEST_SIZE, "SHA-256 has 32 bytes");
_Static_assert(DIGEST_HEX_SIZE == 2 * DIGEST_SIZE + 1, "two digits a byte");

void
digest_init(struct digest *d)
{
    sha256_init(&d->ctx);
}

void
digest_update(struct digest *d, const void *p, size_t n)
{
    sha256_update(&d->ctx, n, p);
}

void
digest_final(struct digest *d, uint8_t out[DIGEST_SIZE])
{
    sha256_digest(&d->ctx, DIGEST_SIZE, out);
}

void
digest_bytes(const void *p, size_t n, uint8_t out[DIGEST_SIZE])
{
    struct digest d;

    digest_init(&d);
    digest_update(&d, p, n);
    digest_final(&d, out);
}

bool
digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
    return memeql_sec(a, b, DIGEST_SIZE) != 0;
}

void
digest_hex(const uint8_t digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * DIGEST_SIZE] = '\0';
}

void
digest_hex_of(const void *p, size_t n, char out[DIGEST_HEX_SIZE])
{
    uint8_t digest[DIGEST_SIZE];

    digest_bytes(p, n, digest);
    digest_hex(digest, out);
}
