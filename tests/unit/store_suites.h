/*
 * store_suites.h - the suites of check_store, and the house they live in
 */
#ifndef TESTS_STORE_SUITES_H
#define TESTS_STORE_SUITES_H

#include <check.h>

#include "store/store.h"

#define OK(call) ck_assert_msg((call) == ERR_OK, "%s: %s", #call, err_what(&e))

extern char           house_path[96];
extern struct errinfo e;

/* A directory for one file, and its end. */
void house_setup(void);
void house_teardown(void);

struct store *house_open(void);
/* A number that a statement on the closed file answers. */
int house_raw(const char *sql);
/* The file as the programs of schema n left it, after this too. */
void house_older(int n, const char *sql);

enum err house_network(struct store *db, const char *name, const void *weights,
                       size_t n, int64_t *id);
int64_t  house_job(struct store *db, const char *network, const char *dataset);
void     house_dataset(struct store *db, const char *name);

Suite *store_rows_suite(void);
Suite *store_lifecycle_suite(void);
Suite *store_history_suite(void);

#endif
