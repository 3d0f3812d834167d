#include "codec/stored.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/dataset.h"
#include "codec/network.h"

enum err
codec_stored_net_bytes(struct store *db, const char *network, size_t *out,
                       struct errinfo *e)
{
    struct store_network row = { 0 };
    struct nn_spec       spec;
    enum err             rc = store_network_get(db, network, &row, e);

    if (rc != ERR_OK)
        return rc;
    rc = codec_spec_parse(row.spec, &spec, e);
    if (rc == ERR_OK)
        *out = nn_net_bytes(&spec);
    store_network_release(&row);
    return rc;
}

/* A version's row, and its weights in net. */
static enum err
load_version(struct store *db, int64_t network_id, int64_t version,
             struct nn_net *net, struct store_version *out, struct errinfo *e)
{
    size_t   len = nn_net_params_bytes(net);
    void    *bytes = mem_array(len, 1, 0);
    enum err rc;

    if (bytes == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rc = store_version_load(db, network_id, version, bytes, len, out, e);
    if (rc == ERR_OK)
        rc = nn_net_import(net, bytes, len, e);
    free(bytes);
    return rc;
}

enum err
codec_stored_net_row(struct store *db, const struct store_network *row,
                     int64_t version, struct nn_net **out_net,
                     struct dataset_encoder **out_encoder, int64_t *out_version,
                     struct errinfo *e)
{
    struct store_version    stored = { 0 };
    struct nn_spec          spec;
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    enum err                rc = codec_spec_parse(row->spec, &spec, e);

    if (rc == ERR_OK)
        rc = nn_net_new(&spec, &net, e);
    if (rc == ERR_OK)
        rc = load_version(db, row->id, version, net, &stored, e);
    if (rc == ERR_OK && stored.encoder != NULL)
        rc = codec_encoder_parse(stored.encoder, &encoder, e);
    if (rc == ERR_OK) {
        *out_net = net;
        *out_encoder = encoder;
        *out_version = stored.version;
    } else {
        nn_net_free(net);
    }
    store_version_release(&stored);
    return rc;
}

enum err
codec_stored_net(struct store *db, const char *network, int64_t version,
                 struct nn_net **out_net, struct dataset_encoder **out_encoder,
                 int64_t *out_version, struct errinfo *e)
{
    struct store_network row = { 0 };
    enum err             rc = store_network_get(db, network, &row, e);

    if (rc != ERR_OK)
        return rc;
    rc = codec_stored_net_row(db, &row, version, out_net, out_encoder,
                              out_version, e);
    store_network_release(&row);
    return rc;
}

/* --- datasets ------------------------------------------------------------- */

static enum err
each_chunk(void *arg, dataset_chunk_fn sink, void *sink_arg, struct errinfo *e)
{
    struct codec_dataset *ds = arg;

    return store_dataset_each_chunk(ds->db, ds->id, ds->n_chunks, sink,
                                    sink_arg, e);
}

enum err
codec_stored_dataset_row(struct store *db, const struct store_dataset *row,
                         struct codec_dataset **out, struct errinfo *e)
{
    struct codec_dataset *ds = mem_array(1, sizeof(*ds), 0);
    enum err              rc;

    if (ds == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    rc = codec_meta_parse(row->meta, &ds->meta, e);
    if (rc != ERR_OK) {
        codec_stored_dataset_free(ds);
        return rc;
    }
    ds->db = db;
    ds->id = row->id;
    ds->revision = row->revision;
    ds->n_chunks = row->n_chunks;
    ds->source = (struct dataset_source){ .meta = &ds->meta,
                                          .each = each_chunk,
                                          .arg = ds };
    *out = ds;
    return ERR_OK;
}

enum err
codec_stored_dataset(struct store *db, const char *name, int64_t revision,
                     struct codec_dataset **out, struct errinfo *e)
{
    struct store_dataset row = { 0 };
    enum err rc = store_dataset_get_revision(db, name, revision, &row, e);

    if (rc != ERR_OK)
        return rc;
    rc = codec_stored_dataset_row(db, &row, out, e);
    store_dataset_release(&row);
    return rc;
}

void
codec_stored_dataset_free(struct codec_dataset *ds)
{
    if (ds == NULL)
        return;
    dataset_meta_release(&ds->meta);
    free(ds);
}
