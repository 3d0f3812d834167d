/* plan.c - what a job will work on and what it will take */
#include "training/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "training/training.h"

/* Rows are gathered into blocks of about this size: large enough that a tiny
 * net sees many batches in one call, small enough to stay in the cache. */
#define STAGE_BYTES (256 * KIB)
/* Validation runs in passes of at least this many rows. */
#define VALIDATION_ROWS 64
/* Rows in a file are shuffled by chunks of so many bytes, and then within a
 * window of this part of all memory. */
#define FILE_CHUNK (64 * KIB)
#define WINDOW_PART 4

/* --- sizes ---------------------------------------------------------------- */

static void
plan_rows(struct training_plan *plan, const struct codec_job *spec)
{
    size_t n = (size_t)plan->dataset->meta.n_rows;
    size_t n_in = plan->encoder->n_in;

    /* A batch of more rows than there are is all of them: the default of 32
     * must not keep anybody from training on the four rows of XOR. */
    plan->batch_size = spec->batch_size;
    if (plan->batch_size == 0 || plan->batch_size > n)
        plan->batch_size = n;
    plan->work_rows = plan->batch_size;
    if (plan->work_rows < VALIDATION_ROWS)
        plan->work_rows = VALIDATION_ROWS;
    /* Whole batches, or all rows: cutting a batch in two would change it. */
    size_t rows = STAGE_BYTES / sizeof(float) / n_in;
    rows -= rows % plan->batch_size;
    if (rows < plan->batch_size)
        rows = plan->batch_size;
    plan->block_rows = rows > n ? n : rows;
    plan->stage_rows = plan->block_rows;
    if (plan->stage_rows < plan->work_rows)
        plan->stage_rows = plan->work_rows;
}

static bool
add_product(size_t *sum, size_t a, size_t b)
{
    size_t product;

    return mem_mul(a, b, &product) && mem_add(*sum, product, sum);
}

static enum err
plan_bytes(struct training_plan *plan, const struct codec_job *spec,
           size_t n_out, struct errinfo *e)
{
    size_t   table, held_out = 0, work;
    enum err rc;

    rc = dataset_table_bytes(plan->encoder, &plan->dataset->meta, &table, e);
    if (rc != ERR_OK)
        return rc;
    if (plan->validation != NULL) {
        rc = dataset_table_bytes(plan->encoder, &plan->validation->meta,
                                 &held_out, e);
        if (rc != ERR_OK)
            return rc;
    }
    rc = nn_work_bytes(&plan->net, plan->work_rows, true, &work, e);
    if (rc != ERR_OK)
        return rc;

    size_t net = nn_net_bytes(&plan->net);
    size_t parts = nn_work_most_parts(&plan->net, plan->batch_size);
    plan->n_threads =
        parts < thread_n_cores() ? (unsigned)parts : thread_n_cores();
    /* The optimiser's state, had it as many parameters as the net has floats.
     */
    size_t opt = nn_optimizer_bytes(&spec->optimizer, net / sizeof(float));
    /* A net, the best one, a gradient, and the start weights of the next fold.
     * A state has net, best and optimiser: that of the best restart, and a
     * checkpoint with it, twice: ours, and the copy the store writes from. */
    size_t nets = spec->folds > 0 ? 4 : 3;
    size_t states = spec->restarts > 1 ? 1 + 2 * 2 : 2;
    size_t sum = 0;
    if (!mem_add(table, held_out, &sum) || !mem_add(sum, work, &sum) ||
        !mem_add(sum, nn_work_team_bytes(plan->n_threads), &sum) ||
        !add_product(&sum, net, nets) || !add_product(&sum, opt, 1) ||
        !add_product(&sum, 2 * net + opt, states) ||
        !add_product(&sum, plan->stage_rows,
                     (plan->encoder->n_in + n_out + 1) * sizeof(float)) ||
        !add_product(&sum, plan->dataset->meta.n_rows,
                     sizeof(uint32_t) + sizeof(float)))
        return err_set(e, ERR_INVALID, "/dataset",
                       "training would need more memory than can be counted");
    plan->bytes = sum;
    /* With the rows, their weights and order in a file. */
    plan->file_bytes =
        sum - table - held_out -
        (size_t)plan->dataset->meta.n_rows * (sizeof(uint32_t) + sizeof(float));
    plan->file_bytes += dataset_table_file_bytes(&plan->dataset->meta);
    return ERR_OK;
}

/* --- the plan ------------------------------------------------------------- */

/* A mistake of the client's is put with the others, and the check goes on;
 * anything else ends it. */
static enum err
gather(enum err rc, struct errinfo *own, struct errinfo *e)
{
    if (rc == ERR_INVALID)
        err_append(e, own);
    else if (rc != ERR_OK)
        *e = *own;
    err_clear(own);
    return rc == ERR_INVALID ? ERR_OK : rc;
}

