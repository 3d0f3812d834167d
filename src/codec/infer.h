/*
 * infer.h - bodies of the Open Inference Protocol, version 2
 *
 * Model    {"inputs": [{"name", "shape", "datatype", "data"}], "outputs":
 *          [{"name", "parameters"}], "parameters", "id"}: one tensor of rows
 *          goes in, under any name, where all is numbers; else, or by choice
 *          where there is an encoder, a tensor a column (infer_columns.h).
 *          "output" [n][n_out] FP32 and "label" [n] BYTES come out.
 *          With the binary tensor extension a tensor has no "data" but
 *          "binary_data_size" in its parameters; its bytes stand behind the
 *          JSON, whose length is told by a header of the request or answer.
 *          The classification extension asks for the k best classes of a row
 *          instead.
 * Owner    codec_infer_release() frees what a request holds, its rows too.
 * Errors   As codec/predict.h.
 * Limits   Those of codec/walk.h for what is JSON.
 */
#ifndef CODEC_INFER_H
#define CODEC_INFER_H

#include "codec/predict.h"

#define CODEC_INFER_MAX_OUTPUTS 2

struct codec_infer_output {
    bool     is_label;
    bool     binary;
    uint64_t classification; /* best classes; 0: the numbers themselves */
};

struct codec_infer {
    struct codec_predict      rows;
    char                     *id; /* to be echoed; NULL: none */
    size_t                    n_outputs;
    struct codec_infer_output output[CODEC_INFER_MAX_OUTPUTS];
};

/* json_len: of the JSON in the body; the rest is tensors.  encoder NULL: rows
 * are the network's inputs, width wide. */
enum err codec_infer_parse(const void *body, size_t len, size_t json_len,
                           size_t width, const struct dataset_encoder *encoder,
                           struct codec_infer *out, struct errinfo *e);
void     codec_infer_release(struct codec_infer *infer);

/* What there is to tell of a model that has answered. */
struct codec_infer_answer {
    const char                   *network;
    int64_t                       version;
    const float                  *y; /* [n_rows][n_out] */
    size_t                        n_rows, n_out;
    const char *const            *label;   /* [n_rows], or NULL */
    const struct dataset_encoder *encoder; /* or NULL           */
};

/* *out_json_len: 0 where the whole answer is JSON. */
enum err codec_infer_format(const struct codec_infer        *infer,
                            const struct codec_infer_answer *answer,
                            struct buf *out, size_t *out_json_len,
                            struct errinfo *e);

/* The metadata of a model; version [n_versions] are those that can be asked. */
void codec_infer_metadata(const char *network, const int64_t *version,
                          size_t n_versions, const struct nn_spec *spec,
                          const struct dataset_encoder *encoder, size_t n_out,
                          struct buf *out);

/* The same in the words of Triton's model configuration. */
void codec_infer_config(const char *network, const struct nn_spec *spec,
                        const struct dataset_encoder *encoder, size_t n_out,
                        struct buf *out);

#endif
