/* stored_fixture.c - a store with networks, datasets and jobs in it */
#include "stored_fixture.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/random.h"
#include "codec/dataset.h"
#include "codec/network.h"

static void
must(enum err rc, const struct errinfo *e)
{
    ck_assert_msg(rc == ERR_OK, "%s: %s %s", err_code_slug(rc),
                  e->n > 0 ? e->item[0].where : "", err_what(e));
}

void
fixture_reopen(struct fixture *f)
{
    struct errinfo e;

    err_clear(&e);
    store_close(f->db);
    f->db = NULL;
    must(store_open(f->path, &f->db, &e), &e);
}

void
fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->directory, sizeof(f->directory), "/tmp/backpropd-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/db", f->directory);
    fixture_reopen(f);
}

void
fixture_release(struct fixture *f)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", ".lock",
                                            "-journal" };
    char                     path[128];

    store_close(f->db);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(f->directory), 0);
}

/* --- networks and versions ------------------------------------------------ */

/* The parameters of net as a version's row; free(weights). */
static void
version_of(const struct nn_net *net, struct store_version *row, char *hex)
{
    uint8_t digest[DIGEST_SIZE];
    size_t  n = nn_net_params_bytes(net);
    void   *weights = malloc(n);

    nn_net_export(net, weights);
    digest_bytes(weights, n, digest);
    digest_hex(digest, hex);
    *row = (struct store_version){
        .sha256 = hex,
        .weights = weights,
        .n_bytes = n,
        .created_ms = 1,
    };
}

void
fixture_network(struct fixture *f, const char *body)
{
    struct codec_network network;
    struct store_version version;
    struct nn_net       *net = NULL;
    struct buf           spec = { 0 };
    struct errinfo       e;
    char                 hex[DIGEST_HEX_SIZE];
    int64_t              id;

    err_clear(&e);
    must(codec_network_parse(body, strlen(body), f->db, &network, &e), &e);
    must(nn_net_new(&network.spec, &net, &e), &e);
    nn_net_init(net, network.spec.seed);
    codec_spec_format(&network.spec, &spec);
    version_of(net, &version, hex);
    const struct store_network row = {
        .name = network.name,
        .spec = spec.data,
        .serving_version = -1,
        .created_ms = 1,
    };
    must(store_network_insert(f->db, &row, &version, &id, &e), &e);
    free((void *)version.weights);
    buf_release(&spec);
    nn_net_free(net);
}

void
fixture_version(struct fixture *f, const char *network, int64_t version,
                struct store_version *out)
{
    struct store_network row = { 0 };
    struct errinfo       e;

    err_clear(&e);
    must(store_network_get(f->db, network, &row, &e), &e);
    must(store_version_get(f->db, row.id, version, out, &e), &e);
    store_network_release(&row);
}

int64_t
fixture_constant_version(struct fixture *f, const char *network, float value)
{
    struct store_network row = { 0 };
    struct store_version version;
    struct nn_spec       spec;
    struct nn_net       *net = NULL;
    struct errinfo       e;
    char                 hex[DIGEST_HEX_SIZE];
    int64_t              number;

    err_clear(&e);
    must(store_network_get(f->db, network, &row, &e), &e);
    must(codec_spec_parse(row.spec, &spec, &e), &e);
    must(nn_net_new(&spec, &net, &e), &e);
    for (size_t i = 0; i < nn_net_n_params(net); i++)
        nn_net_params(net)[i] = value;
    version_of(net, &version, hex);
    version.network_id = row.id;
    must(store_version_insert(f->db, &version, &number, &e), &e);
    free((void *)version.weights);
    nn_net_free(net);
    store_network_release(&row);
    return number;
}

/* --- datasets ------------------------------------------------------------- */

struct sink {
    struct store *db;
    int64_t       id;
    uint64_t      n;
};

static enum err
sink_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    struct sink *sink = arg;
    uint64_t     first = 0, n = 0;

    dataset_chunk_rows(p, len, &first, &n);
    return store_dataset_chunk(sink->db, sink->id, sink->n++, first, n, p, len,
                               e);
}