static enum err
dataset_open(struct store *db, const char *name, int64_t revision,
             const char *pointer, struct codec_dataset **out, struct errinfo *e)
{
    struct codec_dataset *ds = NULL;
    enum err              rc = codec_stored_dataset(db, name, revision, &ds, e);

    if (rc == ERR_NOTFOUND && revision > 0 && e->n > 0 &&
        strcmp(e->item[0].where, "/dataset_revision") == 0) {
        char at[64];

        snprintf(at, sizeof(at), "%s_revision", pointer);
        return err_set(e, ERR_INVALID, at,
                       "dataset \"%s\" has no revision %lld", name,
                       (long long)revision);
    }
    if (rc == ERR_NOTFOUND)
        return err_set(e, ERR_INVALID, pointer, "there is no dataset \"%s\"",
                       name);
    if (rc == ERR_OK && ds->meta.n_rows == 0) {
        codec_stored_dataset_free(ds);
        return err_set(e, ERR_INVALID, pointer, "dataset \"%s\" has no rows",
                       name);
    }
    if (rc == ERR_OK)
        *out = ds;
    return rc;
}

static enum err
network_open(struct training_plan *plan, struct store *db,
             const struct codec_job *spec, struct store_network *row,
             struct errinfo *e)
{
    enum err rc = store_network_get(db, spec->network, row, e);

    if (rc == ERR_NOTFOUND)
        return err_set(e, ERR_INVALID, "/network", "there is no network \"%s\"",
                       spec->network);
    if (rc != ERR_OK)
        return rc;
    switch (spec->start_from) {
    case CODEC_START_LATEST:
        plan->start_version = row->latest_version;
        break;
    case CODEC_START_INITIAL:
        plan->start_version = 0;
        break;
    case CODEC_START_VERSION:
        plan->start_version = spec->start_version;
        break;
    }
    return codec_spec_parse(row->spec, &plan->net, e);
}

/* Several questions of yes and no are right or wrong, classes or not. */
bool
training_plan_has_accuracy(const struct training_plan *plan)
{
    return plan->dataset->meta.task == DATASET_CLASSIFICATION ||
           plan->net.loss.type == NN_BINARY_CROSS_ENTROPY;
}

/* The network has another number of inputs: how may that come? */
static enum err
wrong_inputs(const struct training_plan *plan, const struct codec_job *spec,
             size_t n_in, struct errinfo *e)
{
    const struct dataset_meta *meta = &plan->dataset->meta;
    size_t                     n_columns = 0;
    const char                *aside = NULL;

    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *col = &meta->column[i];

        if (col->is_aside)
            aside = col->name;
        else if (!col->is_target && col->type != DATASET_IGNORED)
            n_columns++;
    }
    if (aside != NULL)
        return err_set(e, ERR_INVALID, "/dataset",
                       "gives %zu inputs without column \"%.40s\", which this "
                       "job sets aside, and network \"%.40s\" takes %zu: make "
                       "it with this job's \"validation\" and "
                       "\"sample_weight\"",
                       plan->encoder->n_in, aside, spec->network, n_in);
    return err_set(e, ERR_INVALID, "/dataset",
                   "dataset \"%s\" gives %zu inputs from %zu column%s, network "
                   "\"%s\" takes %zu; one made with \"dataset\" fits",
                   spec->dataset, plan->encoder->n_in, n_columns,
                   n_columns == 1 ? "" : "s", spec->network, n_in);
}

/* Open what the spec names; what is not there is added to e.  A name that is
 * "" could not be read, and that has been told.  resumes: how the job started
 * does not matter any more. */
static enum err
plan_open(struct training_plan *plan, struct store *db,
          const struct codec_job *spec, bool resumes, struct errinfo *e)
{
    struct store_network network = { 0 };
    struct errinfo       own;
    enum err             rc = ERR_OK;

    err_clear(&own);
    if (spec->network[0] != '\0')
        rc = gather(network_open(plan, db, spec, &network, &own), &own, e);
    if (rc == ERR_OK && network.id != 0 && !resumes)
        rc = gather(training_plan_start_open(plan, db, spec, network.id, &own),
                    &own, e);
    if (rc == ERR_OK && spec->dataset[0] != '\0')
        rc = gather(dataset_open(db, spec->dataset, spec->dataset_revision,
                                 "/dataset", &plan->dataset, &own),
                    &own, e);
    if (rc == ERR_OK && spec->validation_dataset[0] != '\0')
        rc = gather(dataset_open(
                        db, spec->validation_dataset, spec->validation_revision,
                        "/validation/dataset", &plan->validation, &own),
                    &own, e);
    store_network_release(&network);
    return rc;
}

/* Choose the encoder, and see that it is one for this network. */
static enum err
plan_encoder(struct training_plan *plan, const struct codec_job *spec,
             const char *saved, struct errinfo *e)
{
    size_t   n_in = nn_shape_size(&plan->net.input);
    enum err rc = training_plan_encoder_choose(plan, spec, saved,
                                               nn_spec_n_out(&plan->net), e);

    if (rc == ERR_OK && plan->encoder->n_in != n_in)
        rc = wrong_inputs(plan, spec, n_in, e);
    return rc;
}

