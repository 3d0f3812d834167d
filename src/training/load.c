/* load.c - everything that training a job needs, made and filled */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/dataset.h"
#include "nn/health.h"
#include "training/trainer.h"

/* --- datasets ------------------------------------------------------------- */

/* A source that ends early when the job is halted: a large dataset takes
 * seconds to read, three times over. */
struct halting {
    const struct dataset_source *from;
    const struct training_run   *run;
    dataset_chunk_fn             sink;
    void                        *sink_arg;
};

static enum err
halting_chunk(void *arg, const void *p, size_t len, struct errinfo *e)
{
    const struct halting *h = arg;

    return training_run_is_halted(h->run) ? ERR_CANCELED
                                          : h->sink(h->sink_arg, p, len, e);
}

static enum err
halting_each(void *arg, dataset_chunk_fn sink, void *sink_arg,
             struct errinfo *e)
{
    struct halting *h = arg;

    h->sink = sink;
    h->sink_arg = sink_arg;
    return h->from->each(h->from->arg, halting_chunk, h, e);
}

static enum err
load_table(const struct training_trainer *t, const struct codec_dataset *from,
           bool fit, const struct dataset_split *split,
           struct dataset_table **out, struct errinfo *e)
{
    struct halting              h = { .from = &from->source, .run = t->run };
    const struct dataset_source source = {
        .meta = from->source.meta,
        .each = halting_each,
        .arg = &h,
    };

    return dataset_table_load_split(t->plan->encoder, fit, &source, split, out,
                                    e);
}

static enum err
open_scratch(void *arg, int *out, struct errinfo *e)
{
    return store_scratch(arg, out, e);
}

static enum err
load_tables(struct training_trainer *t, uint64_t restart, struct errinfo *e)
{
    const struct codec_job    *spec = t->spec;
    struct training_plan      *plan = t->plan;
    const char                *column = spec->validation_column;
    const struct dataset_split none = {
        .in_file = plan->in_file,
        .open_file = open_scratch,
        .arg = t->db,
    };
    const struct dataset_split split = {
        .in_file = plan->in_file,
        .open_file = open_scratch,
        .arg = t->db,
        .fraction = spec->validation_fraction,
        .seed = spec->seed,
        .fold = restart <= spec->folds ? (size_t)restart : 0,
        .n_folds = (size_t)spec->folds,
        .column = column[0] != '\0' ? column : NULL,
        .weight = spec->sample_weight[0] != '\0' ? spec->sample_weight : NULL,
    };
    enum err rc;

    rc = load_table(t, plan->dataset, plan->fit, &split, &t->table, e);
    if (rc != ERR_OK)
        return rc;
    t->train.table = t->validation.table = t->table;
    t->train.n = t->table->n_train;
    t->validation.n = t->table->n_validation;
    t->validation.row = t->table->validation;
    if (t->train.n < t->table->n_rows)
        t->train.row = t->table->train;

    if (plan->validation != NULL) {
        rc = load_table(t, plan->validation, false, &none, &t->held_out, e);
        if (rc == ERR_INVALID)
            training_at_validation(e);
        if (rc != ERR_OK)
            return rc;
        t->validation = (struct training_rows){
            .table = t->held_out,
            .n = t->held_out->n_rows,
        };
    }
    if (t->validation.n == 0 && spec->validation_fraction > 0)
        return err_set(e, ERR_INVALID, "/validation/fraction",
                       "%g of %zu rows leaves none to validate with",
                       spec->validation_fraction, t->table->n_rows);
    if (split.column != NULL && (t->train.n == 0 || t->validation.n == 0))
        return err_set(e, ERR_INVALID, "/validation/column",
                       "column \"%.80s\" gives no rows to %s with", column,
                       t->train.n == 0 ? "train" : "validate");
    return ERR_OK;
}

static enum err
no_memory(struct errinfo *e)
{
    return err_set(e, ERR_NOMEM, "", "no memory to train in");
}

