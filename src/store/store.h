/*
 * store.h - everything that outlives the process, in one SQLite file
 *
 * Model    Rows and bytes; what a spec, a meta or a metric means is not asked
 *          here: they are JSON texts of the floors above.  One thread owns the
 *          one connection that writes and checkpoints the log; writes of many
 *          threads that arrive together share a transaction (group commit),
 *          each in a savepoint of its own.  Reads run on read-only connections,
 *          one per call, from a small pool.  A function that writes returns
 *          when its commit is on the disk.
 * Owner    store_open() gives a store to the caller, store_close() takes it.
 *          Row structs are filled for the caller, who releases them.
 * Threads  Any number of threads may call anything but open and close.
 * Errors   ERR_NOTFOUND, ERR_CONFLICT as each function says; ERR_BUSY when the
 *          file is locked; ERR_FULL when the disk is, but for what deletions
 *          need; ERR_CORRUPT for bytes whose digest does not fit; ERR_IO for
 *          the rest.  A commit that fails
 *          with an I/O error is "unknown": the store then refuses every write
 *          (store_is_failed()) and the process should end.
 * Limits   A file belongs to one process: FILE.lock is held with flock(2).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/histogram.h"

struct store;

/* Opens or creates the file, migrates it, and puts jobs that were running when
 * the last process ended back into the queue (resumes + 1).  ERR_CONFLICT: the
 * file is another process's, a stranger's, or newer than this program. */
enum err store_open(const char *path, struct store **out, struct errinfo *e);
void     store_close(struct store *db); /* NULL is fine */
/* Let the file grow to so many bytes and no further: then it is as if the disk
 * were full.  A file that is larger already does not grow. */
enum err store_limit(struct store *db, uint64_t n_bytes, struct errinfo *e);
bool     store_is_failed(const struct store *db);
/* As store_open(), but nothing is changed: ERR_CONFLICT also where the file has
 * an older schema, ERR_NOTFOUND where there is none. */
enum err store_open_to_check(const char *path, struct store **out,
                             struct errinfo *e);
/* Go through the whole file: pages, references, digests of chunks, checkpoints
 * and optimisers' states.  tell gets a sentence for every fault.  What other
 * rows mean, and the digests of versions, is the caller's business. */
struct store_checked {
    uint64_t chunks; /* of datasets                                  */
    uint64_t states; /* of jobs, and of networks learning while they serve */
};
typedef void (*store_fault_fn)(void *arg, const char *what);
enum err store_check(struct store *db, store_fault_fn tell, void *arg,
                     struct store_checked *out, struct errinfo *e);

/* A copy of the file as it is now, while reads and writes go on: an open file
 * (close() it) without a name, at its beginning.  ERR_BUSY while another is
 * being made; ERR_FULL where the disk has no room for it. */
enum err store_backup(struct store *db, int *out_fd, uint64_t *out_len,
                      struct errinfo *e);
/* The process is about to stop: a copy that is being made is given up. */
void store_closing(struct store *db);

/* Where to write the id of a job that brings the process down: the next
 * store_open() reads it, and counts the job's crashes.  Borrowed. */
int store_blame_fd(const struct store *db);

/* What the store has done since it was opened; counted without locks. */
struct store_stats {
    struct histogram     commit_seconds; /* of a group of writes           */
    struct histogram     read_seconds;   /* a reader's way out and back    */
    atomic_uint_least64_t n_writes, n_failed_writes;
    atomic_int_least64_t checkpoint_ms; /* when the last was stored; 0: none */
    atomic_size_t        checkpoint_bytes; /* its state                     */
};
const struct store_stats *store_stats(const struct store *db);

/* --- networks ------------------------------------------------------------- */

struct store_network {
    int64_t id;
    char   *name;
    char   *spec;            /* JSON                                       */
    int64_t latest_version;  /* 0: the initial weights                     */
    int64_t serving_version; /* pinned; -1: the latest                     */
    int64_t keep_versions;   /* newest ones kept; 0: all                   */
    int64_t created_ms;
};
void store_network_release(struct store_network *row);

