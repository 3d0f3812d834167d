/* check_serving.c - live models: loading, swapping, leaving, measuring */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "codec/batch.h"
#include "codec/dataset.h"
#include "codec/stored.h"
#include "serving/live.h"
#include "serving/serving.h"
#include "stored_fixture.h"

static const struct dataset_encoding standard = { .scale_inputs =
                                                      DATASET_SCALE_STANDARD };

static struct fixture           f;
static struct mem_budget        budget;
static struct serving_registry *reg;
static struct errinfo           e;

static void
setup(void)
{
    log_set_level(LOG_ERROR);
    err_clear(&e);
    fixture_init(&f);
    fixture_xor(&f);
    mem_budget_init(&budget, GIB, "memory_mib");
    ck_assert_int_eq(serving_registry_new(f.db, &budget, &reg, &e), ERR_OK);
}

static void
teardown(void)
{
    serving_registry_free(reg);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    fixture_release(&f);
}

static struct serving_model *
get(const char *network, int64_t version)
{
    struct serving_model *m = NULL;

    ck_assert_int_eq(serving_registry_get(reg, network, version, &m, &e),
                     ERR_OK);
    return m;
}

static int64_t
serving_version(const char *network)
{
    struct serving_model *m = get(network, -1);
    int64_t               version = serving_model_version(m);

    serving_model_unref(m);
    return version;
}

/* y = w x + w for a net of one input and one linear unit. */
static void
line_network(const char *name)
{
    char body[256];

    snprintf(body, sizeof(body),
             "{\"name\": \"%s\", \"input_shape\": [1], \"layers\": ["
             "{\"type\": \"dense\", \"units\": 1,"
             " \"activation\": \"linear\"}], \"loss\": \"mse\"}",
             name);
    fixture_network(&f, body);
}

/* --- loading -------------------------------------------------------------- */

START_TEST(predicts_what_the_net_computes)
{
    const struct random_at at = { .seed = 1, .purpose = RANDOM_TEST };
    enum { N = 150 }; /* Two slices and a part. */
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    struct nn_work         *work = NULL;
    int64_t                 version;
    float                   x[N * 2], y[N];

    ck_assert_ptr_null(serving_registry_find_ref(reg, "xor", -1));
    struct serving_model *m = get("xor", -1);
    ck_assert_int_eq(serving_model_version(m), 0);
    ck_assert_ptr_null(serving_model_encoder(m));
    ck_assert_uint_eq(nn_net_n_in(serving_model_net(m)), 2);
    struct serving_model *again = serving_registry_find_ref(reg, "xor", -1);
    ck_assert_ptr_eq(again, m);
    serving_model_unref(again);

    ck_assert_int_eq(
        codec_stored_net(f.db, "xor", 0, &net, &encoder, &version, &e), ERR_OK);
    ck_assert_int_eq(nn_work_new(net, N, false, &work, &e), ERR_OK);
    for (uint32_t i = 0; i < N * 2; i++)
        x[i] = random_normal(&at, i);
    ck_assert_int_eq(serving_predict(m, x, N, y, &e), ERR_OK);
    const float *wanted = nn_net_forward(net, work, x, N);
    ck_assert_int_eq(memcmp(wanted, y, sizeof(y)), 0);
    ck_assert(!serving_model_has_classes(m));
    nn_work_free(work);
    nn_net_free(net);
    serving_model_unref(m);
}
END_TEST

