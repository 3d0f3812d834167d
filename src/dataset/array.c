#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset/internal.h"
#include "dataset/readers.h"

/* An array in Fortran order gives its first row only with its last bytes: it
 * is held until then, up to this many numbers (256 MiB). */
#define MAX_FORTRAN ((size_t)64 << 20)

void
dataset_array_init(struct dataset_array *array, const char *name,
                   struct dataset_rows *rows)
{
    *array = (struct dataset_array){ .rows = rows, .name = name };
}

void
dataset_array_release(struct dataset_array *array)
{
    buf_release(&array->bytes);
    free(array->whole);
    array->whole = NULL;
}

static bool
is_target(const struct dataset_array *array)
{
    return strcmp(array->name, "targets") == 0;
}

static enum err
refuse(const struct dataset_array *array, uint64_t offset, const char *what,
       struct errinfo *e)
{
    char where[64];

    snprintf(where, sizeof(where), "%s, byte %" PRIu64, array->name, offset);
    return err_set(e, ERR_INVALID, where, "%s", what);
}

/* --- numbers -------------------------------------------------------------- */

static uint64_t
element_bits(const unsigned char *p, size_t size, bool big_endian)
{
    uint64_t x = 0;

    if (big_endian)
        memcpy((unsigned char *)&x + sizeof(x) - size, p, size);
    else
        memcpy(&x, p, size);
    return big_endian ? be64toh(x) : le64toh(x);
}

static float
element_float(enum dataset_element element, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    double   d;
    float    f;

    switch (element) {
    case DATASET_U8:
    case DATASET_U16:
    case DATASET_U32:
    case DATASET_U64:
        return (float)bits;
    case DATASET_I8:
        return (int8_t)bits;
    case DATASET_I16:
        return (int16_t)bits;
    case DATASET_I32:
        return (float)(int32_t)low;
    case DATASET_I64:
        return (float)(int64_t)bits;
    case DATASET_F32:
        memcpy(&f, &low, sizeof(f));
        return f;
    case DATASET_F64:
        memcpy(&d, &bits, sizeof(d));
        /* C leaves open what becomes of a double that no float32 is near. */
        return fabs(d) < 0x1.ffffffp127 || isnan(d) ? (float)d : INFINITY;
    }
    return NAN;
}

static void
convert(const struct dataset_array_head *head, const unsigned char *p, size_t n,
        float *out)
{
    /* The two that large files are made of, without the detour. */
    if (head->element == DATASET_U8) {
        for (size_t i = 0; i < n; i++)
            out[i] = p[i];
        return;
    }
    if (head->element == DATASET_F32 && !head->big_endian) {
        for (size_t i = 0; i < n; i++, p += sizeof(float)) {
            uint32_t bits;

            memcpy(&bits, p, sizeof(bits));
            bits = le32toh(bits);
            memcpy(&out[i], &bits, sizeof(bits));
        }
        return;
    }
    for (size_t i = 0; i < n; i++, p += head->size)
        out[i] = element_float(head->element,
                               element_bits(p, head->size, head->big_endian));
}

/* Is every number of these one that a dataset takes? */
static enum err
check_numbers(const struct dataset_array *array, const float *x, size_t n,
              struct errinfo *e)
{
    if (array->head.element < DATASET_F32)
        return ERR_OK;
    for (size_t i = 0; i < n; i++) {
        uint64_t offset = array->offset + i * array->head.size;

        if (isinf(x[i]))
            return refuse(array, offset,
                          "found a number beyond the range of float32, 3.4e38",
                          e);
        if (isnan(x[i]) && is_target(array))
            return refuse(array, offset,
                          "the target is missing (NaN); every row needs one",
                          e);
    }
    return ERR_OK;
}

/* How many more elements can be taken at once. */
static size_t
room(const struct dataset_array *array)
{
    if (array->whole != NULL)
        return (size_t)array->head.dim[0] * array->rows->width - array->n_whole;
    return array->rows->width - array->n_cells;
}

/* Where element m of a row, its dimensions counted the first one fastest,
 * stands in the row as C counts. */
static size_t
c_place(const struct dataset_array_head *head, size_t m)
{
    size_t at[DATASET_MAX_RANK] = { 0 }, place = 0;

    for (size_t i = 1; i < head->rank; i++) {
        at[i - 1] = m % (size_t)head->dim[i];
        m /= (size_t)head->dim[i];
    }
    for (size_t i = 1; i < head->rank; i++)
        place = place * (size_t)head->dim[i] + at[i - 1];
    return place;
}

/* All of an array in Fortran order is there: its rows leave. */
static enum err
put_whole(struct dataset_array *array, struct errinfo *e)
{
    struct dataset_rows *rows = array->rows;
    size_t               n = (size_t)array->head.dim[0];
    enum err             rc = ERR_OK;

    for (size_t r = 0; r < n && rc == ERR_OK; r++) {
        for (size_t m = 0; m < rows->width; m++)
            rows->row[c_place(&array->head, m)] = array->whole[m * n + r];
        rc = dataset_rows_next(rows, e);
    }
    array->n_rows = 0;
    return rc;
}

/* n elements, for which there is room. */
static enum err
put_elements(struct dataset_array *array, const unsigned char *p, size_t n,
             struct errinfo *e)
{
    struct dataset_rows *rows = array->rows;
    float   *out = array->whole != NULL ? array->whole + array->n_whole
                                        : rows->row + array->n_cells;
    enum err rc;