/* A version of a network's weights.  weights is only read by _insert calls. */
struct store_version {
    int64_t     network_id;
    int64_t     version;    /* given by the store                          */
    int64_t     job_id;     /* 0: not from a job                           */
    char       *dataset;    /* its name; NULL: none                        */
    char       *dataset_sha256; /* hex; NULL: none                         */
    char       *metrics;    /* JSON; NULL: none                            */
    char       *encoder;    /* JSON; NULL: none                            */
    char       *sha256;     /* hex, of the weights                         */
    char       *origin;     /* JSON: what made it; NULL: not known         */
    const void *weights;
    size_t      n_bytes;    /* of the weights                              */
    int64_t     created_ms;
};
void store_version_release(struct store_version *row);

/* The network and its version 0, together.  ERR_CONFLICT, slug "name_taken". */
enum err store_network_insert(struct store *db, const struct store_network *row,
                              const struct store_version *initial,
                              int64_t *out_id, struct errinfo *e);
enum err store_network_get(struct store *db, const char *name,
                           struct store_network *out, struct errinfo *e);
/* Up to limit rows in order of name, after that name (NULL: from the first).
 * *out is an array that the caller frees after releasing its rows. */
enum err store_network_list(struct store *db, const char *after, size_t limit,
                            struct store_network **out, size_t *out_n,
                            struct errinfo *e);
/* With its versions.  ERR_CONFLICT while a job of it is queued, running or
 * paused (slug "network_busy"). */
enum err store_network_delete(struct store *db, const char *name,
                              struct errinfo *e);
/* NULL: stays as it is. */
struct store_network_change {
    const int64_t *serving_version; /* -1: the latest; ERR_INVALID: no such */
    const int64_t *keep_versions;   /* 0: all; those that are too many go   */
};
enum err store_network_update(struct store *db, const char *name,
                              const struct store_network_change *change,
                              struct errinfo                    *e);

/* A new latest version; *out_version is its number.  Older ones go where the
 * network keeps only so many. */
enum err store_version_insert(struct store *db, const struct store_version *row,
                              int64_t *out_version, struct errinfo *e);
/* ERR_CORRUPT where the encoder does not fit its digest. */
enum err store_version_get(struct store *db, int64_t network_id,
                           int64_t version, struct store_version *out,
                           struct errinfo *e);
enum err store_version_list(struct store *db, int64_t network_id, int64_t after,
                            size_t limit, struct store_version **out,
                            size_t *out_n, struct errinfo *e);
/* ERR_CONFLICT for version 0, the latest, the pinned one, and one that a job
 * started from which has not ended. */
enum err store_version_delete(struct store *db, const char *network,
                              int64_t version, struct errinfo *e);
/* In place of a version: the one of that moment that is pinned, or else the
 * latest; the latest, whatever is pinned. */
enum { STORE_SERVING = -1, STORE_LATEST = -2 };

/* A version's row and its weights, into p [len], as they were at one moment.
 * Both digests are compared. */
enum err store_version_load(struct store *db, int64_t network_id,
                            int64_t version, void *p, size_t len,
                            struct store_version *out, struct errinfo *e);
/* The weights into p [len], digest verified: ERR_CORRUPT where they do not fit
 * or len is not theirs. */
enum err store_version_weights(struct store *db, int64_t network_id,
                               int64_t version, void *p, size_t len,
                               struct errinfo *e);

/* --- networks that learn while they serve ----------------------------------- */

/* What the next update of a network needs beside its weights. */
struct store_live {
    int64_t  version; /* the one that the last update made */
    uint64_t steps;   /* updates so far                    */
    char    *optimizer; /* JSON                            */
    void    *state;     /* the optimiser's                 */
    size_t   state_len;
};
void store_live_release(struct store_live *live);

/* ERR_NOTFOUND, e untouched, where there was no update yet. */
enum err store_live_bytes(struct store *db, int64_t network_id,
                          size_t *out_state_len, struct errinfo *e);
enum err store_live_get(struct store *db, int64_t network_id,
                        struct store_live *out, struct errinfo *e);
/* A new version and the state after it, in one transaction.  ERR_BUSY where
 * base is no longer the latest.  The version before goes where it is
 * live->version and nobody else needs it. */
enum err store_live_update(struct store *db, const struct store_version *row,
                           int64_t base, const struct store_live *live,
                           int64_t *out_version, struct errinfo *e);

/* --- datasets ------------------------------------------------------------- */

struct store_dataset {
    int64_t id;
    char   *name;
    char   *meta; /* JSON */
    int64_t created_ms; /* of this revision                             */
    int64_t revision;   /* from 1; more with every append               */
    int64_t n_chunks;   /* of this revision: those of smaller numbers   */
};
void store_dataset_release(struct store_dataset *row);

