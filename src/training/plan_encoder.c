/* plan_encoder.c - which encoder a job works with */
#include <string.h>

#include "codec/dataset.h"
#include "training/plan.h"

/* Is name among names[0..n)?  It most often stands at place `hint`. */
static bool
names_has(char *const *names, size_t n, const char *name, size_t hint)
{
    if (hint < n && strcmp(names[hint], name) == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool
names_have_all(char *const *names, size_t n, char *const *wanted,
               size_t n_wanted)
{
    for (size_t i = 0; i < n_wanted; i++)
        if (!names_has(names, n, wanted[i], i))
            return false;
    return true;
}

static const struct dataset_input *
input_find(const struct dataset_encoder *enc, const char *name, size_t hint)
{
    if (hint < enc->n_inputs && strcmp(enc->input[hint].name, name) == 0)
        return &enc->input[hint];
    for (size_t i = 0; i < enc->n_inputs; i++)
        if (strcmp(enc->input[i].name, name) == 0)
            return &enc->input[i];
    return NULL;
}

static bool
input_has_column(const struct dataset_input  *input,
                 const struct dataset_column *column)
{
    return input != NULL && input->type == column->type &&
           (input->type != DATASET_NUMERIC || input->width == column->width) &&
           memcmp(&input->grams, &column->grams, sizeof(input->grams)) == 0 &&
           names_have_all(input->categories, input->n_categories,
                          column->categories, column->n_categories);
}

/*
 * Does a version's encoder know everything in this dataset?  Then weights that
 * were trained behind it go on behind it.  Names decide, not the order: two
 * files of one kind list their categories in different orders, and a new
 * encoder would swap the inputs under the weights.
 */
static bool
encoder_fits(const struct dataset_encoder  *enc,
             const struct dataset_encoding *encoding,
             const struct dataset_meta     *meta)
{
    size_t n_inputs = 0, n_targets = 0;

    if (!dataset_encoding_equal(&enc->encoding, encoding) ||
        enc->task != meta->task ||
        !names_have_all(enc->classes, enc->n_classes, meta->classes,
                        meta->n_classes))
        return false;
    for (size_t i = 0; i < meta->n_columns; i++) {
        const struct dataset_column *c = &meta->column[i];
        if (c->type == DATASET_IGNORED || c->is_aside)
            continue;
        if (c->is_target) {
            if (!names_has(enc->target, enc->n_targets, c->name, n_targets))
                return false;
            n_targets++;
        } else {
            if (!input_has_column(input_find(enc, c->name, n_inputs), c))
                return false;
            n_inputs++;
        }
    }
    return n_inputs == enc->n_inputs && n_targets == enc->n_targets;
}

enum err
training_plan_start_open(struct training_plan *plan, struct store *db,
                         const struct codec_job *spec, int64_t network_id,
                         struct errinfo *e)
{
    struct store_version row = { 0 };
    enum err             rc;

    rc = store_version_get(db, network_id, plan->start_version, &row, e);
    if (rc == ERR_NOTFOUND)
        rc = err_set(e, ERR_INVALID, "/start_from",
                     "network \"%s\" has no version %lld", spec->network,
                     (long long)plan->start_version);
    if (rc == ERR_OK && spec->start_from != CODEC_START_INITIAL &&
        row.encoder != NULL)
        rc = codec_encoder_parse(row.encoder, &plan->start, e);
    store_version_release(&row);
    return rc;
}

enum err
training_plan_encoder_choose(struct training_plan   *plan,
                             const struct codec_job *spec, const char *saved,
                             size_t n_out, struct errinfo *e)
{
    if (saved != NULL)
        return codec_encoder_parse(saved, &plan->encoder, e);
    if (plan->start != NULL &&
        encoder_fits(plan->start, &spec->encoding, &plan->dataset->meta)) {
        plan->encoder = plan->start;
        plan->start = NULL;
        return ERR_OK;
    }
    bool symmetric = nn_activation_is_symmetric(
        plan->net.layer[plan->net.n_layers - 1].activation);
    plan->fit = true;
    return dataset_encoder_new(&plan->dataset->meta, &spec->encoding, n_out,
                               symmetric, &plan->encoder, e);
}

enum err
training_plan_encoder_renew(struct training_plan *plan, struct store *db,
                            const struct codec_job *spec, struct errinfo *e)
{
    struct store_network network = { 0 };
    enum err             rc = store_network_get(db, spec->network, &network, e);

    if (rc != ERR_OK)
        return rc;
    dataset_encoder_free(plan->encoder);
    dataset_encoder_free(plan->start);
    plan->encoder = plan->start = NULL;
    plan->fit = false;
    rc = training_plan_start_open(plan, db, spec, network.id, e);
    if (rc == ERR_OK)
        rc = training_plan_encoder_choose(plan, spec, NULL,
                                          nn_spec_n_out(&plan->net), e);
    store_network_release(&network);
    return rc;
}
