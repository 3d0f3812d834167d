/*
 * store_rows.c - rows in, rows out, whatever happens in between
 */
#include "store_suites.h"

#include <math.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/internal.h"

START_TEST(weights_come_back_or_are_refused)
{
    struct store *db = house_open();
    size_t        n = 2500000;
    char         *w = mem_array(n, 1, 0), *back = mem_array(n, 1, 0);
    int64_t       id;

    for (size_t i = 0; i < n; i++)
        w[i] = (char)(i * 7);
    OK(house_network(db, "net", w, n, &id));
    ck_assert_int_eq(house_network(db, "net", w, n, &id), ERR_CONFLICT);
    ck_assert_str_eq(err_slug(&e), "name_taken");
    OK(store_version_weights(db, id, 0, back, n, &e));
    ck_assert_int_eq(memcmp(w, back, n), 0);
    ck_assert_int_eq(store_version_weights(db, id, 0, back, n - 1, &e),
                     ERR_CORRUPT);
    ck_assert_int_eq(store_version_weights(db, id, 1, back, n, &e),
                     ERR_NOTFOUND);
    store_close(db);

    house_raw("UPDATE weight_chunk SET bytes = zeroblob(length(bytes)) "
              "WHERE number = 1");
    db = house_open();
    ck_assert_int_eq(store_version_weights(db, id, 0, back, n, &e),
                     ERR_CORRUPT);
    store_close(db);
    free(w);
    free(back);
}
END_TEST

static enum err
collect(void *arg, const void *p, size_t len, struct errinfo *unused)
{
    (void)unused;
    strncat(arg, p, len);
    return ERR_OK;
}

START_TEST(an_upload_is_whole_or_nothing)
{
    struct store        *db = house_open();
    struct store_dataset row = { 0 };
    char                 text[16] = "";
    int64_t              id;

    OK(store_dataset_begin(db, "d", 3, 0, &id, &e));
    OK(store_dataset_chunk(db, id, 0, 0, 1, "xyz", 3, &e));
    ck_assert_int_eq(store_dataset_get(db, "d", &row, &e), ERR_NOTFOUND);
    ck_assert_int_eq(store_dataset_begin(db, "d", 3, 0, &id, &e), ERR_CONFLICT);
    store_dataset_abandon(db, id);
    OK(store_dataset_begin(db, "left", 3, 1, &id, &e)); /* a crash leaves it */
    ck_assert_int_eq(store_dataset_begin(db, "more", 3, 1, &id, &e), ERR_FULL);
    ck_assert_str_eq(err_slug(&e), "too_many_datasets");
    OK(store_dataset_chunk(db, id, 0, 0, 1, "xyz", 3, &e));
    store_close(db);

    db = house_open();
    house_dataset(db, "d");
    house_dataset(db, "left"); /* the name is free again */
    OK(store_dataset_get(db, "d", &row, &e));
    OK(store_dataset_each_chunk(db, row.id, row.n_chunks, collect, text, &e));
    ck_assert_str_eq(text, "abcde");
    store_dataset_release(&row);
    OK(store_dataset_delete(db, "d", &e));
    store_close(db);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM dataset"), 1);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM dataset_chunk"), 2);
}
END_TEST

/* Whoever holds the id of a row that is gone must not find another there. */
START_TEST(an_id_is_given_once)
{
    struct store *db = house_open();
    const float   w[2] = { 1, 2 };
    int64_t       first, second, third, dataset, next;

    OK(house_network(db, "a", w, sizeof(w), &first));
    OK(store_network_delete(db, "a", &e));
    OK(house_network(db, "b", w, sizeof(w), &second));
    ck_assert_int_gt(second, first);
    OK(store_dataset_begin(db, "a", 3, 0, &dataset, &e));
    store_dataset_abandon(db, dataset);
    OK(store_network_delete(db, "b", &e));
    store_close(db);

    db = house_open(); /* nor after a start */
    OK(house_network(db, "c", w, sizeof(w), &third));
    ck_assert_int_gt(third, second);
    OK(store_dataset_begin(db, "b", 3, 0, &next, &e));
    ck_assert_int_gt(next, dataset);

    /* An append to what is gone changes nothing of what came after it. */
    OK(store_dataset_chunk(db, next, 0, 0, 1, "xyz", 3, &e));
    store_dataset_append_abandon(db, dataset);
    OK(store_dataset_finish(db, next, "{}", 1, &e));
    store_close(db);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM dataset_chunk"), 1);
}
END_TEST

