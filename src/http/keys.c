#include "http/keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rate.h"

#define PREFIX "bpk_"

struct http_keys {
    char            *path;
    pthread_mutex_t  reading; /* the file: who read last has the last word */
    pthread_rwlock_t lock;    /* of key, n, st */
    struct http_key *key;
    size_t           n;
    struct stat      st;
    struct rate     *tries;
    atomic_ullong    n_wrong;
};

static enum err
read_again(struct http_keys *keys, struct errinfo *e)
{
    struct http_key *key = NULL, *old;
    struct stat      st;
    size_t           n = 0;
    enum err         rc;

    pthread_mutex_lock(&keys->reading);
    rc = http_keyfile_read(keys->path, &key, &n, &st, e);
    if (rc != ERR_OK) {
        pthread_mutex_unlock(&keys->reading);
        return rc;
    }
    pthread_rwlock_wrlock(&keys->lock);
    old = keys->key;
    keys->key = key;
    keys->n = n;
    keys->st = st;
    pthread_rwlock_unlock(&keys->lock);
    pthread_mutex_unlock(&keys->reading);
    free(old);
    return ERR_OK;
}

enum err
http_keys_open(const char *path, struct http_keys **out, struct errinfo *e)
{
    struct http_keys *keys = mem_array(1, sizeof(*keys), 0);
    enum err          rc = ERR_OK;

    if (keys == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_rwlock_init(&keys->lock, NULL);
    pthread_mutex_init(&keys->reading, NULL);
    keys->path = mem_dup(path, strlen(path));
    if (keys->path == NULL)
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
    else
        rc = rate_new(1.0 / HTTP_TRY_SECONDS, HTTP_TRIES, &keys->tries, e);
    if (rc == ERR_OK)
        rc = read_again(keys, e);
    if (rc == ERR_OK) {
        *out = keys;
        keys = NULL;
    }
    http_keys_free(keys);
    return rc;
}

void
http_keys_free(struct http_keys *keys)
{
    if (keys == NULL)
        return;
    pthread_rwlock_destroy(&keys->lock);
    pthread_mutex_destroy(&keys->reading);
    rate_free(keys->tries);
    free(keys->key);
    free(keys->path);
    free(keys);
}

enum err
http_keys_refresh(struct http_keys *keys, struct errinfo *e)
{
    struct stat now = { 0 };
    bool        same;

    if (stat(keys->path, &now) != 0)
        now = (struct stat){ 0 };
    pthread_rwlock_rdlock(&keys->lock);
    same = now.st_ino == keys->st.st_ino && now.st_dev == keys->st.st_dev &&
           now.st_size == keys->st.st_size && now.st_mode == keys->st.st_mode &&
           now.st_mtim.tv_sec == keys->st.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == keys->st.st_mtim.tv_nsec;
    pthread_rwlock_unlock(&keys->lock);
    return same ? ERR_OK : read_again(keys, e);
}

/* --- making and revoking ---------------------------------------------------
 */

static bool
is_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < HTTP_KEY_NAME_SIZE &&
           strchr("._-", name[0]) == NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool
invent(char text[HTTP_KEY_SIZE], uint8_t sha256[DIGEST_SIZE])
{
    uint8_t secret[DIGEST_SIZE];

    if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
        return false;
    memcpy(text, PREFIX, strlen(PREFIX));
    digest_hex(secret, text + strlen(PREFIX));
    explicit_bzero(secret, sizeof(secret));
    digest_bytes(text, strlen(text), sha256);
    return true;
}

enum err
http_keys_create(struct http_keys *keys, const char *name,
                 enum http_scope scope, char text[HTTP_KEY_SIZE],
                 struct http_key *out, struct errinfo *e)
{
    struct http_key row = { .scope = scope, .created_ms = clock_wall_ms() };
    char            made[HTTP_KEY_SIZE];
    enum err        rc;

    if (!is_name(name))
        return err_set(e, ERR_INVALID, "/name",
                       "must be 1 to %d of a-z, 0-9, '.', '_' and '-', the "
                       "first a letter or digit, got \"%.80s\"",
                       HTTP_KEY_NAME_SIZE - 1, name);
    snprintf(row.name, sizeof(row.name), "%s", name);
    if (!invent(made, row.sha256))
        return err_set(e, ERR_BUSY, "", "the system has no random numbers yet");
    rc = http_keyfile_add(keys->path, &row, e);
    if (rc == ERR_OK)
        rc = read_again(keys, e);
    if (rc == ERR_OK) {
        memcpy(text, made, sizeof(made));
        *out = row;
    }
    explicit_bzero(made, sizeof(made));
    return rc;
}

enum err
http_keys_revoke(struct http_keys *keys, const char *name, struct errinfo *e)
{
    enum err rc = http_keyfile_remove(keys->path, name, e);

    return rc == ERR_OK ? read_again(keys, e) : rc;
}

enum err
http_keys_list(struct http_keys *keys, struct http_key **out, size_t *out_n,
               struct errinfo *e)
{
    struct http_key *copy = NULL;
    size_t           n;

    pthread_rwlock_rdlock(&keys->lock);
    n = keys->n;
    copy = mem_array(n, sizeof(*copy), 0);
    if (copy != NULL && n > 0)
        memcpy(copy, keys->key, n * sizeof(*copy));
    pthread_rwlock_unlock(&keys->lock);
    if (copy == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    *out = copy;
    *out_n = n;
    return ERR_OK;
}

size_t
http_keys_count(struct http_keys *keys)
{
    size_t n;

    pthread_rwlock_rdlock(&keys->lock);
    n = keys->n;
    pthread_rwlock_unlock(&keys->lock);
    return n;
}

/* --- asking ------------------------------------------------------------------
 */

/* The key with this digest.  All are compared, and each in constant time: how
 * long it takes tells nothing but how many keys there are. */
static bool
find_key(struct http_keys *keys, const uint8_t sha256[DIGEST_SIZE],
         struct http_key *out)
{
    bool found = false;

    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < keys->n; i++) {
        if (digest_equal(keys->key[i].sha256, sha256)) {
            *out = keys->key[i];
            found = true;
        }
    }
    pthread_rwlock_unlock(&keys->lock);
    return found;
}

/* Of an IPv6 address the first half counts: the rest is its owner's to choose.
 */
static void
name_address(const struct http_request *req, char out[RATE_NAME_SIZE])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    uint8_t              a[HTTP_ADDRESS_SIZE];
    size_t               n;

    http_request_client(req, a);
    n = memcmp(a, mapped, sizeof(mapped)) == 0 ? sizeof(a) : sizeof(a) / 2;
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", a[i]);
}

