/* scenario.c - a life of a store in steps, and what must be left of it */
#include "scenario.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define N_WEIGHTS 60000
#define N_STATE 30000

/* Rows get these ids because they are the first of their tables. */
#define NET 1
#define DATA 1
#define JOB 1
#define OTHER_JOB 2

static char bytes[N_WEIGHTS];

/* Different bytes for every seed, the same for the same. */
static const void *
bytes_of(unsigned seed)
{
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)((i * 2654435761u + seed * 97u) >> 11);
    return bytes;
}

static const char *
sha256_of(const void *p, size_t n)
{
    static char hex[DIGEST_HEX_SIZE];
    uint8_t     digest[DIGEST_SIZE];

    digest_bytes(p, n, digest);
    digest_hex(digest, hex);
    return hex;
}

static struct store_version
version_of(unsigned seed)
{
    const void *weights = bytes_of(seed);

    return (struct store_version){
        .network_id = NET,
        .sha256 = (char *)sha256_of(weights, N_WEIGHTS),
        .weights = weights,
        .n_bytes = N_WEIGHTS,
        .created_ms = 5,
    };
}

/* --- the steps -------------------------------------------------------------
 */

static enum err
open_it(struct scenario *s, struct errinfo *e)
{
    return store_open(s->path, &s->db, e);
}

static enum err
reopen(struct scenario *s, struct errinfo *e)
{
    store_close(s->db);
    s->db = NULL;
    return open_it(s, e);
}

static enum err
create_network(struct scenario *s, struct errinfo *e)
{
    struct store_network row = {
        .name = "net", .spec = "{}", .serving_version = -1, .created_ms = 5
    };
    struct store_version version = version_of(0);
    int64_t              id;

    return store_network_insert(s->db, &row, &version, &id, e);
}

static enum err
begin_upload(struct scenario *s, struct errinfo *e)
{
    int64_t id;

    return store_dataset_begin(s->db, "d", 3, 0, &id, e);
}

static enum err
first_chunk(struct scenario *s, struct errinfo *e)
{
    return store_dataset_chunk(s->db, DATA, 0, 0, 1, bytes_of(1), 50000, e);
}

static enum err
second_chunk(struct scenario *s, struct errinfo *e)
{
    return store_dataset_chunk(s->db, DATA, 1, 1, 1, bytes_of(2), 20000, e);
}

static enum err
finish_upload(struct scenario *s, struct errinfo *e)
{
    return store_dataset_finish(s->db, DATA, "{}", 2, e);
}

static enum err
begin_another_upload(struct scenario *s, struct errinfo *e)
{
    int64_t id;

    return store_dataset_begin(s->db, "half", 3, 0, &id, e);
}

static enum err
submit_how(struct scenario *s, struct store_submit *how, struct errinfo *e)
{
    struct store_job row = { .base_version = -1,
                             .network = "net",
                             .dataset = "d",
                             .spec = "{}",
                             .created_ms = 7 };
    int64_t          id;

    return store_job_insert(s->db, &row, how, &id, e);
}

static enum err
submit(struct scenario *s, struct errinfo *e)
{
    return submit_how(s, NULL, e);
}

static enum err
submit_with_key(struct scenario *s, struct errinfo *e)
{
    struct store_submit how = { .key = "k", .sha256 = "aa", .queue_max = 9 };

    return submit_how(s, &how, e);
}

static enum err
pin(struct scenario *s, struct errinfo *e)
{
    const int64_t                     version = 0, keep = 3;
    const struct store_network_change change = {
        .serving_version = &version,
        .keep_versions = &keep,
    };

    return store_network_update(s->db, "net", &change, e);
}

static enum err
claim(struct scenario *s, struct errinfo *e)
{
    struct store_job row = { 0 };
    enum err         rc = store_job_claim(s->db, 9, &row, e);

    store_job_release(&row);
    return rc;
}

