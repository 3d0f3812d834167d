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

enum err
training_verdict_format(struct store *db, const struct store_job *row,
                        const char *sha256, struct buf *out, struct errinfo *e)
{
    struct store_job origin = { 0 };
    char             expected[DIGEST_HEX_SIZE];
    enum err         rc = store_job_get(db, row->verifies, &origin, e);

    if (rc == ERR_OK && !codec_result_sha256(origin.result, expected))
        rc = ERR_NOTFOUND; /* written by an older program */
    if (rc == ERR_OK)
        buf_printf(out,
                   ",\"verified_version\":%lld,\"equal\":%s,"
                   "\"expected_sha256\":\"%s\"",
                   (long long)codec_result_version(origin.result),
                   strcmp(expected, sha256) == 0 ? "true" : "false", expected);
    else if (rc == ERR_NOTFOUND)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "what job %lld came to is not known any more: "
                               "there is nothing to compare with",
                               (long long)row->verifies),
                       "origin_gone");
    store_job_release(&origin);
    return rc;
}