void
training_at_validation(struct errinfo *e)
{
    for (unsigned i = 0; e != NULL && i < e->n; i++)
        snprintf(e->item[i].where, sizeof(e->item[i].where),
                 "/validation/dataset");
}

/* Can the rows to validate with be read as those to train on are? */
static enum err
plan_validation(const struct training_plan *plan, struct errinfo *e)
{
    enum err rc = ERR_OK;

    if (plan->validation != NULL && plan->encoder != NULL)
        rc = dataset_table_fits(plan->encoder, &plan->validation->meta, e);
    if (rc == ERR_INVALID)
        training_at_validation(e);
    return rc;
}

/* Does all that was opened fit together?  What does not is added to e. */
static enum err
plan_fit(struct training_plan *plan, const struct codec_job *spec,
         const char *saved, struct errinfo *e)
{
    struct errinfo own;
    enum err       rc;

    err_clear(&own);
    if (plan->dataset == NULL || !training_plan_check(plan, spec, e) ||
        plan->net.n_layers == 0)
        return ERR_OK;
    rc = gather(plan_encoder(plan, spec, saved, &own), &own, e);
    if (rc == ERR_OK)
        rc = gather(plan_validation(plan, &own), &own, e);
    return rc;
}

enum err
training_plan_init(struct training_plan *plan, struct store *db,
                   const struct codec_job *spec, const char *encoder,
                   struct errinfo *e)
{
    struct errinfo unheard;
    enum err       rc;

    if (e == NULL)
        e = &unheard;
    err_clear(e);
    memset(plan, 0, sizeof(*plan));
    rc = plan_open(plan, db, spec, encoder != NULL, e);
    if (rc == ERR_OK)
        rc = plan_fit(plan, spec, encoder, e);
    if (rc == ERR_OK && e->n > 0)
        rc = e->code;
    if (rc == ERR_OK) {
        plan_rows(plan, spec);
        rc = plan_bytes(plan, spec, nn_spec_n_out(&plan->net), e);
    }
    if (rc != ERR_OK)
        training_plan_release(plan);
    return rc;
}

/* As many threads as there is room for, one at least. */
static void
limit_threads(struct training_plan *plan, size_t limit)
{
    while (plan->n_threads > 1 && plan->bytes > limit) {
        plan->bytes -= nn_work_team_bytes(plan->n_threads);
        plan->n_threads--;
        plan->bytes += nn_work_team_bytes(plan->n_threads);
    }
}

void
training_plan_limit(struct training_plan *plan, size_t limit,
                    const struct training_state *saved)
{
    size_t row = (plan->encoder->n_in + 1) * sizeof(float);
    size_t alone = plan->bytes - nn_work_team_bytes(plan->n_threads);

    plan->in_file = saved != NULL
                        ? saved->window_rows > 0
                        : alone > limit && plan->file_bytes < plan->bytes;
    if (plan->in_file) {
        plan->bytes = plan->file_bytes;
        plan->chunk_rows = FILE_CHUNK / row + 1;
        plan->window_rows = limit / WINDOW_PART / row + 1;
        if (plan->window_rows < plan->chunk_rows)
            plan->window_rows = plan->chunk_rows;
        if (saved != NULL)
            plan->window_rows = (size_t)saved->window_rows;
    }
    limit_threads(plan, limit);
}

void
training_plan_release(struct training_plan *plan)
{
    dataset_encoder_free(plan->start);
    dataset_encoder_free(plan->encoder);
    codec_stored_dataset_free(plan->validation);
    codec_stored_dataset_free(plan->dataset);
    memset(plan, 0, sizeof(*plan));
}

enum err
training_check_names(struct store *db, const struct codec_job *spec,
                     struct errinfo *e)
{
    struct training_plan plan = { .fit = false };
    enum err             rc;

    err_clear(e);
    rc = plan_open(&plan, db, spec, false, e);
    if (rc == ERR_OK && plan.dataset != NULL)
        training_plan_check(&plan, spec, e);
    training_plan_release(&plan);
    return rc == ERR_OK && e->n > 0 ? e->code : rc;
}

enum err
training_check(struct store *db, const struct mem_budget *budget,
               const struct codec_job *spec, struct errinfo *e)
{
    struct training_plan plan;
    enum err             rc = training_plan_init(&plan, db, spec, NULL, e);

    if (rc != ERR_OK)
        return rc;
    training_plan_limit(&plan, budget->limit, NULL);
    if (plan.bytes > budget->limit)
        rc = err_named(e,
                       err_set(e, ERR_INVALID, "/dataset",
                               "the job needs %zu bytes of memory, the limit "
                               "(memory_mib) is %zu",
                               plan.bytes, budget->limit),
                       "too_much_memory");
    training_plan_release(&plan);
    return rc;
}
