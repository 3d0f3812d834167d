/*
 * registry.c - the serving model of each network, by name
 *
 * Loads run without the lock, so their order is not the order in which they
 * began.  Each takes a number when it begins: a model may replace one whose
 * load began earlier, never one whose load began later.  `changed` holds the
 * number of the last change told of a name (by hash; two names that share a
 * place only load once more than needed), so that a first load which read the
 * store before that change is not published after it.
 */
#include "serving/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/stored.h"
#include "serving/map.h"
#include "serving/model.h"

#define N_CHANGED 64
#define N_LIVE 16

struct serving_registry {
    struct store      *db;     /* borrowed */
    struct mem_budget *budget; /* borrowed */
    pthread_mutex_t    lock;   /* guards what follows */
    struct serving_map map;
    uint64_t           clock; /* of loads and changes */
    uint64_t           changed[N_CHANGED];
    pthread_mutex_t    live[N_LIVE]; /* see serving_registry_live_lock() */
};

/* --- names ---------------------------------------------------------------- */

static uint32_t
hash_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static uint64_t *
changed_locked(struct serving_registry *reg, const char *name)
{
    return &reg->changed[hash_of(name) % N_CHANGED];
}

pthread_mutex_t *
serving_registry_live_lock(struct serving_registry *reg, const char *network)
{
    return &reg->live[hash_of(network) % N_LIVE];
}

/* --- memory --------------------------------------------------------------- */

/* Drop the model that was asked for longest ago among those that nobody holds;
 * false where there is none. */
static bool
evict(struct serving_registry *reg)
{
    struct serving_model *model = NULL;

    pthread_mutex_lock(&reg->lock);
    struct serving_entry *entry = serving_map_idlest(&reg->map);
    if (entry != NULL) {
        log_write(LOG_DEBUG, "serving", "%s leaves the memory", entry->name);
        model = serving_map_remove(&reg->map, entry);
    }
    pthread_mutex_unlock(&reg->lock);
    serving_model_unref(model);
    return model != NULL;
}

void
serving_registry_usage(struct serving_registry *reg, size_t *out_n,
                       size_t *out_bytes)
{
    size_t bytes = 0;

    pthread_mutex_lock(&reg->lock);
    for (size_t i = 0; i < reg->map.n; i++) {
        struct serving_model *model = reg->map.entry[i].model;

        pthread_mutex_lock(&model->lock);
        bytes += model->taken;
        pthread_mutex_unlock(&model->lock);
    }
    *out_n = reg->map.n;
    pthread_mutex_unlock(&reg->lock);
    *out_bytes = bytes;
}

/* Would n bytes be free with all idle models gone?  Where others hold too much,
 * models would leave for nothing. */
static bool
can_make_room(struct serving_registry *reg, size_t n)
{
    size_t room = reg->budget->limit - atomic_load(&reg->budget->used);

    pthread_mutex_lock(&reg->lock);
    for (size_t i = 0; i < reg->map.n; i++) {
        struct serving_model *model = reg->map.entry[i].model;

        if (atomic_load(&model->n_refs) > 1)
            continue;
        pthread_mutex_lock(&model->lock);
        room += model->taken;
        pthread_mutex_unlock(&model->lock);
    }
    pthread_mutex_unlock(&reg->lock);
    return room >= n;
}

enum err
serving_registry_take(struct serving_registry *reg, size_t n, const char *what,
                      struct errinfo *e)
{
    enum err rc;

    while ((rc = mem_budget_take(reg->budget, n, what, e)) == ERR_BUSY &&
           can_make_room(reg, n) && evict(reg))
        err_clear(e);
    return rc;
}

void
serving_registry_give(struct serving_registry *reg, size_t n)
{
    mem_budget_give(reg->budget, n);
}

void
serving_registry_make_room(struct serving_registry *reg, size_t n_bytes)
{
    if (serving_registry_take(reg, n_bytes, "others", NULL) == ERR_OK)
        serving_registry_give(reg, n_bytes);
}

struct store *
serving_registry_store(struct serving_registry *reg)
{
    return reg->db;
}

/* --- loading -------------------------------------------------------------- */

/* Turned weights make small predictions twice as fast: a model has them where
 * there is room.  Returns the bytes they took. */
