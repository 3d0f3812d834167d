/* training_job.c - what a single job does, and why it ends */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training_suites.h"

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

static int64_t
latest(const char *network)
{
    struct store_network row = { 0 };
    struct errinfo       e;

    err_clear(&e);
    ck_assert_int_eq(store_network_get(h.f.db, network, &row, &e), ERR_OK);
    int64_t version = row.latest_version;
    store_network_release(&row);
    return version;
}

START_TEST(learns_xor)
{
    struct store_job     job;
    struct store_version version = { 0 };
    size_t               n;
    int64_t              id = fixture_job(
                     &h.f, "{\"network\": \"xor\", \"dataset\": \"xor\","
                                        " \"epochs\": 5000, \"optimizer\": {\"type\": \"adam\","
                                        " \"learning_rate\": 0.05},"
                                        " \"stop_when\": {\"loss_below\": 0.005}}");

    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    ck_assert_has(job.result, "\"version\":1");
    ck_assert_has(job.result, "\"stop_reason\":\"loss_below\"");
    ck_assert_uint_lt(job.epoch, 5000);

    /* The history is all there, and ends below the bound. */
    struct store_epoch *rows = house_history(&h, id, &n);
    ck_assert_uint_eq(n, job.epoch);
    ck_assert(rows[n - 1].loss < 0.005 && rows[n - 2].loss >= 0.005);
    ck_assert(rows[n - 1].accuracy == 1.0);
    ck_assert(isnan(rows[n - 1].val_loss));
    ck_assert(rows[0].gradient_norm > 0);
    free(rows);

    fixture_version(&h.f, "xor", 1, &version);
    ck_assert_int_eq(version.job_id, id);
    ck_assert_str_eq(version.dataset, "xor");
    ck_assert_uint_eq(strlen(version.dataset_sha256), 64);
    ck_assert_has(version.metrics, "\"accuracy\"");
    ck_assert_has(version.encoder, "\"scale_inputs\"");
    store_version_release(&version);
    store_job_release(&job);
}
END_TEST

/* What each of stop_when's members does; rates of almost nothing keep all
 * figures as they are. */
static const struct {
    const char *more, *reason;
    uint64_t    epoch; /* 0: any */
} stops[] = {
    { "\"epochs\": 7", "\"stop_reason\":\"epochs\"", 7 },
    { "\"epochs\": 9, \"stop_when\": {\"loss_below\": 1e9}",
      "\"stop_reason\":\"loss_below\"", 1 },
    { "\"epochs\": 9, \"stop_when\": {\"accuracy_above\": 0.01}",
      "\"stop_reason\":\"accuracy_above\"", 1 },
    { "\"epochs\": 99, \"shuffle\": false, \"optimizer\": {\"type\": \"sgd\","
      " \"learning_rate\": 1e-30}, \"stop_when\": {\"patience\": 3}",
      "\"stop_reason\":\"patience\"", 4 },
    { "\"epochs\": 100000000, \"stop_when\": {\"seconds\": 0.2}",
      "\"stop_reason\":\"seconds\"", 0 },
};

START_TEST(stops_when)
{
    struct store_job job;
    size_t           n;
    int64_t          id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\", %s}",
                    stops[_i].more);

    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    ck_assert_has(job.result, stops[_i].reason);
    ck_assert_has(job.result, "\"best_epoch\"");
    if (stops[_i].epoch != 0) {
        free(house_history(&h, id, &n));
        ck_assert_uint_eq(job.epoch, stops[_i].epoch);
        ck_assert_uint_eq(n, stops[_i].epoch);
    }
    store_job_release(&job);
}
END_TEST

/* A rate of almost nothing moves biases, which begin at zero, and no figure:
 * the first epoch stays the best, and its parameters are not those of the last.
 */
START_TEST(keeps_what_it_is_asked_to)
{
    static const struct {
        int         epochs;
        const char *keep;
    } runs[] = { { 1, "last" }, { 6, "best" }, { 6, "last" } };
    struct store_version v[COUNT_OF(runs)] = { { 0 } };

    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        struct store_job job;
        int64_t          id =
            fixture_job(&h.f,
                        "{\"network\": \"xor\", \"dataset\": \"xor\","
                        " \"start_from\": \"initial\", \"epochs\": %d,"
                        " \"keep\": \"%s\", \"optimizer\":"
                        " {\"type\": \"sgd\", \"learning_rate\": 1e-30}}",
                        runs[i].epochs, runs[i].keep);
        ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
        ck_assert_has(job.result, "\"best_epoch\":1,");
        store_job_release(&job);
        fixture_version(&h.f, "xor", (int64_t)i + 1, &v[i]);
    }
    ck_assert_str_eq(v[0].sha256, v[1].sha256);
    ck_assert_str_ne(v[0].sha256, v[2].sha256);
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        store_version_release(&v[i]);
}
END_TEST

