/*
 * store_history.c - a long history, appended to, paged through, and in points
 */
#include "store_suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define GROUP 1000

static struct store *db;
static int64_t       job;

static void
setup(void)
{
    int64_t id;

    house_setup();
    db = house_open();
    OK(house_network(db, "net", "1234", 4, &id));
    house_dataset(db, "d");
    job = house_job(db, "net", "d");
}

static void
teardown(void)
{
    store_close(db);
    house_teardown();
}

/* A loss with its minimum at epoch `least`, a validation loss at `val`. */
static struct store_epoch
row_of(uint64_t epoch, uint64_t least, uint64_t val)
{
    return (struct store_epoch){
        .epoch = epoch,
        .loss = epoch == least ? 0.125 : 0.25,
        .val_loss = epoch == val ? 0.5 : 0.75,
    };
}

static void
append(uint64_t from, uint64_t to, uint64_t least, uint64_t val)
{
    static struct store_epoch rows[GROUP];

    while (from <= to) {
        struct store_checkpoint cp = { .job_id = job, .rows = rows };
        struct store_ticket    *ticket;

        for (; from <= to && cp.n_rows < GROUP; from++)
            rows[cp.n_rows++] = row_of(from, least, val);
        cp.epoch = from - 1;
        OK(store_job_checkpoint_start(db, &cp, &ticket, &e));
        OK(store_ticket_wait(ticket, &e));
    }
}

static bool
has(const struct store_epoch *row, size_t n, uint64_t epoch)
{
    for (size_t i = 0; i < n; i++)
        if (row[i].epoch == epoch)
            return true;
    return false;
}

START_TEST(points_keep_the_ends_and_the_least)
{
    struct store_epoch *row;
    size_t              n;

    OK(store_epoch_points(db, job, 50, &row, &n, &e));
    ck_assert_uint_eq(n, 0);
    free(row);
    append(1, 5000, 1234, 4321);
    for (size_t points = 4; points <= 6000; points = points * 3 / 2 + 1) {
        OK(store_epoch_points(db, job, points, &row, &n, &e));
        ck_assert_uint_le(n, points);
        ck_assert_uint_ge(n, points < 5000 ? points - 2 : 5000);
        ck_assert(has(row, n, 1) && has(row, n, 5000));
        ck_assert(has(row, n, 1234) && has(row, n, 4321));
        /* Even: no two neighbours are further apart than all are on average,
         * but for what rounding makes of it. */
        for (size_t i = 1; i < n; i++) {
            ck_assert_uint_gt(row[i].epoch, row[i - 1].epoch);
            ck_assert_uint_le(row[i].epoch - row[i - 1].epoch,
                              5000 / (points > 5000 ? 5000 : points - 3) + 1);
        }
        free(row);
    }
}
END_TEST

START_TEST(a_short_history_is_whole)
{
    struct store_epoch *row;
    size_t              n;

    for (uint64_t last = 1; last <= 8; last++) {
        append(last, last, 3, 2);
        OK(store_epoch_points(db, job, 12, &row, &n, &e));
        ck_assert_uint_eq(n, last);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(row[i].epoch, i + 1);
        free(row);
    }
}
END_TEST

/* Microseconds of one call, the least of some. */
#define COST(call)                                                             \
    do {                                                                       \
        cost = INT64_MAX;                                                      \
        for (int turn = 0; turn < 9; turn++) {                                 \
            int64_t began = clock_mono_us();                                   \
            OK(call);                                                          \
            began = clock_mono_us() - began;                                   \
            cost = began < cost ? began : cost;                                \
            free(row);                                                         \
        }                                                                      \
    } while (false)

START_TEST(a_million_epochs_cost_what_a_thousand_do)
{
    bool heavy = getenv("HEAVY_TESTS") != NULL &&
                 strcmp(getenv("HEAVY_TESTS"), "1") == 0;
    uint64_t last = 0, most = heavy ? 1000000 : 100000;
    int64_t  cost, first_page = 0, first_points = 0;

    printf("  epochs  append/1000  page of 1000  500 points (us)\n");
    for (uint64_t size = 1000; size <= most; size *= 10) {
        struct store_epoch *row;
        size_t              n;

        append(last + 1, size - GROUP, 77, 99);
        int64_t appending = clock_mono_us();
        append(size - GROUP + 1, size, 77, 99);
        appending = clock_mono_us() - appending;
        last = size;
        COST(store_epoch_list(db, job, size / 2 - 500, 1000, &row, &n, &e));
        int64_t page = cost;
        COST(store_epoch_points(db, job, 500, &row, &n, &e));
        printf("%8llu  %11lld  %12lld  %10lld\n", (unsigned long long)size,
               (long long)appending, (long long)page, (long long)cost);
        if (size == 1000) {
            first_page = page;
            first_points = cost;
        }
        /* A tree that is one or two levels deeper, not a longer walk. */
        ck_assert_int_lt(page, 20 * first_page + 2000);
        ck_assert_int_lt(cost, 20 * first_points + 2000);
    }
}
END_TEST

Suite *
store_history_suite(void)
{
    Suite *s = suite_create("history");
    TCase *t = tcase_create("history");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, points_keep_the_ends_and_the_least);
    tcase_add_test(t, a_short_history_is_whole);
    tcase_add_test(t, a_million_epochs_cost_what_a_thousand_do);
    suite_add_tcase(s, t);
    return s;
}
