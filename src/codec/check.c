/* check.c - is a database what it should be? */
#include "codec/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/dataset.h"
#include "codec/job.h"
#include "codec/network.h"
#include "codec/walk.h"

#define PAGE 100

struct check {
    struct store       *db;
    store_fault_fn      tell;
    void               *arg;
    struct codec_check *out;
};

static void
count_fault(void *arg, const char *what)
{
    struct check *check = arg;

    check->out->faults++;
    check->tell(check->arg, what);
}

/* rc is of something called `what`; its own failure is a fault of it. */
static void
judge(struct check *check, enum err rc, const char *what,
      const struct errinfo *e)
{
    char text[512];

    if (rc == ERR_OK)
        return;
    snprintf(text, sizeof(text), "%s: %s%s%s", what, e->item[0].where,
             e->item[0].where[0] != '\0' ? ": " : "", err_what(e));
    count_fault(check, text);
}

/* What is shown as it was stored must be JSON. */
static void
check_text(struct check *check, const char *what, const char *member,
           const char *text)
{
    struct errinfo e;

    err_clear(&e);
    if (text != NULL)
        judge(check, walk_check(text, strlen(text), member, &e), what, &e);
}

/* As a prediction would read it. */
static enum err
check_read(struct check *check, const struct store_version *row,
           struct errinfo *e)
{
    struct store_version again = { 0 };
    enum err rc = store_version_get(check->db, row->network_id, row->version,
                                    &again, e);

    store_version_release(&again);
    return rc;
}

static enum err
check_weights(struct check *check, const struct store_version *row,
              struct errinfo *e)
{
    void    *bytes = mem_array(row->n_bytes, 1, 0);
    enum err rc;

    if (bytes == NULL)
        return err_set(e, ERR_NOMEM, "", "no memory for its %zu bytes",
                       row->n_bytes);
    rc = store_version_weights(check->db, row->network_id, row->version, bytes,
                               row->n_bytes, e);
    free(bytes);
    return rc;
}

static void
check_version(struct check *check, const char *network,
              const struct store_version *row)
{
    struct dataset_encoder *encoder = NULL;
    struct errinfo          e;
    char                    what[96];

    snprintf(what, sizeof(what), "version %lld of network '%.63s'",
             (long long)row->version, network);
    err_clear(&e);
    judge(check, check_weights(check, row, &e), what, &e);
    err_clear(&e);
    judge(check, check_read(check, row, &e), what, &e);
    err_clear(&e);
    if (row->encoder != NULL)
        judge(check, codec_encoder_parse(row->encoder, &encoder, &e), what, &e);
    dataset_encoder_free(encoder);
    check_text(check, what, "metrics", row->metrics);
    check_text(check, what, "origin", row->origin);
    check->out->versions++;
}

static enum err
check_versions(struct check *check, const struct store_network *network,
               struct errinfo *e)
{
    int64_t after = -1;
    size_t  n = PAGE;

    while (n == PAGE) {
        struct store_version *row;
        enum err rc = store_version_list(check->db, network->id, after, PAGE,
                                         &row, &n, e);

        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            check_version(check, network->name, &row[i]);
            after = row[i].version;
            store_version_release(&row[i]);
        }
        free(row);
    }
    return ERR_OK;
}

static enum err
check_network(struct check *check, const struct store_network *row,
              struct errinfo *e)
{
    struct nn_spec *spec = mem_array(1, sizeof(*spec), 0);
    struct errinfo  own;
    char            what[96];

    if (spec == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    snprintf(what, sizeof(what), "network '%.63s'", row->name);
    err_clear(&own);
    judge(check, codec_spec_parse(row->spec, spec, &own), what, &own);
    free(spec);
    check->out->networks++;
    return check_versions(check, row, e);
}

static enum err
check_networks(struct check *check, struct errinfo *e)
{
    char     after[CODEC_NAME_SIZE] = "";
    size_t   n = PAGE;
    enum err rc = ERR_OK;

    while (rc == ERR_OK && n == PAGE) {
        struct store_network *row;

        rc = store_network_list(check->db, after, PAGE, &row, &n, e);
        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            if (rc == ERR_OK)
                rc = check_network(check, &row[i], e);
            snprintf(after, sizeof(after), "%s", row[i].name);
            store_network_release(&row[i]);
        }
        free(row);
    }
    return rc;
}

static enum err
check_datasets(struct check *check, struct errinfo *e)
{
    char   after[CODEC_NAME_SIZE] = "";
    size_t n = PAGE;

    while (n == PAGE) {
        struct store_dataset *row;
        enum err rc = store_dataset_list(check->db, after, PAGE, &row, &n, e);

        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            struct dataset_meta meta = { 0 };
            struct errinfo      own;
            char                what[96];

            snprintf(what, sizeof(what), "dataset '%.63s'", row[i].name);
            err_clear(&own);
            judge(check, codec_meta_parse(row[i].meta, &meta, &own), what,
                  &own);
            dataset_meta_release(&meta);
            snprintf(after, sizeof(after), "%s", row[i].name);
            store_dataset_release(&row[i]);
            check->out->datasets++;
        }
        free(row);
    }
    return ERR_OK;
}

static enum err
check_jobs(struct check *check, struct errinfo *e)
{
    int64_t after = 0;
    size_t  n = PAGE;

    while (n == PAGE) {
        struct store_job *row;
        enum err rc = store_job_list(check->db, STORE_JOB_STATUS_COUNT, NULL,
                                     after, PAGE, &row, &n, e);

        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            struct codec_job spec;
            struct errinfo   own;
            char             what[48];

            snprintf(what, sizeof(what), "job %lld", (long long)row[i].id);
            err_clear(&own);
            judge(check, codec_job_spec_parse(row[i].spec, &spec, &own), what,
                  &own);
            check_text(check, what, "metrics", row[i].metrics);
            check_text(check, what, "result", row[i].result);
            check_text(check, what, "error", row[i].error);
            check_text(check, what, "warnings", row[i].warnings);
            after = row[i].id;
            store_job_release(&row[i]);
            check->out->jobs++;
        }
        free(row);
    }
    return ERR_OK;
}

enum err
codec_check(struct store *db, store_fault_fn tell, void *arg,
            struct codec_check *out, struct errinfo *e)
{
    struct check check = { .db = db, .tell = tell, .arg = arg, .out = out };
    enum err     rc;

    memset(out, 0, sizeof(*out));
    rc = store_check(db, count_fault, &check, &out->store, e);
    if (rc == ERR_OK)
        rc = check_networks(&check, e);
    if (rc == ERR_OK)
        rc = check_datasets(&check, e);
    if (rc == ERR_OK)
        rc = check_jobs(&check, e);
    return rc;
}
