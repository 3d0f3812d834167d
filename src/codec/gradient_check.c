#include "codec/gradient_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/json_memory.h"
#include "codec/targets.h"
#include "codec/walk.h"
#include "codec/write.h"

/* Errors of our gradients are a thousand times smaller; a wrong one is not. */
#define TOLERANCE 1e-3

/* --- reading -----------------------------------------------------------------
 */

/* The array called name, of 1 to NN_CHECK_MAX_ROWS rows; NULL: told. */
static json_t *
rows_of(struct walk *w, const char *name)
{
    json_t *rows = walk_member(w, name);

    if (rows == NULL)
        walk_missing(w, name);
    else if (!json_is_array(rows) || json_array_size(rows) < 1 ||
             json_array_size(rows) > NN_CHECK_MAX_ROWS)
        walk_wrong(w, name, "must be an array of 1 to %d rows",
                   NN_CHECK_MAX_ROWS);
    else
        return rows;
    return NULL;
}

/* Inputs go the way that predict's go, as text of their own. */
static enum err
read_inputs(json_t *rows, const struct nn_net *net,
            const struct dataset_encoder *encoder, float **out,
            struct errinfo *e)
{
    struct codec_predict predict = { 0 };
    json_t              *body = json_pack("{s:O}", "inputs", rows);
    char                *text = body != NULL ? json_dumps(body, 0) : NULL;
    float               *x;
    enum err             rc;

    json_decref(body);
    if (text == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rc = codec_predict_parse(text, strlen(text), nn_net_spec(net), encoder,
                             &predict, e);
    codec_json_free(text);
    if (rc != ERR_OK)
        return rc;
    x = mem_floats(predict.n_rows * nn_net_n_in(net), 0);
    if (x == NULL) {
        free(predict.raw);
        return err_set(e, ERR_NOMEM, "", "out of memory");
    }
    if (encoder != NULL)
        dataset_encoder_apply(encoder, predict.raw, predict.n_rows, x);
    else
        memcpy(x, predict.raw, predict.n_rows * predict.width * sizeof(*x));
    free(predict.raw);
    *out = x;
    return ERR_OK;
}

static enum err
read_targets(json_t *rows, size_t n_out, const struct dataset_encoder *encoder,
             float **out, struct errinfo *e)
{
    size_t n = json_array_size(rows);
    float *t = mem_floats(n * n_out, 0);

    if (t == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    codec_targets_read(rows, encoder, n_out, t, e);
    *out = t;
    return ERR_OK;
}

enum err
codec_gradient_check_parse(const void *body, size_t len,
                           const struct nn_net          *net,
                           const struct dataset_encoder *encoder,
                           struct codec_gradient_check *out, struct errinfo *e)
{
    struct codec_gradient_check check = { 0 };
    json_t                     *document = NULL, *inputs, *targets;
    struct walk                 w;
    int64_t                     version;
    enum err                    rc;

    rc = walk_open(&w, body, len, &document, e);
    if (rc != ERR_OK)
        return rc;
    inputs = rows_of(&w, "inputs");
    targets = rows_of(&w, "targets");
    walk_version(&w, &version);
    walk_end(&w);
    if (inputs != NULL && targets != NULL &&
        json_array_size(inputs) != json_array_size(targets))
        walk_wrong(&w, "targets", "has %zu rows, inputs has %zu",
                   json_array_size(targets), json_array_size(inputs));
    if (targets != NULL)
        rc = read_targets(targets, nn_net_n_out(net), encoder, &check.t, e);
    if (rc == ERR_OK && e->n == 0)
        rc = read_inputs(inputs, net, encoder, &check.x, e);
    if (rc == ERR_OK && e->n > 0)
        rc = e->code;
    if (rc != ERR_OK) {
        free(check.x);
        free(check.t);
    } else {
        check.n = json_array_size(inputs);
        *out = check;
    }
    json_decref(document);
    return rc;
}

/* --- writing -----------------------------------------------------------------
 */

/* {"tensor": "0.weight", "index": [2, 1]} of parameter i of a layer. */
static void
write_place(struct buf *out, const struct nn_net *net, size_t layer, size_t i)
{
    size_t at = nn_net_layer_offset(net, layer) + i, t = 0, rest, size;
    struct nn_tensor tensor = nn_net_tensor(net, 0);

    while (at >= tensor.offset + nn_shape_size(&tensor.shape))
        tensor = nn_net_tensor(net, ++t);
    rest = at - tensor.offset;
    size = nn_shape_size(&tensor.shape);
    write_member(out, "at");
    write_begin(out);
    write_member(out, "tensor");
    buf_printf(out, "\"%zu.%s\"", tensor.layer, tensor.name);
    write_member(out, "index");
    for (size_t d = 0; d < tensor.shape.rank; d++) {
        size /= tensor.shape.dim[d];
        buf_printf(out, "%s%zu", d == 0 ? "[" : ",", rest / size);
        rest %= size;
    }
    buf_putc(out, ']');
    write_end(out);
}

static void
write_layer(struct buf *out, const struct nn_net *net, size_t i,
            const struct nn_check_layer *layer)
{
    write_begin(out);
    write_count(out, "index", i);
    write_text(out, "type",
               nn_layer_type_name(nn_net_spec(net)->layer[i].type));
    write_count(out, "parameters", nn_net_layer_trained(net, i));
    write_count(out, "checked", layer->n_checked);
    if (layer->n_checked > 0) {
        write_double(out, "largest_relative_error", layer->largest_error);
        write_place(out, net, i, layer->parameter);
        write_double(out, "gradient", layer->gradient);
        write_double(out, "difference", layer->difference);
    }
    write_end(out);
}

void
codec_gradient_check_format(const char *network, int64_t version,
                            const struct nn_net   *net,
                            const struct nn_check *check, size_t n,
                            struct buf *out)
{
    size_t n_layers = nn_net_spec(net)->n_layers, worst = n_layers;
    double error = 0;

    for (size_t i = 0; i < n_layers; i++)
        if (check->layer[i].n_checked > 0 &&
            (worst == n_layers ||
             check->layer[i].largest_error > check->layer[worst].largest_error))
            worst = i;
    if (worst < n_layers)
        error = check->layer[worst].largest_error;

    write_begin(out);
    write_text(out, "network", network);
    write_count(out, "version", (uint64_t)version);
    write_count(out, "rows", n);
    write_bool(out, "passed", error <= TOLERANCE);
    write_double(out, "tolerance", TOLERANCE);
    write_double(out, "largest_relative_error", error);
    if (worst < n_layers)
        write_place(out, net, worst, check->layer[worst].parameter);
    write_double(out, "loss", check->loss);
    write_double(out, "exact_loss", check->exact_loss);
    write_member(out, "layers");
    buf_putc(out, '[');
    for (size_t i = 0; i < n_layers; i++) {
        if (i > 0)
            buf_putc(out, ',');
        write_layer(out, net, i, &check->layer[i]);
    }
    buf_putc(out, ']');
    write_end(out);
}
