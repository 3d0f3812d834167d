/*
 * fuzz_weights.c - uploads of weights, on bytes that nobody wrote
 *
 * Model    The first byte says which format, the second into pieces of how many
 *          bytes the rest is cut, which must change nothing.  Weights that were
 *          taken are written and read again: the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/network.h"
#include "codec/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err
feed_json(struct nn_net *net, const char *p, size_t n, size_t step)
{
    struct codec_weights *reader;
    struct errinfo        e;

    err_clear(&e);
    enum err rc = codec_weights_new(net, &reader, &e);
    assert(rc == ERR_OK);
    for (size_t i = 0; rc == ERR_OK && i < n; i += step)
        rc = codec_weights_feed(reader, p + i, n - i < step ? n - i : step, &e);
    if (rc == ERR_OK)
        rc = codec_weights_end(reader, &e);
    codec_weights_free(reader);
    return rc;
}

static enum err
feed_tensors(struct nn_net *net, const char *p, size_t n, size_t step)
{
    struct codec_safetensors *reader;
    struct errinfo            e;

    err_clear(&e);
    enum err rc = codec_safetensors_new(net, &reader, &e);
    assert(rc == ERR_OK);
    for (size_t i = 0; rc == ERR_OK && i < n; i += step)
        rc = codec_safetensors_feed(reader, p + i, n - i < step ? n - i : step,
                                    &e);
    if (rc == ERR_OK)
        rc = codec_safetensors_end(reader, &e);
    codec_safetensors_free(reader);
    return rc;
}

/* 2-2-1: small enough that a fuzzer finds its tensors. */
static struct nn_net *
small_net(void)
{
    struct nn_spec spec = { .input = { .rank = 1, .dim = { 2 } },
                            .n_layers = 2 };
    struct nn_net *net;

    for (size_t i = 0; i < 2; i++) {
        nn_layer_spec_init(&spec.layer[i], nn_layer_type_find("dense"));
        spec.layer[i].units = 2 - i;
    }
    if (nn_spec_check(&spec, NULL) != ERR_OK ||
        nn_net_new(&spec, &net, NULL) != ERR_OK)
        abort();
    return net;
}

static bool
is_same(const struct nn_net *a, const struct nn_net *b)
{
    return memcmp(nn_net_params_const(a), nn_net_params_const(b),
                  nn_net_n_params(a) * sizeof(float)) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum err (*feed)(struct nn_net *, const char *, size_t, size_t);
    void (*format)(const struct nn_net *, struct buf *);

    if (size < 2 || (data[0] != 'j' && data[0] != 's'))
        return 0;
    feed = data[0] == 'j' ? feed_json : feed_tensors;
    format = data[0] == 'j' ? codec_weights_format : codec_safetensors_format;

    struct nn_net *whole = small_net(), *cut = small_net();
    struct buf     text = { 0 };
    const char    *body = (const char *)data + 2;
    enum err       rc = feed(whole, body, size - 2, size);

    assert(feed(cut, body, size - 2, data[1] % 16u + 1) == rc);
    if (rc == ERR_OK) {
        assert(is_same(whole, cut));
        format(whole, &text);
        assert(!text.failed &&
               feed(cut, text.data, text.len, text.len) == ERR_OK);
        assert(is_same(whole, cut));
    }
    buf_release(&text);
    nn_net_free(whole);
    nn_net_free(cut);
    return 0;
}
