/*
 * submit.h - inside api/: what all requests that make a job go through
 *
 * Model    api_submission_begin(), which answers what was sent before; then the
 *          caller reads what is asked; api_fix_revisions(),
 *          api_submission_check(), api_submission_insert(), which answers.
 */
#ifndef API_SUBMIT_H
#define API_SUBMIT_H

#include "api/internal.h"
#include "base/digest.h"
#include "codec/job.h"

/* What a request's job is to be inserted with. */
struct api_submission {
    struct store_submit how;
    char                sha256[DIGEST_HEX_SIZE];
};

/* Look the request's key up first: with sub->how.again it has been answered. */
enum err api_submission_begin(struct api_ctx            *api,
                              const struct http_request *req,
                              struct api_submission     *sub,
                              struct http_reply *rep, struct errinfo *e);
/* All that is wrong with a job. */
enum err api_submission_check(struct api_ctx         *api,
                              const struct codec_job *asked, struct errinfo *e);
/* Into the queue; rep gets the job.  row has what is not in `asked`. */
enum err api_submission_insert(struct api_ctx *api, struct api_submission *sub,
                               const struct codec_job *asked,
                               struct store_job *row, struct http_reply *rep,
                               struct errinfo *e);
/* Of the datasets that are to be read, the revisions of now. */
enum err api_fix_revisions(struct api_ctx *api, struct codec_job *job,
                           struct errinfo *e);
/* What a job that continues `from` has done before it begins. */
void api_begin_from(const struct store_job *from, struct store_job *row);

#endif