START_TEST(fails_when_not_finite)
{
    struct store_job    job;
    struct store_epoch *rows;
    size_t              n;

    fixture_network(&h.f, "{\"name\": \"line\", \"input_shape\": [1],"
                          " \"layers\": [{\"type\": \"dense\", \"units\": 1,"
                          " \"activation\": \"linear\"}], \"loss\": \"mse\"}");
    fixture_dataset(&h.f, "line", DATASET_JSON,
                    "{\"inputs\": [[1],[2],[3],[4.5]],"
                    " \"targets\": [1.5,2.5,3.5,7.25]}");
    int64_t id = fixture_job(
        &h.f,
        "{\"network\": \"line\", \"dataset\": \"line\", \"epochs\": 50,"
        " \"optimizer\": {\"type\": \"sgd\","
        " \"learning_rate\": %s}}",
        _i == 0 ? "1e6" : "1e3");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_FAILED);
    ck_assert_has(job.error, "loss_not_finite");
    ck_assert_has(job.error, "learning_rate");
    ck_assert_ptr_null(job.result);
    ck_assert_int_eq(latest("line"), 0);
    /* The epochs before it are there, and only those. */
    rows = house_history(&h, id, &n);
    ck_assert_uint_eq(n, job.epoch);
    ck_assert_uint_lt(n, 50);
    for (size_t i = 0; i < n; i++)
        ck_assert(isfinite(rows[i].loss));
    free(rows);
    store_job_release(&job);
}
END_TEST

START_TEST(fails_when_sizes_do_not_fit)
{
    struct store_job job;

    fixture_dataset(&h.f, "wide", DATASET_JSON,
                    "{\"inputs\": [[1,2,3],[2,3,4]], \"targets\": [0.5,2.5]}");
    int64_t id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"wide\"}");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_FAILED);
    ck_assert_has(job.error, "/dataset");
    ck_assert_has(job.error, "3 inputs");
    ck_assert_has(job.error, "takes 2");
    store_job_release(&job);
}
END_TEST

START_TEST(validates_with_a_fraction)
{
    struct store_job job;
    size_t           n;

    fixture_blobs_network(&h.f, "blobs");
    fixture_blobs(&h.f, "blobs", 300, 0, 0);
    int64_t id = fixture_job(
        &h.f, "{\"network\": \"blobs\", \"dataset\": \"blobs\","
              " \"epochs\": 8, \"scale_inputs\": \"standard\","
              " \"validation\": {\"fraction\": 0.2, \"every_epochs\": 3}}");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    struct store_epoch *rows = house_history(&h, id, &n);
    ck_assert_uint_eq(n, 8);
    for (size_t i = 0; i < n; i++) {
        bool validated = i == 2 || i == 5 || i == 7; /* and the last */
        ck_assert_int_eq(!isnan(rows[i].val_loss), validated);
        ck_assert_int_eq(!isnan(rows[i].val_accuracy), validated);
    }
    ck_assert(rows[7].val_accuracy > 0.6);
    free(rows);
    store_job_release(&job);

    /* One row in a hundred thousand of 300 is none. */
    id = fixture_job(&h.f, "{\"network\": \"blobs\", \"dataset\": \"blobs\","
                           " \"validation\": {\"fraction\": 0.00001}}");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_FAILED);
    ck_assert_has(job.error, "/validation/fraction");
    store_job_release(&job);
}
END_TEST

START_TEST(validates_with_a_dataset)
{
    struct store_job job;
    size_t           n;

    fixture_blobs_network(&h.f, "blobs");
    fixture_blobs(&h.f, "blobs", 300, 0, 0);
    fixture_blobs(&h.f, "held-out", 100, 0, 1);
    const char *format =
        "{\"network\": \"blobs\", \"dataset\": \"blobs\", \"epochs\": 20,"
        " \"scale_inputs\": \"standard\","
        " \"validation\": {\"dataset\": \"%s\"}}";
    int64_t id = fixture_job(&h.f, format, "held-out");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    struct store_epoch *rows = house_history(&h, id, &n);
    /* The other file has its categories in another order: told by their names
     * they give what the split of one file gives, by their numbers they would
     * not.  The clouds overlap; 0.82 is the best there is. */
    ck_assert(rows[n - 1].val_accuracy > 0.7);
    free(rows);
    store_job_release(&job);

    id = fixture_job(&h.f, format, "xor");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_FAILED);
    ck_assert_has(job.error, "/validation/dataset");
    store_job_release(&job);
}
END_TEST

