/*
 * fuzz_codec.c - the JSON bodies of requests, on bytes that nobody wrote
 *
 * Model    The first byte says whose body; the rest is the body.  What was
 *          accepted is written and read again: the two must be the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/infer.h"
#include "codec/job.h"
#include "codec/network.h"
#include "codec/predict.h"
#include "codec/tfserving.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_job(const void *body, size_t len)
{
    struct codec_job job, again;
    struct buf       once = { 0 }, twice = { 0 };
    struct errinfo   e;

    err_clear(&e);
    if (codec_job_parse(body, len, &job, &e) != ERR_OK)
        return;
    codec_job_spec_format(&job, &once);
    assert(!once.failed);
    assert(codec_job_spec_parse(once.data, &again, &e) == ERR_OK);
    codec_job_spec_format(&again, &twice);
    assert(strcmp(once.data, twice.data) == 0);
    buf_release(&once);
    buf_release(&twice);
    codec_job_release(&job);
    codec_job_release(&again);
}

static void
fuzz_spec(const char *json)
{
    struct nn_spec spec, again;
    struct buf     once = { 0 }, twice = { 0 };
    struct errinfo e;

    err_clear(&e);
    if (codec_spec_parse(json, &spec, &e) != ERR_OK)
        return;
    codec_spec_format(&spec, &once);
    assert(!once.failed);
    assert(codec_spec_parse(once.data, &again, &e) == ERR_OK);
    codec_spec_format(&again, &twice);
    assert(strcmp(once.data, twice.data) == 0);
    buf_release(&once);
    buf_release(&twice);
}

static const struct nn_spec three = { .input = { .rank = 1, .dim = { 3 } } };

/* Whatever was read has the size that it says. */
static void
use_rows(const struct codec_predict *rows)
{
    volatile float sum = 0;

    assert(rows->n_rows > 0 && rows->width == 3);
    for (size_t i = 0; i < rows->n_rows * rows->width; i++)
        sum += rows->raw[i];
}

/* A column of numbers, one of words and one of yes and no. */
static char *colours[] = { (char[]){ "red" }, (char[]){ "blue" } };
static struct dataset_category by_name[] = { { "blue", 1 }, { "red", 0 } };
static struct dataset_input inputs[] = {
    { .name = (char[]){ "size" }, .type = DATASET_NUMERIC, .width = 1 },
    { .name = (char[]){ "colour" },
      .type = DATASET_CATEGORICAL,
      .width = 1,
      .raw_offset = 1,
      .n_categories = COUNT_OF(colours),
      .categories = colours,
      .by_name = by_name },
    { .name = (char[]){ "loud" },
      .type = DATASET_BOOLEAN,
      .width = 1,
      .raw_offset = 2 },
};
static const struct dataset_encoder words = { .n_inputs = COUNT_OF(inputs),
                                              .input = inputs,
                                              .raw_width = 3 };

/* Another protocol's body; cut: binary tensors stand behind its JSON.  By
 * encoder, where it is given, a tensor a column. */
static void
fuzz_infer(const char *body, size_t len, bool cut,
           const struct dataset_encoder *encoder)
{
    const char        *json_end = cut ? memchr(body, '\n', len) : NULL;
    struct codec_infer infer;
    struct errinfo     e;

    err_clear(&e);
    if (codec_infer_parse(
            body, len, json_end != NULL ? (size_t)(json_end - body) + 1 : len,
            3, encoder, &infer, &e) != ERR_OK)
        return;
    use_rows(&infer.rows);
    codec_infer_release(&infer);
}

static void
fuzz_tfserving(const char *body, size_t len)
{
    struct codec_predict rows = { .version = -1 };
    bool                 columns;
    struct errinfo       e;

    err_clear(&e);
    if (codec_tfserving_parse(body, len, &three, NULL, &rows, &columns,
                              &e) != ERR_OK)
        return;
    use_rows(&rows);
    free(rows.raw);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_patch    patch;
    struct codec_evaluate evaluate;
    struct errinfo        e;
    char                 *text;

    if (size == 0 || (text = mem_dup(data + 1, size - 1)) == NULL)
        return 0;
    err_clear(&e);
    switch (data[0]) {
    case 'j':
        fuzz_job(text, size - 1);
        break;
    case 's':
        fuzz_spec(text);
        break;
    case 'p':
        codec_patch_parse(text, size - 1, &patch, &e);
        break;
    case 'e':
        codec_evaluate_parse(text, size - 1, &evaluate, &e);
        break;
    case 'k':
    case 'K':
        fuzz_infer(text, size - 1, data[0] == 'K', NULL);
        break;
    case 'w':
    case 'W':
        fuzz_infer(text, size - 1, data[0] == 'W', &words);
        break;
    case 't':
        fuzz_tfserving(text, size - 1);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
