#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "dataset/internal.h"
#include "dataset/readers.h"

#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAX_HEAD ((size_t)64 * 1024)

static enum err
refuse(const char *name, size_t offset, const char *what, struct errinfo *e)
{
    char where[64];

    snprintf(where, sizeof(where), "%s, byte %zu", name, offset);
    return err_set(e, ERR_INVALID, where, "%s", what);
}

static bool
is_idx(const unsigned char *p)
{
    return p[0] == 0 && p[1] == 0;
}

enum err
dataset_array_head_size(const char *name, const unsigned char *p, size_t n,
                        size_t *out, struct errinfo *e)
{
    size_t size;

    if (n < 4) {
        *out = 4;
        return ERR_OK;
    }
    if (is_idx(p)) {
        *out = 4 + 4 * (size_t)p[3];
        return ERR_OK;
    }
    if (memcmp(p, NPY_MAGIC, 4) != 0 ||
        (n >= 6 && memcmp(p, NPY_MAGIC, 6) != 0))
        return refuse(name, 0, "found neither an .npy file nor an IDX file", e);
    if (n < 12) {
        *out = 12;
        return ERR_OK;
    }
    if (p[6] < 1 || p[6] > 3)
        return refuse(name, 6,
                      "found an .npy file of a version that is not 1, "
                      "2 or 3",
                      e);
    size = p[8] | (size_t)p[9] << 8;
    if (p[6] > 1)
        size |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (size > NPY_MAX_HEAD)
        return refuse(name, 8,
                      "the head of the .npy file is longer than 64 "
                      "KiB",
                      e);
    size += p[6] > 1 ? 12 : 10;
    *out = size > 12 ? size : 12;
    return ERR_OK;
}

/* --- IDX ------------------------------------------------------------------ */

static enum err
parse_idx(const char *name, const unsigned char *p,
          struct dataset_array_head *out, struct errinfo *e)
{
    /* clang-format off */
    static const struct {
        unsigned char        code, size;
        enum dataset_element element;
    } types[] = {
        { 0x08, 1, DATASET_U8 },  { 0x09, 1, DATASET_I8 },
        { 0x0b, 2, DATASET_I16 }, { 0x0c, 4, DATASET_I32 },
        { 0x0d, 4, DATASET_F32 }, { 0x0e, 8, DATASET_F64 },
    };
    /* clang-format on */
    struct dataset_array_head head = { .is_idx = true,
                                       .big_endian = true,
                                       .rank = p[3] };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].code == p[2]) {
            head.element = types[i].element;
            head.size = types[i].size;
        }
    }
    if (head.size == 0)
        return refuse(name, 2, "found an IDX file of an unknown type of number",
                      e);
    if (head.rank < 1 || head.rank > DATASET_MAX_RANK + 1)
        return refuse(name, 3,
                      "found an IDX file without dimensions, or with "
                      "more than 4",
                      e);
    for (size_t i = 0; i < head.rank; i++, p += 4)
        head.dim[i] = (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
                      (uint64_t)p[6] << 8 | p[7];
    *out = head;
    return ERR_OK;
}

/* --- npy: a Python dict --------------------------------------------------- */

struct text {
    const char *p, *end;
};

static void
skip_blanks(struct text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\n' || *t->p == '\t'))
        t->p++;
}

static bool
skip_word(struct text *t, const char *word)
{
    size_t len = strlen(word);

    skip_blanks(t);
    if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
        return false;
    t->p += len;
    return true;
}

/* 'abc' or "abc", without escapes: npy has no use for them. */
static bool
read_string(struct text *t, char *out, size_t size)
{
    char        quote;
    const char *close;
    size_t      len;

    skip_blanks(t);
    if (t->p == t->end || (*t->p != '\'' && *t->p != '"'))
        return false;
    quote = *t->p++;
    close = memchr(t->p, quote, (size_t)(t->end - t->p));
    len = close != NULL ? (size_t)(close - t->p) : size;
    if (len >= size)
        return false;
    memcpy(out, t->p, len);
    out[len] = '\0';
    t->p = close + 1;
    return true;
}

