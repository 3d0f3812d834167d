/*
 * training_suites.h - the suites of check_training, and what they share
 */
#ifndef TESTS_TRAINING_SUITES_H
#define TESTS_TRAINING_SUITES_H

#include <check.h>

#include "stored_fixture.h"
#include "training/training.h"

Suite *training_state_suite(void);
Suite *training_job_suite(void);
Suite *training_pool_suite(void);
Suite *training_resume_suite(void);
Suite *training_fault_suite(void);
Suite *training_warnings_suite(void);
Suite *training_team_suite(void);

/* A store, a budget and a pool over both. */
struct house {
    struct fixture          f;
    struct mem_budget       budget;
    struct training_options options;
    struct training_pool   *pool;
};

void house_init(struct house *h);
void house_release(struct house *h); /* stops the pool where there is one */
void house_start(struct house *h, unsigned n_workers);
void house_stop(struct house *h);

/* Wait for the job's end and read its row; release it. */
void house_wait(struct house *h, int64_t id, struct store_job *out);
/* The same, with a pool of one for just this job; the status is told. */
enum store_job_status house_run(struct house *h, int64_t id,
                                struct store_job *out);
/* Wait until a worker has done so many epochs of the job. */
void house_wait_epoch(struct house *h, int64_t id, uint64_t epoch);
/* All rows of the job's history; free() them. */
struct store_epoch *house_history(struct house *h, int64_t id, size_t *out_n);

/* From now on the process is killed where a job is about to end. */
void fault_kill_at_end(void);

#define ck_assert_has(text, part)                                             \
    ck_assert_msg((text) != NULL && strstr(text, part) != NULL,               \
                  "\"%s\" not in %s", part, (text) != NULL ? (text) : "NULL")

#endif
