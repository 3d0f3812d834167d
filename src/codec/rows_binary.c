/* rows_binary.c - rows as bytes: bare, and as a file of NumPy's */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/rows.h"
#include "dataset/readers.h"

/* As the Open Inference Protocol calls them. */
/* clang-format off */
static const struct {
    const char          *name;
    enum dataset_element element;
    size_t               size;
} types[] = {
    { "FP32",   DATASET_F32, 4 }, { "FP64",   DATASET_F64, 8 },
    { "BOOL",   DATASET_U8,  1 }, { "UINT8",  DATASET_U8,  1 },
    { "INT8",   DATASET_I8,  1 }, { "UINT16", DATASET_U16, 2 },
    { "INT16",  DATASET_I16, 2 }, { "UINT32", DATASET_U32, 4 },
    { "INT32",  DATASET_I32, 4 }, { "UINT64", DATASET_U64, 8 },
    { "INT64",  DATASET_I64, 8 },
};
/* clang-format on */

static enum err
refuse_number(const float *x, size_t width, size_t i, struct errinfo *e)
{
    char at[64];

    snprintf(at, sizeof(at), "/inputs/%zu/%zu", i / width, i % width);
    return err_set(e, ERR_INVALID, at, "must be a number, got %s",
                   isnan(x[i]) ? "NaN" : "infinity");
}

static enum err
check_numbers(const float *x, size_t n, size_t width, bool may_lack,
              struct errinfo *e)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t       bad = 0, bits;

    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, &x[i], sizeof(bits));
        bad |= (bits & exponent) == exponent;
    }
    for (size_t i = 0; bad != 0 && i < n; i++)
        if (isinf(x[i]) || (isnan(x[i]) && !may_lack))
            return refuse_number(x, width, i, e);
    return ERR_OK;
}

/* n rows of which `head` says how they are written, from p on. */
static enum err
take_rows(const struct dataset_array_head *head, const unsigned char *p,
          uint64_t n, size_t width, bool may_lack, struct codec_predict *out,
          struct errinfo *e)
{
    float   *raw;
    enum err rc;

    if (n == 0)
        return err_set(e, ERR_INVALID, "/inputs", "must have at least one row");
    if (n > CODEC_MAX_PREDICT_ROWS)
        return codec_rows_too_many(e);
    raw = mem_resize(NULL, (size_t)n, width * sizeof(*raw));
    if (raw == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    dataset_array_convert(head, p, (size_t)n * width, raw);
    rc = check_numbers(raw, (size_t)n * width, width, may_lack, e);
    if (rc != ERR_OK) {
        free(raw);
        return rc;
    }
    *out = (struct codec_predict){
        .raw = raw, .n_rows = (size_t)n, .width = width, .version = -1
    };
    return ERR_OK;
}

enum err
codec_rows_binary(const void *p, size_t len, size_t width, bool may_lack,
                  struct codec_predict *out, struct errinfo *e)
{
    const struct dataset_array_head floats = { .element = DATASET_F32,
                                               .size = sizeof(float) };

    if (len % (width * sizeof(float)) != 0)
        return err_set(e, ERR_INVALID, "/inputs",
                       "%zu bytes are no whole number of rows: a row of this "
                       "network is %zu float32, %zu bytes",
                       len, width, width * sizeof(float));
    return take_rows(&floats, p, len / (width * sizeof(float)), width, may_lack,
                     out, e);
}

bool
codec_rows_type(const char *name, size_t *out, size_t *out_size)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            *out = i;
            *out_size = types[i].size;
            return true;
        }
    }
    return false;
}

enum err
codec_rows_typed(size_t type, const void *p, size_t len, size_t width,
                 bool may_lack, struct codec_predict *out, struct errinfo *e)
{
    const struct dataset_array_head head = { .element = types[type].element,
                                             .size = types[type].size };

    return take_rows(&head, p, len / head.size / width, width, may_lack, out,
                     e);
}

/* How many rows the shape holds; 0 where its rows have another width. */
static uint64_t
rows_of(const struct dataset_array_head *head, size_t width)
{
    uint64_t row = 1;

    for (size_t i = head->rank; i-- > 1;)
        if (head->dim[i] == 0 ||
            __builtin_mul_overflow(row, head->dim[i], &row))
            return 0;
    if (row == width && head->rank > 1)
        return head->dim[0];
    /* A single row, without the dimension of rows; or rows of one number. */
    if (!__builtin_mul_overflow(row, head->dim[0], &row) && row == width)
        return 1;
    return width == 1 && head->rank == 1 ? head->dim[0] : 0;
}

enum err
codec_rows_npy(const void *p, size_t len, size_t width, bool may_lack,
               struct codec_predict *out, struct errinfo *e)
{
    struct dataset_array_head head;
    size_t                    size = 0;
    uint64_t                  n, bytes;
    enum err rc = dataset_array_head_size("inputs", p, len, &size, e);

    if (rc == ERR_OK && size > len)
        rc = err_set(e, ERR_INVALID, "", "the .npy file ends in its head");
    if (rc == ERR_OK)
        rc = dataset_array_head_parse("inputs", p, size, &head, e);
    if (rc != ERR_OK)
        return rc;
    if (head.fortran && head.rank > 1)
        return err_set(e, ERR_INVALID, "",
                       "the .npy file is in Fortran order; send "
                       "numpy.ascontiguousarray(x)");
    n = rows_of(&head, width);
    if (n == 0)
        return err_set(e, ERR_INVALID, "/inputs",
                       "the array must be [rows, %zu], or [rows] and the "
                       "network's input_shape",
                       width);
    if (n > len ||
        __builtin_mul_overflow(n, (uint64_t)width * head.size, &bytes) ||
        bytes != len - size)
        return err_set(e, ERR_INVALID, "",
                       "the .npy file has %zu bytes behind its head, which do "
                       "not fit its shape",
                       len - size);
    return take_rows(&head, (const unsigned char *)p + size, n, width, may_lack,
                     out, e);
}

/* --- outputs -------------------------------------------------------------- */

void
codec_rows_put_binary(const float *y, size_t n, size_t n_out, struct buf *out)
{
    buf_append(out, y, n * n_out * sizeof(*y));
}

/* Version 1: magic, length, a Python dict, blanks up to a multiple of 64. */
void
codec_rows_put_npy(const float *y, size_t n, size_t n_out, struct buf *out)
{
    char   dict[120];
    int    len = snprintf(dict, sizeof(dict),
                          "{'descr': '<f4', 'fortran_order': False, "
                             "'shape': (%zu, %zu), }",
                          n, n_out);
    size_t padded = ((size_t)len + 10 + 1 + 63) / 64 * 64 - 10;

    buf_append(out, "\x93NUMPY\x01\x00", 8);
    buf_putc(out, (char)(padded & 0xff));
    buf_putc(out, (char)(padded >> 8));
    buf_printf(out, "%-*s\n", (int)padded - 1, dict);
    codec_rows_put_binary(y, n, n_out, out);
}
