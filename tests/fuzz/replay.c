/*
 * replay.c - main() of a fuzz target where no fuzzer calls it
 *
 * Usage    fuzz_X [FILE…]: runs the target on each; without files, on all of
 *          $srcdir/tests/fuzz/corpus/X.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
    static uint8_t data[1 << 16];
    FILE          *file = fopen(path, "rb");
    size_t         n;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, n);
    return 0;
}

static int
replay_corpus(const char *target)
{
    const char    *top = getenv("srcdir");
    const char    *name = strstr(target, "fuzz_");
    char           path[4096];
    struct dirent *entry;
    DIR           *dir;
    int            n = 0, failed = 0;

    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
             top != NULL ? top : ".", name != NULL ? name + 5 : "");
    dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(dir)) != NULL) {
        char file[8192];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        failed += replay(file);
        n++;
    }
    closedir(dir);
    printf("%d files\n", n);
    return n == 0 || failed > 0;
}

int
main(int argc, char **argv)
{
    int failed = 0;

    if (argc == 1) {
        const char *slash = strrchr(argv[0], '/');

        return replay_corpus(slash != NULL ? slash + 1 : argv[0]);
    }
    for (int i = 1; i < argc; i++)
        failed += replay(argv[i]);
    return failed > 0;
}