/* A new file without a name beside the database, for what does not fit into
 * memory; it is gone when it is closed.  *out is the caller's to close. */
enum err store_scratch(struct store *db, int *out, struct errinfo *e);

/* The bytes of all datasets' chunks, those being uploaded included. */
enum err store_dataset_usage(struct store *db, uint64_t *out_bytes,
                             struct errinfo *e);
/* An upload: the name is taken at once and chunks are stored as they come, but
 * nobody else sees the dataset before _finish.  What a crash leaves of it is
 * removed at the next start.  ERR_CONFLICT, slug "name_taken"; ERR_FULL, slug
 * "too_many_datasets", where there are max of them (0: no limit). */
enum err store_dataset_begin(struct store *db, const char *name,
                             int64_t created_ms, uint64_t max, int64_t *out_id,
                             struct errinfo *e);
enum err store_dataset_chunk(struct store *db, int64_t id, uint64_t number,
                             uint64_t first_row, uint64_t n_rows, const void *p,
                             size_t len, struct errinfo *e);
enum err store_dataset_finish(struct store *db, int64_t id, const char *meta,
                              uint64_t n_chunks, struct errinfo *e);
/* Forget an upload that did not succeed. */
void store_dataset_abandon(struct store *db, int64_t id);

/* More rows for a dataset, in chunks from out->n_chunks on; _appended() makes
 * a new revision of it, the one before stays what it was.  ERR_CONFLICT, slug
 * "dataset_busy", while another append runs. */
enum err store_dataset_append(struct store *db, const char *name,
                              struct store_dataset *out, struct errinfo *e);
enum err store_dataset_appended(struct store *db, int64_t id, const char *meta,
                                uint64_t n_chunks, int64_t created_ms,
                                struct errinfo *e);
/* Forget what was appended and not finished. */
void store_dataset_append_abandon(struct store *db, int64_t id);

enum err store_dataset_get(struct store *db, const char *name,
                           struct store_dataset *out, struct errinfo *e);
/* A revision, 0: the latest. */
enum err store_dataset_get_revision(struct store *db, const char *name,
                                    int64_t revision, struct store_dataset *out,
                                    struct errinfo *e);
enum err store_dataset_list(struct store *db, const char *after, size_t limit,
                            struct store_dataset **out, size_t *out_n,
                            struct errinfo *e);
/* ERR_CONFLICT, slug "dataset_busy", while a queued, running or paused job
 * needs it, or rows are being appended to it. */
enum err store_dataset_delete(struct store *db, const char *name,
                              struct errinfo *e);

/* Hand every chunk to fn, by number; what fn returns other than ERR_OK ends
 * the walk and is returned.  p is borrowed for the call.  ERR_CORRUPT for a
 * chunk that does not fit its digest: fn does not see it. */
typedef enum err (*store_chunk_fn)(void *arg, const void *p, size_t len,
                                   struct errinfo *e);
enum err store_dataset_each_chunk(struct store *db, int64_t id,
                                  int64_t n_chunks, store_chunk_fn fn,
                                  void *arg, struct errinfo *e);
/* Only chunks that have rows from first to before end. */
enum err store_dataset_each_chunk_of(struct store *db, int64_t id,
                                     int64_t n_chunks, int64_t first,
                                     int64_t end, store_chunk_fn fn, void *arg,
                                     struct errinfo *e);

/* --- jobs ----------------------------------------------------------------- */

enum store_job_status {
    STORE_JOB_QUEUED,
    STORE_JOB_RUNNING,
    STORE_JOB_PAUSED,
    STORE_JOB_SUCCEEDED,
    STORE_JOB_FAILED,
    STORE_JOB_CANCELLED,
    STORE_JOB_STATUS_COUNT
};

const char *store_job_status_name(enum store_job_status s);
bool store_job_status_find(const char *name, enum store_job_status *out);