START_TEST(tells_what_is_not_there)
{
    struct serving_model *m = NULL;

    ck_assert_int_eq(serving_registry_get(reg, "no", -1, &m, &e), ERR_NOTFOUND);
    err_clear(&e);
    ck_assert_int_eq(serving_registry_get(reg, "xor", 5, &m, &e), ERR_NOTFOUND);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(serves_versions_by_number)
{
    const float x = 1;
    float       y;

    line_network("line");
    ck_assert_int_eq(fixture_constant_version(&f, "line", 3), 1);
    ck_assert_int_eq(fixture_constant_version(&f, "line", 5), 2);
    for (int64_t v = -1; v <= 2; v++) {
        struct serving_model *m = get("line", v);
        ck_assert_int_eq(serving_model_version(m), v < 0 ? 2 : v);
        ck_assert_int_eq(serving_predict(m, &x, 1, &y, &e), ERR_OK);
        if (v != 0) /* w x + w */
            ck_assert(y == (v == 1 ? 6.0f : 10.0f));
        serving_model_unref(m);
    }
    const int64_t                     version = 1;
    const struct store_network_change change = { .serving_version = &version };
    ck_assert_int_eq(store_network_update(f.db, "line", &change, &e), ERR_OK);
    ck_assert_int_eq(serving_version("line"), 2); /* Not told yet. */
    serving_registry_refresh(reg, "line");
    ck_assert_int_eq(serving_version("line"), 1);
}
END_TEST

START_TEST(forgets)
{
    line_network("line");
    struct serving_model *m = get("line", -1);
    ck_assert_int_eq(store_network_delete(f.db, "line", &e), ERR_OK);
    serving_registry_forget(reg, "line");
    ck_assert_ptr_null(serving_registry_find_ref(reg, "line", -1));
    serving_model_unref(m); /* Whoever held it could go on with it. */

    /* Refreshing what is gone is forgetting; what is not loaded stays so. */
    line_network("line");
    serving_model_unref(get("line", -1));
    ck_assert_int_eq(store_network_delete(f.db, "line", &e), ERR_OK);
    serving_registry_refresh(reg, "line");
    ck_assert_ptr_null(serving_registry_find_ref(reg, "line", -1));
    serving_registry_refresh(reg, "xor");
    ck_assert_ptr_null(serving_registry_find_ref(reg, "xor", -1));
}
END_TEST

/* One update of y = w x + b for x = 1, t = 0. */
static enum err
update_line(struct serving_live *live, int64_t *out_version)
{
    static const char    body[] = "{\"inputs\": [[1]], \"targets\": [[0]]}";
    const struct nn_net *net = serving_live_net(live);
    struct codec_batch   batch = { 0 };
    double               loss;

    ck_assert_int_eq(codec_batch_parse(body, sizeof(body) - 1, nn_net_spec(net),
                                       serving_live_encoder(live),
                                       nn_net_n_out(net), &batch, &e),
                     ERR_OK);
    enum err rc = serving_live_update(live, &batch, &loss, out_version, &e);
    codec_batch_release(&batch);
    return rc;
}

START_TEST(an_update_is_not_another_networks)
{
    struct serving_live *live = NULL;
    int64_t              version;

    line_network("line");
    ck_assert_int_eq(serving_live_begin(reg, "line", &live, &e), ERR_OK);
    ck_assert_int_eq(store_network_delete(f.db, "line", &e), ERR_OK);
    line_network("line");
    ck_assert_int_eq(update_line(live, &version), ERR_NOTFOUND);
    serving_live_end(live);
    ck_assert_int_eq(serving_version("line"), 0);
}
END_TEST

/* --- swapping under load -------------------------------------------------- */

#define N_THREADS 4
#define N_VERSIONS 30
#define WIDTH 100

static atomic_bool enough;
static atomic_int  n_wrong, n_back, n_answers;

static void *
load_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough)) {
        struct serving_model *m = NULL;

        serving_registry_forget(reg, "line");
        if (serving_registry_get(reg, "line", -1, &m, NULL) != ERR_OK)
            atomic_fetch_add(&n_wrong, 1);
        serving_model_unref(m);
        atomic_fetch_add(&n_answers, 1);
    }
    return NULL;
}

/* Each update deletes the version before it, which may be the one that somebody
 * has just found to be the latest. */
