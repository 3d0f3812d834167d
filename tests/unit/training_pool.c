/* training_pool.c - several jobs, cancelled ones, ones that wait, progress */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "training/state.h"
#include "training_suites.h"

#define ENDLESS                                                                \
    "{\"network\": \"xor\", \"dataset\": \"xor\", \"epochs\": 100000000}"

static struct house h;

static void
setup(void)
{
    house_init(&h);
    fixture_xor(&h.f);
}

static void
teardown(void)
{
    house_release(&h);
}

static enum store_job_status
status_of(int64_t id)
{
    struct store_job job;
    struct errinfo   e;

    err_clear(&e);
    ck_assert_int_eq(store_job_get(h.f.db, id, &job, &e), ERR_OK);
    enum store_job_status status = job.status;
    store_job_release(&job);
    return status;
}

/* --- the same seed gives the same bytes ----------------------------------- */

#define N_JOBS 4

static void
train_blobs(unsigned n_workers, char sha256[N_JOBS][65])
{
    int64_t id[N_JOBS];

    house_init(&h);
    fixture_blobs(&h.f, "blobs", 240, 0, 0);
    for (int i = 0; i < N_JOBS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "net-%d", i);
        fixture_blobs_network(&h.f, name);
        id[i] = fixture_job(&h.f,
                            "{\"network\": \"%s\", \"dataset\": \"blobs\","
                            " \"epochs\": 12, \"batch_size\": 7,"
                            " \"seed\": %d, \"scale_inputs\": \"min_max\","
                            " \"validation\": {\"fraction\": 0.25}}",
                            name, i / 2);
    }
    house_start(&h, n_workers);
    for (int i = 0; i < N_JOBS; i++) {
        struct store_job     job;
        struct store_version version = { 0 };
        char                 name[16];
        house_wait(&h, id[i], &job);
        ck_assert_int_eq(job.status, STORE_JOB_SUCCEEDED);
        snprintf(name, sizeof(name), "net-%d", i);
        fixture_version(&h.f, name, 1, &version);
        snprintf(sha256[i], 65, "%s", version.sha256);
        store_version_release(&version);
        store_job_release(&job);
    }
    house_release(&h);
}

START_TEST(same_bytes_for_any_number_of_workers)
{
    char alone[N_JOBS][65], together[N_JOBS][65];

    train_blobs(1, alone);
    train_blobs(3, together);
    for (int i = 0; i < N_JOBS; i++)
        ck_assert_str_eq(alone[i], together[i]);
    /* Equal seeds are equal, different ones are not. */
    ck_assert_str_eq(alone[0], alone[1]);
    ck_assert_str_ne(alone[0], alone[2]);
}
END_TEST

/* --- cancel --------------------------------------------------------------- */

START_TEST(cancels)
{
    struct errinfo   e;
    struct store_job job;
    size_t           n;
    int64_t          running = fixture_job(&h.f, ENDLESS);
    int64_t          queued = fixture_job(&h.f, ENDLESS);

    err_clear(&e);
    house_start(&h, 1);
    house_wait_epoch(&h, running, 100);
    ck_assert_int_eq(training_pool_cancel(h.pool, queued, false, &e), ERR_OK);
    ck_assert_int_eq(status_of(queued), STORE_JOB_CANCELLED);
    ck_assert_int_eq(status_of(running), STORE_JOB_RUNNING);
    ck_assert_int_eq(training_pool_cancel(h.pool, running, false, &e), ERR_OK);
    ck_assert_int_eq(status_of(running), STORE_JOB_CANCELLED);
    /* Asking twice is fine. */
    ck_assert_int_eq(training_pool_cancel(h.pool, running, false, &e), ERR_OK);

    /* No version, and a history as long as the job was. */
    ck_assert_int_eq(store_job_get(h.f.db, running, &job, &e), ERR_OK);
    ck_assert_ptr_null(job.result);
    ck_assert_uint_ge(job.epoch, 100);
    struct store_epoch *rows = house_history(&h, running, &n);
    ck_assert_uint_eq(n, job.epoch > 1000000 ? 1000000 : job.epoch);
    free(rows);
    store_job_release(&job);
}
END_TEST

