/*
 * check_fault.c - the store on disks that break, fill up, or lose their power
 *
 * For every n: the n-th change of a file fails in a life of the store.  For
 * thousands of moments: the power goes.  Each time the file must open, be
 * whole, and hold what was acknowledged.  HEAVY_TESTS=1 tries every moment.
 */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "disk.h"
#include "scenario.h"

#define OK(call) ck_assert_msg((call) == ERR_OK, "%s: %s", #call, err_what(&e))

static struct scenario s;
static struct errinfo  e;
static const char (*expected)[DIGEST_HEX_SIZE];

static bool
heavy(void)
{
    const char *word = getenv("HEAVY_TESTS");

    return word != NULL && strcmp(word, "1") == 0;
}

static void
setup(void)
{
    log_set_level(LOG_ERROR + 0);
    if (freopen("/dev/null", "w", stderr) == NULL) /* errors are the point */
        abort();
    disk_install();
    expected = scenario_expected();
    scenario_init(&s);
}

static void
teardown(void)
{
    scenario_release(&s);
}

/* The rows are those after n_done steps, or after one more. */
static void
must_hold(int n_done, unsigned long n, const char *what)
{
    char found[DIGEST_HEX_SIZE];

    scenario_dump(&s, found);
    if (strcmp(found, expected[n_done]) == 0)
        return;
    ck_assert_msg(n_done < scenario_n_steps() &&
                      strcmp(found, expected[n_done + 1]) == 0,
                  "%s %lu: neither what was there before \"%s\", nor after it",
                  what, n, scenario_name(n_done));
}

/* --- faults --------------------------------------------------------------- */

static const struct {
    enum disk_fault fault;
    bool            for_ever;
    const char     *name;
} faults[] = {
    { DISK_BROKEN, false, "broken once at change" },
    { DISK_BROKEN, true, "broken from change" },
    { DISK_FULL, false, "full once at change" },
    { DISK_FULL, true, "full from change" },
};

/* Reads go on whatever the disk refuses to take. */
static void
must_read(int n_done)
{
    struct store_network row = { 0 };

    if (s.db == NULL || n_done < 2 || n_done >= 27) /* there is no network */
        return;
    ck_assert_msg(store_network_get(s.db, "net", &row, &e) == ERR_OK, "%s",
                  err_what(&e));
    store_network_release(&row);
}

/* Or, where that takes too long, some: 17 apart, syncs are among them. */
START_TEST(every_change_fails_once)
{
    int           n_steps = scenario_n_steps(), stride = heavy() ? 1 : 17;
    unsigned long n_stopped = 0;

    for (unsigned long n = 1;; n += (unsigned long)stride) {
        int  done = 0;
        bool mended = false;

        disk_fail(faults[_i].fault, n, faults[_i].for_ever);
        while (done < n_steps) {
            enum err rc = scenario_step(&s, done, &e);

            if (rc == ERR_OK) {
                done++;
                continue;
            }
            must_read(done);
            ck_assert_msg(disk_has_failed(), "%s", err_what(&e));
            /* The disk is good again: whoever was refused tries again, and
             * all goes on, unless the store said that it cannot know. */
            if (mended || s.db == NULL || store_is_failed(s.db))
                break;
            mended = true;
            if (faults[_i].for_ever) {
                ck_assert_int_ne(scenario_step(&s, done, &e), ERR_OK);
                disk_fail(DISK_GOOD, 0, false);
            }
        }
        if (s.db != NULL && store_is_failed(s.db))
            n_stopped++;
        bool over = !disk_has_failed() && !mended;
        disk_fail(DISK_GOOD, 0, false);
        must_hold(done, n, faults[_i].name);
        scenario_remove_files(&s);
        if (over)
            break;
    }
    /* A sync that failed leaves nobody in the belief that it can be known. */
    ck_assert_uint_gt(n_stopped, 0);
}
END_TEST

/* --- power -------------------------------------------------------------------
 */

START_TEST(the_power_goes)
{
    int             n_steps = scenario_n_steps();
    size_t          acked[SCENARIO_MAX], n, per_change = 1, stride = 1;
    struct scenario after;
    unsigned long   n_points = 0;

    disk_record();
    for (int i = 0; i < n_steps; i++) {
        ck_assert_int_eq(scenario_step(&s, i, &e), ERR_OK);
        acked[i] = disk_n_changes();
    }
    scenario_release(&s);
    n = disk_n_changes();
    if (heavy())
        per_change = 5000 / n + 1;
    else
        stride = n / 100 + 1;

    scenario_init(&after);
    s = after;
    for (size_t k = 0; k <= n; k += stride) {
        int done = 0;

        while (done < n_steps && acked[done] <= k)
            done++;
        for (size_t j = 0; j < per_change; j++) {
            disk_after(k, k * 31 + j, s.directory);
            must_hold(done, k, "power lost before change");
            scenario_remove_files(&s);
            n_points++;
        }
    }
    printf("power lost at %lu moments of %zu changes\n", n_points, n);
}
END_TEST

static const char *const migrations[] = {
#include "store/migrations.inc"
};

/* The file as the first program left it. */
static void
make_first_schema(void)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(s.path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, migrations[0], NULL, NULL, NULL) ==
                          SQLITE_OK &&
                      sqlite3_exec(db,
                                   "INSERT INTO network (name, spec,"
                                   " created_ms) VALUES ('old', '{}', 1);"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA application_id = 1651532914;"
                                   "PRAGMA user_version = 1;",
                                   NULL, NULL, NULL) == SQLITE_OK,
                  "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A process that dies while it brings a file to its schema leaves it as it was,
 * or done; the next start goes on either way. */
START_TEST(the_power_goes_in_an_upgrade)
{
    size_t before, n;

    disk_record();
    make_first_schema();
    before = disk_n_changes();
    OK(store_open(s.path, &s.db, &e));
    store_close(s.db);
    s.db = NULL;
    n = disk_n_changes();
    scenario_release(&s);
    scenario_init(&s);
    for (size_t k = before; k <= n; k++) {
        struct store_network row;
        char                 found[DIGEST_HEX_SIZE];

        disk_after(k, k, s.directory);
        scenario_dump(&s, found);
        OK(store_open(s.path, &s.db, &e));
        OK(store_network_get(s.db, "old", &row, &e));
        store_network_release(&row);
        scenario_remove_files(&s);
    }
    printf("power lost at %zu moments of an upgrade\n", n - before + 1);
}
END_TEST

int
main(void)
{
    Suite   *suite = suite_create("fault");
    TCase   *t = tcase_create("disk");
    SRunner *runner;
    int      n_failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 1800);
    tcase_add_loop_test(t, every_change_fails_once, 0, (int)COUNT_OF(faults));
    tcase_add_test(t, the_power_goes);
    tcase_add_test(t, the_power_goes_in_an_upgrade);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