static enum err
refuse_key(struct http_keys *keys, const struct http_request *req,
           struct errinfo *e)
{
    char     who[RATE_NAME_SIZE];
    unsigned seconds;

    atomic_fetch_add(&keys->n_wrong, 1);
    name_address(req, who);
    if (rate_take(keys->tries, who, 1, clock_mono_us(), &seconds))
        return err_named(e,
                         err_set(e, ERR_AUTH, "",
                                 "the key is not one of ours; it may have been "
                                 "revoked"),
                         "bad_key");
    err_set(e, ERR_RATE, "",
            "too many wrong keys from this address; it may try again in %u "
            "seconds",
            seconds);
    err_retry(e, seconds);
    return err_named(e, ERR_RATE, "too_many_wrong_keys");
}

enum err
http_keys_allow(struct http_keys *keys, struct http_request *req,
                const char *authorization, struct errinfo *e)
{
    static const char bearer[] = "Bearer ";
    struct http_key   key;
    uint8_t           sha256[DIGEST_SIZE];
    size_t            len;
    enum http_scope   need = req->route->scope;

    if (need == HTTP_PUBLIC)
        return ERR_OK;
    if (authorization == NULL ||
        strncasecmp(authorization, bearer, sizeof(bearer) - 1) != 0)
        return err_named(e,
                         err_set(e, ERR_AUTH, "",
                                 "a key with the scope %s is needed, as "
                                 "\"Authorization: Bearer KEY\"",
                                 http_scope_word(need)),
                         "no_key");
    authorization += sizeof(bearer) - 1;
    len = strlen(authorization);
    while (len > 0 && strchr(" \t", authorization[len - 1]) != NULL)
        len--; /* blanks behind a header's value are not part of it */
    digest_bytes(authorization, len, sha256);
    if (!find_key(keys, sha256, &key))
        return refuse_key(keys, req, e);
    memcpy(req->key, key.name, sizeof(req->key));
    if (key.scope < need)
        return err_named(e,
                         err_set(e, ERR_FORBIDDEN, "",
                                 "this needs a key with the scope %s; \"%s\" "
                                 "has the scope %s",
                                 http_scope_word(need), key.name,
                                 http_scope_word(key.scope)),
                         "scope");
    return ERR_OK;
}

void
http_keys_failures(const struct http_keys *keys, uint64_t *out_wrong,
                   uint64_t *out_slowed)
{
    *out_wrong = atomic_load(&keys->n_wrong);
    *out_slowed = rate_n_refused(keys->tries);
}