static void
release_rows(struct training_trainer *t)
{
    bool in_file = t->table != NULL && t->table->mapped != NULL;

    free(in_file ? NULL : t->weight);
    free(in_file ? NULL : t->order);
    free(t->chunk_order);
    free(t->stage_w);
    free(t->stage_t);
    free(t->stage_x);
    dataset_table_free(t->held_out);
    dataset_table_free(t->table);
    t->weight = t->stage_w = t->stage_t = t->stage_x = NULL;
    t->order = t->chunk_order = NULL;
    t->table = t->held_out = NULL;
    t->train = t->validation = (struct training_rows){ .n = 0 };
}

enum err
training_rows_load(struct training_trainer *t, uint64_t restart,
                   struct errinfo *e)
{
    const struct training_plan *plan = t->plan;
    enum err                    rc;

    release_rows(t);
    rc = load_tables(t, restart, e);
    if (rc != ERR_OK)
        return rc;
    t->accuracy = training_plan_has_accuracy(plan);
    t->multi_label =
        t->accuracy && plan->encoder->task != DATASET_CLASSIFICATION;
    t->middle = t->multi_label ? 0.5f : dataset_encoder_middle(plan->encoder);
    t->batch_size = plan->batch_size;
    if (t->batch_size > t->train.n)
        t->batch_size = t->train.n;
    /* One batch of all rows has the same gradient in any order. */
    if (t->spec->shuffle && t->batch_size < t->train.n) {
        t->order = t->table->order;
        if (t->order == NULL)
            t->order = mem_array(t->train.n, sizeof(*t->order), 0);
        if (t->order == NULL)
            return no_memory(e);
        t->train.row = t->order;
        if (plan->in_file)
            t->chunk_order = mem_array(t->train.n / plan->chunk_rows,
                                       sizeof(*t->chunk_order), 0);
        if (plan->in_file && t->chunk_order == NULL)
            return no_memory(e);
    }
    if (t->train.row != NULL || t->validation.row != NULL) {
        t->stage_x = mem_floats(plan->stage_rows * t->table->n_in, 0);
        t->stage_t = mem_floats(plan->stage_rows * t->table->n_out, 0);
        t->stage_w = mem_floats(plan->stage_rows, 0);
        if (t->stage_x == NULL || t->stage_t == NULL || t->stage_w == NULL)
            return no_memory(e);
    }
    return training_row_weights(t, e);
}

/* --- the rest ------------------------------------------------------------- */

static enum err
load_net(struct training_trainer *t, struct store *db, bool resumes,
         struct errinfo *e)
{
    struct dataset_encoder *unused = NULL;
    int64_t                 version;
    enum err                rc;

    if (resumes) /* All its parameters are in the checkpoint. */
        rc = nn_net_new(&t->plan->net, &t->net, e);
    else
        rc = codec_stored_net(db, t->spec->network, t->plan->start_version,
                              &t->net, &unused, &version, e);
    dataset_encoder_free(unused);
    if (rc == ERR_OK && t->spec->keep == CODEC_KEEP_BEST)
        rc = nn_net_clone(t->net, &t->best, e);
    if (rc == ERR_OK)
        rc = nn_work_new(t->net, t->plan->work_rows, true, &t->work, e);
    if (rc == ERR_OK)
        rc = nn_optimizer_new(&t->spec->optimizer, nn_net_n_params(t->net),
                              &t->opt, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < t->plan->net.n_layers; i++)
        t->has_relu = t->has_relu || nn_health_can_die(&t->plan->net, i);
    t->grad = mem_floats(nn_net_n_params(t->net), 0);
    t->mean = mem_floats(nn_net_n_out(t->net), 0);
    return t->grad != NULL && t->mean != NULL ? ERR_OK : no_memory(e);
}

/* Threads to share the passes, where the pool lends any and they would have
 * something to do. */
static enum err
load_team(struct training_trainer *t, struct errinfo *e)
{
    unsigned most = t->run->cores != NULL ? t->run->cores->most : 1;

    if (most > t->plan->n_threads)
        most = t->plan->n_threads;
    if (most < 2)
        return ERR_OK;
    enum err rc = training_team_new(most, &t->team, e);
    if (rc == ERR_OK)
        rc = nn_work_set_team(t->work, training_team_nn(t->team), e);
    return rc;
}

