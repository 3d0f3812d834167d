#include "base/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define TREE "/sys/fs/cgroup"

/* A line of a small file, without its end. */
static bool
read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    bool  ok;

    if (f == NULL)
        return false;
    ok = fgets(out, (int)size, f) != NULL;
    fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok;
}

/* Our group's path in the tree of a controller ("": version 2's), as
 * "4:memory:/a/b" and "0::/a/b" tell it. */
static bool
group_path(const char *root, const char *controller, char out[PATH_MAX])
{
    char  path[PATH_MAX], line[PATH_MAX];
    FILE *f;
    bool  found = false;

    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), f) != NULL) {
        char *rest = line, *names, *name;

        line[strcspn(line, "\n")] = '\0';
        strsep(&rest, ":");
        names = strsep(&rest, ":");
        if (names == NULL || rest == NULL)
            continue;
        while (!found && (name = strsep(&names, ",")) != NULL)
            found = strcmp(name, controller) == 0;
        if (found)
            snprintf(out, PATH_MAX, "%s", rest);
    }
    fclose(f);
    return found;
}

/* What a file of one group says; 0 where it says nothing. */
typedef uint64_t (*bound_fn)(const char *group);

/* The least bound of our group and those it is in. */
static uint64_t
least_bound(const char *root, const char *controller, const char *tree,
            bound_fn bound)
{
    char     path[PATH_MAX], group[2 * PATH_MAX];
    uint64_t least = 0;

    if (!group_path(root, controller, path))
        return 0;
    for (;;) {
        uint64_t here;
        char    *slash = strrchr(path, '/');

        snprintf(group, sizeof(group), "%s" TREE "%s%s", root, tree, path);
        here = bound(group);
        if (here > 0 && (least == 0 || here < least))
            least = here;
        if (slash == NULL)
            return least;
        *slash = '\0'; /* at last "", the top */
    }
}

static uint64_t
read_number(const char *group, const char *file)
{
    char     path[3 * PATH_MAX], line[64];
    uint64_t n;

    snprintf(path, sizeof(path), "%s/%s", group, file);
    if (!read_line(path, line, sizeof(line)) ||
        !num_parse_u64(line, strlen(line), &n))
        return 0; /* "max", "-1", or not there */
    return n;
}

static uint64_t
memory_2(const char *group)
{
    return read_number(group, "memory.max");
}

/* Version 1 has no word for "no bound", just a number beyond all memory. */
static uint64_t
memory_1(const char *group)
{
    uint64_t n = read_number(group, "memory.limit_in_bytes");

    return n < UINT64_C(1) << 60 ? n : 0;
}

/* Processors, rounded up: a part of one runs what one does, more slowly. */
static uint64_t
cpus_of(uint64_t quota, uint64_t period)
{
    return quota > 0 && period > 0 ? (quota - 1) / period + 1 : 0;
}

static uint64_t
cpus_2(const char *group)
{
    char     path[3 * PATH_MAX], line[64], *rest = line, *word;
    uint64_t quota, period;

    snprintf(path, sizeof(path), "%s/cpu.max", group);
    if (!read_line(path, line, sizeof(line)))
        return 0;
    word = strsep(&rest, " ");
    if (rest == NULL || !num_parse_u64(word, strlen(word), &quota) ||
        !num_parse_u64(rest, strlen(rest), &period))
        return 0;
    return cpus_of(quota, period);
}

static uint64_t
cpus_1(const char *group)
{
    return cpus_of(read_number(group, "cpu.cfs_quota_us"),
                   read_number(group, "cpu.cfs_period_us"));
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

size_t
cgroup_memory_at(const char *root)
{
    return least(least_bound(root, "", "", memory_2),
                 least_bound(root, "memory", "/memory", memory_1));
}

unsigned
cgroup_cpus_at(const char *root)
{
    uint64_t n = least(least_bound(root, "", "", cpus_2),
                       least_bound(root, "cpu", "/cpu", cpus_1));

    return n < UINT_MAX ? (unsigned)n : UINT_MAX;
}

size_t
cgroup_memory(void)
{
    return cgroup_memory_at("");
}

unsigned
cgroup_cpus(void)
{
    return cgroup_cpus_at("");
}
