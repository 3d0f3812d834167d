#include "peak.h"

#include <stdbool.h>

/* Vectors by GCC's own types: the two functions below are the only code of
 * the bench that may use instructions which the CPU at hand could lack. */
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec16 __attribute__((vector_size(64)));

#define N_CHAINS 12
#define ROUNDS 1000

/* Twelve independent chains hide the latency of a fused multiply-add: four
 * cycles at two a cycle want eight. */
#define CHAINS(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define DECLARE(i) type chain_##i = { 0 };
#define FMA(i)                                                                 \
    __asm__ volatile("vfmadd213ps %1, %2, %0"                                  \
                     : "+v"(chain_##i)                                         \
                     : "v"(shift), "v"(scale));
#define LOOP                                                                   \
    CHAINS(DECLARE)                                                            \
    type shift = { 0 }, scale = shift + 0.5f;                                  \
    for (int round = 0; round < ROUNDS; round++) {                             \
        CHAINS(FMA)                                                            \
    }

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static double
loop_avx2(void)
{
    typedef vec8 type;

    LOOP return 2.0 * 8 * N_CHAINS * ROUNDS;
}

__attribute__((target("avx512f"))) static double
loop_avx512(void)
{
    typedef vec16 type;

    LOOP return 2.0 * 16 * N_CHAINS * ROUNDS;
}

double
peak_loop(void)
{
    if (__builtin_cpu_supports("avx512f"))
        return loop_avx512();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return loop_avx2();
    return 0;
}
#else
double
peak_loop(void)
{
    return 0;
}
#endif
