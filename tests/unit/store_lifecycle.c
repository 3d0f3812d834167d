/*
 * store_lifecycle.c - jobs from status to status, and the log of it
 */
#include "store_suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/buf.h"

static struct store *db;

static void
setup(void)
{
    int64_t id;

    house_setup();
    db = house_open();
    OK(house_network(db, "net", "1234", 4, &id));
    house_dataset(db, "d");
}

static void
teardown(void)
{
    store_close(db);
    house_teardown();
}

static int64_t
submit(int64_t priority, struct store_submit *how)
{
    struct store_job row = { .base_version = -1,
                             .network = "net",
                             .dataset = "d",
                             .spec = "{}",
                             .created_ms = 7,
                             .priority = priority };
    int64_t          id = 0;

    return store_job_insert(db, &row, how, &id, &e) == ERR_OK ? id : -1;
}

static int64_t
claim(void)
{
    struct store_job row = { 0 };
    enum err         rc = store_job_claim(db, 9, &row, &e);
    int64_t          id = rc == ERR_OK ? row.id : -1;

    ck_assert(rc == ERR_OK || rc == ERR_NOTFOUND);
    store_job_release(&row);
    return id;
}

/* "queued submitted, running started" */
static void
log_is(int64_t job, const char *expected)
{
    struct store_event *row;
    struct buf          text = { 0 };
    size_t              n;

    OK(store_event_list(db, job, 0, 100, &row, &n, &e));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&text, "%s%s %s", i > 0 ? ", " : "",
                   store_job_status_name(row[i].status), row[i].reason);
        ck_assert_int_gt(row[i].at_ms, 0);
    }
    free(row);
    ck_assert_str_eq(text.data, expected);
    buf_release(&text);
}

START_TEST(every_change_is_in_the_log)
{
    struct store_job_end end = { .status = STORE_JOB_FAILED,
                                 .reason = "loss_not_finite",
                                 .finished_ms = 8 };
    int64_t              id = submit(0, NULL), version;

    OK(store_job_pause(db, id, &e));
    OK(store_job_pause(db, id, &e)); /* twice is once */
    ck_assert_int_eq(claim(), -1);
    OK(store_job_resume(db, id, &e));
    ck_assert_int_eq(claim(), id);
    ck_assert_int_eq(store_job_pause(db, id, &e), ERR_CONFLICT);
    ck_assert_int_eq(store_job_cancel(db, id, 9, &e), ERR_CONFLICT);
    OK(store_job_release_claim(db, id, STORE_JOB_PAUSED, NULL, &e));
    OK(store_job_resume(db, id, &e));
    ck_assert_int_eq(claim(), id);
    store_close(db); /* as if the process had died */
    db = house_open();
    ck_assert_int_eq(claim(), id);
    OK(store_job_release_claim(db, id, STORE_JOB_QUEUED, "stopped", &e));
    ck_assert_int_eq(claim(), id);
    end.id = id;
    OK(store_job_finish(db, &end, &version, &e));
    ck_assert_int_eq(store_job_resume(db, id, &e), ERR_CONFLICT);
    log_is(id, "queued submitted, paused requested, queued resumed, "
               "running started, paused requested, queued resumed, "
               "running went_on, queued process_ended, running went_on, "
               "queued stopped, running went_on, failed loss_not_finite");
}
END_TEST

START_TEST(who_ends_it_has_seen_its_last_event)
{
    int64_t              id = submit(0, NULL), seen, version;
    struct store_job_end end = { .id = id,
                                 .last_event = &seen,
                                 .status = STORE_JOB_CANCELLED,
                                 .reason = "cancelled",
                                 .finished_ms = 8 };

    OK(store_event_last(db, id, &seen, &e));
    ck_assert_int_eq(claim(), id);
    ck_assert_int_eq(store_job_finish(db, &end, &version, &e), ERR_CONFLICT);
    /* Nor where it is queued again, further than it was. */
    OK(store_job_release_claim(db, id, STORE_JOB_QUEUED, "stopped", &e));
    ck_assert_int_eq(store_job_finish(db, &end, &version, &e), ERR_CONFLICT);
    OK(store_event_last(db, id, &seen, &e));
    submit(0, NULL); /* another's events are not its own */
    OK(store_job_finish(db, &end, &version, &e));
    log_is(id, "queued submitted, running started, queued stopped, "
               "cancelled cancelled");
}
END_TEST

START_TEST(the_log_has_one_sequence)
{
    int64_t             a = submit(0, NULL), b = submit(0, NULL);
    struct store_event *row;
    size_t              n;

    OK(store_job_cancel(db, a, 9, &e));
    OK(store_event_list(db, 0, 0, 100, &row, &n, &e));
    ck_assert_uint_eq(n, 3);
    ck_assert(row[0].id < row[1].id && row[1].id < row[2].id);
    ck_assert(row[0].job_id == a && row[1].job_id == b && row[2].job_id == a);
    int64_t            last = row[2].id;
    struct store_event before;
    OK(store_event_before(db, a, last, &before, &e));
    ck_assert(before.id == last && before.status == STORE_JOB_CANCELLED);
    OK(store_event_before(db, a, last - 1, &before, &e));
    ck_assert(before.id == row[0].id && before.status == STORE_JOB_QUEUED);
    ck_assert_int_eq(store_event_before(db, b, row[0].id, &before, &e),
                     ERR_NOTFOUND);
    free(row);
    OK(store_event_list(db, 0, last, 100, &row, &n, &e));
    ck_assert_uint_eq(n, 0);
    free(row);
    /* What goes with its job leaves numbers that nobody gets again. */
    OK(store_job_delete(db, a, &e));
    a = submit(0, NULL);
    OK(store_event_list(db, a, 0, 100, &row, &n, &e));
    ck_assert_int_gt(row[0].id, last);
    free(row);
}
END_TEST

