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
#include "codec/job.h"
#include "codec/network.h"
#include "codec/predict.h"

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
    default:
        break;
    }
    free(text);
    return 0;
}