struct store_job {
    int64_t               id;
    enum store_job_status status;
    char                 *network; /* names, kept when the rows are deleted */
    char                 *dataset;
    char                 *validation; /* another dataset it needs, or NULL  */
    char                 *spec;       /* JSON, complete                     */
    uint64_t              epoch;      /* epochs done, as of the checkpoint  */
    char                 *metrics;    /* JSON, of the last epoch, or NULL   */
    char                 *result;     /* JSON, or NULL                      */
    char                 *error;      /* JSON, or NULL                      */
    char                 *warnings;   /* JSON array, or NULL                */
    char                 *learning_rate_test; /* JSON, or NULL              */
    int64_t               resumes;
    int64_t               created_ms, started_ms, finished_ms; /* 0: not yet */
    int64_t               priority;     /* larger is claimed first          */
    int64_t               crashes;      /* times in a row it brought the
                                           process down                     */
    int64_t               base_version; /* the network's latest version when
                                           it first ran; -1: it has not     */
    int64_t               verifies;     /* the job it repeats; 0: none      */
    int64_t               continues;    /* the job it goes on from; 0: none */
    char                 *reason;       /* of its status: a word            */
};
void store_job_release(struct store_job *row);

/* How many jobs there are of each status: n [STORE_JOB_STATUS_COUNT]. */
enum err store_job_count(struct store *db, uint64_t *n, struct errinfo *e);

/* Conditions of a submission. */
struct store_submit {
    const char *key;    /* the client's, or NULL: the same key twice makes one
                           job; it is remembered for a day                    */
    const char *sha256; /* of what the key stands for                         */
    uint64_t    queue_max; /* jobs that may wait                              */
    bool        again;     /* out: that job was made before; *out_id is its,
                              and it may have been deleted since             */
};

/* how NULL: no conditions.  A job that continues another begins with a copy of
 * its state.  ERR_NOTFOUND with where "/network", "/dataset" or
 * "/validation/dataset"; ERR_RATE "queue_full"; ERR_INVALID
 * "idempotency_key_reused"; ERR_CONFLICT "state_gone". */
enum err store_job_insert(struct store *db, const struct store_job *row,
                          struct store_submit *how, int64_t *out_id,
                          struct errinfo *e);
/* Tells how->again of how->key without making a job; *out_id is written where
 * it is true.  ERR_INVALID "idempotency_key_reused". */
enum err store_job_of_key(struct store *db, struct store_submit *how,
                          int64_t now_ms, int64_t *out_id, struct errinfo *e);
enum err store_job_get(struct store *db, int64_t id, struct store_job *out,
                       struct errinfo *e);
/* In order of id; status of STORE_JOB_STATUS_COUNT and network NULL: all. */
enum err store_job_list(struct store *db, enum store_job_status status,
                        const char *network, int64_t after, size_t limit,
                        struct store_job **out, size_t *out_n,
                        struct errinfo *e);
/* Finished ones only, with their history: ERR_CONFLICT otherwise. */
enum err store_job_delete(struct store *db, int64_t id, struct errinfo *e);

/* The first queued job, by priority and then age, becomes running and is the
 * caller's; ERR_NOTFOUND when nothing is queued. */
enum err store_job_claim(struct store *db, int64_t now_ms,
                         struct store_job *out, struct errinfo *e);
/* A queued or paused job becomes cancelled: ERR_CONFLICT where it is neither. */
enum err store_job_cancel(struct store *db, int64_t id, int64_t now_ms,
                          struct errinfo *e);
/* A queued job becomes paused, and a paused one queued: ERR_OK where it is so
 * already, ERR_CONFLICT where its status forbids it. */
enum err store_job_pause(struct store *db, int64_t id, struct errinfo *e);
enum err store_job_resume(struct store *db, int64_t id, struct errinfo *e);
/* A running job goes back: STORE_JOB_QUEUED to go on from its checkpoint as
 * soon as may be, STORE_JOB_PAUSED to wait.  reason: a word for its log. */
enum err store_job_release_claim(struct store *db, int64_t id,
                                 enum store_job_status to, const char *reason,
                                 struct errinfo *e);

/* A status that a job came into.  The ids of all jobs' events are one growing
 * sequence. */
struct store_event {
    int64_t               id, job_id;
    enum store_job_status status;
    char                  reason[32];
    uint64_t              epoch; /* epochs done, as of the checkpoint */
    int64_t               at_ms;
};

/* Those with a larger id than after, in order; job_id 0: of all jobs. */
enum err store_event_list(struct store *db, int64_t job_id, int64_t after,
                          size_t limit, struct store_event **out,
                          size_t *out_n, struct errinfo *e);
