#include "codec/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/num.h"

/* --- pieces of JSON; NULL where what comes is something else -------------- */

static const char *
skip_blank(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* This text, and the blanks before and after it. */
static const char *
skip_text(const char *p, const char *text)
{
    if (p == NULL)
        return NULL;
    for (p = skip_blank(p); *text != '\0'; p++, text++)
        if (*p != *text)
            return NULL;
    return skip_blank(p);
}

/* The end of the document, with a version perhaps. */
static const char *
skip_end(const char *p, int64_t *version)
{
    const char *q = skip_text(p, ",");
    uint64_t    n;
    size_t      len;

    q = skip_text(q, "\"version\"");
    q = skip_text(q, ":");
    if (q != NULL) {
        len = strspn(q, "0123456789");
        if (!num_parse_u64(q, len, &n) || n > INT64_MAX)
            return NULL;
        *version = (int64_t)n;
        p = q + len;
    }
    return skip_text(p, "}");
}

/* --- rows ----------------------------------------------------------------- */

enum err
codec_rows_too_many(struct errinfo *e)
{
    return err_named(e,
                     err_set(e, ERR_LIMIT, "/inputs",
                             "more than %u rows: send them in several requests",
                             CODEC_MAX_PREDICT_ROWS),
                     "too_many_inputs");
}

/* width numbers and the bracket that ends their row. */
static const char *
read_row(const char *p, size_t width, float *row)
{
    for (size_t i = 0; i < width; i++) {
        p = num_read_float(p, &row[i]);
        if (p == NULL)
            return NULL;
        if (*p <= ' ')
            p = skip_blank(p);
        if (*p++ != (i + 1 < width ? ',' : ']'))
            return NULL;
        if (*p <= ' ')
            p = skip_blank(p);
    }
    return p;
}

/* From behind the bracket that begins the rows to behind the one that ends
 * them.  raw has room for `capacity` rows. */
static const char *
read_rows(const char *p, size_t width, size_t capacity, float *raw,
          size_t *out_n)
{
    size_t n = 0;

    for (;;) {
        if (n == capacity || n == CODEC_MAX_PREDICT_ROWS)
            return NULL;
        p = skip_text(p, "[");
        if (p != NULL)
            p = read_row(p, width, raw + n++ * width);
        if (p == NULL || *p != ',')
            break;
        p++;
    }
    *out_n = n;
    return skip_text(p, "]");
}

/* From behind the quote: as codec_rows_binary(), of what is between quotes. */
static enum err
read_base64(const char *text, const char *end, size_t width, bool may_lack,
            struct codec_predict *out, struct errinfo *e)
{
    const char *quote = memchr(text, '"', (size_t)(end - text));
    size_t      len = quote != NULL ? (size_t)(quote - text) : 0, n;
    void       *bytes;
    int64_t     version = -1;
    enum err    rc;

    if (quote == NULL || skip_end(skip_text(quote + 1, "}"), &version) != end)
        return err_set(e, ERR_INVALID, "/inputs",
                       "must be an array of rows, or an object with the one "
                       "member \"b64\"");
    bytes = mem_resize(NULL, len / 4 + 1, 3);
    if (bytes == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (base64_decode(text, len, bytes, &n)) {
        rc = codec_rows_binary(bytes, n, width, may_lack, out, e);
        if (rc == ERR_OK)
            out->version = version;
    } else {
        rc = err_set(e, ERR_INVALID, "/inputs/b64",
                     "must be base64 (A-Z a-z 0-9 + / and = at the end)");
    }
    free(bytes);
    return rc;
}

enum err
codec_rows_read(const char *body, size_t len, const char *member, size_t width,
                bool may_lack, bool *out_read, struct codec_predict *out,
                struct errinfo *e)
{
    /* A number takes two bytes at least, with what parts it from the next. */
    size_t               capacity = len / 2 / width;
    float               *raw = NULL;
    struct codec_predict read = { .width = width, .version = -1 };
    const char          *p = skip_text(body, "{"), *q;

    *out_read = false;
    p = skip_text(p, member);
    p = skip_text(p, ":");
    q = skip_text(p, "{");
    q = skip_text(q, "\"b64\"");
    q = skip_text(q, ":");
    if (q != NULL && *q == '"') {
        *out_read = true;
        return read_base64(q + 1, body + len, width, may_lack, out, e);
    }
    p = skip_text(p, "[");
    if (p == NULL || capacity == 0)
        return ERR_OK;
    raw = mem_resize(NULL, capacity * width, sizeof(*raw));
    if (raw == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    p = read_rows(p, width, capacity, raw, &read.n_rows);
    p = skip_end(p, &read.version);
    if (p != body + len) {
        free(raw);
        return ERR_OK;
    }
    read.raw = raw;
    *out = read;
    *out_read = true;
    return ERR_OK;
}