START_TEST(loads_while_the_network_learns)
{
    pthread_t thread[N_THREADS];
    int64_t   version = 0;

    atomic_init(&enough, false);
    line_network("line");
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(
            thread_start(&thread[i], "load", load_all_the_time, NULL, &e),
            ERR_OK);
    while (version < 500) {
        struct serving_live *live = NULL;

        ck_assert_int_eq(serving_live_begin(reg, "line", &live, &e), ERR_OK);
        ck_assert_int_eq(update_line(live, &version), ERR_OK);
        serving_live_end(live);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(thread[i], NULL);
    ck_assert_int_gt(atomic_load(&n_answers), 100);
    ck_assert_int_eq(atomic_load(&n_wrong), 0);
}
END_TEST

/* With all parameters v, each output for input 1 is 2 v: an answer that mixes
 * two versions has two values in it. */
static void *
predict_all_the_time(void *arg)
{
    float   x[WIDTH], y[WIDTH];
    int64_t before = 0;

    (void)arg;
    for (int i = 0; i < WIDTH; i++)
        x[i] = 1;
    while (!atomic_load(&enough)) {
        struct serving_model *m = NULL;
        if (serving_registry_get(reg, "line", -1, &m, NULL) != ERR_OK) {
            atomic_fetch_add(&n_wrong, 1);
            continue;
        }
        int64_t version = serving_model_version(m);
        serving_predict(m, x, WIDTH, y, NULL);
        for (int i = 0; i < WIDTH; i++)
            if (y[i] != 2 * (float)version)
                atomic_fetch_add(&n_wrong, 1);
        if (version < before)
            atomic_fetch_add(&n_back, 1);
        before = version;
        atomic_fetch_add(&n_answers, 1);
        serving_model_unref(m);
    }
    return NULL;
}

static void *
refresh_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough))
        serving_registry_refresh(reg, "line");
    return NULL;
}

START_TEST(swaps_whole_versions)
{
    pthread_t thread[N_THREADS + 1];

    line_network("line");
    fixture_constant_version(&f, "line", 1);
    serving_model_unref(get("line", -1));
    atomic_store(&enough, false);
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(
            thread_start(&thread[i], "predict", predict_all_the_time, NULL, &e),
            ERR_OK);
    ck_assert_int_eq(thread_start(&thread[N_THREADS], "refresh",
                                  refresh_all_the_time, NULL, &e),
                     ERR_OK);
    for (int v = 2; v <= N_VERSIONS; v++) {
        ck_assert_int_eq(fixture_constant_version(&f, "line", (float)v), v);
        serving_registry_refresh(reg, "line");
        ck_assert_int_eq(serving_version("line"), v);
        if (v % 5 == 0) { /* First loads race with refreshes then. */
            serving_registry_forget(reg, "line");
            ck_assert_int_eq(serving_version("line"), v);
        }
    }
    atomic_store(&enough, true);
    for (int i = 0; i <= N_THREADS; i++)
        pthread_join(thread[i], NULL);
    ck_assert_int_eq(atomic_load(&n_wrong), 0);
    ck_assert_int_eq(atomic_load(&n_back), 0);
    ck_assert_int_gt(atomic_load(&n_answers), 0);
}
END_TEST

/* --- the budget ----------------------------------------------------------- */

/* What a model of one of the line networks takes. */
static size_t
bytes_of_one(void)
{
    line_network("measure");
    serving_model_unref(get("measure", -1));
    size_t bytes = atomic_load(&budget.used);
    serving_registry_forget(reg, "measure");
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    return bytes;
}

static bool
is_loaded(const char *network)
{
    struct serving_model *m = serving_registry_find_ref(reg, network, -1);

    serving_model_unref(m);
    return m != NULL;
}

