#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum kind { TEXT, COUNT, LEVEL, FLAG };

struct option {
    const char *key; /* log_level: --log-level, BACKPROPD_LOG_LEVEL */
    enum kind   kind;
    size_t      offset;
    const char *value; /* the default */
    unsigned    min, max;
    bool        only_flag; /* makes no sense in a file */
    const char *brief;
};

#define F(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
/*    key             kind   field            default          min  max      flag   what it is for */
    { "listen",       TEXT,  F(listen),       "127.0.0.1:8080", 0,  0,       false, "address and port to listen on; port 0 takes a free one" },
    { "database",     TEXT,  F(database),     "backprop.db",    0,  0,       false, "the database file, created where it does not exist" },
    { "keys",         TEXT,  F(keys),         "",               0,  0,       false, "the file of keys; empty: the database's name and .keys" },
    { "workers",      COUNT, F(workers),      "0",              0,  256,     false, "training jobs that run at once; 0: one a core" },
    { "threads",      COUNT, F(threads),      "0",              0,  255,     false, "threads that share one training job, fewer while other jobs run; 0: one a core" },
    { "queue_max",    COUNT, F(queue_max),    "1000",           1,  1000000, false, "jobs that may wait in the queue; more are refused" },
    { "parameters_max", COUNT, F(parameters_max), "268435456",  1,  1 << 28, false, "parameters that one network may have" },
    { "history_max",  COUNT, F(history_max),  "100000000",      1,  100000000, false, "epochs that one job may ask for, all its restarts together: rows of its history" },
    { "memory_mib",   COUNT, F(memory_mib),   "0",              0,  1 << 24, false, "memory for jobs and models, MiB; 0: three quarters of what the machine or container has" },
    { "connections",  COUNT, F(connections),  "1000",           1,  100000,  false, "connections held at once" },
    { "key_rate",     COUNT, F(key_rate),     "0",              0,  1000000, false, "requests a second that one key may make; 0: any number" },
    { "row_rate",     COUNT, F(row_rate),     "0",              0,  1000000000, false, "rows a second that one key may have predicted; 0: any number" },
    { "network_rate", COUNT, F(network_rate), "0",              0,  1000000, false, "predictions a second that one network answers; 0: any number" },
    { "http_threads", COUNT, F(http_threads), "0",              0,  64,      false, "threads that read requests and run small predictions; 0: two" },
    { "training_nice", COUNT, F(training_nice), "15",           0,  19,      false, "how far training gives way to requests and to other programs; 0: not at all" },
    { "connections_per_address", COUNT, F(connections_per_address), "0", 0, 100000, false, "connections from one address; 0: no limit" },
    { "event_streams", COUNT, F(event_streams), "256",          1,  100000,  false, "listeners to events at once" },
    { "body_mib",     COUNT, F(body_mib),     "1",              1,  16,      false, "largest body that describes something, MiB" },
    { "rows_mib",     COUNT, F(rows_mib),     "32",             1,  256,     false, "largest body with rows for a prediction or an update, MiB" },
    { "upload_mib",   COUNT, F(upload_mib),   "65536",          1,  65536,   false, "largest upload of a dataset or weights, MiB" },
    { "predict_rows", COUNT, F(predict_rows), "100000",         1,  100000,  false, "rows that one request may have predicted" },
    { "datasets",     COUNT, F(datasets),     "0",              0,  1000000000, false, "datasets there may be; 0: any number" },
    { "datasets_mib", COUNT, F(datasets_mib), "0",              0,  1 << 30, false, "storage of all datasets, MiB; 0: no limit" },
    { "dataset_columns", COUNT, F(dataset_columns), "16384",    1,  65536,   false, "columns of a dataset" },
    { "dataset_categories", COUNT, F(dataset_categories), "10000", 2, 100000, false, "distinct values of a column of categories" },
    { "dataset_row_kib", COUNT, F(dataset_row_kib), "1024",     1,  32768,   false, "bytes of a row of CSV or NDJSON, KiB" },
    { "dataset_rows", COUNT, F(dataset_rows), "2147483648",     1,  2147483648u, false, "rows of a dataset" },
    { "database_mib", COUNT, F(database_mib), "0",              0,  1 << 30, false, "size of the database file, MiB; 0: what the disk has" },
    { "log_lines_per_second", COUNT, F(log_lines_per_second), "10000", 0, 1000000, false, "lines of the log beyond warnings; 0: no limit" },
    { "log_level",    LEVEL, F(log_level),    "info",           0,  0,       false, "error, warn, info or debug" },
    { "no_auth",      FLAG,  F(no_auth),      "false",          0,  0,       false, "listen on an address others can reach although no keys are asked" },
    { "require_keys", FLAG,  F(require_keys), "false",          0,  0,       false, "ask for keys on loopback too" },
    { "open_metrics", FLAG,  F(open_metrics), "false",          0,  0,       false, "show /metrics, which has names of networks, without a key" },
    { "allowed_hosts", TEXT, F(allowed_hosts), "",              0,  0,       false, "names in Host headers beside localhost, comma between; empty: any, on loopback none" },
    { "cors_origins", TEXT,  F(cors_origins), "",               0,  0,       false, "origins of web pages that may use the API (https://example.org), comma between" },
    { "kernel",       TEXT,  F(kernel),       "",               0,  0,       false, "instruction set for the arithmetic, as --version lists them; empty: the best" },
    { "config",       TEXT,  F(file),         "",               0,  0,       true,  "read options from this file" },
    { "check",        FLAG,  F(check),        "false",          0,  0,       true,  "look through the database for faults, tell them, and end" },
    { "print_config", FLAG,  F(print_config), "false",          0,  0,       true,  "print all options as a configuration file, and end" },
    { "print_routes", FLAG,  F(print_routes), "false",          0,  0,       true,  "print the HTTP endpoints, and end" },
    { "version",      FLAG,  F(version),      "false",          0,  0,       true,  "print the version, and end" },
    { "help",         FLAG,  F(help),         "false",          0,  0,       true,  "print this, and end" },
};
/* clang-format on */

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* name as a flag has it: log_level -> log-level. */
static void
flag_name(const struct option *o, char *out, size_t size)
{
    snprintf(out, size, "%s", o->key);
    for (char *p = out; *p != '\0'; p++)
        if (*p == '_')
            *p = '-';
}

