/*
 * set.c - the kernels of one instruction set; compiled once for each
 *
 * The build defines NN_SET (the name) and NN_SET_… and gives the compiler
 * the flags of the set.  nm must show one symbol, the table: see vector.h.
 */
#include "nn/kernel/activation_impl.h"
#include "nn/kernel/gemm_impl.h"
#include "nn/kernel/map_impl.h"
#include "nn/kernel/matvec_impl.h"
#include "nn/kernel/sets.h"
#include "nn/kernel/tiny_impl.h"
#include "nn/kernel/update_impl.h"

const struct nn_kernel JOIN(nn_kernel_, NN_SET) = {
    .name = TEXT(NN_SET),
    .gemm = gemm,
    .gemm_then = gemm_then,
    .matvec = matvec,
    .sigmoid = map_sigmoid,
    .tanh = map_tanh,
    .exp = map_exp,
    .relu = map_relu,
    .relu_slope = relu_slope,
    .sum_rows = sum_rows,
    .tiny = tiny,
    .elu = map_elu,
    .gelu = map_gelu,
    .silu = map_silu,
    .softplus = map_softplus,
    .gelu_slope = gelu_slope,
    .silu_slope = silu_slope,
    .softplus_slope = softplus_slope,
    .sum_squares = sum_squares,
    .step = step,
};