START_TEST(least_recently_used_leave)
{
    struct serving_model *m = NULL;

    mem_budget_init(&budget, 2 * bytes_of_one() + 8, "memory_mib");
    line_network("a");
    line_network("b");
    line_network("c");
    serving_model_unref(get("a", -1));
    serving_model_unref(get("b", -1));
    serving_model_unref(get("a", -1));
    serving_model_unref(get("c", -1)); /* b leaves: a was asked for later. */
    ck_assert(is_loaded("a") && !is_loaded("b") && is_loaded("c"));

    /* Who is held does not leave. */
    struct serving_model *a = get("a", -1), *c = get("c", -1);
    ck_assert_int_eq(serving_registry_get(reg, "b", -1, &m, &e), ERR_BUSY);
    serving_model_unref(a);
    err_clear(&e);
    serving_model_unref(get("b", -1));
    ck_assert(!is_loaded("a") && is_loaded("b") && is_loaded("c"));
    serving_model_unref(c);

    /* Others may need all of it. */
    serving_registry_make_room(reg, budget.limit);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    ck_assert(!is_loaded("b") && !is_loaded("c"));

    /* Nobody leaves where even that would not do. */
    serving_model_unref(get("a", -1));
    ck_assert_int_eq(mem_budget_take(&budget, 8, "a job", &e), ERR_OK);
    serving_registry_make_room(reg, budget.limit);
    ck_assert(is_loaded("a"));
    mem_budget_give(&budget, 8);
}
END_TEST

/* No room for the old and the new: the new is loaded when asked for. */
START_TEST(refreshes_without_room_for_two)
{
    mem_budget_init(&budget, bytes_of_one() + 8, "memory_mib");
    line_network("a");
    struct serving_model *held = get("a", -1);
    fixture_constant_version(&f, "a", 1);
    serving_registry_refresh(reg, "a");
    ck_assert(!is_loaded("a"));
    serving_model_unref(held);
    ck_assert_int_eq(serving_version("a"), 1);
}
END_TEST

START_TEST(predicts_together_on_one_scratch)
{
    pthread_t thread[N_THREADS];

    mem_budget_init(&budget, bytes_of_one() + 8, "memory_mib");
    line_network("line");
    fixture_constant_version(&f, "line", 1);
    atomic_store(&n_answers, 0);
    atomic_store(&enough, false);
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(
            thread_start(&thread[i], "predict", predict_all_the_time, NULL, &e),
            ERR_OK);
    while (atomic_load(&n_answers) < 400)
        usleep(1000);
    atomic_store(&enough, true);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(thread[i], NULL);
    /* While one thread loads the others may find no room, and no more. */
    ck_assert_uint_le(atomic_load(&budget.used), budget.limit);
}
END_TEST

/* --- evaluation ----------------------------------------------------------- */

static void
evaluate(struct serving_model *m, const char *network, const char *dataset,
         struct buf *out)
{
    enum err rc = serving_evaluate(reg, m, network, dataset, out, &e);

    ck_assert_msg(rc == ERR_OK, "%s", err_what(&e));
    ck_assert(!out->failed);
}

/* The number behind a member of a JSON text that has it once. */
static double
member(const struct buf *json, const char *name)
{
    char key[64];

    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(json->data, key);
    ck_assert_msg(at != NULL, "no %s in %s", name, json->data);
    return strtod(at + strlen(key), NULL);
}

/* Sums of a few small floats: double holds them to 1e-9 and more. */
#define ck_assert_near(a, b) ck_assert_double_eq_tol(a, b, 1e-9)

/* y = x + 1 against 1, 2, 3, 6 at 0, 1, 2, 3: the errors are 0, 0, 0, 2. */
START_TEST(evaluates_a_regression)
{
    struct buf out = { 0 };

    line_network("line");
    fixture_constant_version(&f, "line", 1);
    fixture_dataset(&f, "points", DATASET_CSV, "x,y\n0,1\n1,2\n2,3\n3,6\n");
    struct serving_model *m = get("line", -1);
    evaluate(m, "line", "points", &out);
    ck_assert_near(member(&out, "rows"), 4);
    ck_assert_near(member(&out, "mse"), 1);
    ck_assert_near(member(&out, "loss"), 1);
    ck_assert_near(member(&out, "rmse"), 1);
    ck_assert_near(member(&out, "mae"), 0.5);
    /* The mean is 3; 4 + 1 + 0 + 9 = 14 around it. */
    ck_assert_near(member(&out, "r2"), 1 - 4.0 / 14);
    serving_model_unref(m);
    buf_release(&out);
}
END_TEST