/* Epochs 2k-1 and 2k. */
static enum err
checkpoint(struct scenario *s, uint64_t k, struct errinfo *e)
{
    struct store_epoch      rows[2] = { { .epoch = 2 * k - 1, .loss = 0.5 },
                                        { .epoch = 2 * k, .loss = 0.25 } };
    struct store_checkpoint cp = { .job_id = JOB,
                                   .epoch = 2 * k,
                                   .state = bytes_of((unsigned)k),
                                   .state_len = N_STATE,
                                   .metrics = "{\"loss\":0.25}",
                                   .rows = rows,
                                   .n_rows = 2 };
    struct store_ticket    *ticket;
    enum err rc = store_job_checkpoint_start(s->db, &cp, &ticket, e);

    return rc == ERR_OK ? store_ticket_wait(ticket, e) : rc;
}

static enum err
checkpoint_1(struct scenario *s, struct errinfo *e)
{
    return checkpoint(s, 1, e);
}

static enum err
checkpoint_2(struct scenario *s, struct errinfo *e)
{
    return checkpoint(s, 2, e);
}

static enum err
checkpoint_3(struct scenario *s, struct errinfo *e)
{
    return checkpoint(s, 3, e);
}

static enum err
pause_job(struct scenario *s, struct errinfo *e)
{
    return store_job_release_claim(s->db, JOB, STORE_JOB_PAUSED, NULL, e);
}

static enum err
resume_job(struct scenario *s, struct errinfo *e)
{
    return store_job_resume(s->db, JOB, e);
}

static enum err
cancel_other(struct scenario *s, struct errinfo *e)
{
    return store_job_cancel(s->db, OTHER_JOB, 11, e);
}

static enum err
delete_other(struct scenario *s, struct errinfo *e)
{
    return store_job_delete(s->db, OTHER_JOB, e);
}

static enum err
finish(struct scenario *s, struct errinfo *e)
{
    struct store_epoch   row = { .epoch = 7, .loss = 0.125 };
    struct store_version version = version_of(3);
    struct store_job_end end = { .id = JOB,
                                 .status = STORE_JOB_SUCCEEDED,
                                 .reason = "epochs",
                                 .epoch = 7,
                                 .finished_ms = 12,
                                 .result_rest = "\"best_epoch\":7",
                                 .rows = &row,
                                 .n_rows = 1,
                                 .version = &version };
    int64_t              number;

    return store_job_finish(s->db, &end, &number, e);
}

static enum err
upload_weights(struct scenario *s, struct errinfo *e)
{
    struct store_version version = version_of(4);
    int64_t              number;

    return store_version_insert(s->db, &version, &number, e);
}

static enum err
delete_dataset(struct scenario *s, struct errinfo *e)
{
    return store_dataset_delete(s->db, "d", e);
}

static enum err
delete_network(struct scenario *s, struct errinfo *e)
{
    return store_network_delete(s->db, "net", e);
}

static const struct {
    const char *name;
    enum err (*run)(struct scenario *s, struct errinfo *e);
} steps[] = {
    { "open", open_it },
    { "create a network", create_network },
    { "begin an upload", begin_upload },
    { "its first chunk", first_chunk },
    { "its second chunk", second_chunk },
    { "finish the upload", finish_upload },
    { "begin another upload", begin_another_upload },
    { "submit", submit },
    { "submit with a key", submit_with_key },
    { "pin", pin },
    { "claim", claim },
    { "checkpoint 1", checkpoint_1 },
    { "checkpoint 2", checkpoint_2 },
    { "pause", pause_job },
    { "cancel the other job", cancel_other },
    { "resume", resume_job },
    { "claim again", claim },
    { "close and open", reopen },
    { "claim the orphan", claim },
    { "checkpoint 3", checkpoint_3 },
    { "succeed", finish },
    { "upload weights", upload_weights },
    { "upload more weights", upload_weights },
    { "upload weights once more", upload_weights },
    { "delete the other job", delete_other },
    { "delete the dataset", delete_dataset },
    { "upload weights again", upload_weights },
    { "delete the network", delete_network },
    { "close and open again", reopen },
};

int
scenario_n_steps(void)
{
    return (int)COUNT_OF(steps);
}

const char *
scenario_name(int i)
{
    return steps[i].name;
}

enum err
scenario_step(struct scenario *s, int i, struct errinfo *e)
{
    err_clear(e);
    return steps[i].run(s, e);
}

/* --- the house ---------------------------------------------------------------
 */

