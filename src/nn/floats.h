/*
 * floats.h - float32 as stored, little-endian, and memory for them
 */
#ifndef NN_FLOATS_H
#define NN_FLOATS_H

#include <stdbool.h>
#include <stddef.h>

#define FLOAT_SIZE 4

/* n rounded up to whole cache lines, so that what follows is aligned too. */
size_t nn_floats_padded(size_t n);

void nn_floats_export(const float *x, size_t n, void *out);
void nn_floats_import(const void *p, size_t n, float *out);

/* Are all n stored numbers finite? */
bool nn_floats_finite(const void *p, size_t n);

#endif
