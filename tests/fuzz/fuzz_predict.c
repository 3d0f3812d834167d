/*
 * fuzz_predict.c - rows of predictions, on bytes that nobody wrote
 *
 * Model    The first byte says which form; the rest is the body.  What the
 *          quick reader of JSON takes, the thorough one must take as well, and
 *          find the same floats in it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/rows.h"

#define WIDTH 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was read has the size that it says. */
static void
use_rows(struct codec_predict *rows)
{
    volatile float sum = 0;

    assert(rows->n_rows > 0 && rows->width == WIDTH);
    for (size_t i = 0; i < rows->n_rows * rows->width; i++)
        sum += rows->raw[i];
    free(rows->raw);
}

static void
fuzz_json(const char *body, size_t len)
{
    static const struct nn_spec spec = {
        .input = { .rank = 1, .dim = { WIDTH } },
    };
    struct codec_predict quick = { .version = -1 }, slow = { .version = -1 };
    struct errinfo       e;
    bool                 is_read = false;

    err_clear(&e);
    enum err rc = codec_rows_read(body, len, "\"inputs\"", WIDTH, false,
                                  &is_read, &quick, &e);
    err_clear(&e);
    enum err again = codec_predict_parse(body, len, &spec, NULL, &slow, &e);
    /* Only the quick one reads base64. */
    if (is_read && strstr(body, "b64") == NULL) {
        assert((rc == ERR_OK) == (again == ERR_OK));
        if (rc == ERR_OK)
            assert(quick.n_rows == slow.n_rows &&
                   quick.version == slow.version &&
                   memcmp(quick.raw, slow.raw,
                          slow.n_rows * WIDTH * sizeof(float)) == 0);
    }
    if (is_read && rc == ERR_OK)
        use_rows(&quick);
    if (again == ERR_OK)
        use_rows(&slow);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_predict rows = { .version = -1 };
    struct errinfo       e;
    enum err             rc = ERR_INVALID;
    char                *body;
    int64_t              version;

    if (size == 0 || (body = mem_dup(data + 1, size - 1)) == NULL)
        return 0;
    err_clear(&e);
    switch (data[0]) {
    case 'j':
        fuzz_json(body, size - 1);
        break;
    case 'v':
        codec_predict_version(body, size - 1, &version, &e);
        break;
    case 'b':
    case 'B':
        rc =
            codec_rows_binary(body, size - 1, WIDTH, data[0] == 'B', &rows, &e);
        break;
    case 'n':
    case 'N':
        rc = codec_rows_npy(body, size - 1, WIDTH, data[0] == 'N', &rows, &e);
        break;
    default:
        break;
    }
    if (rc == ERR_OK)
        use_rows(&rows);
    free(body);
    return 0;
}