START_TEST(the_urgent_come_first_then_the_old)
{
    int64_t low = submit(-1, NULL), a = submit(0, NULL), b = submit(0, NULL),
            high = submit(5, NULL);

    ck_assert_int_eq(claim(), high);
    ck_assert_int_eq(claim(), a);
    ck_assert_int_eq(claim(), b);
    ck_assert_int_eq(claim(), low);
}
END_TEST

START_TEST(a_full_queue_takes_no_more)
{
    struct store_submit how = { .queue_max = 2 };
    int64_t             id = submit(0, &how);

    ck_assert_int_gt(submit(0, &how), 0);
    ck_assert_int_eq(submit(0, &how), -1);
    ck_assert_int_eq(e.code, ERR_RATE);
    ck_assert_str_eq(err_slug(&e), "queue_full");
    ck_assert_int_eq(claim(), id);
    ck_assert_int_gt(submit(0, &how), 0);
}
END_TEST

START_TEST(a_key_makes_one_job)
{
    struct store_submit how = { .key = "k", .sha256 = "aa", .queue_max = 1 };
    int64_t             id = submit(0, &how);

    ck_assert(!how.again);
    /* The queue is full by now, and it is no new job. */
    ck_assert_int_eq(submit(0, &how), id);
    ck_assert(how.again);
    how.sha256 = "bb";
    ck_assert_int_eq(submit(0, &how), -1);
    ck_assert_str_eq(err_slug(&e), "idempotency_key_reused");
    store_close(db);
    db = house_open();
    how.sha256 = "aa";
    ck_assert_int_eq(submit(0, &how), id);
}
END_TEST

START_TEST(a_key_outlives_its_job)
{
    struct store_submit how = { .key = "k", .sha256 = "aa", .queue_max = 9 };
    int64_t             id = submit(0, &how), found = -1;

    OK(store_job_cancel(db, id, 9, &e));
    OK(store_job_delete(db, id, &e));
    ck_assert_int_eq(submit(0, &how), id);
    ck_assert_int_eq(claim(), -1);
    OK(store_job_of_key(db, &how, 7, &found, &e));
    ck_assert(how.again);
    ck_assert_int_eq(found, id);
    how.sha256 = "bb";
    ck_assert_int_eq(store_job_of_key(db, &how, 7, &found, &e), ERR_INVALID);
    ck_assert_str_eq(err_slug(&e), "idempotency_key_reused");
}
END_TEST

#define DAY_MS ((int64_t)24 * 3600 * 1000)

START_TEST(a_key_lasts_a_day)
{
    struct store_submit how = { .key = "k", .sha256 = "aa", .queue_max = 9 };
    struct store_job    row = { .network = "net", .dataset = "d", .spec = "" };
    int64_t             id = submit(0, &how), found = -1;

    row.created_ms = 7 + DAY_MS;
    OK(store_job_of_key(db, &how, row.created_ms, &found, &e));
    ck_assert(how.again);
    row.created_ms++;
    OK(store_job_of_key(db, &how, row.created_ms, &found, &e));
    ck_assert(!how.again);
    how.key = "another";
    OK(store_job_insert(db, &row, &how, &found, &e));
    ck_assert_int_gt(found, id);
    store_close(db); /* the first one's row went with the day */
    ck_assert_int_eq(house_raw("SELECT count(*) FROM idempotency"), 1);
    db = house_open();
}
END_TEST

START_TEST(keys_come_along_from_an_older_file)
{
    struct store_submit how = { .key = "k", .sha256 = "aa" };
    int64_t             found = -1;

    store_close(db);
    house_teardown();
    house_setup();
    house_older(8, "INSERT INTO job (status, network, dataset, spec,"
                   "                 created_ms, changed_ms)"
                   " VALUES ('cancelled', 'net', 'd', '{}', 7, 7);"
                   "INSERT INTO idempotency (key, sha256, job_id, created_ms)"
                   " VALUES ('k', 'aa', 1, 7);");
    db = house_open();
    OK(store_job_delete(db, 1, &e));
    OK(store_job_of_key(db, &how, 8, &found, &e));
    ck_assert(how.again);
    ck_assert_int_eq(found, 1);
}
END_TEST

Suite *
store_lifecycle_suite(void)
{
    Suite *s = suite_create("lifecycle");
    TCase *t = tcase_create("lifecycle");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_change_is_in_the_log);
    tcase_add_test(t, who_ends_it_has_seen_its_last_event);
    tcase_add_test(t, the_log_has_one_sequence);
    tcase_add_test(t, the_urgent_come_first_then_the_old);
    tcase_add_test(t, a_full_queue_takes_no_more);
    tcase_add_test(t, a_key_makes_one_job);
    tcase_add_test(t, a_key_outlives_its_job);
    tcase_add_test(t, a_key_lasts_a_day);
    tcase_add_test(t, keys_come_along_from_an_older_file);
    suite_add_tcase(s, t);
    return s;
}