/* The encoder is fitted now: what it looks like stays the same from here on. */
enum err
training_encoder_text(const struct training_trainer *t, char **out,
                      size_t *out_len, struct errinfo *e)
{
    struct buf json = { 0 };

    codec_encoder_format(t->plan->encoder, &json);
    if (json.failed) {
        buf_release(&json);
        return no_memory(e);
    }
    *out = buf_steal(&json, out_len);
    ++*out_len;
    return ERR_OK;
}

/* Room for the state's bytes, and for those of the restart that leads. */
static enum err
load_room(struct training_trainer *t, const struct training_saved *saved,
          struct errinfo *e)
{
    struct training_parts parts = training_trainer_parts(t);

    if (t->spec->restarts > 1) {
        t->winner_room = parts.winner_room = training_state_bytes(&parts);
        t->winner = mem_array(t->winner_room, 1, 0);
        if (t->winner == NULL)
            return no_memory(e);
    }
    t->bytes = mem_array(training_state_bytes(&parts), 1, 0);
    if (t->bytes == NULL)
        return no_memory(e);
    if (saved == NULL || saved->winner_len == 0)
        return ERR_OK;
    if (saved->winner_len > t->winner_room)
        return err_set(e, ERR_CORRUPT, "checkpoint",
                       "the best restart's state has %zu bytes, at most %zu "
                       "fit this job",
                       saved->winner_len, t->winner_room);
    memcpy(t->winner, saved->winner, saved->winner_len);
    t->winner_len = saved->winner_len;
    return ERR_OK;
}

enum err
training_trainer_new(struct store *db, const struct codec_job *spec,
                     struct training_plan        *plan,
                     const struct training_saved *saved,
                     struct training_run *run, struct training_trainer **out,
                     struct errinfo *e)
{
    struct training_trainer *t = mem_array(1, sizeof(*t), 0);
    enum err                 rc;

    if (t == NULL)
        return no_memory(e);
    t->db = db;
    t->spec = spec;
    t->plan = plan;
    t->run = run;
    training_state_init(&t->state, spec->seed);
    t->state.window_rows = t->plan->window_rows;
    rc = load_net(t, db, saved != NULL, e);
    if (rc == ERR_OK && saved != NULL) {
        t->state = saved->state;
        rc = training_saved_restore(saved, t->net, t->best, t->opt, e);
    }
    if (rc == ERR_OK)
        rc = load_team(t, e);
    if (rc == ERR_OK)
        rc = training_rows_load(t, t->state.restart, e);
    if (rc == ERR_OK)
        rc = training_encoder_text(t, &t->encoder, &t->encoder_len, e);
    if (rc == ERR_OK)
        rc = load_room(t, saved, e);
    if (rc != ERR_OK) {
        training_trainer_free(t);
        return rc;
    }
    t->baseline = training_baseline(t);
    training_run_begin(run, t->state.epoch, spec, t->train.n);
    training_run_restart(run, t->state.restart, t->state.began, t->train.n);
    if (training_is_final(t))
        training_run_shorten(run, training_final_epochs(t));
    if (t->state.epoch != 0 || t->state.sums.n_rows != 0)
        training_run_advance(run, t->state.epoch, t->state.sums.n_rows,
                             t->state.elapsed + t->state.seconds,
                             t->state.epoch != 0 ? &t->state.last : NULL);
    *out = t;
    return ERR_OK;
}

void
training_trainer_free(struct training_trainer *t)
{
    if (t == NULL)
        return;
    free(t->winner);
    free(t->bytes);
    free(t->encoder);
    free(t->rate_test);
    free(t->mean);
    release_rows(t);
    free(t->grad);
    nn_optimizer_free(t->opt);
    nn_work_free(t->work);
    training_team_free(t->team);
    nn_net_free(t->best);
    nn_net_free(t->net);
    free(t);
}
