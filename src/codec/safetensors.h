/*
 * safetensors.h - weights in the format that PyTorch users exchange
 *
 * Model    Tensors are named "0.weight", "0.bias", as a PyTorch nn.Sequential
 *          numbers them, and are F32, row by row.
 * Owner    As codec_weights: the reader borrows net, which holds part of the
 *          weights after an error.
 * Errors   ERR_INVALID, which names the tensor; ERR_MALFORMED where the header
 *          is no JSON.
 * Limits   SAFETENSORS_MAX_HEADER bytes of header.
 * Format   Its length, 64 bits, little-endian; the header, JSON: {"0.bias":
 *          {"dtype": "F32", "shape": [3], "data_offsets": [begin, end]}, …},
 *          and perhaps "__metadata__"; then the bytes, without holes or
 *          overlaps.
 */
#ifndef CODEC_SAFETENSORS_H
#define CODEC_SAFETENSORS_H

#include "base/buf.h"
#include "base/err.h"
#include "nn/net.h"

#define SAFETENSORS_MAX_HEADER (1024 * 1024)

void codec_safetensors_format(const struct nn_net *net, struct buf *out);

/* Reads the same in pieces of any size, straight into net's parameters; every
 * tensor must be there. */
struct codec_safetensors;
enum err codec_safetensors_new(struct nn_net             *net,
                               struct codec_safetensors **out,
                               struct errinfo            *e);
void     codec_safetensors_free(struct codec_safetensors *s); /* NULL is fine */
enum err codec_safetensors_feed(struct codec_safetensors *s, const void *p,
                                size_t n, struct errinfo *e);
enum err codec_safetensors_end(struct codec_safetensors *s, struct errinfo *e);

#endif