START_TEST(does_not_cancel_what_has_ended)
{
    struct errinfo   e;
    struct store_job job;
    int64_t          id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\"}");

    err_clear(&e);
    house_start(&h, 1);
    house_wait(&h, id, &job);
    ck_assert_int_eq(training_pool_cancel(h.pool, id, false, &e), ERR_CONFLICT);
    err_clear(&e);
    ck_assert_int_eq(training_pool_cancel(h.pool, id + 1, false, &e),
                     ERR_NOTFOUND);
    store_job_release(&job);
}
END_TEST

/* Cancels that fall into a claim, a start or an end are all right too. */
START_TEST(cancels_at_any_moment)
{
    house_start(&h, 2);
    for (int i = 0; i < 40; i++) {
        struct errinfo e;
        int64_t        id = fixture_job(&h.f, ENDLESS);
        err_clear(&e);
        training_pool_wake(h.pool);
        usleep((useconds_t)(i * 97));
        ck_assert_int_eq(training_pool_cancel(h.pool, id, false, &e), ERR_OK);
        ck_assert_int_eq(status_of(id), STORE_JOB_CANCELLED);
    }
}
END_TEST

/* --- memory --------------------------------------------------------------- */

#define SPARE (GIB - 4096)

static void
give_spare(void *arg, size_t n_bytes)
{
    (void)arg;
    ck_assert_uint_gt(n_bytes, 4096);
    mem_budget_give(&h.budget, SPARE);
}

START_TEST(waits_for_memory)
{
    struct errinfo   e;
    struct store_job job;
    int64_t          id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\"}");

    err_clear(&e);
    ck_assert_int_eq(mem_budget_take(&h.budget, SPARE, "a test", &e), ERR_OK);
    if (_i == 1)
        h.options.on_short = give_spare;
    house_start(&h, 1);
    if (_i == 0) {
        house_wait_epoch(&h, id, 0);
        usleep(50000);
        ck_assert_int_eq(status_of(id), STORE_JOB_RUNNING);
        mem_budget_give(&h.budget, SPARE);
    }
    house_wait(&h, id, &job);
    ck_assert_int_eq(job.status, STORE_JOB_SUCCEEDED);
    store_job_release(&job);
}
END_TEST

START_TEST(stops_and_cancels_while_it_waits_for_memory)
{
    struct errinfo e;
    int64_t        id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\"}");

    err_clear(&e);
    ck_assert_int_eq(mem_budget_take(&h.budget, SPARE, "a test", &e), ERR_OK);
    house_start(&h, 1);
    house_wait_epoch(&h, id, 0);
    house_stop(&h);
    ck_assert_int_eq(status_of(id), STORE_JOB_QUEUED);
    house_start(&h, 1);
    house_wait_epoch(&h, id, 0);
    ck_assert_int_eq(training_pool_cancel(h.pool, id, false, &e), ERR_OK);
    ck_assert_int_eq(status_of(id), STORE_JOB_CANCELLED);
    mem_budget_give(&h.budget, SPARE);
}
END_TEST

/* --- what is kept --------------------------------------------------------- */

/* The checkpoint of a paused job, its first weight no number any more. */
static void
spoil(int64_t id)
{
    struct training_saved   saved;
    struct store_checkpoint cp = { .job_id = id };
    struct store_ticket    *ticket;
    struct errinfo          e;
    void                   *bytes;

    err_clear(&e);
    ck_assert_int_eq(store_job_checkpoint_get(h.f.db, id, &bytes, &cp.state_len,
                                              &cp.epoch, &e),
                     ERR_OK);
    ck_assert_int_eq(training_saved_parse(bytes, cp.state_len, &saved, &e),
                     ERR_OK);
    memset((uint8_t *)bytes + (saved.params - (uint8_t *)bytes), 0xff, 4);
    cp.state = bytes;
    ck_assert_int_eq(store_job_checkpoint_start(h.f.db, &cp, &ticket, &e),
                     ERR_OK);
    ck_assert_int_eq(store_ticket_wait(ticket, &e), ERR_OK);
    free(bytes);
}