static size_t
turn_weights(struct serving_registry *reg, struct nn_net *net)
{
    size_t bytes = nn_net_turned_bytes(nn_net_spec(net));

    if (mem_budget_take(reg->budget, bytes, "turned weights", NULL) != ERR_OK)
        return 0;
    if (nn_net_turn(net, NULL) != ERR_OK) {
        mem_budget_give(reg->budget, bytes);
        return 0;
    }
    return bytes;
}

static enum err
load_once(struct serving_registry *reg, const char *network, int64_t version,
          struct serving_model **out, struct errinfo *e)
{
    struct nn_net          *net = NULL;
    struct dataset_encoder *encoder = NULL;
    size_t                  bytes = 0, taken = 0;
    int64_t                 number;
    enum err                rc;

    rc = codec_stored_net_bytes(reg->db, network, &bytes, e);
    if (rc != ERR_OK)
        goto out;
    rc = serving_registry_take(reg, bytes, "the network", e);
    if (rc != ERR_OK)
        goto out;
    taken = bytes;
    rc =
        codec_stored_net(reg->db, network, version, &net, &encoder, &number, e);
    if (rc != ERR_OK)
        goto out;
    taken += turn_weights(reg, net);
    while ((rc = serving_model_new(net, encoder, number, reg->budget, taken,
                                   out, e)) == ERR_BUSY &&
           evict(reg))
        err_clear(e);
    if (rc == ERR_OK) { /* The model owns them now. */
        net = NULL;
        encoder = NULL;
        taken = 0;
    }
out:
    dataset_encoder_free(encoder);
    nn_net_free(net);
    mem_budget_give(reg->budget, taken);
    return rc;
}

/* As load_once(), with the number of the load. */
static enum err
load(struct serving_registry *reg, const char *network, int64_t version,
     struct serving_model **out, uint64_t *out_number, struct errinfo *e)
{
    pthread_mutex_lock(&reg->lock);
    *out_number = ++reg->clock;
    pthread_mutex_unlock(&reg->lock);
    return load_once(reg, network, version, out, e);
}

/*
 * Put a model that was loaded for want of one into the map.  Takes it, and
 * gives a reference to the one that is there: this or, if another thread was
 * first, that one.  NULL: it was read before the last change; load again.
 */
static struct serving_model *
publish_first(struct serving_registry *reg, const char *network,
              int64_t version, struct serving_model *model, uint64_t number)
{
    struct serving_model *serves = NULL, *loser = model;

    pthread_mutex_lock(&reg->lock);
    struct serving_entry *entry = serving_map_find(&reg->map, network, version);
    if (entry != NULL)
        serves = serving_model_ref(entry->model);
    else if (*changed_locked(reg, network) < number) {
        /* Where there is no memory for a name, it serves this caller only. */
        serves = model;
        if (serving_map_insert(&reg->map, network, version, model, number))
            serving_model_ref(model);
        loser = NULL;
    }
    pthread_mutex_unlock(&reg->lock);
    serving_model_unref(loser);
    return serves;
}

/* --- what others call ----------------------------------------------------- */

enum err
serving_registry_new(struct store *db, struct mem_budget *budget,
                     struct serving_registry **out, struct errinfo *e)
{
    struct serving_registry *reg = mem_array(1, sizeof(*reg), 0);

    if (reg == NULL)
        return err_set(e, ERR_NOMEM, "", "no memory for the registry");
    reg->db = db;
    reg->budget = budget;
    pthread_mutex_init(&reg->lock, NULL);
    for (size_t i = 0; i < N_LIVE; i++)
        pthread_mutex_init(&reg->live[i], NULL);
    *out = reg;
    return ERR_OK;
}

void
serving_registry_free(struct serving_registry *reg)
{
    if (reg == NULL)
        return;
    serving_map_release(&reg->map);
    for (size_t i = 0; i < N_LIVE; i++)
        pthread_mutex_destroy(&reg->live[i]);
    pthread_mutex_destroy(&reg->lock);
    free(reg);
}

/* The entry of a version asked for by number: its own, or the serving one where
 * that is the version. */