/* Weights go on behind the encoder that they were trained behind. */
START_TEST(goes_on_behind_the_same_encoder)
{
    struct store_job         job;
    struct store_version     v[4] = { { 0 } };
    static const char *const from[] = { "\"latest\"", "\"initial\"" };

    fixture_blobs_network(&h.f, "blobs");
    fixture_blobs(&h.f, "monday", 90, 0, 0);
    fixture_blobs(&h.f, "tuesday", 90, 5, 1);
    const char *format = "{\"network\": \"blobs\", \"dataset\": \"%s\","
                         " \"epochs\": 2, \"scale_inputs\": \"standard\","
                         " \"start_from\": %s}";
    int64_t     id = fixture_job(&h.f, format, "monday", "\"latest\"");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
    store_job_release(&job);
    for (int i = 0; i < 2; i++) {
        id = fixture_job(&h.f, format, "tuesday", from[i]);
        ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_SUCCEEDED);
        store_job_release(&job);
    }
    for (int i = 1; i <= 3; i++)
        fixture_version(&h.f, "blobs", i, &v[i]);
    ck_assert_str_eq(v[1].encoder, v[2].encoder);
    ck_assert_str_ne(v[1].encoder, v[3].encoder);
    for (int i = 1; i <= 3; i++)
        store_version_release(&v[i]);
}
END_TEST

/* --- the check before the queue ------------------------------------------- */

static const struct {
    const char *body, *where;
} mistakes[] = {
    { "{\"network\": \"no\", \"dataset\": \"xor\"}", "/network" },
    { "{\"network\": \"xor\", \"dataset\": \"no\"}", "/dataset" },
    { "{\"network\": \"xor\", \"dataset\": \"xor\","
      " \"validation\": {\"dataset\": \"no\"}}",
      "/validation/dataset" },
    { "{\"network\": \"xor\", \"dataset\": \"xor\", \"start_from\": 3}",
      "/start_from" },
    { "{\"network\": \"xor\", \"dataset\": \"flat\","
      " \"stop_when\": {\"accuracy_above\": 0.5}}",
      "/stop_when/accuracy_above" },
    { "{\"network\": \"xor\", \"dataset\": \"flat\"}", "/dataset" },
};

START_TEST(check_tells_mistakes)
{
    struct codec_job spec;
    struct errinfo   e;

    fixture_dataset(&h.f, "flat", DATASET_JSON,
                    "{\"inputs\": [[1],[2]], \"targets\": [0.5,2.5]}");
    err_clear(&e);
    fixture_job_spec(&spec, "%s", mistakes[_i].body);
    ck_assert_int_eq(training_check(h.f.db, &h.budget, &spec, &e), ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, mistakes[_i].where);
}
END_TEST

/* Four rows and the default batch of 32: a batch is all rows then. */
START_TEST(check_takes_a_batch_larger_than_the_rows)
{
    struct codec_job spec;
    struct errinfo   e;

    err_clear(&e);
    fixture_job_spec(&spec, "{\"network\": \"xor\", \"dataset\": \"xor\"}");
    ck_assert_uint_eq(spec.batch_size, 32);
    ck_assert_int_eq(training_check(h.f.db, &h.budget, &spec, &e), ERR_OK);
}
END_TEST

START_TEST(too_large_for_the_budget)
{
    struct codec_job spec;
    struct store_job job;
    struct errinfo   e;

    err_clear(&e);
    mem_budget_init(&h.budget, 1000, "memory_mib");
    fixture_job_spec(&spec, "{\"network\": \"xor\", \"dataset\": \"xor\"}");
    ck_assert_int_eq(training_check(h.f.db, &h.budget, &spec, &e), ERR_INVALID);
    ck_assert_has(e.item[0].what, "1000");
    int64_t id =
        fixture_job(&h.f, "{\"network\": \"xor\", \"dataset\": \"xor\"}");
    ck_assert_int_eq(house_run(&h, id, &job), STORE_JOB_FAILED);
    ck_assert_has(job.error, "1000");
    store_job_release(&job);
}
END_TEST

Suite *
training_job_suite(void)
{
    Suite *suite = suite_create("job");
    TCase *tc = tcase_create("job");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, learns_xor);
    tcase_add_loop_test(tc, stops_when, 0, (int)COUNT_OF(stops));
    tcase_add_test(tc, keeps_what_it_is_asked_to);
    tcase_add_loop_test(tc, fails_when_not_finite, 0, 2);
    tcase_add_test(tc, fails_when_sizes_do_not_fit);
    tcase_add_test(tc, validates_with_a_fraction);
    tcase_add_test(tc, validates_with_a_dataset);
    tcase_add_test(tc, goes_on_behind_the_same_encoder);
    tcase_add_loop_test(tc, check_tells_mistakes, 0, (int)COUNT_OF(mistakes));
    tcase_add_test(tc, check_takes_a_batch_larger_than_the_rows);
    tcase_add_test(tc, too_large_for_the_budget);
    suite_add_tcase(suite, tc);
    return suite;
}