START_TEST(keeps_no_weights_that_went_astray)
{
    struct errinfo       e;
    struct store_network row;
    int64_t              id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\","
                          " \"epochs\": 100000000, \"keep\": \"last\"}");

    err_clear(&e);
    house_start(&h, 1);
    house_wait_epoch(&h, id, 3);
    ck_assert_int_eq(training_pool_pause(h.pool, id, &e), ERR_OK);
    if (_i == 1)
        spoil(id);
    ck_assert_int_eq(training_pool_cancel(h.pool, id, true, &e), ERR_OK);
    ck_assert_int_eq(status_of(id), STORE_JOB_CANCELLED);
    ck_assert_int_eq(store_network_get(h.f.db, "xor", &row, &e), ERR_OK);
    ck_assert_int_eq(row.latest_version, _i == 1 ? 0 : 1);
    store_network_release(&row);
}
END_TEST

/* --- progress ------------------------------------------------------------- */

START_TEST(progress_never_goes_back)
{
    struct codec_progress now, before = { 0 };
    struct buf            metrics = { 0 };
    struct store_job      job;
    unsigned              n_seen = 0;
    int64_t               id = fixture_job(
                      &h.f, "{\"network\": \"xor\", \"dataset\": \"xor\","
                                          " \"epochs\": 100000000, \"stop_when\": {\"seconds\": 1}}");

    house_start(&h, 1);
    house_wait_epoch(&h, id, 1);
    for (;;) {
        buf_reset(&metrics);
        if (!training_pool_progress(h.pool, id, &now, &metrics))
            break;
        ck_assert_uint_eq(now.epochs, 100000000);
        ck_assert_uint_ge(now.epoch, before.epoch);
        ck_assert(now.fraction >= before.fraction && now.fraction <= 1);
        ck_assert_has(metrics.data, "\"loss\"");
        if (!isnan(now.eta_seconds)) {
            /* The clock ends this job long before the epochs do. */
            ck_assert(now.eta_seconds >= 0 && now.eta_seconds <= 1);
            ck_assert(now.samples_per_second > 0);
            n_seen++;
        }
        before = now;
        usleep(5000);
    }
    ck_assert_uint_gt(n_seen, 0);
    ck_assert_uint_gt(before.epoch, 1);
    buf_release(&metrics);
    house_wait(&h, id, &job);
    store_job_release(&job);
}
END_TEST

/* --- the news of a version ------------------------------------------------ */

static atomic_int n_news;

static void
note_version(void *arg, const char *network)
{
    struct store_network row = { 0 };
    struct errinfo       e;

    err_clear(&e);
    ck_assert_ptr_eq(arg, &h);
    ck_assert_str_eq(network, "xor");
    ck_assert_int_eq(store_network_get(h.f.db, network, &row, &e), ERR_OK);
    ck_assert_int_eq(row.latest_version, atomic_load(&n_news) + 1);
    store_network_release(&row);
    usleep(30000); /* Loading a model takes its time. */
    atomic_fetch_add(&n_news, 1);
}

START_TEST(tells_of_a_version_once_it_is_stored)
{
    struct store_job job;

    atomic_store(&n_news, 0);
    h.options.on_version = note_version;
    h.options.arg = &h;
    house_start(&h, 1);
    for (int i = 1; i <= 2; i++) {
        int64_t id =
            fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\"}");
        training_pool_wake(h.pool);
        house_wait(&h, id, &job); /* Settles. */
        ck_assert_int_eq(atomic_load(&n_news), i);
        store_job_release(&job);
    }
}
END_TEST

Suite *
training_pool_suite(void)
{
    Suite *suite = suite_create("pool");
    TCase *tc = tcase_create("pool");
    TCase *own = tcase_create("workers");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, cancels);
    tcase_add_test(tc, does_not_cancel_what_has_ended);
    tcase_add_test(tc, cancels_at_any_moment);
    tcase_add_loop_test(tc, waits_for_memory, 0, 2);
    tcase_add_test(tc, stops_and_cancels_while_it_waits_for_memory);
    tcase_add_loop_test(tc, keeps_no_weights_that_went_astray, 0, 2);
    tcase_add_test(tc, progress_never_goes_back);
    tcase_add_test(tc, tells_of_a_version_once_it_is_stored);
    suite_add_tcase(suite, tc);
    tcase_set_timeout(own, 120);
    tcase_add_test(own, same_bytes_for_any_number_of_workers);
    suite_add_tcase(suite, own);
    return suite;
}
