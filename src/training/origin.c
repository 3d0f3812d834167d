/* origin.c - where a version came from, and whether it comes out again */
#include "training/origin.h"

#include <string.h>

#include "codec/job.h"

void
training_origin_format(const struct store_job *row, struct buf *out)
{
    buf_printf(out, "{\"program\":\"%s\",\"base_version\":%lld,",
               PACKAGE_STRING, (long long)row->base_version);
    if (row->continues != 0)
        buf_printf(out, "\"continues\":%lld,", (long long)row->continues);
    buf_printf(out, "\"spec\":");
    buf_puts(out, row->spec);
    buf_putc(out, '}');
}

/* The version that the job of this id made. */
static enum err
version_of(struct store *db, int64_t job, struct store_version *out,
           struct errinfo *e)
{
    struct store_job     row = { 0 };
    struct store_network network = { 0 };
    enum err             rc = store_job_get(db, job, &row, e);

    if (rc == ERR_OK)
        rc = store_network_get(db, row.network, &network, e);
    if (rc == ERR_OK)
        rc = store_version_get(db, network.id, codec_result_version(row.result),
                               out, e);
    if (rc == ERR_OK && out->job_id != job) {
        store_version_release(out);
        rc = ERR_NOTFOUND;
    }
    if (rc == ERR_NOTFOUND)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "the version that job %lld made is gone: there "
                               "is nothing to compare with",
                               (long long)job),
                       "origin_gone");
    store_network_release(&network);
    store_job_release(&row);
    return rc;
}

enum err
training_verdict_format(struct store *db, const struct store_job *row,
                        const char *sha256, struct buf *out, struct errinfo *e)
{
    struct store_version version = { 0 };
    enum err             rc = version_of(db, row->verifies, &version, e);

    if (rc != ERR_OK)
        return rc;
    buf_printf(out,
               ",\"verified_version\":%lld,\"equal\":%s,\"sha256\":\"%s\","
               "\"expected_sha256\":\"%s\"",
               (long long)version.version,
               strcmp(version.sha256, sha256) == 0 ? "true" : "false", sha256,
               version.sha256);
    store_version_release(&version);
    return ERR_OK;
}
