/* ancestors.c - what a job began with that continued others, made again */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "training/job_load.h"

/* Jobs of which each continues the next. */
struct line {
    struct store_job *job;
    size_t            n;
};

static void
line_release(struct line *line)
{
    for (size_t i = 0; i < line->n; i++)
        store_job_release(&line->job[i]);
    free(line->job);
}

static enum err
line_init(struct line *line, struct store *db, int64_t id, struct errinfo *e)
{
    for (; id != 0; id = line->job[line->n - 1].continues) {
        struct store_job *grown =
            mem_resize(line->job, line->n + 1, sizeof(*grown));

        if (grown == NULL)
            return err_set(e, ERR_NOMEM, "", "no memory to train in");
        line->job = grown;
        memset(&grown[line->n], 0, sizeof(*grown));
        enum err rc = store_job_get(db, id, &grown[line->n], e);
        if (rc == ERR_NOTFOUND)
            return err_named(e,
                             err_set(e, ERR_CONFLICT, "",
                                     "job %lld, which was continued, has been "
                                     "deleted: it cannot be trained again",
                                     (long long)id),
                             "origin_gone");
        if (rc != ERR_OK)
            return rc;
        line->n++;
    }
    return ERR_OK;
}

/* Train one from this state, or from its start, to its end; its own state
 * replaces that one. */
static enum err
train_again(const struct training_job *job, const struct store_job *row,
            void **bytes, size_t *len, struct errinfo *e)
{
    struct training_job before = {
        .options = job->options,
        .run = job->run,
        .row = row,
    };
    const void *end;
    void       *copy = NULL;
    size_t      end_len;
    enum err    rc = training_job_spec(&before, e);

    log_write(LOG_INFO, "training", "job %lld trains job %lld again first",
              (long long)job->row->id, (long long)row->id);
    if (rc == ERR_OK)
        rc = training_job_begin(&before, *bytes, *len, e);
    if (rc == ERR_OK)
        rc = training_trainer_run(before.trainer, &before.checkpoint, e);
    if (rc != ERR_OK)
        goto out;
    end = training_trainer_end(before.trainer, &end_len);
    copy = mem_array(end_len, 1, 0);
    if (copy == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "no memory to train in");
        goto out;
    }
    memcpy(copy, end, end_len);
    free(*bytes);
    *bytes = copy;
    *len = end_len;
out:
    training_job_unload(&before);
    return rc;
}

enum err
training_ancestors_state(const struct training_job *job, int64_t id, void **out,
                         size_t *out_len, struct errinfo *e)
{
    struct line line = { 0 };
    void       *bytes = NULL;
    size_t      len = 0;
    enum err    rc = line_init(&line, job->options->store, id, e);

    job->run->silent = true;
    for (size_t i = line.n; rc == ERR_OK && i-- > 0;)
        rc = train_again(job, &line.job[i], &bytes, &len, e);
    job->run->silent = false;
    line_release(&line);
    if (rc != ERR_OK) {
        free(bytes);
        return rc;
    }
    *out = bytes;
    *out_len = len;
    return ERR_OK;
}
