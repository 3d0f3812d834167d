/*
 * training_fault.c - a job whose writes fail for a while ends as if they had
 * not
 *
 * The linker puts these functions in front of the store's (--wrap): they refuse
 * a checkpoint at once, or take it and tell later that it was not stored, or
 * refuse the end of a job, or that it is given back; or the process is killed
 * before a job ends.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "training_suites.h"

static atomic_int n_refuse, n_lose, n_refuse_end, n_refuse_back;
static atomic_int n_refused, n_lost, n_refused_end, n_refused_back;
static enum err   refusal = ERR_FULL; /* of an end */
static bool       dies_at_end;

/* What stands for a ticket of a checkpoint that is going to be lost. */
static char lost;
#define LOST ((struct store_ticket *)(void *)&lost)

enum err __real_store_job_checkpoint_start(struct store                  *db,
                                           const struct store_checkpoint *cp,
                                           struct store_ticket          **out,
                                           struct errinfo                *e);
enum err __wrap_store_job_checkpoint_start(struct store                  *db,
                                           const struct store_checkpoint *cp,
                                           struct store_ticket          **out,
                                           struct errinfo                *e);
bool     __real_store_ticket_is_done(const struct store_ticket *ticket);
bool     __wrap_store_ticket_is_done(const struct store_ticket *ticket);
enum err __real_store_ticket_wait(struct store_ticket *ticket,
                                  struct errinfo      *e);
enum err __wrap_store_ticket_wait(struct store_ticket *ticket,
                                  struct errinfo      *e);
enum err __real_store_job_finish(struct store               *db,
                                 const struct store_job_end *end,
                                 int64_t *out_version, struct errinfo *e);
enum err __wrap_store_job_finish(struct store               *db,
                                 const struct store_job_end *end,
                                 int64_t *out_version, struct errinfo *e);

enum err __real_store_job_release_claim(struct store *db, int64_t id,
                                        enum store_job_status to,
                                        const char *reason, struct errinfo *e);
enum err __wrap_store_job_release_claim(struct store *db, int64_t id,
                                        enum store_job_status to,
                                        const char *reason, struct errinfo *e);

/* One of the faults that are left; false where none is. */
static bool
use(atomic_int *left, atomic_int *used)
{
    if (atomic_load(left) == 0)
        return false;
    atomic_fetch_sub(left, 1);
    atomic_fetch_add(used, 1);
    return true;
}

enum err
__wrap_store_job_checkpoint_start(struct store                  *db,
                                  const struct store_checkpoint *cp,
                                  struct store_ticket **out, struct errinfo *e)
{
    if (use(&n_refuse, &n_refused))
        return err_set(e, ERR_FULL, "", "the disk is full, says a test");
    if (use(&n_lose, &n_lost)) {
        *out = LOST;
        return ERR_OK;
    }
    return __real_store_job_checkpoint_start(db, cp, out, e);
}

bool
__wrap_store_ticket_is_done(const struct store_ticket *ticket)
{
    return ticket == LOST || __real_store_ticket_is_done(ticket);
}

enum err
__wrap_store_ticket_wait(struct store_ticket *ticket, struct errinfo *e)
{
    if (ticket == LOST)
        return err_set(e, ERR_FULL, "", "the disk was full, says a test");
    return __real_store_ticket_wait(ticket, e);
}

enum err
__wrap_store_job_finish(struct store *db, const struct store_job_end *end,
                        int64_t *out_version, struct errinfo *e)
{
    if (dies_at_end)
        kill(getpid(), SIGKILL);
    if (use(&n_refuse_end, &n_refused_end))
        return err_set(e, refusal, "", "it cannot be, says a test");
    return __real_store_job_finish(db, end, out_version, e);
}

enum err
__wrap_store_job_release_claim(struct store *db, int64_t id,
                               enum store_job_status to, const char *reason,
                               struct errinfo *e)
{
    if (use(&n_refuse_back, &n_refused_back))
        return err_set(e, ERR_NOMEM, "", "out of memory, says a test");
    return __real_store_job_release_claim(db, id, to, reason, e);
}

void
fault_kill_at_end(void)
{
    dies_at_end = true;
}