void
fixture_dataset(struct fixture *f, const char *name, enum dataset_format format,
                const char *text)
{
    const struct dataset_upload_options options = {
        .format = format,
        .header = true,
    };
    struct sink            sink = { .db = f->db };
    struct dataset_upload *up = NULL;
    struct dataset_meta    meta = { 0 };
    struct buf             json = { 0 };
    struct errinfo         e;

    err_clear(&e);
    must(store_dataset_begin(f->db, name, 1, 0, &sink.id, &e), &e);
    must(dataset_upload_new(&options, sink_chunk, &sink, &up, &e), &e);
    must(dataset_upload_feed(up, text, strlen(text), &e), &e);
    must(dataset_upload_end(up, &meta, &e), &e);
    codec_meta_format(&meta, &json);
    must(store_dataset_finish(f->db, sink.id, json.data, sink.n, &e), &e);
    buf_release(&json);
    dataset_meta_release(&meta);
    dataset_upload_free(up);
}

/* --- jobs ----------------------------------------------------------------- */

static void
spec_parse(struct codec_job *out, const char *format, va_list ap)
{
    char           body[1024];
    struct errinfo e;

    err_clear(&e);
    int n = vsnprintf(body, sizeof(body), format, ap);
    ck_assert_int_lt(n, (int)sizeof(body));
    must(codec_job_parse(body, (size_t)n, out, &e), &e);
}

void
fixture_job_spec(struct codec_job *out, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    spec_parse(out, format, ap);
    va_end(ap);
}

int64_t
fixture_job(struct fixture *f, const char *format, ...)
{
    struct codec_job spec;
    struct buf       json = { 0 };
    struct errinfo   e;
    int64_t          id;
    va_list          ap;

    err_clear(&e);
    va_start(ap, format);
    spec_parse(&spec, format, ap);
    va_end(ap);
    codec_job_spec_format(&spec, &json);
    const struct store_job row = {
        .base_version = -1,
        .network = spec.network,
        .dataset = spec.dataset,
        .validation =
            spec.validation_dataset[0] != '\0' ? spec.validation_dataset : NULL,
        .spec = json.data,
        .created_ms = 1,
    };
    must(store_job_insert(f->db, &row, NULL, &id, &e), &e);
    buf_release(&json);
    return id;
}

/* --- what most tests work on ---------------------------------------------- */

void
fixture_xor(struct fixture *f)
{
    fixture_network(f, "{\"name\": \"xor\", \"input_shape\": [2],"
                       " \"layers\": ["
                       "{\"type\": \"dense\", \"units\": 4,"
                       " \"activation\": \"tanh\"},"
                       "{\"type\": \"dense\", \"units\": 1,"
                       " \"activation\": \"sigmoid\"}],"
                       " \"loss\": \"squared_error\", \"seed\": 7}");
    fixture_dataset(f, "xor", DATASET_JSON,
                    "{\"inputs\": [[0,0],[0,1],[1,0],[1,1]],"
                    " \"targets\": [0,1,1,0]}");
}

void
fixture_blobs(struct fixture *f, const char *name, int n, int shift, int turn)
{
    static const char *const kinds[] = { "red", "green", "blue" };
    static const char *const classes[] = { "ash", "birch", "cedar" };
    const struct random_at   at = { .seed = 5, .purpose = RANDOM_TEST };
    struct buf               csv = { 0 };

    buf_puts(&csv, "a,b,kind,class\n");
    for (int i = 0; i < n; i++) {
        int   c = (i + turn) % 3;
        float a = random_normal(&at, (uint32_t)(2 * i));
        float b = random_normal(&at, (uint32_t)(2 * i + 1));
        buf_printf(&csv, "%.4f,%.4f,%s,%s\n", (double)(a + (float)c + shift),
                   (double)(b - 2 * (float)c), kinds[(i / 3 + c + turn) % 3],
                   classes[c]);
    }
    fixture_dataset(f, name, DATASET_CSV, csv.data);
    buf_release(&csv);
}

void
fixture_blobs_network(struct fixture *f, const char *name)
{
    char body[512];

    snprintf(body, sizeof(body),
             "{\"name\": \"%s\", \"input_shape\": [5], \"layers\": ["
             "{\"type\": \"dense\", \"units\": 48, \"activation\": \"relu\"},"
             "{\"type\": \"dense\", \"units\": 3,"
             " \"activation\": \"softmax\"}],"
             " \"loss\": \"cross_entropy\", \"seed\": 3}",
             name);
    fixture_network(f, body);
}
