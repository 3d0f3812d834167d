/*
 * keys.h - who may do what: bearer keys, their scopes, and wrong ones slowed
 *
 * Model    A key is "bpk_" and 256 random bits; we keep its SHA-256 only.  The
 *          keys are in memory; the file they come from (keyfile.h) is read
 *          again where it has changed, since the program's own commands change
 *          it while the daemon runs.  A request has the scope of its key, each
 *          including the ones before it.
 *            Wrong keys: an address may try HTTP_TRIES of them, and gains a new
 *          try every HTTP_TRY_SECONDS; then it hears 429.  A right key always
 *          passes, so that nobody is locked out by a neighbour behind the same
 *          proxy.
 * Owner    http_keys_open() gives it to the caller.
 * Threads  Any; _allow() never touches the file.
 * Errors   As keyfile.h; _allow(): ERR_AUTH, ERR_FORBIDDEN, ERR_RATE.
 */
#ifndef HTTP_KEYS_H
#define HTTP_KEYS_H

#include "http/keyfile.h"

#define HTTP_KEY_SIZE (4 + DIGEST_HEX_SIZE) /* of a key's text */
#define HTTP_TRIES 10
#define HTTP_TRY_SECONDS 6

struct http_keys;

enum err http_keys_open(const char *path, struct http_keys **out,
                        struct errinfo *e);
void     http_keys_free(struct http_keys *keys); /* NULL is fine */

/* Read the file where it is not the one we know.  Where it cannot be read the
 * keys stay what they are. */
enum err http_keys_refresh(struct http_keys *keys, struct errinfo *e);

/* Make a key: text is shown once, by whoever called, and forgotten. */
enum err http_keys_create(struct http_keys *keys, const char *name,
                          enum http_scope scope, char text[HTTP_KEY_SIZE],
                          struct http_key *out, struct errinfo *e);
enum err http_keys_revoke(struct http_keys *keys, const char *name,
                          struct errinfo *e);
/* A copy of all rows, for the caller to free(). */
enum err http_keys_list(struct http_keys *keys, struct http_key **out,
                        size_t *out_n, struct errinfo *e);
size_t   http_keys_count(struct http_keys *keys);

/* May this request go on?  req->key has the key's name then. */
enum err http_keys_allow(struct http_keys *keys, struct http_request *req,
                         const char *authorization, struct errinfo *e);

/* How often a wrong key was shown, and how often that was slowed. */
void http_keys_failures(const struct http_keys *keys, uint64_t *out_wrong,
                        uint64_t *out_slowed);

#endif
