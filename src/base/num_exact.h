/*
 * num_exact.h - what one operation on doubles decides of a decimal (num*.c)
 */
#ifndef BASE_NUM_EXACT_H
#define BASE_NUM_EXACT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Every double in here is exact: 10^22 is the largest power that is. */
static const double num_power10[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
#define MAX_EXACT_POWER 22
#define MAX_EXACT_INT ((uint64_t)1 << 53)

/* x * 10^k, rounded once, for k within MAX_EXACT_POWER. */
static inline double
num_times_power10(double x, int k)
{
    return k < 0 ? x / num_power10[-k] : x * num_power10[k];
}

/* m * 10^exponent where both are exact doubles: one operation, rounded once
 * (Clinger, "How to read floating point numbers accurately", 1990). */
static inline bool
num_double_fast(uint64_t m, int64_t exponent, double *out)
{
    if (m == 0) {
        *out = 0;
        return true;
    }
    if (m > MAX_EXACT_INT || exponent < -MAX_EXACT_POWER ||
        exponent > MAX_EXACT_POWER)
        return false;
    *out = num_times_power10((double)m, (int)exponent);
    return true;
}

/*
 * The same for a float32, of any m.  The double y is the text's number v but
 * for two roundings, of m and of the quotient or product: |y - v| is at most
 * 2^-52 v, which is two units in the last place of y (digits that were dropped
 * behind 19 of them add less than a hundredth of one).  Rounding y once more is
 * right unless the middle of two floats lies between y and v, hence so near to
 * y.  y is at least 1e-22 where it is not 0, so all floats near it have 24
 * bits, up to the one that would be infinite, and the middle is where the 29
 * bits that go are 1000...
 */
static inline bool
num_float_fast(uint64_t m, int64_t exponent, float *out)
{
    const uint64_t dropped = ((uint64_t)1 << 29) - 1;
    const uint64_t middle = (uint64_t)1 << 28;
    const uint64_t margin = 4;
    uint64_t       bits;
    double         y;

    if (exponent < -MAX_EXACT_POWER || exponent > MAX_EXACT_POWER)
        return false;
    y = num_times_power10((double)m, (int)exponent);
    memcpy(&bits, &y, sizeof(bits));
    if ((bits & dropped) - (middle - margin) <= 2 * margin)
        return false;
    *out = (float)y;
    return true;
}

#endif
