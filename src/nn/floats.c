#include "nn/floats.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static_assert(sizeof(float) == FLOAT_SIZE, "float is IEEE binary32");

size_t
nn_floats_padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

void
nn_floats_export(const float *x, size_t n, void *out)
{
    unsigned char *p = out;

    for (size_t i = 0; i < n; i++, p += FLOAT_SIZE) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof(bits));
        p[0] = (unsigned char)bits;
        p[1] = (unsigned char)(bits >> 8);
        p[2] = (unsigned char)(bits >> 16);
        p[3] = (unsigned char)(bits >> 24);
    }
}

static uint32_t
read_bits(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

void
nn_floats_import(const void *p, size_t n, float *out)
{
    const unsigned char *bytes = p;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits = read_bits(bytes + i * FLOAT_SIZE);

        memcpy(&out[i], &bits, sizeof(bits));
    }
}

bool
nn_floats_finite(const void *p, size_t n)
{
    const uint32_t       exponent = 0x7f800000u; /* all set: inf or NaN */
    const unsigned char *bytes = p;

    for (size_t i = 0; i < n; i++)
        if ((read_bits(bytes + i * FLOAT_SIZE) & exponent) == exponent)
            return false;
    return true;
}