void
scenario_init(struct scenario *s)
{
    /* In memory where there is such a place: thousands of files are made. */
    snprintf(s->directory, sizeof(s->directory), "%s/backpropd.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(s->directory));
    snprintf(s->path, sizeof(s->path), "%s/x.db", s->directory);
    s->db = NULL;
}

void
scenario_remove_files(struct scenario *s)
{
    static const char *const suffix[] = { "", "-wal", "-shm", "-journal",
                                          ".lock" };
    char                     file[128];

    store_close(s->db);
    s->db = NULL;
    for (size_t i = 0; i < COUNT_OF(suffix); i++) {
        snprintf(file, sizeof(file), "%s%s", s->path, suffix[i]);
        unlink(file);
    }
}

void
scenario_release(struct scenario *s)
{
    scenario_remove_files(s);
    rmdir(s->directory);
}

/* --- what is in a file ---------------------------------------------------- */

/* Every table that lasts, without its times. */
static const char *const tables[] = {
    "SELECT name, spec, latest_version, serving_version FROM network ORDER BY "
    "1",
    "SELECT network_id, version, job_id, sha256, n_bytes, id FROM version"
    " ORDER BY 1, 2",
    "SELECT version_id, number, bytes FROM weight_chunk ORDER BY 1, 2",
    "SELECT id, name, state, meta FROM dataset ORDER BY 1",
    "SELECT dataset_id, number, bytes FROM dataset_chunk ORDER BY 1, 2",
    "SELECT id, status, network, network_id, dataset, dataset_id, spec, epoch,"
    "       metrics, result, error, warnings, resumes, reason, base_version"
    "  FROM job ORDER BY 1",
    "SELECT job_id, epoch, loss FROM epoch ORDER BY 1, 2",
    "SELECT job_id, epoch, n_bytes, sha256 FROM checkpoint ORDER BY 1",
    "SELECT job_id, number, bytes FROM checkpoint_chunk ORDER BY 1, 2",
    "SELECT id, job_id, status, reason, epoch FROM job_event ORDER BY 1",
    "SELECT key, sha256, job_id FROM idempotency ORDER BY 1",
};

static void
add_rows(sqlite3 *db, const char *sql, struct digest *digest)
{
    sqlite3_stmt *st;
    int           rc;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK,
                  "%s: %s", sql, sqlite3_errmsg(db));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const void *p = sqlite3_column_blob(st, i);
            int         n = sqlite3_column_bytes(st, i);

            digest_update(digest, &n, sizeof(n));
            if (n > 0)
                digest_update(digest, p, (size_t)n);
        }
    ck_assert_msg(rc == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(st);
}

static void
must_be_ok(sqlite3 *db)
{
    sqlite3_stmt *st;

    ck_assert_int_eq(
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
}

void
scenario_dump(struct scenario *s, char out[DIGEST_HEX_SIZE])
{
    struct errinfo e;
    struct digest  digest;
    uint8_t        bytes32[DIGEST_SIZE];
    sqlite3       *db;

    err_clear(&e);
    store_close(s->db);
    s->db = NULL;
    ck_assert_msg(store_open(s->path, &s->db, &e) == ERR_OK, "%s",
                  err_what(&e));
    store_close(s->db);
    s->db = NULL;

    ck_assert_int_eq(sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    must_be_ok(db);
    digest_init(&digest);
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        add_rows(db, tables[i], &digest);
    digest_final(&digest, bytes32);
    digest_hex(bytes32, out);
    sqlite3_close(db);
}

const char (*scenario_expected(void))[DIGEST_HEX_SIZE]
{
    static char     expected[SCENARIO_MAX][DIGEST_HEX_SIZE];
    struct scenario s;
    struct errinfo  e;

    for (int n = 0; n <= scenario_n_steps(); n++) {
        scenario_init(&s);
        for (int i = 0; i < n; i++)
            ck_assert_msg(scenario_step(&s, i, &e) == ERR_OK, "%s: %s",
                          scenario_name(i), err_what(&e));
        scenario_dump(&s, expected[n]);
        scenario_release(&s);
    }
    return (const char(*)[DIGEST_HEX_SIZE])expected;
}