START_TEST(a_dataset_that_grows_is_not_deleted)
{
    struct store        *db = house_open();
    struct store_dataset row = { 0 };
    sqlite3             *other;

    house_dataset(db, "d");
    OK(store_dataset_append(db, "d", &row, &e));
    ck_assert_int_eq(store_dataset_delete(db, "d", &e), ERR_CONFLICT);
    ck_assert_str_eq(err_slug(&e), "dataset_busy");

    /* It ends while nothing can be written: later is soon enough. */
    ck_assert_int_eq(sqlite3_open(house_path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    store_dataset_append_abandon(db, row.id);
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(other);
    OK(store_dataset_delete(db, "d", &e));
    store_dataset_release(&row);
    store_close(db);
}
END_TEST

/* A file of the program before, with rows in it: their ids do not come again.
 */
START_TEST(ids_of_older_files_are_known)
{
    const float   w[2] = { 1, 2 };
    struct store *db;
    int64_t       id;

    house_older(8, "INSERT INTO network (id, name, spec, created_ms)"
                   " VALUES (7, 'old', '{}', 1);"
                   "INSERT INTO dataset (id, name, state, created_ms)"
                   " VALUES (9, 'old', 'ready', 1);");
    db = house_open();
    OK(store_network_delete(db, "old", &e));
    OK(store_dataset_delete(db, "old", &e));
    OK(house_network(db, "new", w, sizeof(w), &id));
    ck_assert_int_eq(id, 8);
    OK(store_dataset_begin(db, "new", 3, 0, &id, &e));
    ck_assert_int_eq(id, 10);
    store_close(db);
}
END_TEST

START_TEST(chunks_are_compared_with_their_digest)
{
    static const char *const damage[] = {
        "UPDATE dataset_chunk SET bytes = CAST('cdE' AS BLOB) WHERE number = 1",
        "UPDATE dataset_chunk SET sha256 = sha256 || '0' WHERE number = 1",
        "UPDATE dataset_chunk SET bytes = x'' WHERE number = 1",
    };

    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        char                 name[2] = { (char)('d' + i), '\0' };
        char                 text[16] = "";
        struct store        *db = house_open();
        struct store_dataset row = { 0 };

        house_dataset(db, name);
        store_close(db);
        house_raw(damage[i]);
        db = house_open();
        OK(store_dataset_get(db, name, &row, &e));
        ck_assert_int_eq(store_dataset_each_chunk(db, row.id, row.n_chunks,
                                                  collect, text, &e),
                         ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err_what(&e), "chunk 1 of dataset '"));
        ck_assert_ptr_nonnull(strstr(err_what(&e), name));
        ck_assert_str_eq(text, "abc"); /* the damaged one is not handed out */
        ck_assert_int_eq(store_dataset_each_chunk_of(db, row.id, row.n_chunks,
                                                     0, 1, collect, text, &e),
                         ERR_CORRUPT);
        ck_assert_str_eq(text, "abcabc");
        store_dataset_release(&row);
        OK(store_dataset_delete(db, name, &e));
        store_close(db);
    }
}
END_TEST

static enum err
stop_here(void *arg, const void *p, size_t len, struct errinfo *e2)
{
    (void)arg, (void)p, (void)len;
    return err_set(e2, ERR_NOTFOUND, "", "the caller's own");
}

START_TEST(what_ends_a_walk_is_returned)
{
    struct store        *db = house_open();
    struct store_dataset row = { 0 };

    house_dataset(db, "d");
    OK(store_dataset_get(db, "d", &row, &e));
    ck_assert_int_eq(
        store_dataset_each_chunk(db, row.id, row.n_chunks, stop_here, NULL, &e),
        ERR_NOTFOUND);
    ck_assert_str_eq(err_what(&e), "the caller's own");
    store_dataset_release(&row);
    store_close(db);
}
END_TEST

static enum err
run_sql(struct conn *c, void *arg, struct errinfo *own)
{
    if (sqlite3_exec(c->db, arg, NULL, NULL, NULL) != SQLITE_OK)
        return conn_fail(c, own);
    return ERR_OK;
}

/* Keeps the writer busy, so that what is asked for meanwhile is one group. */
struct hold {
    sem_t began, may_end;
};

static enum err
hold(struct conn *c, void *arg, struct errinfo *unused)
{
    struct hold *h = arg;

    (void)c, (void)unused;
    sem_post(&h->began);
    sem_wait(&h->may_end);
    return ERR_OK;
}

