/* training_house.c - a store, a budget and a pool over both */
#include "training_suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define PATIENCE_US 120000000

void
house_init(struct house *h)
{
    memset(h, 0, sizeof(*h));
    log_set_level(LOG_ERROR);
    fixture_init(&h->f);
    mem_budget_init(&h->budget, GIB, "memory_mib");
    h->options.budget = &h->budget;
}

void
house_start(struct house *h, unsigned n_workers)
{
    struct errinfo e;

    err_clear(&e);
    h->options.store = h->f.db;
    h->options.n_workers = n_workers;
    ck_assert_int_eq(training_pool_start(&h->options, &h->pool, &e), ERR_OK);
}

void
house_stop(struct house *h)
{
    training_pool_stop(h->pool);
    h->pool = NULL;
}

void
house_release(struct house *h)
{
    house_stop(h);
    /* Whatever a job took, it gave back. */
    ck_assert_uint_eq(atomic_load(&h->budget.used), 0);
    fixture_release(&h->f);
}

void
house_wait(struct house *h, int64_t id, struct store_job *out)
{
    int64_t        until = clock_mono_us() + PATIENCE_US;
    struct errinfo e;

    err_clear(&e);
    for (;;) {
        ck_assert_int_eq(store_job_get(h->f.db, id, out, &e), ERR_OK);
        if (out->status >= STORE_JOB_SUCCEEDED)
            break;
        ck_assert_msg(clock_mono_us() < until, "job %d does not end", (int)id);
        store_job_release(out);
        usleep(2000);
    }
    training_pool_settle(h->pool, id);
}

enum store_job_status
house_run(struct house *h, int64_t id, struct store_job *out)
{
    house_start(h, 1);
    house_wait(h, id, out);
    house_stop(h);
    return out->status;
}

void
house_wait_epoch(struct house *h, int64_t id, uint64_t epoch)
{
    int64_t               until = clock_mono_us() + PATIENCE_US;
    struct codec_progress progress = { 0 };
    struct buf            metrics = { 0 };

    while (!training_pool_progress(h->pool, id, &progress, &metrics) ||
           progress.epoch < epoch) {
        ck_assert_msg(clock_mono_us() < until, "job %d does not move", (int)id);
        usleep(500);
        buf_reset(&metrics);
    }
    buf_release(&metrics);
}

struct store_epoch *
house_history(struct house *h, int64_t id, size_t *out_n)
{
    struct store_epoch *rows = NULL;
    struct errinfo      e;

    err_clear(&e);
    ck_assert_int_eq(
        store_epoch_list(h->f.db, id, 0, 1000000, &rows, out_n, &e), ERR_OK);
    for (size_t i = 0; i < *out_n; i++)
        ck_assert_uint_eq(rows[i].epoch, i + 1);
    return rows;
}