static const struct option *
option_find(const char *key, size_t len, char separator)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const char *k = options[i].key;
        size_t      j = 0;

        while (j < len && k[j] != '\0' &&
               key[j] == (k[j] == '_' ? separator : k[j]))
            j++;
        if (j == len && k[j] == '\0')
            return &options[i];
    }
    return NULL;
}

/* Set one option; where names it as the operator wrote it. */
static enum err
option_set(struct config *c, const struct option *o, const char *value,
           const char *where, struct errinfo *e)
{
    char    *field = (char *)c + o->offset;
    uint64_t n;

    switch (o->kind) {
    case TEXT:
        if (strlen(value) >= CONFIG_TEXT_SIZE)
            return err_set(e, ERR_INVALID, where, "is too long");
        if (value[0] == '\0' && o->value[0] != '\0')
            return err_set(e, ERR_INVALID, where, "must not be empty");
        memcpy(field, value, strlen(value) + 1);
        return ERR_OK;
    case COUNT:
        if (!num_parse_u64(value, strlen(value), &n) || n < o->min ||
            n > o->max)
            return err_set(e, ERR_INVALID, where,
                           "must be a whole number from %u to %u, got '%.40s'",
                           o->min, o->max, value);
        *(unsigned *)field = (unsigned)n;
        return ERR_OK;
    case LEVEL:
        if (!log_level_parse(value, (enum log_level *)field))
            return err_set(e, ERR_INVALID, where,
                           "must be error, warn, info or debug, got '%.40s'",
                           value);
        return ERR_OK;
    case FLAG:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return err_set(e, ERR_INVALID, where,
                           "must be true or false, got '%.40s'", value);
        *(bool *)field = value[0] == 't';
        return ERR_OK;
    }
    return ERR_OK;
}

/* --- the file --------------------------------------------------------------
 */

struct file_state {
    struct config  *config;
    struct errinfo *e;
    const char     *path;
    enum err        rc;
};

static int
file_line(void *arg, const char *section, const char *key, const char *value)
{
    struct file_state   *state = arg;
    const struct option *o = option_find(key, strlen(key), '_');
    char                 where[sizeof(state->e->item[0].where)];
    size_t               len = strlen(state->path);

    /* The end of a long path tells more than its beginning. */
    snprintf(where, sizeof(where), "%s%s: %.30s", len > 50 ? "..." : "",
             state->path + (len > 50 ? len - 50 : 0), key);
    if (section[0] != '\0')
        state->rc = err_set(state->e, ERR_INVALID, where,
                            "sections are not used: remove [%.40s]", section);
    else if (o == NULL || o->only_flag)
        state->rc = err_set(state->e, ERR_INVALID, where,
                            "there is no such option; --help lists them");
    else
        state->rc = option_set(state->config, o, value, where, state->e);
    return state->rc == ERR_OK;
}

static enum err
read_file(struct config *c, const char *path, struct errinfo *e)
{
    struct file_state state = { .config = c, .e = e, .path = path };
    int               line = ini_parse(path, file_line, &state);

    if (state.rc != ERR_OK)
        return state.rc;
    if (line == -1)
        return err_set(e, ERR_INVALID, "config", "cannot read '%.300s': %m",
                       path);
    if (line != 0)
        return err_set(e, ERR_INVALID, "config",
                       "'%.300s', line %d: must be 'option = value'", path,
                       line);
    return ERR_OK;
}

