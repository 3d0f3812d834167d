/* retention.c - which versions of a network serve, stay and go */
#include "store/internal.h"

enum err
versions_retain(struct conn *c, int64_t network, struct errinfo *e)
{
    bind_i64(c, STMT_VERSION_RETAIN, 1, network);
    return conn_run(c, STMT_VERSION_RETAIN, e);
}

/* Is there a row? */
static enum err
found(struct conn *c, enum stmt_id id, int64_t network, int64_t version,
      bool *out, struct errinfo *e)
{
    enum err rc;

    bind_i64(c, id, 1, network);
    bind_i64(c, id, 2, version);
    rc = conn_row(c, id, e);
    conn_done(c, id);
    *out = rc == ERR_OK;
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

struct update {
    const char                        *name;
    const struct store_network_change *change;
};

static enum err
pin(struct conn *c, int64_t network, const char *name, int64_t version,
    struct errinfo *e)
{
    bool     exists = true;
    enum err rc = ERR_OK;

    if (version >= 0)
        rc = found(c, STMT_VERSION_GET, network, version, &exists, e);
    if (rc == ERR_OK && !exists)
        rc = err_set(e, ERR_INVALID, "/serving_version",
                     "there is no version %lld of '%.63s'", (long long)version,
                     name);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_NETWORK_PIN, 1, network);
    bind_i64(c, STMT_NETWORK_PIN, 2, version);
    return conn_run(c, STMT_NETWORK_PIN, e);
}

static enum err
network_update(struct conn *c, void *arg, struct errinfo *e)
{
    const struct update               *update = arg;
    const struct store_network_change *change = update->change;
    int64_t                            network;
    enum err rc = network_id(c, update->name, &network, e);

    if (rc == ERR_OK && change->serving_version != NULL)
        rc = pin(c, network, update->name, *change->serving_version, e);
    if (rc == ERR_OK && change->keep_versions != NULL) {
        bind_i64(c, STMT_NETWORK_KEEP, 1, network);
        bind_i64(c, STMT_NETWORK_KEEP, 2, *change->keep_versions);
        rc = conn_run(c, STMT_NETWORK_KEEP, e);
        if (rc == ERR_OK)
            rc = versions_retain(c, network, e);
    }
    return rc;
}

enum err
store_network_update(struct store *db, const char *name,
                     const struct store_network_change *change,
                     struct errinfo                    *e)
{
    struct update update = { .name = name, .change = change };

    return store_write(db, network_update, &update, e);
}

/* --- deleting one ------------------------------------------------------------
 */

struct removal {
    const char *name;
    int64_t     version;
};

static enum err
refused(struct errinfo *e, const char *slug, const char *why, int64_t version)
{
    return err_named(e,
                     err_set(e, ERR_CONFLICT, "", "version %lld %s",
                             (long long)version, why),
                     slug);
}

/* What nobody can do without: ERR_OK where it may go. */
static enum err
check_removal(struct conn *c, int64_t network, int64_t version,
              struct errinfo *e)
{
    int64_t  latest = 0, pinned = 0;
    bool     exists, in_use;
    enum err rc = found(c, STMT_VERSION_GET, network, version, &exists, e);

    if (rc == ERR_OK && !exists)
        rc = err_set(e, ERR_NOTFOUND, "/version",
                     "there is no version %lld of this network",
                     (long long)version);
    if (rc == ERR_OK) {
        bind_i64(c, STMT_NETWORK_VERSIONS, 1, network);
        rc = conn_row(c, STMT_NETWORK_VERSIONS, e);
        latest = column_i64(c, STMT_NETWORK_VERSIONS, 0);
        pinned = column_i64(c, STMT_NETWORK_VERSIONS, 1);
        conn_done(c, STMT_NETWORK_VERSIONS);
    }
    if (rc == ERR_OK)
        rc = found(c, STMT_VERSION_IN_USE, network, version, &in_use, e);
    if (rc != ERR_OK)
        return rc;
    if (version == 0)
        return refused(e, "version_initial",
                       "is what training starts from afresh, and stays",
                       version);
    if (version == latest || version == pinned)
        return refused(e, "version_serving",
                       version == pinned
                           ? "serves: pin another, or null, first"
                           : "is the latest, which predictions and training "
                             "may ask for at any time: it stays",
                       version);
    if (in_use)
        return refused(e, "version_busy",
                       "is what a job that has not ended started from",
                       version);
    return ERR_OK;
}

static enum err
version_delete(struct conn *c, void *arg, struct errinfo *e)
{
    const struct removal *removal = arg;
    int64_t               network;
    enum err              rc = network_id(c, removal->name, &network, e);

    if (rc == ERR_OK)
        rc = check_removal(c, network, removal->version, e);
    if (rc != ERR_OK)
        return rc;
    bind_i64(c, STMT_VERSION_DELETE, 1, network);
    bind_i64(c, STMT_VERSION_DELETE, 2, removal->version);
    return conn_run(c, STMT_VERSION_DELETE, e);
}

enum err
store_version_delete(struct store *db, const char *network, int64_t version,
                     struct errinfo *e)
{
    struct removal removal = { .name = network, .version = version };

    return store_write(db, version_delete, &removal, e);
}
