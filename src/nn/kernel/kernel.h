/*
 * kernel.h - the arithmetic, compiled for several instruction sets
 *
 * Model    C[m][n] (+)= sum over k of A[m][k] B[k][n], each operand given by
 *          its strides, so that a transposed matrix needs no copy.  Every
 *          element is summed over k in ascending order by fused multiply-adds,
 *          whatever the vector width or the number of threads: that is why the
 *          same seed gives the same bytes on every machine with FMA.  The
 *          baseline without FMA rounds twice and differs in the last bits.
 * Threads  nn_kernel_select() before any other thread; the rest is pure.
 */
#ifndef NN_KERNEL_KERNEL_H
#define NN_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

enum nn_kernel_rule {
    NN_KERNEL_SGD,
    NN_KERNEL_MOMENTUM,
    NN_KERNEL_ADAM,
    NN_KERNEL_ADAMW
};

/*
 * One step of parameters w by their gradient g, element by element:
 *
 *   SGD       w -= rate g
 *   MOMENTUM  m = momentum m - rate g, w += m
 *   ADAM      m += rest_1 (g - m), v += rest_2 (g^2 - v),
 *             w = keep w - rate m / (sqrt v + epsilon), rest = 1 - beta; rate
 *             and epsilon are corrected for the start from zero (Kingma & Ba
 *             2015, end of section 2); keep is 1, or less by the decay of AdamW
 *
 * An element rests where its gradient is no finite number, of which the sum of
 * squares tells.
 */
struct nn_kernel_step {
    enum nn_kernel_rule rule;
    float              *w, *m, *v; /* NULL where the rule has none */
    float               rate, momentum, epsilon, rest_1, rest_2, keep;
};

/* The step of the parameters from at on. */
static inline struct nn_kernel_step
nn_kernel_step_from(const struct nn_kernel_step *s, size_t at)
{
    struct nn_kernel_step from = *s;

    from.w += at;
    from.m = from.m != NULL ? from.m + at : NULL;
    from.v = from.v != NULL ? from.v + at : NULL;
    return from;
}

/* What is to happen to C as it is made. */
struct nn_kernel_then {
    /* c[row][first..first + n] is final, and at c; NULL: nobody is told. */
    void (*fn)(void *ctx, size_t row, size_t first, size_t n, float *c);
    void *ctx;
    /* Nobody needs a piece once fn has seen it: rows may share their places
     * in C, so that it need not travel to memory. */
    bool passing;
    /* Laid out as C: what fn or step will touch, brought near meanwhile.  NULL:
     * none. */
    const float *beside[4];
    /* Instead of fn: C is the gradient of parameters laid out as C is, which
     * take this step as it is made, and is needed by nobody after; the squares
     * of each piece are added to squares[row].  NULL: fn is told. */
    const struct nn_kernel_step *step;
    double                      *squares;
};

/*
 * Weights [n][k] turned for matvec: panels of so many units one after another,
 * [k][units] each.  The last one has the units that are left, and zeros up to a
 * width of whole vectors of every set.
 */
#define NN_KERNEL_PANEL ((size_t)64)

static inline size_t
nn_kernel_panel_width(size_t units)
{
    return units < NN_KERNEL_PANEL ? (units + 15) / 16 * 16 : NN_KERNEL_PANEL;
}

/* Floats of them; false on overflow. */
bool nn_kernel_turned_floats(size_t n, size_t k, size_t *out);
/* to: zeros. */
void nn_kernel_turn(size_t n, size_t k, const float *w, float *to);

/* A net of dense layers of at most so many inputs and units. */
#define NN_KERNEL_TINY_WIDTH 16
#define NN_KERNEL_TINY_LAYERS 4

enum nn_kernel_function {
    NN_KERNEL_LINEAR,
    NN_KERNEL_SIGMOID,
    NN_KERNEL_TANH,
    NN_KERNEL_RELU
};

struct nn_kernel_tiny_layer {
    size_t                  n_in, n_out;
    enum nn_kernel_function f;
    bool                    biased;
    float                  *params; /* weights [n_out][n_in], biases [n_out] */
};