START_TEST(what_does_not_fit_fails_alone)
{
    struct store *db = house_open();
    struct hold   h;
    struct write  first = { .fn = hold, .arg = &h };
    struct write  group[] = {
         { .fn = run_sql, .arg = "DELETE FROM network WHERE name = 'a'" },
         { .fn = run_sql,
           .arg = "INSERT INTO weight_chunk VALUES (1, 9, zeroblob(999999))" },
         { .fn = run_sql, .arg = "DELETE FROM network WHERE name = 'b'" },
    };
    int64_t id;

    sem_init(&h.began, 0, 0);
    sem_init(&h.may_end, 0, 0);
    OK(house_network(db, "c", "wwww", 4, &id)); /* its version has id 1 */
    OK(house_network(db, "a", "wwww", 4, &id));
    OK(house_network(db, "b", "wwww", 4, &id));
    OK(store_limit(db, 65536, &e)); /* not less than there is */
    store_write_start(db, &first);
    sem_wait(&h.began);
    for (size_t i = 0; i < COUNT_OF(group); i++)
        store_write_start(db, &group[i]);
    sem_post(&h.may_end);
    OK(store_write_wait(db, &first, &e));
    OK(store_write_wait(db, &group[0], &e));
    ck_assert_int_eq(store_write_wait(db, &group[1], &e), ERR_FULL);
    OK(store_write_wait(db, &group[2], &e));
    store_close(db);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM network"), 1);
    sem_destroy(&h.began);
    sem_destroy(&h.may_end);
}
END_TEST

START_TEST(a_job_runs_through_its_states)
{
    struct store      *db = house_open();
    struct store_job   job = { 0 };
    struct store_epoch rows[2] = { { .epoch = 1, .loss = 0.5 },
                                   { .epoch = 2, .loss = 0.25, .restart = 3 } };
    struct store_layer layers[2] = {
        { .epoch = 1, .layer = 2, .gradient_norm = 4, .update_ratio = NAN },
        { .epoch = 2, .layer = 0, .gradient_norm = 5, .update_ratio = 6 },
    };
    struct store_epoch     *history;
    struct store_layer     *details;
    struct store_checkpoint cp = { .epoch = 2,
                                   .state = "0123456789",
                                   .state_len = 10,
                                   .metrics = "{\"loss\":0.25}",
                                   .learning_rate_test = "{\"tried\":1}",
                                   .rows = rows,
                                   .n_rows = 2,
                                   .layers = layers,
                                   .n_layers = 2 };
    struct store_job_end    end = { .status = STORE_JOB_SUCCEEDED,
                                    .epoch = 2,
                                    .result_rest = "\"best_epoch\":2" };
    struct store_version    version = { .sha256 = "00",
                                        .weights = "wwww",
                                        .n_bytes = 4 };
    struct store_ticket    *ticket;
    int64_t                 net, id, number;
    uint64_t                epoch;
    size_t                  n;
    void                   *state;

    OK(house_network(db, "net", "1234", 4, &net));
    house_dataset(db, "d");
    id = house_job(db, "net", "d");
    ck_assert_int_eq(store_network_delete(db, "net", &e), ERR_CONFLICT);
    ck_assert_int_eq(store_dataset_delete(db, "d", &e), ERR_CONFLICT);
    ck_assert_int_eq(store_job_delete(db, id, &e), ERR_CONFLICT);
    OK(store_job_claim(db, 9, &job, &e));
    ck_assert_int_eq(job.id, id);
    store_job_release(&job);
    ck_assert_int_eq(store_job_claim(db, 9, &job, &e), ERR_NOTFOUND);
    cp.job_id = end.id = id;
    OK(store_job_checkpoint_start(db, &cp, &ticket, &e));
    OK(store_ticket_wait(ticket, &e));
    store_close(db); /* as if the process had died: the job was running */

    db = house_open();
    OK(store_job_claim(db, 99, &job, &e));
    ck_assert_int_eq(job.resumes, 1);
    ck_assert_int_eq(job.started_ms, 9);
    ck_assert_str_eq(job.metrics, cp.metrics);
    ck_assert_str_eq(job.learning_rate_test, "{\"tried\":1}");
    store_job_release(&job);
    cp.state_len = 4; /* a shorter one replaces the longer whole */
    cp.n_rows = cp.n_layers = 0;
    cp.learning_rate_test = NULL; /* not told again: stays */
    OK(store_job_checkpoint_start(db, &cp, &ticket, &e));
    OK(store_ticket_wait(ticket, &e));
    OK(store_job_checkpoint_get(db, id, &state, &n, &epoch, &e));
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(memcmp(state, "0123", 4), 0);
    free(state);
    end.version = &version;
    OK(store_job_finish(db, &end, &number, &e));
    ck_assert_int_eq(number, 1);
    OK(store_job_get(db, id, &job, &e));
    ck_assert_str_eq(job.result, "{\"version\":1,\"best_epoch\":2}");
    ck_assert_str_eq(job.learning_rate_test, "{\"tried\":1}");
    store_job_release(&job);
    OK(store_epoch_list(db, id, 1, 10, &history, &n, &e));
    ck_assert_uint_eq(n, 1);
    ck_assert_double_eq(history[0].loss, 0.25);
    ck_assert_uint_eq(history[0].restart, 3);
    free(history);
    OK(store_layer_list(db, id, 0, 1, 10, &details, &n, &e));
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(details[0].layer, 2);
    ck_assert_double_eq(details[0].gradient_norm, 4);
    ck_assert_double_nan(details[0].update_ratio);
    free(details);
    OK(store_layer_list(db, id, 1, 2, 10, &details, &n, &e));
    ck_assert_uint_eq(n, 1);
    ck_assert_double_eq(details[0].update_ratio, 6);
    free(details);
    OK(store_job_checkpoint_get(db, id, &state, &n, &epoch, &e));
    ck_assert_ptr_null(state);
    OK(store_network_delete(db, "net", &e));
    OK(store_job_delete(db, id, &e));
    store_close(db);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM weight_chunk"), 0);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM epoch"), 0);
    ck_assert_int_eq(house_raw("SELECT count(*) FROM epoch_layer"), 0);
}
END_TEST