/*
 * With all parameters 1 a sigmoid of one input says yes where x + 1 > 0, and
 * its order is the order of x.  Of x = -3 no, -2 yes, 1 no, 1 yes, 2 yes, 4 no:
 * said right: -3, 1, 2.  Of the 9 pairs of a yes and a no, won: -2 one, 1 one
 * and the tie a half, 2 two: 4.5.
 */
START_TEST(evaluates_two_classes)
{
    struct buf out = { 0 };

    fixture_network(&f, "{\"name\": \"gate\", \"input_shape\": [1],"
                        " \"layers\": [{\"type\": \"dense\", \"units\": 1,"
                        " \"activation\": \"sigmoid\"}],"
                        " \"loss\": \"binary_cross_entropy\"}");
    fixture_constant_version(&f, "gate", 1);
    fixture_dataset(&f, "answers", DATASET_CSV,
                    "x,answer\n-3,no\n-2,yes\n1,no\n1,yes\n2,yes\n4,no\n");
    struct serving_model *m = get("gate", -1);
    evaluate(m, "gate", "answers", &out);
    ck_assert_near(member(&out, "rows"), 6);
    ck_assert_near(member(&out, "accuracy"), 0.5);
    ck_assert_near(member(&out, "auc"), 4.5 / 9);
    ck_assert_msg(strstr(out.data, "[[1,2],[1,2]]") != NULL ||
                      strstr(out.data, "[[1, 2], [1, 2]]") != NULL,
                  "%s", out.data);
    serving_model_unref(m);
    buf_release(&out);
}
END_TEST

/* The model's encoder, by names: the same rows with their columns and classes
 * in another order have the same figures. */