    convert(&array->head, p, n, out);
    rc = check_numbers(array, out, n, e);
    if (rc != ERR_OK)
        return rc;
    array->offset += n * array->head.size;
    if (array->whole != NULL) {
        array->n_whole += n;
        return room(array) == 0 ? put_whole(array, e) : ERR_OK;
    }
    array->n_cells += n;
    if (array->n_cells < rows->width)
        return ERR_OK;
    array->n_cells = 0;
    array->n_rows--;
    return dataset_rows_next(rows, e);
}

/* --- the file ------------------------------------------------------------- */

static enum err
hold_whole(struct dataset_array *array, struct errinfo *e)
{
    size_t n;

    if (!mem_mul((size_t)array->head.dim[0], array->rows->width, &n) ||
        n > MAX_FORTRAN)
        return refuse(
            array, 10,
            "found an .npy file in Fortran order of more than 67108864 "
            "numbers; save numpy.ascontiguousarray(x) instead",
            e);
    array->whole = mem_floats(n, 0);
    return array->whole != NULL ? ERR_OK : DATASET_NOMEM(e);
}

/* The head tells the shape of a row. */
static enum err
open_rows(struct dataset_array *array, struct errinfo *e)
{
    const struct dataset_array_head *head = &array->head;
    struct dataset_rows             *rows = array->rows;
    size_t                           dim[DATASET_MAX_RANK];
    size_t                           rank = 0;
    uint64_t n_before = rows->base != NULL ? rows->base->meta->n_rows : 0;
    enum err rc;

    for (size_t i = 0; i < head->rank; i++)
        if (head->dim[i] == 0)
            return refuse(array, 0, "the array is empty: a dimension is 0", e);
    if (n_before > rows->limits.rows ||
        head->dim[0] > rows->limits.rows - n_before)
        return err_named(e,
                         refuse(array, 0,
                                "there are more rows than a dataset may have "
                                "(dataset_rows)",
                                e),
                         "too_many_rows");
    if (is_target(array) && head->rank > 2)
        return refuse(array, 0,
                      "found an array of more than two dimensions, expected "
                      "targets of one or two",
                      e);
    /* Images of one channel: a convolution wants to know. */
    if (head->is_idx && head->rank == 3)
        dim[rank++] = 1;
    for (size_t i = 1; i < head->rank; i++)
        dim[rank++] = head->dim[i];
    if (is_target(array) && rank == 1 && dim[0] == 1)
        rank = 0;

    if (rows->base != NULL)
        rc = dataset_rows_resume_array(rows, array->name, rank, dim, e);
    else
        rc = dataset_rows_add(rows, array->name, strlen(array->name), rank, dim,
                              array->name, e);
    if (rc != ERR_OK)
        return rc;
    array->n_rows = head->dim[0];
    array->open = true;
    if (rows->base == NULL) {
        rows->column[rows->n_columns - 1].meta.is_target = is_target(array);
        rc = dataset_rows_begin(rows, rows->n_columns - 1, e);
    }
    return rc == ERR_OK && head->fortran ? hold_whole(array, e) : rc;
}

/* Take what belongs to the head; *p moves behind it. */
static enum err
read_head(struct dataset_array *array, const unsigned char **p,
          const unsigned char *end, struct errinfo *e)
{
    struct buf *b = &array->bytes;

    while (!array->open) {
        size_t   need, n;
        enum err rc;

        rc = dataset_array_head_size(
            array->name, (const unsigned char *)b->data, b->len, &need, e);
        if (rc != ERR_OK)
            return rc;
        if (b->len == need) {
            rc = dataset_array_head_parse(array->name,
                                          (const unsigned char *)b->data,
                                          b->len, &array->head, e);
            return rc == ERR_OK ? open_rows(array, e) : rc;
        }
        n = need - b->len;
        if (n > (size_t)(end - *p))
            n = (size_t)(end - *p);
        if (n == 0)
            return ERR_OK;
        buf_append(b, *p, n);
        if (b->failed)
            return DATASET_NOMEM(e);
        *p += n;
        array->offset += n;
    }
    return ERR_OK;
}

enum err
dataset_array_feed(struct dataset_array *array, const unsigned char *p,
                   size_t n, struct errinfo *e)
{
    const unsigned char *end = p + n;
    size_t               size;
    enum err             rc = read_head(array, &p, end, e);

    size = array->head.size;
    while (rc == ERR_OK && p < end) {
        size_t n_whole = (size_t)(end - p) / size;
        size_t n_room = room(array);

        if (array->n_rows == 0)
            return refuse(array, array->offset,
                          "found more bytes than the head of the file says", e);
        if (array->n_part > 0 || n_whole == 0) {
            array->part[array->n_part++] = *p++;
            if (array->n_part == size) {
                array->n_part = 0;
                rc = put_elements(array, array->part, 1, e);
            }
            continue;
        }
        if (n_whole > n_room)
            n_whole = n_room;
        rc = put_elements(array, p, n_whole, e);
        p += n_whole * size;
    }
    return rc;
}

enum err
dataset_array_end(struct dataset_array *array, uint64_t *out_n_rows,
                  struct errinfo *e)
{
    if (!array->open || array->n_rows > 0)
        return refuse(array, array->offset + array->n_part,
                      array->open ? "the file ends before all rows are there"
                                  : "the file ends inside its head",
                      e);
    return dataset_rows_end(array->rows, out_n_rows, e);
}

void
dataset_array_convert(const struct dataset_array_head *head,
                      const unsigned char *p, size_t n, float *out)
{
    convert(head, p, n, out);
}
