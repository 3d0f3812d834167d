/*
 * base_cgroup.c - limits of a container, from trees as each version has them
 */
#include "base/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base_suites.h"

static char root[] = "cgroup-XXXXXX";

static void
put(const char *path, const char *text)
{
    char  full[256];
    FILE *f;

    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(full, 0700);
        *p = '/';
    }
    f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void
setup(void)
{
    memcpy(root + strlen(root) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void
teardown(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(without_a_tree_there_is_no_bound)
{
    ck_assert_uint_eq(cgroup_memory_at(root), 0);
    ck_assert_uint_eq(cgroup_cpus_at(root), 0);
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/memory.max", "max\n");
    put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    ck_assert_uint_eq(cgroup_memory_at(root), 0);
    ck_assert_uint_eq(cgroup_cpus_at(root), 0);
}
END_TEST

START_TEST(version_2_in_and_out_of_a_namespace)
{
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "134217728\n");
    put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(cgroup_memory_at(root), 128 * MIB);
    ck_assert_uint_eq(cgroup_cpus_at(root), 2);
    /* The least of all that we are in. */
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/memory.max", "67108864\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(cgroup_memory_at(root), 64 * MIB);
    ck_assert_uint_eq(cgroup_cpus_at(root), 1);
}
END_TEST

START_TEST(version_1_has_a_tree_a_resource)
{
    put("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x/y\n0::/\n");
    put("/sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "33554432\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    ck_assert_uint_eq(cgroup_memory_at(root), 32 * MIB);
    ck_assert_uint_eq(cgroup_cpus_at(root), 3);
    /* In a container the path is another one's, and the top is ours. */
    put("/proc/self/cgroup", "5:cpu:/docker/1\n4:memory:/docker/1\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "16777216\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(cgroup_memory_at(root), 16 * MIB);
    ck_assert_uint_eq(cgroup_cpus_at(root), 1);
}
END_TEST

START_TEST(rubbish_is_no_bound)
{
    static const char *const rubbish[] = {
        "", "\n", "x\n", "-1\n", "1e9\n", "99999999999999999999999\n"
    };

    put("/proc/self/cgroup", "rubbish\n::\n0::/\n");
    for (size_t i = 0; i < COUNT_OF(rubbish); i++) {
        put("/sys/fs/cgroup/memory.max", rubbish[i]);
        put("/sys/fs/cgroup/cpu.max", rubbish[i]);
        ck_assert_uint_eq(cgroup_memory_at(root), 0);
        ck_assert_uint_eq(cgroup_cpus_at(root), 0);
    }
}
END_TEST

Suite *
suite_cgroup(void)
{
    Suite *s = suite_create("base/cgroup");
    TCase *t = tcase_create("cgroup");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, without_a_tree_there_is_no_bound);
    tcase_add_test(t, version_2_in_and_out_of_a_namespace);
    tcase_add_test(t, version_1_has_a_tree_a_resource);
    tcase_add_test(t, rubbish_is_no_bound);
    suite_add_tcase(s, t);
    return s;
}