START_TEST(strangers_are_refused)
{
    struct store *db = house_open(), *other = NULL;

    ck_assert_int_eq(store_open(house_path, &other, &e), ERR_CONFLICT);
    store_close(db);
    house_raw("PRAGMA user_version = 999");
    ck_assert_int_eq(store_open(house_path, &db, &e), ERR_CONFLICT);
    ck_assert_int_eq(house_raw("PRAGMA user_version"), 999);
    house_raw("PRAGMA application_id = 1");
    ck_assert_int_eq(store_open(house_path, &db, &e), ERR_CONFLICT);
    ck_assert_int_eq(house_raw("PRAGMA application_id"), 1);
}
END_TEST

#if !defined(__SANITIZE_THREAD__) /* it does not follow a fork */
/* Insert until killed; every acknowledged name goes down the pipe. */
static void
insert_for_ever(int fd, int round)
{
    struct store *db = house_open();
    int64_t       id;

    for (int i = 0;; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d-%d", round, i);
        OK(house_network(db, name, "1234", 4, &id));
        ck_assert_int_eq(write(fd, name, sizeof(name)), sizeof(name));
    }
}

START_TEST(what_was_acknowledged_survives_a_kill)
{
    size_t n_acknowledged = 0;

    for (int round = 0; round < 20; round++) {
        struct store_network row;
        struct store        *db;
        char                 first[32], name[32];
        int                  fd[2];
        pid_t                pid;

        ck_assert_int_eq(pipe(fd), 0);
        pid = fork();
        if (pid == 0)
            insert_for_ever(fd[1], round);
        close(fd[1]);
        /* The clock runs from the first one: a busy machine takes its time. */
        ck_assert_int_eq(read(fd[0], first, sizeof(first)), sizeof(first));
        usleep(5000 + 3000 * (useconds_t)round);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        db = house_open();
        OK(store_network_get(db, first, &row, &e));
        store_network_release(&row);
        n_acknowledged++;
        while (read(fd[0], name, sizeof(name)) == sizeof(name)) {
            OK(store_network_get(db, name, &row, &e));
            store_network_release(&row);
            n_acknowledged++;
        }
        close(fd[0]);
        store_close(db);
        ck_assert_int_eq(house_raw("SELECT integrity_check = 'ok' FROM "
                                   "pragma_integrity_check"),
                         1);
    }
    ck_assert_uint_gt(n_acknowledged, 20);
}
END_TEST
#endif

Suite *
store_rows_suite(void)
{
    Suite *s = suite_create("rows");
    TCase *t = tcase_create("rows");

    tcase_add_checked_fixture(t, house_setup, house_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, weights_come_back_or_are_refused);
    tcase_add_test(t, an_upload_is_whole_or_nothing);
    tcase_add_test(t, an_id_is_given_once);
    tcase_add_test(t, ids_of_older_files_are_known);
    tcase_add_test(t, a_dataset_that_grows_is_not_deleted);
    tcase_add_test(t, chunks_are_compared_with_their_digest);
    tcase_add_test(t, what_ends_a_walk_is_returned);
    tcase_add_test(t, what_does_not_fit_fails_alone);
    tcase_add_test(t, a_job_runs_through_its_states);
    tcase_add_test(t, strangers_are_refused);
#if !defined(__SANITIZE_THREAD__)
    tcase_add_test(t, what_was_acknowledged_survives_a_kill);
#endif
    suite_add_tcase(s, t);
    return s;
}
