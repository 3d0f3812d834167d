/* evaluate.c - a stored dataset through a model, and the figures of it */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/predict.h"
#include "codec/stored.h"
#include "serving/figures.h"
#include "serving/model.h"
#include "serving/registry.h"

/* --- the pass ------------------------------------------------------------- */

/* The model's own encoder, or for bare weights one that changes nothing. */
static enum err
encoder_choose(const struct serving_model *m, const struct dataset_meta *meta,
               struct dataset_encoder **out_own, struct errinfo *e)
{
    static const struct dataset_encoding as_it_is;
    const struct nn_spec                *spec = nn_net_spec(m->net);
    bool symmetric = nn_activation_is_symmetric(
        spec->layer[spec->n_layers - 1].activation);

    if (m->encoder != NULL)
        return ERR_OK;
    return dataset_encoder_new(meta, &as_it_is, nn_net_n_out(m->net), symmetric,
                               out_own, e);
}

/* The table, all outputs, and a score a row. */
static enum err
bytes_needed(const struct dataset_encoder *enc, const struct dataset_meta *meta,
             size_t *out, struct errinfo *e)
{
    size_t   table, y;
    enum err rc = dataset_table_bytes(enc, meta, &table, e);

    if (rc != ERR_OK)
        return rc;
    if (!mem_mul((size_t)meta->n_rows,
                 enc->n_out * sizeof(float) + serving_figures_bytes(enc->n_out),
                 &y) ||
        !mem_add(table, y, out))
        return err_set(e, ERR_INVALID, "/dataset",
                       "needs more memory than can be counted");
    return ERR_OK;
}

static enum err
check_sizes(const struct serving_model *m, const struct dataset_encoder *enc,
            const struct dataset_meta *meta, struct errinfo *e)
{
    if (meta->n_rows == 0)
        return err_set(e, ERR_INVALID, "/dataset", "the dataset has no rows");
    if (enc->n_in != nn_net_n_in(m->net))
        return err_set(e, ERR_INVALID, "/dataset",
                       "the dataset gives %zu inputs, the network takes %zu",
                       enc->n_in, nn_net_n_in(m->net));
    return ERR_OK;
}

enum err
serving_evaluate(struct serving_registry *reg, struct serving_model *m,
                 const char *network, const char *dataset, struct buf *out,
                 struct errinfo *e)
{
    struct codec_dataset   *ds = NULL;
    struct dataset_encoder *own = NULL, *enc;
    struct dataset_table   *table = NULL;
    float                  *y = NULL;
    size_t                  bytes = 0, taken = 0;
    struct codec_evaluation ev = {
        .network = network,
        .dataset = dataset,
        .version = m->version,
    };
    enum err rc;

    rc = codec_stored_dataset(serving_registry_store(reg), dataset, 0, &ds, e);
    if (rc == ERR_NOTFOUND)
        rc = err_set(e, ERR_INVALID, "/dataset", "there is no dataset \"%s\"",
                     dataset);
    if (rc == ERR_OK)
        rc = encoder_choose(m, &ds->meta, &own, e);
    if (rc != ERR_OK)
        goto out;
    enc = own != NULL ? own : m->encoder;
    rc = check_sizes(m, enc, &ds->meta, e);
    if (rc == ERR_OK)
        rc = bytes_needed(enc, &ds->meta, &bytes, e);
    if (rc == ERR_OK)
        rc = serving_registry_take(reg, bytes, "the dataset", e);
    if (rc != ERR_OK)
        goto out;
    taken = bytes;

    /* Without scaling, fitting finds the means that stand for missing cells
     * and nothing else; a model's encoder is shared and stays as it is. */
    rc = dataset_table_load(enc, own != NULL, &ds->source, 0, 0, &table, e);
    if (rc != ERR_OK)
        goto out;
    y = mem_floats(table->n_rows * table->n_out, 0);
    if (y == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "no memory to evaluate in");
        goto out;
    }
    serving_model_forward(m, table->x, table->n_rows, y);

    ev.task = enc->task;
    ev.n_rows = table->n_rows;
    ev.loss = nn_loss_mean(nn_net_spec(m->net), y, table->t, NULL,
                           table->n_rows, table->n_out);
    dataset_encoder_restore(enc, y, table->n_rows);
    dataset_encoder_restore(enc, table->t, table->n_rows);
    rc = serving_figures(enc, table, y, &ev, e);
    if (rc == ERR_OK)
        codec_evaluation_format(&ev, out);
out:
    codec_evaluation_release(&ev);
    free(y);
    dataset_table_free(table);
    serving_registry_give(reg, taken);
    dataset_encoder_free(own);
    codec_stored_dataset_free(ds);
    return rc;
}
