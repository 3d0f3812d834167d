/*
 * training_resume.c - a job that is interrupted ends as if it had not been
 *
 * Two networks of one spec and seed, two jobs of one spec: one runs through,
 * the other is stopped, or its process killed, again and again.  Weights,
 * metrics and history must be the same, but for the two members that measure
 * time.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "training_suites.h"

static struct house h;

static void
setup(void)
{
    house_init(&h);
    fixture_blobs(&h.f, "blobs", 1500, 0, 0);
    fixture_blobs_network(&h.f, "through");
    fixture_blobs_network(&h.f, "stopped");
}

static void
teardown(void)
{
    house_release(&h);
}

/* sgd with momentum and adam, best and last, shuffled and not. */
static const char *const kinds[] = {
    "\"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.001},"
    " \"validation\": {\"fraction\": 0.2}, \"scale_inputs\": \"standard\"",
    "\"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 0.01,"
    " \"momentum\": 0.9}, \"keep\": \"last\"",
    "\"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 0.002},"
    " \"shuffle\": false, \"stop_when\": {\"patience\": 400},"
    " \"scale_inputs\": \"min_max\"",
    "\"optimizer\": {\"type\": \"sgd\", \"learning_rate\": \"auto\","
    " \"momentum\": 0.5}, \"restarts\": 2, \"clip_norm\": 0.5,"
    " \"class_weights\": \"balanced\", \"schedule\": {\"type\": \"plateau\","
    " \"patience\": 3}, \"validation\": {\"fraction\": 0.2,"
    " \"every_epochs\": 2}, \"stop_when\": {\"patience\": 100}",
};

static int64_t
submit(const char *network, const char *kind)
{
    return fixture_job(&h.f,
                       "{\"network\": \"%s\", \"dataset\": \"blobs\","
                       " \"epochs\": 400, \"batch_size\": 11, \"seed\": 9, %s}",
                       network, kind);
}

static bool
same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void
compare(int64_t through, int64_t stopped)
{
    struct store_version a = { 0 }, b = { 0 };
    struct store_job     job_a, job_b;
    size_t               n_a, n_b;

    house_start(&h, 1);
    house_wait(&h, through, &job_a);
    house_wait(&h, stopped, &job_b);
    ck_assert_int_eq(job_a.status, STORE_JOB_SUCCEEDED);
    ck_assert_int_eq(job_b.status, STORE_JOB_SUCCEEDED);
    ck_assert_str_eq(job_a.result, job_b.result);
    ck_assert_str_eq(job_a.metrics, job_b.metrics);
    ck_assert_str_eq(job_a.warnings, job_b.warnings);
    ck_assert_int_eq(job_a.learning_rate_test != NULL,
                     job_b.learning_rate_test != NULL);
    if (job_a.learning_rate_test != NULL)
        ck_assert_str_eq(job_a.learning_rate_test, job_b.learning_rate_test);
    fixture_version(&h.f, "through", 1, &a);
    fixture_version(&h.f, "stopped", 1, &b);
    ck_assert_str_eq(a.sha256, b.sha256);
    ck_assert_str_eq(a.metrics, b.metrics);
    ck_assert_str_eq(a.encoder, b.encoder);

    struct store_epoch *rows_a = house_history(&h, through, &n_a);
    struct store_epoch *rows_b = house_history(&h, stopped, &n_b);
    ck_assert_uint_eq(n_a, n_b);
    for (size_t i = 0; i < n_a; i++) {
        ck_assert(same(rows_a[i].loss, rows_b[i].loss));
        ck_assert_uint_eq(rows_a[i].restart, rows_b[i].restart);
        ck_assert(same(rows_a[i].accuracy, rows_b[i].accuracy));
        ck_assert(same(rows_a[i].gradient_norm, rows_b[i].gradient_norm));
        /* NaN may have any sign. */
        ck_assert(rows_a[i].val_loss == rows_b[i].val_loss ||
                  rows_a[i].val_loss != rows_a[i].val_loss);
    }
    free(rows_a);
    free(rows_b);
    store_version_release(&a);
    store_version_release(&b);
    store_job_release(&job_a);
    store_job_release(&job_b);
}

START_TEST(stopped_again_and_again)
{
    struct errinfo   e;
    struct store_job job;
    int64_t          stopped = submit("stopped", kinds[_i]);

    err_clear(&e);
    for (int i = 0; i < 4; i++) {
        house_start(&h, 1);
        house_wait_epoch(&h, stopped, 5 + 40 * (uint64_t)i);
        house_stop(&h);
        ck_assert_int_eq(store_job_get(h.f.db, stopped, &job, &e), ERR_OK);
        ck_assert_int_eq(job.status, STORE_JOB_QUEUED);
        ck_assert_uint_gt(job.epoch, 0);
        store_job_release(&job);
        if (i == 2)
            fixture_reopen(&h.f);
    }
    compare(submit("through", kinds[_i]), stopped);
}
END_TEST

/* The pool of a process that is about to be killed. */
static void
train_and_die(int64_t id)
{
    struct store_job job;
    uint64_t         first = UINT64_MAX, epoch;
    struct errinfo   e;

    err_clear(&e);
    fixture_reopen(&h.f);
    /* Whoever looks comes before whoever trains; should the job come to its end
     * unseen for all that, it does not end. */
    h.options.nice = THREAD_NICEST;
    fault_kill_at_end();
    house_start(&h, 1);
    do { /* until a checkpoint of this life is on the disk */
        usleep(1000);
        if (store_job_get(h.f.db, id, &job, &e) != ERR_OK)
            _exit(1);
        epoch = job.epoch;
        store_job_release(&job);
        if (first == UINT64_MAX)
            first = epoch;
    } while (epoch >= first && epoch < first + 10); /* fewer: a restart */
    kill(getpid(), SIGKILL);
}

START_TEST(killed_again_and_again)
{
    struct errinfo   e;
    struct store_job job;
    int64_t          stopped = submit("stopped", kinds[_i]);

    err_clear(&e);
    for (int i = 0; i < 3; i++) {
        int status;
        store_close(h.f.db);
        h.f.db = NULL;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            train_and_die(stopped);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_reopen(&h.f);
        ck_assert_int_eq(store_job_get(h.f.db, stopped, &job, &e), ERR_OK);
        ck_assert_int_eq(job.status, STORE_JOB_QUEUED);
        ck_assert_int_ge(job.resumes, i + 1);
        store_job_release(&job);
    }
    compare(submit("through", kinds[_i]), stopped);
}
END_TEST

Suite *
training_resume_suite(void)
{
    Suite *suite = suite_create("resume");
    TCase *tc = tcase_create("resume");

    tcase_set_timeout(tc, 240);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, stopped_again_and_again, 0, (int)COUNT_OF(kinds));
    tcase_add_loop_test(tc, killed_again_and_again, 0, (int)COUNT_OF(kinds));
    suite_add_tcase(suite, tc);
    return suite;
}
