#include "http/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"

#define HEAD "backpropd-keys 1"
#define FILE_MAX (HTTP_KEYS_MAX * 256)

static const char *const words[] = {
    [HTTP_PREDICT] = "predict",
    [HTTP_TRAIN] = "train",
    [HTTP_ADMIN] = "admin",
};

const char *
http_scope_word(enum http_scope scope)
{
    return words[scope];
}

bool
http_scope_parse(const char *word, enum http_scope *out)
{
    for (size_t i = HTTP_PREDICT; i < COUNT_OF(words); i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum http_scope)i;
            return true;
        }
    }
    return false;
}

static enum err
fail(const char *path, const char *what, struct errinfo *e)
{
    const char *why = strerrordesc_np(errno);

    return err_set(e, ERR_CONFLICT, "keys", "cannot %s '%.100s': %s", what,
                   path, why != NULL ? why : "unknown error");
}

/* Two hexadecimal digits a byte, and nothing behind them. */
static bool
hex_parse(const char *hex, uint8_t out[DIGEST_SIZE])
{
    if (strlen(hex) != 2 * DIGEST_SIZE ||
        strspn(hex, "0123456789abcdef") != 2 * DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < 2 * DIGEST_SIZE; i++) {
        unsigned digit = hex[i] <= '9' ? (unsigned)(hex[i] - '0')
                                       : (unsigned)(hex[i] - 'a' + 10);

        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

static bool
row_parse(char *line, struct http_key *out)
{
    char    *name = strsep(&line, " "), *scope = strsep(&line, " ");
    char    *hex = strsep(&line, " "), *created = line;
    uint64_t ms;

    *out = (struct http_key){ 0 };
    if (created == NULL || name[0] == '\0' ||
        strlen(name) >= sizeof(out->name) ||
        !http_scope_parse(scope, &out->scope) || !hex_parse(hex, out->sha256) ||
        !num_parse_u64(created, strlen(created), &ms) || ms > INT64_MAX)
        return false;
    memcpy(out->name, name, strlen(name) + 1);
    out->created_ms = (int64_t)ms;
    return true;
}

static enum err
rows_parse(const char *path, char *text, struct http_key **out, size_t *out_n,
           struct errinfo *e)
{
    struct http_key *row = mem_array(HTTP_KEYS_MAX, sizeof(*row), 0);
    size_t           n = 0;
    unsigned         number = 1;
    char            *line = strsep(&text, "\n");

    if (row == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    if (strcmp(line, HEAD) != 0)
        goto bad;
    while ((line = strsep(&text, "\n")) != NULL) {
        number++;
        if (line[0] == '\0' && text == NULL)
            break;
        if (n == HTTP_KEYS_MAX || !row_parse(line, &row[n]))
            goto bad;
        n++;
    }
    *out = row;
    *out_n = n;
    return ERR_OK;
bad:
    free(row);
    return err_set(e, ERR_INVALID, "keys",
                   "'%.100s', line %u: is no list of keys that this program "
                   "wrote",
                   path, number);
}

/* The whole file, NUL-terminated. */
static enum err
read_text(const char *path, int fd, char *text, size_t size, struct errinfo *e)
{
    size_t  len = 0;
    ssize_t n;

    while ((n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        return fail(path, "read", e);
    text[len] = '\0';
    /* One that was cut short has lost its last newline. */
    if (len == size - 1 || strlen(text) != len || len == 0 ||
        text[len - 1] != '\n')
        return err_set(e, ERR_INVALID, "keys", "'%.100s' is no list of keys",
                       path);
    return ERR_OK;
}

enum err
http_keyfile_read(const char *path, struct http_key **out, size_t *out_n,
                  struct stat *out_st, struct errinfo *e)
{
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = { 0 };
    char       *text = NULL;
    enum err    rc;

    if (fd < 0) {
        if (errno != ENOENT)
            return fail(path, "open", e);
        *out = NULL;
        *out_n = 0;
        *out_st = st;
        return ERR_OK;
    }
    if (fstat(fd, &st) != 0) {
        rc = fail(path, "look at", e);
        goto out;
    }
    /* Who can write it makes keys; and nobody has to read it. */
    if (!S_ISREG(st.st_mode) || (st.st_mode & 027) != 0) {
        rc = err_set(e, ERR_INVALID, "keys",
                     "'%.100s' must be a file that only its owner writes and "
                     "only owner and group read: chmod 600",
                     path);
        goto out;
    }
    text = mem_array(FILE_MAX, 1, 0);
    if (text == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    rc = read_text(path, fd, text, FILE_MAX, e);
    if (rc == ERR_OK)
        rc = rows_parse(path, text, out, out_n, e);
    if (rc == ERR_OK)
        *out_st = st;
out:
    free(text);
    close(fd);
    return rc;
}

/* --- writing -------------------------------------------------------------- */

/* The file beside path, ours alone until it is closed.  Whoever waited for it
 * may hold one that has become the list meanwhile: then there is a new one. */
static enum err
lock(const char *path, const char *beside, int *out_fd, struct errinfo *e)
{
    struct stat here, there;

    for (;;) {
        int fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
            return fail(path, "write beside", e);
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &here) == 0 &&
            stat(beside, &there) == 0 && here.st_ino == there.st_ino &&
            here.st_dev == there.st_dev) {
            *out_fd = fd;
            return ERR_OK;
        }
        close(fd);
    }
}

static bool
write_rows(int fd, const struct http_key *row, size_t n)
{
    struct buf text = { 0 };
    char       hex[DIGEST_HEX_SIZE];
    bool       ok;

    buf_puts(&text, HEAD "\n");
    for (size_t i = 0; i < n; i++) {
        digest_hex(row[i].sha256, hex);
        buf_printf(&text, "%s %s %s %" PRId64 "\n", row[i].name,
                   words[row[i].scope], hex, row[i].created_ms);
    }
    ok = !text.failed && ftruncate(fd, 0) == 0 &&
         write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    buf_release(&text);
    return ok;
}

/* A name is on the disk when its directory is. */
static void
sync_directory(const char *path)
{
    char copy[PATH_MAX];
    int  fd;

    snprintf(copy, sizeof(copy), "%s", path);
    /* dirname() is glibc's: it changes nothing but the copy.
     * NOLINTNEXTLINE(concurrency-mt-unsafe) */
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!fsync(fd);
    close(fd);
}

static size_t
find(const struct http_key *row, size_t n, const char *name)
{
    size_t i = 0;

    while (i < n && strcmp(row[i].name, name) != 0)
        i++;
    return i;
}

/* Add a row, or remove the one called name. */
static enum err
change(const char *path, const struct http_key *add, const char *name,
       struct errinfo *e)
{
    char             beside[PATH_MAX];
    struct http_key *row = NULL, *grown;
    struct stat      st;
    size_t           n = 0, at;
    enum err         rc;
    int              fd = -1;

    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >=
        sizeof(beside))
        return err_set(e, ERR_INVALID, "keys", "the path is too long");
    rc = lock(path, beside, &fd, e);
    if (rc != ERR_OK)
        return rc;
    rc = http_keyfile_read(path, &row, &n, &st, e);
    if (rc != ERR_OK)
        goto out;
    at = find(row, n, name);
    if (add == NULL && at == n)
        rc = err_set(e, ERR_NOTFOUND, "", "there is no key \"%.64s\"", name);
    else if (add == NULL)
        memmove(&row[at], &row[at + 1], (--n - at) * sizeof(*row));
    else if (at < n)
        rc = err_named(e,
                       err_set(e, ERR_CONFLICT, "",
                               "there is a key \"%.64s\" already", name),
                       "name_taken");
    else if (n == HTTP_KEYS_MAX)
        rc = err_set(e, ERR_CONFLICT, "", "there are %d keys already",
                     HTTP_KEYS_MAX);
    else if ((grown = mem_resize(row, n + 1, sizeof(*row))) == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        (row = grown)[n++] = *add;
    if (rc != ERR_OK)
        goto out;
    if (!write_rows(fd, row, n) || rename(beside, path) != 0)
        rc = fail(path, "write", e);
    else
        sync_directory(path);
out:
    if (rc != ERR_OK)
        unlink(beside); /* while the lock is ours */
    free(row);
    close(fd);
    return rc;
}

enum err
http_keyfile_add(const char *path, const struct http_key *row,
                 struct errinfo *e)
{
    return change(path, row, row->name, e);
}

enum err
http_keyfile_remove(const char *path, const char *name, struct errinfo *e)
{
    return change(path, NULL, name, e);
}
