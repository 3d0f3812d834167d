#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernel/kernel.h"
#include "nn/kernel/sets.h"

static bool
always(void)
{
    return true;
}

#ifdef NN_HAVE_X86
static bool
has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool
has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq");
}
#endif

/* The best first; the last one runs everywhere. */
static const struct {
    const struct nn_kernel *kernel;
    bool (*runs_here)(void);
} sets[] = {
#ifdef NN_HAVE_X86
    { &nn_kernel_avx512, has_avx512 },
    { &nn_kernel_avx2, has_avx2 },
    { &nn_kernel_sse2, always },
#else
    { &nn_kernel_generic, always },
#endif
};

/* Threads that come first together find the same set, so that it does not
 * matter who writes last. */
static _Atomic(const struct nn_kernel *) in_use;

size_t
nn_kernel_scratch_floats(void)
{
    return SCRATCH_FLOATS;
}

const struct nn_kernel *
nn_kernel_at(size_t i)
{
    for (size_t s = 0; s < COUNT_OF(sets); s++)
        if (sets[s].runs_here() && i-- == 0)
            return sets[s].kernel;
    return NULL;
}

const struct nn_kernel *
nn_kernel(void)
{
    const struct nn_kernel *kernel =
        atomic_load_explicit(&in_use, memory_order_acquire);

    if (kernel == NULL) {
        kernel = nn_kernel_at(0);
        atomic_store_explicit(&in_use, kernel, memory_order_release);
    }
    return kernel;
}

bool
nn_kernel_select(const char *name)
{
    const struct nn_kernel *kernel;

    for (size_t i = 0; (kernel = nn_kernel_at(i)) != NULL; i++) {
        if (name == NULL || strcmp(name, kernel->name) == 0) {
            atomic_store_explicit(&in_use, kernel, memory_order_release);
            return true;
        }
    }
    return false;
}

bool
nn_kernel_turned_floats(size_t n, size_t k, size_t *out)
{
    size_t full = n / NN_KERNEL_PANEL * NN_KERNEL_PANEL;

    return mem_mul(full + nn_kernel_panel_width(n - full), k, out);
}

void
nn_kernel_turn(size_t n, size_t k, const float *w, float *to)
{
    for (size_t j = 0; j < n; j += NN_KERNEL_PANEL) {
        size_t units = n - j < NN_KERNEL_PANEL ? n - j : NN_KERNEL_PANEL;
        size_t width = nn_kernel_panel_width(units);

        for (size_t u = 0; u < units; u++)
            for (size_t q = 0; q < k; q++)
                to[j * k + q * width + u] = w[(j + u) * k + q];
    }
}