/* (3, 4), (3,) or (); more than a dataset takes only counts. */
static bool
read_shape(struct text *t, struct dataset_array_head *head)
{
    if (!skip_word(t, "("))
        return false;
    head->rank = 0;
    while (!skip_word(t, ")")) {
        const char *digits = t->p;
        uint64_t    n;

        while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
            t->p++;
        if (!num_parse_u64(digits, (size_t)(t->p - digits), &n))
            return false;
        if (head->rank < COUNT_OF(head->dim))
            head->dim[head->rank] = n;
        head->rank++;
        if (!skip_word(t, ",")) {
            return skip_word(t, ")");
        }
    }
    return true;
}

static bool
find_element(const char *descr, struct dataset_array_head *head)
{
    /* clang-format off */
    static const struct {
        const char           name[3];
        enum dataset_element element;
    } types[] = {
        { "b1", DATASET_U8 },
        { "u1", DATASET_U8 },  { "i1", DATASET_I8 },
        { "u2", DATASET_U16 }, { "i2", DATASET_I16 },
        { "u4", DATASET_U32 }, { "i4", DATASET_I32 },
        { "u8", DATASET_U64 }, { "i8", DATASET_I64 },
        { "f4", DATASET_F32 }, { "f8", DATASET_F64 },
    };
    /* clang-format on */

    if (descr[0] != '<' && descr[0] != '>' && descr[0] != '|')
        return false;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(descr + 1, types[i].name) == 0) {
            head->element = types[i].element;
            head->size = (size_t)(types[i].name[1] - '0');
            head->big_endian = descr[0] == '>';
            return true;
        }
    }
    return false;
}

static enum err
parse_npy(const char *name, const unsigned char *p, size_t n,
          struct dataset_array_head *out, struct errinfo *e)
{
    struct text               t = { (const char *)p + (p[6] > 1 ? 12 : 10),
                                    (const char *)p + n };
    struct dataset_array_head head = { 0 };
    char                      key[32], descr[32] = "";
    bool                      fortran = false, shaped = false, closed;
    size_t                    at;

    if (!skip_word(&t, "{"))
        goto bad;
    while (!(closed = skip_word(&t, "}"))) {
        if (!read_string(&t, key, sizeof(key)) || !skip_word(&t, ":"))
            goto bad;
        if (strcmp(key, "descr") == 0) {
            if (!read_string(&t, descr, sizeof(descr)))
                goto bad;
        } else if (strcmp(key, "fortran_order") == 0) {
            fortran = skip_word(&t, "True");
            if (!fortran && !skip_word(&t, "False"))
                goto bad;
        } else if (strcmp(key, "shape") == 0) {
            shaped = read_shape(&t, &head);
            if (!shaped)
                goto bad;
        } else {
            goto bad;
        }
        if (!skip_word(&t, ",") && !(closed = skip_word(&t, "}")))
            goto bad;
        if (closed)
            break;
    }
    if (descr[0] == '\0' || !shaped)
        goto bad;
    if (!find_element(descr, &head))
        return refuse(name, 10,
                      "found an .npy file whose elements are not "
                      "plain numbers of 1, 2, 4 or 8 bytes; "
                      "numpy.asarray(x, 'float32') makes them so",
                      e);
    head.fortran = fortran && head.rank > 1;
    if (head.rank < 1 || head.rank > DATASET_MAX_RANK + 1)
        return refuse(name, 10,
                      "found an .npy file without dimensions, or "
                      "with more than 4",
                      e);
    *out = head;
    return ERR_OK;
bad:
    at = (size_t)(t.p - (const char *)p);
    return refuse(name, at, "the head of the .npy file makes no sense here", e);
}

enum err
dataset_array_head_parse(const char *name, const unsigned char *p, size_t n,
                         struct dataset_array_head *out, struct errinfo *e)
{
    if (is_idx(p))
        return parse_idx(name, p, out, e);
    return parse_npy(name, p, n, out, e);
}