/* --- tests ---------------------------------------------------------------- */

static struct house h;

static void
setup(void)
{
    atomic_store(&n_refused, 0);
    atomic_store(&n_lost, 0);
    atomic_store(&n_refused_end, 0);
    atomic_store(&n_refused_back, 0);
    house_init(&h);
    fixture_xor(&h.f);
}

static void
teardown(void)
{
    house_release(&h);
}

static int64_t
submit(const char *more)
{
    return fixture_job(&h.f,
                       "{\"network\": \"xor\", \"dataset\": \"xor\","
                       " \"start_from\": \"initial\", %s}",
                       more);
}

/* So many epochs that rows crowd while nobody takes them. */
START_TEST(history_is_whole_after_lost_checkpoints)
{
    struct store_job job;
    size_t           n;
    int64_t          id = submit("\"epochs\": 100000, \"keep\": \"last\"");

    atomic_store(&n_refuse, _i == 0 ? 2 : 0);
    atomic_store(&n_lose, _i == 1 ? 2 : 0);
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    ck_assert_int_eq(atomic_load(_i == 0 ? &n_refused : &n_lost), 2);
    ck_assert_uint_eq(job.epoch, 100000);
    free(house_history(&h, id, &n)); /* Every epoch once, in order. */
    ck_assert_uint_eq(n, 100000);
    store_job_release(&job);
}
END_TEST

/* A stop whose last checkpoint is lost goes back to the one before. */
START_TEST(resumes_from_before_a_lost_checkpoint)
{
    struct store_version v[2] = { { 0 } };
    struct store_job     job;
    size_t               n;
    int64_t              id = submit("\"epochs\": 200000, \"batch_size\": 2");

    house_start(&h, 1);
    house_wait_epoch(&h, id, 20000);
    atomic_store(&n_lose, 1);
    while (atomic_load(&n_lost) == 0)
        usleep(100);
    house_stop(&h);
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    store_job_release(&job);
    free(house_history(&h, id, &n));
    ck_assert_uint_eq(n, 200000);
    id = submit("\"epochs\": 200000, \"batch_size\": 2");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    store_job_release(&job);
    for (int i = 0; i < 2; i++)
        fixture_version(&h.f, "xor", i + 1, &v[i]);
    ck_assert_str_eq(v[0].sha256, v[1].sha256);
    ck_assert_str_eq(v[0].metrics, v[1].metrics);
    for (int i = 0; i < 2; i++)
        store_version_release(&v[i]);
}
END_TEST

/* Memory is short when the end is written, or when the job is given back. */
START_TEST(ends_when_memory_was_short)
{
    struct store_job job;
    int              n_faults = _i == 0 ? 1 : 5;
    int64_t          id = submit("\"epochs\": 3");

    refusal = _i == 0 ? ERR_NOMEM : ERR_FULL;
    atomic_store(&n_refuse_end, n_faults);
    atomic_store(&n_refuse_back, _i == 0 ? 0 : 2);
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    ck_assert_int_eq(atomic_load(&n_refused_end), n_faults);
    ck_assert_int_eq(atomic_load(&n_refused_back), _i == 0 ? 0 : 2);
    store_job_release(&job);
}
END_TEST

/* Twice: the same worker tries again.  Six times: it gave the job back, and
 * claimed it once more. */
START_TEST(ends_after_refused_ends)
{
    struct store_job job;
    int              n_faults = _i == 0 ? 2 : 6;
    int64_t          id = submit("\"epochs\": 3");

    atomic_store(&n_refuse_end, n_faults);
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    ck_assert_int_eq(atomic_load(&n_refused_end), n_faults);
    ck_assert_has(job.result, "\"version\":1");
    store_job_release(&job);
}
END_TEST

Suite *
training_fault_suite(void)
{
    Suite *suite = suite_create("fault");
    TCase *tc = tcase_create("fault");

    tcase_set_timeout(tc, 240);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, history_is_whole_after_lost_checkpoints, 0, 2);
    tcase_add_test(tc, resumes_from_before_a_lost_checkpoint);
    tcase_add_loop_test(tc, ends_after_refused_ends, 0, 2);
    tcase_add_loop_test(tc, ends_when_memory_was_short, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