/* E = factor sum_k (t_k - y_k)^2, dE/dy_k = scale (y_k - t_k). */
struct nn_kernel_tiny {
    size_t                      n_layers;
    struct nn_kernel_tiny_layer layer[NN_KERNEL_TINY_LAYERS];
    float                       rate, scale;
    double                      factor;
};

/* Added to, row by row. */
struct nn_kernel_tiny_sums {
    double loss, norm, layer_norm[NN_KERNEL_TINY_LAYERS];
};

struct nn_kernel {
    const char *name; /* "sse2", "avx2", "avx512"; "generic" off x86 */
    /* A[i * a_row + k * a_col], B[k * b_row + j * b_col], C[i * c_row + j].
     * scratch: nn_kernel_scratch_floats() floats, 64-byte aligned. */
    void (*gemm)(size_t m, size_t n, size_t k, const float *a, size_t a_row,
                 size_t a_col, const float *b, size_t b_row, size_t b_col,
                 float *c, size_t c_row, bool accumulate, float *scratch);
    /* The same (k > 0, not accumulating), telling of each piece of a row, or
     * taking its step, as it is done and still in the cache.  A row's pieces
     * come in order, and where they end depends on n and k only, not on the
     * set. */
    void (*gemm_then)(size_t m, size_t n, size_t k, const float *a,
                      size_t a_row, size_t a_col, const float *b, size_t b_row,
                      size_t b_col, float *c, size_t c_row,
                      const struct nn_kernel_then *then, float *scratch);
    /* y[j] = start[j] (NULL: 0) + sum over k of x[k] w[j][k], one sample; w
     * turned in panels, see NN_KERNEL_PANEL.  The same bytes as gemm gives. */
    void (*matvec)(size_t n, size_t k, const float *x, const float *w,
                   const float *start, float *y);
    /* y = 1/(1+exp(-z)), tanh z, exp z, element-wise; may be in place. */
    void (*sigmoid)(float *y, const float *z, size_t n);
    void (*tanh)(float *y, const float *z, size_t n);
    void (*exp)(float *y, const float *z, size_t n);
    /* max(0, z);  d = 0 where y is not > 0. */
    void (*relu)(float *y, const float *z, size_t n);
    void (*relu_slope)(float *d, const float *y, size_t n);
    /* sum [n] of the rows x [rows][n], in their order. */
    void (*sum_rows)(float *sum, const float *x, size_t rows, size_t n);
    /* The same, of activation_impl.h. */
    void (*elu)(float *y, const float *z, size_t n);
    void (*gelu)(float *y, const float *z, size_t n);
    void (*silu)(float *y, const float *z, size_t n);
    void (*softplus)(float *y, const float *z, size_t n);
    /* d *= f'; of softplus as y tells it. */
    void (*gelu_slope)(float *d, const float *z, size_t n);
    void (*silu_slope)(float *d, const float *z, size_t n);
    void (*softplus_slope)(float *d, const float *y, size_t n);
    /* n updates w -= rate g, a sample each; y [n][n_out] as each sample found
     * it.  Ends before a sample whose loss or gradient is not finite; returns
     * the samples done. */
    size_t (*tiny)(const struct nn_kernel_tiny *net, const float *x,
                   const float *t, size_t n, float *y,
                   struct nn_kernel_tiny_sums *sums);
    /* Sum of x_i^2 to float32's precision, whatever its size; its order is its
     * own, and equal on every set. */
    double (*sum_squares)(const float *x, size_t n);
    /* Of the first n parameters of s; returns sum_squares(g, n). */
    double (*step)(const struct nn_kernel_step *s, const float *g, size_t n);
};

/* Floats that gemm needs for packing, for any shape. */
size_t nn_kernel_scratch_floats(void);

/* The set in use: the best this CPU has, until told otherwise. */
const struct nn_kernel *nn_kernel(void);

/* Use the named set (NULL: the best); false where this CPU or build lacks it. */
bool nn_kernel_select(const char *name);
/* The i-th set of this build that this CPU can run; NULL past the end. */
const struct nn_kernel *nn_kernel_at(size_t i);

#endif
