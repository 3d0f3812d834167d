/*
 * keyfile.h - the keys that were made, in a small text file
 *
 * Model    A line a key: name, scope, SHA-256 of the key, when it was made. The
 *          key itself is nowhere.  The file is replaced whole (written beside,
 *          synced, renamed), so that a reader sees the old one or the new one;
 *          the file beside it is the lock of those who write, in any process.
 * Owner    Rows are the caller's to free().
 * Threads  Any.
 * Errors   ERR_INVALID for a line that cannot be read, and for a file that
 *          others may read or write; ERR_CONFLICT where it cannot be written.
 * Limits   HTTP_KEYS_MAX keys.
 * Format   "backpropd-keys 1", then "ci train 9f86…0a08 1764167044123" a key.
 */
#ifndef HTTP_KEYFILE_H
#define HTTP_KEYFILE_H

#include <sys/stat.h>

#include "base/digest.h"
#include "http/http.h"

#define HTTP_KEYS_MAX 1000

struct http_key {
    char            name[HTTP_KEY_NAME_SIZE];
    enum http_scope scope;
    uint8_t         sha256[DIGEST_SIZE];
    int64_t         created_ms;
};

/* All rows, in the order they were made; none where there is no file.  The
 * status of the file goes to *out_st (zeroed where there is none): who sees the
 * same again has nothing to read. */
enum err http_keyfile_read(const char *path, struct http_key **out,
                           size_t *out_n, struct stat *out_st,
                           struct errinfo *e);

/* Add a row (ERR_CONFLICT, "name_taken") or remove one (ERR_NOTFOUND). */
enum err http_keyfile_add(const char *path, const struct http_key *row,
                          struct errinfo *e);
enum err http_keyfile_remove(const char *path, const char *name,
                             struct errinfo *e);

/* "predict", "train", "admin". */
const char *http_scope_word(enum http_scope scope);
bool        http_scope_parse(const char *word, enum http_scope *out);

#endif
