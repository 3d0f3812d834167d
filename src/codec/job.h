/*
 * job.h - jobs, their progress and history to and from JSON
 *
 * Model    A job's spec is stored complete, as API.md has it; the formatters add
 *          what the row and a running worker know.
 * Owner    A spec that was parsed is the caller's, who releases it.
 * Errors   As codec/network.h.
 */
#ifndef CODEC_JOB_H
#define CODEC_JOB_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/class_weights.h"
#include "codec/network.h"
#include "codec/schedule.h"
#include "dataset/encoder.h"
#include "nn/optimizer.h"
#include "store/store.h"

#define CODEC_MAX_EPOCHS 100000000u
#define CODEC_MAX_BATCH 65536u
#define CODEC_MAX_STRIP 64u
#define CODEC_MAX_RESTARTS 100u
#define CODEC_MAX_FOLDS (CODEC_MAX_RESTARTS - 1) /* and the final model */
#define CODEC_COLUMN_SIZE (DATASET_MAX_NAME + 1)
#define CODEC_MAX_PRIORITY 100u

enum codec_start { CODEC_START_LATEST, CODEC_START_INITIAL, CODEC_START_VERSION };
enum codec_keep { CODEC_KEEP_BEST, CODEC_KEEP_LAST };
enum codec_monitor { /* smaller is better for losses, larger for accuracies */
    CODEC_MONITOR_LOSS,
    CODEC_MONITOR_ACCURACY,
    CODEC_MONITOR_VAL_LOSS,
    CODEC_MONITOR_VAL_ACCURACY
};

const char *codec_monitor_name(size_t i); /* NULL past the last */
const char *codec_keep_name(size_t i);

struct codec_job {
    char     network[CODEC_NAME_SIZE];
    char     dataset[CODEC_NAME_SIZE];
    int64_t  dataset_revision; /* 0: the latest, until it is submitted */
    uint64_t epochs;     /* default 10                            */
    size_t   batch_size; /* default 32; 0: "full"                 */
    bool     shuffle;    /* default true                          */
    uint64_t seed;       /* default 0                             */
    struct nn_optimizer_spec optimizer; /* default adam           */
    bool                     auto_rate; /* "learning_rate": "auto" */
    struct codec_schedule    schedule;  /* default constant       */
    uint64_t restarts;               /* initialisations tried, default 1 */
    double   clip_norm, clip_value;  /* 0: gradients are not clipped */
    struct codec_class_weights class_weights;
    char     sample_weight[CODEC_COLUMN_SIZE]; /* "": none        */
    struct dataset_encoding encoding; /* default: as it is, means */
    double   validation_fraction; /* [0, 1); 0: none              */
    char     validation_dataset[CODEC_NAME_SIZE]; /* "": none     */
    int64_t  validation_revision; /* of that; as dataset_revision */
    char     validation_column[CODEC_COLUMN_SIZE]; /* "": none    */
    uint64_t folds; /* each held out once, then all rows; 0: none */
    uint64_t validation_every;    /* epochs, default 1            */
    /* Stop when…: compared with the validation's figures where there is a
     * validation, else with the training's. NaN, 0: not asked. */
    double   stop_loss_below, stop_accuracy_above, stop_seconds;
    uint64_t stop_patience; /* epochs (validations) without a better monitor */
    double   stop_min_delta; /* what counts as better, default 0 */
    /* Prechelt 1994: GL = 100 (E_va / min E_va - 1) above, and training progress
     * P = 1000 (mean of a strip of training losses / their minimum - 1) below;
     * looked at whenever there is a validation loss */
    double   stop_generalization_loss, stop_progress;
    size_t   strip_epochs; /* default 5 */
    enum codec_monitor monitor; /* default val_loss with validation, else loss */
    enum codec_keep    keep;    /* default best  */
    enum codec_start   start_from; /* default latest; initial with folds */
    uint64_t priority; /* larger is first in the queue, default 0 */
    double   checkpoint_seconds; /* inside of epochs, default 10  */
    int64_t            start_version;
};

enum err codec_job_parse(const void *body, size_t len, struct codec_job *out,
                         struct errinfo *e);
/* The same for who wants to look further: *out is written where that is
 * ERR_INVALID too, with defaults in the place of what is wrong, and "" in that
 * of a name. */
enum err codec_job_read(const void *body, size_t len, struct codec_job *out,
                        struct errinfo *e);
void     codec_job_spec_format(const struct codec_job *spec, struct buf *out);
enum err codec_job_spec_parse(const char *json, struct codec_job *out,
                              struct errinfo *e);
void     codec_job_release(struct codec_job *spec);

/* Does it hold rows out to validate with? */
bool codec_job_validates(const struct codec_job *spec);
/* How many trainings it is: its restarts, or its folds and the final model. */
uint64_t codec_job_runs(const struct codec_job *spec);

