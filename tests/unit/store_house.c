/* store_house.c - a store in a directory of its own, with rows in it */
#include "store_suites.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"

static const char *const migrations[] = {
#include "store/migrations.inc"
};

static char    dir[64];
char           house_path[96];
struct errinfo e;

void
house_setup(void)
{
    snprintf(dir, sizeof(dir), "/tmp/check_store.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(house_path, sizeof(house_path), "%s/x.db", dir);
    err_clear(&e);
}

void
house_teardown(void)
{
    static const char *const suffix[] = { "", "-wal", "-shm", ".lock" };
    char                     file[128];

    for (size_t i = 0; i < COUNT_OF(suffix); i++) {
        snprintf(file, sizeof(file), "%s%s", house_path, suffix[i]);
        unlink(file);
    }
    rmdir(dir);
}

struct store *
house_open(void)
{
    struct store *db = NULL;

    OK(store_open(house_path, &db, &e));
    return db;
}

int
house_raw(const char *sql)
{
    sqlite3      *db;
    sqlite3_stmt *st;
    int           n;

    ck_assert_int_eq(sqlite3_open(house_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

void
house_older(int n, const char *sql)
{
    sqlite3 *db;
    char     mark[96];

    ck_assert_int_eq(sqlite3_open(house_path, &db), SQLITE_OK);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(sqlite3_exec(db, migrations[i], NULL, NULL, NULL),
                         SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    snprintf(mark, sizeof(mark),
             "PRAGMA application_id = 1651532914; PRAGMA user_version = %d;",
             n);
    ck_assert_int_eq(sqlite3_exec(db, mark, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

enum err
house_network(struct store *db, const char *name, const void *weights, size_t n,
              int64_t *id)
{
    struct store_network row = { .name = (char *)name,
                                 .spec = "{}",
                                 .serving_version = -1,
                                 .created_ms = 5 };
    struct store_version version = { .weights = weights, .n_bytes = n };
    uint8_t              digest[DIGEST_SIZE];
    char                 hex[DIGEST_HEX_SIZE];

    digest_bytes(weights, n, digest);
    digest_hex(digest, hex);
    version.sha256 = hex;
    return store_network_insert(db, &row, &version, id, &e);
}

int64_t
house_job(struct store *db, const char *network, const char *dataset)
{
    struct store_job row = { .base_version = -1,
                             .network = (char *)network,
                             .dataset = (char *)dataset,
                             .spec = "{}",
                             .created_ms = 7 };
    int64_t          id;

    OK(store_job_insert(db, &row, NULL, &id, &e));
    return id;
}

void
house_dataset(struct store *db, const char *name)
{
    int64_t id;

    OK(store_dataset_begin(db, name, 3, 0, &id, &e));
    OK(store_dataset_chunk(db, id, 0, 0, 1, "abc", 3, &e));
    OK(store_dataset_chunk(db, id, 1, 0, 1, "de", 2, &e));
    OK(store_dataset_finish(db, id, "{}", 2, &e));
}
