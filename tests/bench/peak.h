/*
 * peak.h - what this processor could do at most
 *
 * Model    A loop of fused multiply-adds that touches no memory.  No kernel
 *          can be faster: rates are told as a fraction of its rate, measured
 *          in the same second.
 */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

/* Run the loop for some microseconds; the operations done, 0 where this
 * machine has no loop. */
double peak_loop(void);

#endif