/* The spec of a job that goes on from one of this spec: what body says,
 * "epochs" at least, and the rest as it was; of its restarts it is one. */
enum err codec_job_continue(const char *spec, const void *body, size_t len,
                            struct codec_job *out, bool *out_has_stop_when,
                            struct errinfo *e);

/* A dry run: NULL, NaN: not known; e: what is wrong, if anything. */
void codec_dry_run_format(const size_t *memory_bytes, double seconds,
                          const struct errinfo *e, struct buf *out);

/* {"keep": true}, or nothing at all. */
enum err codec_cancel_parse(const void *body, size_t len, bool *out_keep,
                            struct errinfo *e);

/* Where a running job is; a queued or finished one has only epoch, epochs. */
struct codec_progress {
    uint64_t epoch;    /* epochs done, over all restarts */
    uint64_t epochs;   /* at most, over all restarts     */
    uint64_t restart;  /* from 1; 0: not known, or one   */
    uint64_t fold;     /* from 1; 0: none is held out    */
    double   fraction; /* of all work, 0 to 1  */
    double   samples_per_second; /* NaN: not known */
    double   eta_seconds;        /* NaN: not known */
};

/* The member "progress", inside an object. */
void codec_progress_write(const struct codec_progress *progress,
                          struct buf                  *out);

/* progress NULL: made from the row.  metrics NULL: the row's. */
enum err codec_job_format(const struct store_job *row,
                          const struct codec_progress *progress,
                          const char *metrics, struct buf *out,
                          struct errinfo *e);

/* {"loss": …, "accuracy": …}: the metrics of an epoch; NaN is left out, an
 * infinite one is null. */
void codec_metrics_format(const struct store_epoch *row, struct buf *out);

/* The members that tell of one epoch, inside an object. */
void codec_epoch_members(const struct store_epoch *row, struct buf *out);

/* {"data": [...], "next": N or null}; layers are those of these epochs, in
 * order, and each row that has some shows them. */
void codec_history_format(const struct store_epoch *rows, size_t n,
                          const struct store_layer *layers, size_t n_layers,
                          bool more, struct buf *out);

/* What "auto" tried, chose, and why. */
struct codec_rate_point {
    double learning_rate, loss;
};
struct codec_rate_test {
    double                         chosen;
    const char                    *reason; /* a sentence */
    const struct codec_rate_point *point;  /* [n]        */
    size_t                         n;
};
void codec_rate_test_format(const struct codec_rate_test *test,
                            struct buf                   *out);

/* What came of a job, and of each of its restarts. */
struct codec_outcome {
    uint64_t    epochs, best_epoch; /* best_epoch 0: none        */
    double      figure;             /* the monitor's; NaN: none  */
    const char *stop_reason;
    struct store_epoch row; /* of the epoch it offers; NaN: none */
};
struct codec_result {
    uint64_t                    best_epoch, restart; /* 0: not told */
    const char                 *stop_reason, *monitor;
    const char                 *sha256;  /* hex, of the weights; NULL: none */
    const struct codec_outcome *outcome; /* [n_outcomes] */
    size_t                      n_outcomes;
    bool                        folds; /* are they folds, not restarts? */
};
/* Its members, without braces and without "version", into an empty buffer. */
void codec_result_format(const struct codec_result *result, struct buf *out);
/* folds.c: "folds", "mean" and "deviation", inside an object. */
void codec_folds_write(const struct codec_outcome *fold, size_t n,
                       struct buf *out);

/* Something about a training that its owner should know. */
struct codec_warning {
    const char *code;
    uint64_t    epoch;
    int         layer; /* -1: no single one */
    const char *advice;
};
/* [{...}, ...] */
void codec_warnings_format(const struct codec_warning *warning, size_t n,
                           struct buf *out);
/* The advice of the warning of this code among those (NULL: none) that were
 * written so; "" where it is not there. */
void codec_warning_advice(const char *warnings, const char *code, char *out,
                          size_t size);

/* {"event": 7, "job": 3, "status": "running", "reason": "started", …} */
void codec_event_format(const struct store_event *row, struct buf *out);

/* The version that a job's result names; -1: none. */
int64_t codec_result_version(const char *result);
/* The epochs of the restart that became it; 0: the job had none. */
uint64_t codec_result_epochs(const char *result);
/* The digest of its weights, whether they are still there or not; false: the
 * result names none. */
bool codec_result_sha256(const char *result, char out[DIGEST_HEX_SIZE]);

/* What a failed job shows as its error: a problem object. */
void codec_error_format(const struct errinfo *e, struct buf *out);

/* The member "optimizer" of an object, as a job has it but for "auto". */
struct walk;
void codec_optimizer_read(struct walk *w, struct nn_optimizer_spec *out);

#endif