/* --- environment and flags -------------------------------------------------
 */

static enum err
read_environment(struct config *c, struct errinfo *e)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        char        name[64] = "BACKPROPD_";
        const char *value;
        size_t      n = strlen(name);

        if (options[i].only_flag && options[i].kind == FLAG)
            continue;
        for (const char *p = options[i].key; *p != '\0'; p++)
            name[n++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        name[n] = '\0';
        /* No thread runs yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        value = getenv(name);
        if (value == NULL)
            continue;
        if (option_set(c, &options[i], value, name, e) != ERR_OK)
            return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err
read_flags(int argc, char **argv, struct config *c, struct errinfo *e)
{
    for (int i = 1; i < argc; i++) {
        const char          *arg = argv[i], *value = NULL;
        const struct option *o = NULL;
        size_t               len;
        char                 where[64];

        if (strncmp(arg, "--", 2) == 0) {
            len = strcspn(arg + 2, "=");
            o = option_find(arg + 2, len, '-');
            if (arg[2 + len] == '=')
                value = arg + 2 + len + 1;
        }
        if (o == NULL)
            return err_set(e, ERR_INVALID, arg,
                           "there is no such option; --help lists them");
        snprintf(where, sizeof(where), "--");
        flag_name(o, where + 2, sizeof(where) - 2);
        if (value == NULL && o->kind == FLAG)
            value = "true";
        if (value == NULL && i + 1 < argc)
            value = argv[++i];
        if (value == NULL)
            return err_set(e, ERR_INVALID, where, "needs a value");
        if (option_set(c, o, value, where, e) != ERR_OK)
            return ERR_INVALID;
    }
    return ERR_OK;
}

enum err
config_read(int argc, char **argv, struct config *out, struct errinfo *e)
{
    struct config *c = mem_array(2, sizeof(*c), 0);
    enum err       rc = ERR_OK;

    if (c == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    for (size_t i = 0; i < COUNT_OF(options); i++)
        option_set(&c[0], &options[i], options[i].value, options[i].key, NULL);

    /* Environment and flags are read twice: first to learn the file's name. */
    c[1] = c[0];
    rc = read_environment(&c[1], e);
    if (rc == ERR_OK)
        rc = read_flags(argc, argv, &c[1], e);
    if (rc == ERR_OK && c[1].file[0] != '\0')
        rc = read_file(&c[0], c[1].file, e);
    if (rc == ERR_OK)
        rc = read_environment(&c[0], e);
    if (rc == ERR_OK)
        rc = read_flags(argc, argv, &c[0], e);
    if (rc == ERR_OK)
        *out = c[0];
    free(c);
    if (rc == ERR_OK && out->keys[0] == '\0' &&
        (size_t)snprintf(out->keys, sizeof(out->keys), "%s.keys",
                         out->database) >= sizeof(out->keys))
        rc = err_set(e, ERR_INVALID, "database", "is too long");
    return rc;
}

/* --- showing ---------------------------------------------------------------
 */

static void
print_value(const struct config *c, const struct option *o, FILE *out)
{
    const char *field = (const char *)c + o->offset;

    switch (o->kind) {
    case TEXT:
        fputs(field, out);
        break;
    case COUNT:
        fprintf(out, "%u", *(const unsigned *)field);
        break;
    case LEVEL:
        fputs(level_names[*(const enum log_level *)field], out);
        break;
    case FLAG:
        fputs(*(const bool *)field ? "true" : "false", out);
        break;
    }
}

void
config_print(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (options[i].only_flag)
            continue;
        fprintf(out, "# %s\n%s = ", options[i].brief, options[i].key);
        print_value(config, &options[i], out);
        fputs("\n", out);
    }
}

void
config_help(FILE *out)
{
    fputs("usage: backpropd [options]\n"
          "       backpropd key create --name NAME --scope predict|train|admin "
          "[options]\n"
          "       backpropd key list [options]\n"
          "       backpropd key revoke NAME [options]\n"
          "       backpropd health [options]\n"
          "       backpropd watch URL [JOB]\n\n",
          out);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const struct option *o = &options[i];
        char                 name[40];

        flag_name(o, name, sizeof(name));
        fprintf(out, "  --%-24s %s", name, o->brief);
        if (o->kind != FLAG && o->value[0] != '\0')
            fprintf(out, " (default %s)", o->value);
        fputs("\n", out);
    }
    fputs("\nEach is also an environment variable (BACKPROPD_LOG_LEVEL) and, "
          "but for the\nlast six, a line of the file (log_level = info). A "
          "flag wins over the\nenvironment, that over the file.\n",
          out);
}
