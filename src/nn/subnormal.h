/*
 * subnormal.h - results too small to be normal, taken for zero
 *
 * Model    While a thread flushes, a result below 2^-126 = 1.2e-38 is 0.
 *          Training does: a moment or a velocity whose gradient stays away
 *          decays into these numbers and never leaves them (0.9 times the
 *          fourth of them is itself again, rounded), and what meets one goes
 *          the processor's slow way: Adam takes twice the time, see
 *          tests/bench/LOG.md.  No weight can tell.  Predictions do not flush.
 *          Such operands, a column of a table, say, are taken as they are.
 *            Where the compiler uses no SSE nothing is flushed.
 * Threads  The mode is the calling thread's own.
 */
#ifndef NN_SUBNORMAL_H
#define NN_SUBNORMAL_H

#ifdef __SSE__
#include <xmmintrin.h>

#define NN_FLUSHES _MM_FLUSH_ZERO_ON

static inline unsigned
nn_subnormal_mode(void)
{
    return _mm_getcsr() & ~_MM_EXCEPT_MASK; /* not what happened so far */
}

static inline void
nn_subnormal_set(unsigned mode)
{
    _mm_setcsr(mode);
}
#else
#define NN_FLUSHES 0u

static inline unsigned
nn_subnormal_mode(void)
{
    return 0;
}

static inline void
nn_subnormal_set(unsigned mode)
{
    (void)mode;
}
#endif

/* Returns the mode to go back to with nn_subnormal_set(). */
static inline unsigned
nn_subnormal_flush(void)
{
    unsigned was = nn_subnormal_mode();

    nn_subnormal_set(was | NN_FLUSHES);
    return was;
}

#endif