static struct serving_entry *
entry_answering_locked(struct serving_registry *reg, const char *network,
                       int64_t version)
{
    struct serving_entry *entry = serving_map_find(&reg->map, network, -1);

    if (version < 0 || (entry != NULL && entry->model->version == version))
        return entry;
    return serving_map_find(&reg->map, network, version);
}

struct serving_model *
serving_registry_find_ref(struct serving_registry *reg, const char *network,
                          int64_t version)
{
    struct serving_model *model = NULL;

    pthread_mutex_lock(&reg->lock);
    struct serving_entry *entry = entry_answering_locked(reg, network, version);
    if (entry != NULL) {
        serving_map_use(&reg->map, entry);
        model = serving_model_ref(entry->model);
    }
    pthread_mutex_unlock(&reg->lock);
    return model;
}

enum err
serving_registry_get(struct serving_registry *reg, const char *network,
                     int64_t version, struct serving_model **out,
                     struct errinfo *e)
{
    struct serving_model *model =
        serving_registry_find_ref(reg, network, version);

    while (model == NULL) {
        struct serving_model *fresh;
        uint64_t              number;
        enum err rc = load(reg, network, version, &fresh, &number, e);
        if (rc != ERR_OK)
            return rc;
        model = publish_first(reg, network, version, fresh, number);
    }
    *out = model;
    return ERR_OK;
}

enum err
serving_registry_wrap(struct serving_registry *reg, struct nn_net *net,
                      struct dataset_encoder *encoder,
                      struct serving_model **out, struct errinfo *e)
{
    size_t   bytes = nn_net_bytes(nn_net_spec(net)), taken = 0;
    enum err rc = serving_registry_take(reg, bytes, "the network", e);

    if (rc == ERR_OK) {
        taken = bytes;
        while ((rc = serving_model_new(net, encoder, -1, reg->budget, taken,
                                       out, e)) == ERR_BUSY &&
               evict(reg))
            err_clear(e);
    }
    if (rc != ERR_OK) {
        dataset_encoder_free(encoder);
        nn_net_free(net);
        mem_budget_give(reg->budget, taken);
    }
    return rc;
}

/* Take out what is there of a name: versions asked for by number and, where
 * `serving`, the one that serves. */
static void
forget(struct serving_registry *reg, const char *network, bool serving)
{
    struct serving_model *model;

    do {
        model = NULL;
        pthread_mutex_lock(&reg->lock);
        *changed_locked(reg, network) = ++reg->clock;
        struct serving_entry *entry =
            serving_map_first(&reg->map, network, serving ? -1 : 0);
        if (entry != NULL)
            model = serving_map_remove(&reg->map, entry);
        pthread_mutex_unlock(&reg->lock);
        serving_model_unref(model);
    } while (model != NULL);
}

void
serving_registry_forget(struct serving_registry *reg, const char *network)
{
    forget(reg, network, true);
}

/* Takes model, which then serves unless a later load's does already, or the
 * network has left the map since. */
static void
publish_next(struct serving_registry *reg, const char *network,
             struct serving_model *model, uint64_t number)
{
    pthread_mutex_lock(&reg->lock);
    struct serving_entry *entry = serving_map_find(&reg->map, network, -1);
    if (entry != NULL && entry->loaded < number) {
        struct serving_model *before = entry->model;
        entry->model = model;
        entry->loaded = number;
        model = before;
    }
    pthread_mutex_unlock(&reg->lock);
    serving_model_unref(model);
}

void
serving_registry_refresh(struct serving_registry *reg, const char *network)
{
    struct serving_model *model;
    struct errinfo        e;
    uint64_t              number;

    forget(reg, network, false); /* one of them may have been deleted */
    pthread_mutex_lock(&reg->lock);
    bool is_loaded = serving_map_find(&reg->map, network, -1) != NULL;
    pthread_mutex_unlock(&reg->lock);
    if (!is_loaded)
        return;

    err_clear(&e);
    switch (load(reg, network, -1, &model, &number, &e)) {
    case ERR_OK:
        publish_next(reg, network, model, number);
        break;
    case ERR_NOTFOUND:
    case ERR_BUSY: /* No room for two: the next caller loads the one. */
        serving_registry_forget(reg, network);
        break;
    default:
        log_write(LOG_ERROR, "serving",
                  "%s goes on with the version it had: %s", network,
                  err_what(&e));
    }
}
