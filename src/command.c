#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config.h"
#include "http/keys.h"
#include "http/server.h"
#include "watch/watch.h"

enum { DONE = 0, FAILED = 1, MISTAKE = 2 };

/* What a command was given beside the daemon's options. */
struct arguments {
    const char *name;
    const char *scope;
    char      **rest; /* for config_read(): [0] is the program */
    int         n_rest;
};

static int
fail(int status, const struct errinfo *e)
{
    const char *where = e->n > 0 ? e->item[0].where : "";

    where += where[0] == '/'; /* the pointer of a body, for other callers */
    fprintf(stderr, "backpropd: %s%s%s\n", where, where[0] != '\0' ? ": " : "",
            err_what(e));
    return status;
}

/* --name X, --name=X; a word without dashes is the name, too. */
static bool
take_argument(struct arguments *a, int argc, char **argv, int *i)
{
    static const char *const own[] = { "--name", "--scope" };
    const char             **slot[] = { &a->name, &a->scope };
    char                    *arg = argv[*i];

    for (size_t k = 0; k < COUNT_OF(own); k++) {
        size_t len = strlen(own[k]);

        if (strncmp(arg, own[k], len) != 0)
            continue;
        if (arg[len] == '=')
            *slot[k] = arg + len + 1;
        else if (arg[len] == '\0' && *i + 1 < argc)
            *slot[k] = argv[++*i];
        else
            continue;
        return true;
    }
    if (arg[0] == '-' || a->name != NULL)
        return false;
    a->name = arg;
    return true;
}

/* Everything behind the command's words. */
static enum err
read_arguments(int argc, char **argv, struct arguments *out,
               struct config *config, struct errinfo *e)
{
    struct arguments a = { 0 };
    enum err         rc;

    a.rest = mem_array((size_t)argc + 1, sizeof(*a.rest), 0);
    if (a.rest == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    a.rest[a.n_rest++] = argv[0];
    for (int i = 3; i < argc; i++) {
        if (take_argument(&a, argc, argv, &i))
            continue;
        a.rest[a.n_rest++] = argv[i];
        /* Its value is no name of ours. */
        if (strchr(argv[i], '=') == NULL && i + 1 < argc &&
            argv[i + 1][0] != '-')
            a.rest[a.n_rest++] = argv[++i];
    }
    rc = config_read(a.n_rest, a.rest, config, e);
    free(a.rest);
    a.rest = NULL;
    if (rc == ERR_OK)
        *out = a;
    return rc;
}

/* --- key ------------------------------------------------------------------ */

static int
key_create(struct http_keys *keys, const struct arguments *a, struct errinfo *e)
{
    char            text[HTTP_KEY_SIZE];
    struct http_key row;
    enum http_scope scope;
    enum err        rc;

    if (a->name == NULL || a->scope == NULL) {
        err_set(e, ERR_INVALID, a->name == NULL ? "--name" : "--scope",
                "is needed: backpropd key create --name NAME --scope "
                "predict|train|admin");
        return fail(MISTAKE, e);
    }
    if (!http_scope_parse(a->scope, &scope)) {
        err_set(e, ERR_INVALID, "--scope",
                "must be predict, train or admin, got '%.40s'", a->scope);
        return fail(MISTAKE, e);
    }
    rc = http_keys_create(keys, a->name, scope, text, &row, e);
    if (rc != ERR_OK)
        return fail(rc == ERR_INVALID ? MISTAKE : FAILED, e);
    puts(text);
    fprintf(stderr,
            "backpropd: that is the key \"%s\"; it is not shown again\n",
            row.name);
    return DONE;
}

static int
key_list(struct http_keys *keys, const struct arguments *a, struct errinfo *e)
{
    struct http_key *key;
    size_t           n;
    char             created[CLOCK_RFC3339_SIZE];

    (void)a;
    if (http_keys_list(keys, &key, &n, e) != ERR_OK)
        return fail(FAILED, e);
    for (size_t i = 0; i < n; i++) {
        clock_format(key[i].created_ms, created);
        printf("%-24s %-8s %s\n", key[i].name, http_scope_word(key[i].scope),
               created);
    }
    free(key);
    return DONE;
}

static int
key_revoke(struct http_keys *keys, const struct arguments *a, struct errinfo *e)
{
    if (a->name == NULL) {
        err_set(e, ERR_INVALID, "NAME", "is needed: backpropd key revoke NAME");
        return fail(MISTAKE, e);
    }
    if (http_keys_revoke(keys, a->name, e) != ERR_OK)
        return fail(FAILED, e);
    return DONE;
}

static const struct {
    const char *word;
    int (*run)(struct http_keys *keys, const struct arguments *a,
               struct errinfo *e);
} key_commands[] = {
    { "create", key_create },
    { "list", key_list },
    { "revoke", key_revoke },
};

static int
command_key(int argc, char **argv, struct errinfo *e)
{
    static struct config config;
    struct arguments     a;
    struct http_keys    *keys;
    int                  status;

    for (size_t i = 0; argc > 2 && i < COUNT_OF(key_commands); i++) {
        if (strcmp(argv[2], key_commands[i].word) != 0)
            continue;
        if (read_arguments(argc, argv, &a, &config, e) != ERR_OK)
            return fail(MISTAKE, e);
        if (http_keys_open(config.keys, &keys, e) != ERR_OK)
            return fail(FAILED, e);
        status = key_commands[i].run(keys, &a, e);
        http_keys_free(keys);
        return status;
    }
    err_set(e, ERR_INVALID, "key", "can create, list and revoke%s%.40s",
            argc > 2 ? ", not " : "", argc > 2 ? argv[2] : "");
    return fail(MISTAKE, e);
}

/* --- health --------------------------------------------------------------- */

/* Is the daemon with these options ready?  For health checks of containers. */
static int
command_health(int argc, char **argv, struct errinfo *e)
{
    static struct config config;
    unsigned             status;

    argv[1] = argv[0];
    if (config_read(argc - 1, argv + 1, &config, e) != ERR_OK)
        return fail(MISTAKE, e);
    if (http_health_ask(config.listen, &status, e) != ERR_OK)
        return fail(FAILED, e);
    if (status == 200)
        return DONE;
    err_set(e, ERR_BUSY, "", "/readyz answers %u", status);
    return fail(FAILED, e);
}

/* --- watch ---------------------------------------------------------------- */

static int
command_watch(int argc, char **argv, struct errinfo *e)
{
    if (argc < 3 || argc > 4) {
        err_set(e, ERR_INVALID, "watch",
                "is: backpropd watch URL [JOB], such as http://127.0.0.1:8080");
        return fail(MISTAKE, e);
    }
    /* No thread runs yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *key = getenv("BACKPROPD_KEY");

    return watch_run(argv[2], argc > 3 ? argv[3] : NULL, key, stdout,
                     isatty(STDOUT_FILENO) != 0);
}

/* --- all ------------------------------------------------------------------ */

static const struct {
    const char *word;
    int (*run)(int argc, char **argv, struct errinfo *e);
} commands[] = {
    { "key", command_key },
    { "health", command_health },
    { "watch", command_watch },
};

bool
command_is_given(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].word) == 0)
            return true;
    return false;
}

int
command_run(int argc, char **argv)
{
    struct errinfo e;

    err_clear(&e);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].word) == 0)
            return commands[i].run(argc, argv, &e);
    return MISTAKE;
}