/* The last one of a job up to this id; ERR_NOTFOUND where there is none. */
enum err store_event_before(struct store *db, int64_t job_id, int64_t last,
                            struct store_event *out, struct errinfo *e);
/* The id of the last one, of a job or (0) of all; 0: there is none. */
enum err store_event_last(struct store *db, int64_t job_id, int64_t *out,
                          struct errinfo *e);

/* One epoch of a job's history; NaN: does not apply. */
struct store_epoch {
    uint64_t epoch;   /* from 1, over all restarts             */
    uint64_t restart; /* from 1; 0: the job has none but this  */
    uint64_t fold;    /* that was held out, from 1; 0: none    */
    double   loss, accuracy, val_loss, val_accuracy;
    double   learning_rate, gradient_norm, seconds, samples_per_second;
};

/* How one layer did in one epoch; NaN: not known. */
struct store_layer {
    uint64_t epoch, layer;
    double   gradient_norm, update_ratio;
};

/* A checkpoint: all of it is one transaction. */
struct store_checkpoint {
    int64_t                   job_id;
    uint64_t                  epoch;
    const void               *state; /* replaces the one before; NULL: keep */
    size_t                    state_len;
    const char               *metrics;  /* JSON */
    const char               *warnings; /* JSON, or NULL: as they were */
    const char               *learning_rate_test; /* likewise          */
    const struct store_epoch *rows; /* new rows of the history */
    size_t                    n_rows;
    const struct store_layer *layers; /* and of its layers     */
    size_t                    n_layers;
};

/* A write under way. */
struct store_ticket;

/* Hand a checkpoint over without waiting for the disk; all bytes are copied. */
enum err store_job_checkpoint_start(struct store *db,
                                    const struct store_checkpoint *cp,
                                    struct store_ticket **out,
                                    struct errinfo *e);
bool     store_ticket_is_done(const struct store_ticket *ticket);
/* Wait for it, free it, and tell how it ended. */
enum err store_ticket_wait(struct store_ticket *ticket, struct errinfo *e);

/* The state of the last checkpoint: *out (free() it) is NULL where there is none. */
enum err store_job_checkpoint_get(struct store *db, int64_t id, void **out,
                                  size_t *out_len, uint64_t *out_epoch,
                                  struct errinfo *e);

/* How a job ended: its last rows, its final status and, where version is not
 * NULL, a new version of its network, in one transaction; the checkpoint goes,
 * or is replaced by the state that the end names: a network keeps that of the
 * last job which had one.
 * ERR_NOTFOUND where the network is gone. */
struct store_job_end {
    int64_t                     id;
    const int64_t              *last_event; /* NULL, or of a job that is ended
                                               from its row: the last event that
                                               was seen (0: there was none);
                                               ERR_CONFLICT where more came   */
    enum store_job_status       status;
    uint64_t                    epoch;
    int64_t                     finished_ms;
    const char                 *reason; /* a word for its log */
    const char *metrics, *error, *warnings, *learning_rate_test; /* or NULL */
    /* JSON of the result without its braces and without "version", which the
     * store puts in front: {"version": 3, <rest>}; NULL: no result */
    const char                 *result_rest;
    const struct store_epoch   *rows;
    size_t                      n_rows;
    const struct store_layer   *layers;
    size_t                      n_layers;
    const void                 *state; /* to be continued from; NULL: none */
    size_t                      state_len;
    uint64_t                    state_epoch; /* it goes on from */
    const struct store_version *version; /* its job_id and network_id are set
                                            from the job's row             */
};
enum err store_job_finish(struct store *db, const struct store_job_end *end,
                          int64_t *out_version, struct errinfo *e);

/* At most n >= 4 rows, evenly over the whole history, in order; the first, the
 * last, and those of the least loss and validation loss are among them. */
enum err store_epoch_points(struct store *db, int64_t job_id, size_t n,
                            struct store_epoch **out, size_t *out_n,
                            struct errinfo *e);

/* Rows of the history with epoch > after, in order. */
enum err store_epoch_list(struct store *db, int64_t job_id, uint64_t after,
                          size_t limit, struct store_epoch **out, size_t *out_n,
                          struct errinfo *e);
/* Up to limit rows of layers with after < epoch <= last, in order. */
enum err store_layer_list(struct store *db, int64_t job_id, uint64_t after,
                          uint64_t last, size_t limit,
                          struct store_layer **out, size_t *out_n,
                          struct errinfo *e);

#endif
