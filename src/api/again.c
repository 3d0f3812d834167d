/* again.c - a job from one that was: to go on with it, or to verify it */
#include <string.h>

#include "api/submit.h"
#include "codec/job.h"

static enum err
succeeded_job(struct api_ctx *api, const char *segment, const char *what,
              struct store_job *out, struct errinfo *e)
{
    int64_t  id;
    enum err rc = api_number(segment, "job", &id, e);

    if (rc == ERR_OK)
        rc = store_job_get(api->store, id, out, e);
    if (rc == ERR_OK && out->status != STORE_JOB_SUCCEEDED) {
        rc = err_set(e, ERR_CONFLICT, "",
                     "job %lld is %s: only one that succeeded can be %s",
                     (long long)id, store_job_status_name(out->status), what);
        store_job_release(out);
    }
    return rc;
}

static enum err
check_continue(const struct store_job *from, uint64_t done,
               const struct codec_job *asked, bool has_stop_when,
               struct errinfo *e)
{
    if (asked->folds > 0)
        return err_set(e, ERR_CONFLICT, "",
                       "job %lld had folds, and its epochs follow from them: "
                       "submit a job that starts from its version",
                       (long long)from->id);
    if (asked->epochs <= done)
        return err_set(e, ERR_INVALID, "/epochs",
                       "what job %lld kept has done %llu epochs: \"epochs\" is "
                       "how many there are to be in all, and must be more",
                       (long long)from->id, (unsigned long long)done);
    if (strcmp(from->reason, "epochs") != 0 && !has_stop_when)
        return err_set(e, ERR_INVALID, "/stop_when",
                       "job %lld stopped because of \"%s\", and would again: "
                       "say when it is to stop now; {} lets it do all epochs",
                       (long long)from->id, from->reason);
    return ERR_OK;
}

enum err
api_jobs_continue(void *ctx, const struct http_request *req,
                  struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct api_submission sub;
    struct store_job      from = { 0 }, row = { .base_version = -1 };
    struct codec_job      asked = { .epochs = 0 };
    bool                  has_stop_when;
    enum err              rc;

    rc = api_submission_begin(api, req, &sub, rep, e);
    if (rc != ERR_OK || sub.how.again)
        return rc;
    rc = succeeded_job(api, req->arg[0], "continued", &from, e);
    if (rc != ERR_OK)
        return rc;
    row.continues = from.id;
    api_begin_from(&from, &row);
    rc = codec_job_continue(from.spec, req->body, req->body_len, &asked,
                            &has_stop_when, e);
    if (rc == ERR_OK)
        rc = check_continue(&from, row.epoch, &asked, has_stop_when, e);
    if (rc == ERR_OK) /* those of `from`, where it has them */
        rc = api_fix_revisions(api, &asked, e);
    if (rc == ERR_OK)
        rc = api_submission_check(api, &asked, e);
    if (rc == ERR_OK)
        rc = api_submission_insert(api, &sub, &asked, &row, rep, e);
    codec_job_release(&asked);
    store_job_release(&from);
    return rc;
}

/* The first of the jobs of which each continues the one before: only that one
 * started from a version, and all are trained again.  Replaces job. */
static enum err
first_of_line(struct api_ctx *api, struct store_job *job, struct errinfo *e)
{
    while (job->continues != 0) {
        struct store_job before = { 0 };
        int64_t          id = job->continues;
        enum err         rc = store_job_get(api->store, id, &before, e);

        if (rc == ERR_NOTFOUND)
            return err_named(e,
                             err_set(e, ERR_CONFLICT, "",
                                     "job %lld \"continues\" job %lld, which "
                                     "has been deleted: how it began is not "
                                     "known any more",
                                     (long long)job->id, (long long)id),
                             "origin_gone");
        if (rc != ERR_OK)
            return rc;
        store_job_release(job);
        *job = before;
    }
    return ERR_OK;
}

/* What the job started from must still be there: it is the newest versions' as
 * long as they are, whatever keep_versions says. */
static enum err
check_origin(struct api_ctx *api, const struct store_job *verified,
             int64_t *out_version, struct errinfo *e)
{
    struct store_network network = { 0 };
    struct store_version base = { 0 };
    struct store_job     from = { 0 };
    enum err             rc = store_job_get(api->store, verified->id, &from, e);

    if (rc == ERR_OK)
        rc = first_of_line(api, &from, e);
    if (rc == ERR_OK)
        rc = store_network_get(api->store, from.network, &network, e);
    if (rc != ERR_OK)
        goto out;
    rc = store_version_get(api->store, network.id, from.base_version, &base, e);
    if (rc == ERR_NOTFOUND)
        rc =
            err_named(e,
                      err_set(e, ERR_CONFLICT, "",
                              "version %lld, from which job %lld started, is "
                              "gone: there is nothing to start from again",
                              (long long)from.base_version, (long long)from.id),
                      "origin_gone");
    if (rc == ERR_OK)
        *out_version = from.base_version;
out:
    store_version_release(&base);
    store_network_release(&network);
    store_job_release(&from);
    return rc;
}

enum err
api_jobs_verify(void *ctx, const struct http_request *req,
                struct http_reply *rep, struct errinfo *e)
{
    struct api_ctx       *api = ctx;
    struct api_submission sub;
    struct store_job      from = { 0 }, row = { 0 };
    struct codec_job      asked = { .epochs = 0 };
    enum err              rc;

    rc = api_submission_begin(api, req, &sub, rep, e);
    if (rc != ERR_OK || sub.how.again)
        return rc;
    rc = succeeded_job(api, req->arg[0], "verified", &from, e);
    if (rc != ERR_OK)
        return rc;
    if (from.verifies != 0)
        rc = err_set(e, ERR_CONFLICT, "", "job %lld is a verification itself",
                     (long long)from.id);
    if (rc == ERR_OK)
        rc = codec_job_spec_parse(from.spec, &asked, e);
    if (rc == ERR_OK) {
        row.verifies = from.id;
        rc = check_origin(api, &from, &row.base_version, e);
    }
    if (rc == ERR_OK)
        rc = api_fix_revisions(api, &asked, e);
    if (rc == ERR_OK)
        rc = api_submission_check(api, &asked, e);
    if (rc == ERR_OK)
        rc = api_submission_insert(api, &sub, &asked, &row, rep, e);
    codec_job_release(&asked);
    store_job_release(&from);
    return rc;
}