START_TEST(evaluates_with_the_models_encoder)
{
    static const char *const files[] = {
        "a,kind,class\n1,red,x\n2,blue,y\n3,red,z\n,blue,x\n",
        "kind,a,class\nred,3,z\nblue,2,y\nblue,,x\nred,1,x\n",
    };
    struct codec_dataset   *ds = NULL;
    struct dataset_encoder *enc = NULL;
    struct dataset_table   *table = NULL;
    struct store_network    row = { 0 };
    struct store_version    version = { 0 };
    struct buf              json = { 0 }, out[2] = { { 0 }, { 0 } };
    int64_t                 number;

    fixture_network(&f, "{\"name\": \"three\", \"input_shape\": [3],"
                        " \"layers\": [{\"type\": \"dense\", \"units\": 3,"
                        " \"activation\": \"softmax\"}],"
                        " \"loss\": \"cross_entropy\", \"seed\": 4}");
    fixture_dataset(&f, "one", DATASET_CSV, files[0]);
    fixture_dataset(&f, "two", DATASET_CSV, files[1]);

    /* The initial weights with a fitted encoder, as a job would leave them. */
    ck_assert_int_eq(codec_stored_dataset(f.db, "one", 0, &ds, &e), ERR_OK);
    ck_assert_int_eq(
        dataset_encoder_new(&ds->meta, &standard, 3, false, &enc, &e), ERR_OK);
    ck_assert_int_eq(
        dataset_table_load(enc, true, &ds->source, 0, 0, &table, &e), ERR_OK);
    codec_encoder_format(enc, &json);
    struct serving_model *initial = get("three", 0);
    const struct nn_net  *net = serving_model_net(initial);
    ck_assert_int_eq(store_network_get(f.db, "three", &row, &e), ERR_OK);
    fixture_version(&f, "three", 0, &version);
    void *weights = malloc(nn_net_params_bytes(net));
    nn_net_export(net, weights);
    version.network_id = row.id;
    version.encoder = strdup(json.data);
    version.weights = weights;
    version.n_bytes = nn_net_params_bytes(net);
    ck_assert_int_eq(store_version_insert(f.db, &version, &number, &e), ERR_OK);
    version.weights = NULL;
    free(weights);

    struct serving_model *m = get("three", number);
    ck_assert_ptr_nonnull(serving_model_encoder(m));
    evaluate(m, "three", "one", &out[0]);
    evaluate(m, "three", "two", &out[1]);
    ck_assert_near(member(&out[0], "rows"), 4);
    ck_assert_double_eq_tol(member(&out[0], "loss"), member(&out[1], "loss"),
                            1e-6); /* Another order of a float32 sum. */
    ck_assert_ptr_null(strstr(out[0].data, "auc"));
    const char *confusion[2];
    for (int i = 0; i < 2; i++) {
        confusion[i] = strstr(out[i].data, "\"confusion_matrix\"");
        ck_assert_ptr_nonnull(confusion[i]);
        *strstr(confusion[i], "]]") = '\0';
    }
    ck_assert_str_eq(confusion[0], confusion[1]);

    /* Labels are the classes' names. */
    const float y[6] = { 0.1f, 0.2f, 0.7f, 0.5f, 0.3f, 0.2f };
    const char *label[2];
    ck_assert(serving_model_has_classes(m));
    serving_labels(m, y, 2, label);
    ck_assert_str_eq(label[0], "z");
    ck_assert_str_eq(label[1], "x");

    serving_model_unref(m);
    serving_model_unref(initial);
    buf_release(&out[0]);
    buf_release(&out[1]);
    buf_release(&json);
    store_version_release(&version);
    store_network_release(&row);
    dataset_table_free(table);
    dataset_encoder_free(enc);
    codec_stored_dataset_free(ds);
}
END_TEST

START_TEST(does_not_evaluate_what_does_not_fit)
{
    struct buf            out = { 0 };
    struct serving_model *m = get("xor", -1);

    fixture_dataset(&f, "narrow", DATASET_CSV, "x,y\n0,1\n1,0\n0,1\n1,0\n");
    ck_assert_int_eq(serving_evaluate(reg, m, "xor", "no", &out, &e),
                     ERR_INVALID);
    ck_assert_str_eq(e.item[0].where, "/dataset");
    err_clear(&e);
    ck_assert_int_eq(serving_evaluate(reg, m, "xor", "narrow", &out, &e),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(e.item[0].what, "1 inputs"));
    ck_assert_ptr_nonnull(strstr(e.item[0].what, "takes 2"));
    ck_assert_uint_eq(out.len, 0);
    serving_model_unref(m);
}
END_TEST

static Suite *
serving_suite(void)
{
    Suite *suite = suite_create("serving");
    TCase *tc = tcase_create("serving");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, predicts_what_the_net_computes);
    tcase_add_test(tc, tells_what_is_not_there);
    tcase_add_test(tc, serves_versions_by_number);
    tcase_add_test(tc, forgets);
    tcase_add_test(tc, an_update_is_not_another_networks);
    tcase_add_test(tc, loads_while_the_network_learns);
    tcase_add_test(tc, swaps_whole_versions);
    tcase_add_test(tc, least_recently_used_leave);
    tcase_add_test(tc, refreshes_without_room_for_two);
    tcase_add_test(tc, predicts_together_on_one_scratch);
    tcase_add_test(tc, evaluates_a_regression);
    tcase_add_test(tc, evaluates_two_classes);
    tcase_add_test(tc, evaluates_with_the_models_encoder);
    tcase_add_test(tc, does_not_evaluate_what_does_not_fit);
    suite_add_tcase(suite, tc);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(serving_suite());

    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
