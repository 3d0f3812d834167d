/* plan_check.c - what a job asks of its dataset and cannot have */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "training/plan.h"

/* What is asked of classes makes no sense where there are none. */
static void
check_task(const struct training_plan *plan, const struct codec_job *spec,
           struct errinfo *e)
{
    bool classes = plan->dataset->meta.task == DATASET_CLASSIFICATION;

    if (!classes && spec->class_weights.weighting != CODEC_CLASSES_EVEN)
        err_add(e, ERR_INVALID, "/class_weights",
                "dataset \"%s\" has no classes; a column of weights "
                "(sample_weight) works there",
                spec->dataset);
    if (plan->net.n_layers == 0 || training_plan_has_accuracy(plan))
        return; /* of a network that is not there, nothing can be said */
    if (!isnan(spec->stop_accuracy_above))
        err_add(e, ERR_INVALID, "/stop_when/accuracy_above",
                "dataset \"%s\" has no classes: there is no accuracy",
                spec->dataset);
    if (spec->monitor == CODEC_MONITOR_ACCURACY ||
        spec->monitor == CODEC_MONITOR_VAL_ACCURACY)
        err_add(e, ERR_INVALID, "/stop_when/monitor",
                "dataset \"%s\" has no classes: there is no accuracy",
                spec->dataset);
}

static void
check_class_weights(const struct dataset_meta        *meta,
                    const struct codec_class_weights *weights,
                    struct errinfo                   *e)
{
    char at[sizeof(((struct err_item *)0)->where)];

    if (meta->task != DATASET_CLASSIFICATION)
        return;
    for (size_t i = 0; i < weights->n; i++) {
        size_t k = 0;

        while (k < meta->n_classes &&
               strcmp(weights->name[i], meta->classes[k]) != 0)
            k++;
        if (k < meta->n_classes)
            continue;
        json_write_pointer(at, sizeof(at), "/class_weights", weights->name[i]);
        err_add(e, ERR_INVALID, at,
                "the dataset has no such class; its first is \"%.60s\"",
                meta->classes[0]);
    }
}

/* --- columns that are no inputs ------------------------------------------- */

/* Are its cells of the kind that is read: words, or numbers? */
static bool
has_kind(const struct dataset_column *c, bool words)
{
    if (words)
        return c->type == DATASET_CATEGORICAL;
    return dataset_type_cells(c->type) == DATASET_NUMBERS ||
           c->type == DATASET_BOOLEAN;
}

/* A column that is read for a purpose of its own, and so is no input; NULL, and
 * why, where it cannot be. */
static const struct dataset_column *
set_aside(struct dataset_meta *meta, const char *name, bool words,
          const char *at, struct errinfo *e)
{
    struct dataset_column *c = NULL;

    for (size_t i = 0; i < meta->n_columns && c == NULL; i++)
        if (strcmp(meta->column[i].name, name) == 0)
            c = &meta->column[i];
    if (c == NULL)
        err_add(e, ERR_INVALID, at, "the dataset has no column \"%.80s\"",
                name);
    else if (c->type == DATASET_IGNORED)
        err_add(e, ERR_INVALID, at,
                "column \"%.80s\" was ignored when the dataset was uploaded",
                name);
    else if (c->is_target || c->is_aside)
        err_add(e, ERR_INVALID, at, "column \"%.80s\" is %s already", name,
                c->is_target ? "a target" : "taken");
    else if (!has_kind(c, words))
        err_add(e, ERR_INVALID, at, "column \"%.80s\" holds %s", name,
                words ? "no words; expected train, validation and test"
                      : "no numbers");
    else if (c->width != 1)
        err_add(e, ERR_INVALID, at,
                "column \"%.80s\" has %zu numbers a row, expected one", name,
                c->width);
    else {
        c->is_aside = true;
        return c;
    }
    return NULL;
}

/* "train", "test": the first words of a column that are of this part, or
 * (DATASET_PART_COUNT) of any. */
static void
quote_words(const struct dataset_column *c, enum dataset_part part, char *out,
            size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < c->n_categories && n < size; i++) {
        const char *word = c->categories[i];

        if (part == DATASET_PART_COUNT || dataset_part_of(word) == part)
            n += (size_t)snprintf(out + n, size - n, "%s\"%.20s\"",
                                  n > 0 ? ", " : "", word);
    }
}

/* The rows of a part that must have some. */
static void
check_part(const struct dataset_column *c, enum dataset_part part,
           const char *wanted, struct errinfo *e)
{
    char found[72];

    for (size_t i = 0; i < c->n_categories; i++)
        if (dataset_part_of(c->categories[i]) == part)
            return;
    quote_words(c, DATASET_PART_COUNT, found, sizeof(found));
    err_add(e, ERR_INVALID, "/validation/column",
            "column \"%.60s\" has %s: rows to %s", c->name, found, wanted);
}

/* A category is in the meta only if a row has it. */
static void
check_parts(const struct dataset_column *c, struct errinfo *e)
{
    static const char at[] = "/validation/column";
    char              strange[72];

    quote_words(c, DATASET_PART_NONE, strange, sizeof(strange));
    if (strange[0] != '\0')
        err_add(e, ERR_INVALID, at,
                "column \"%.60s\" has %s; expected \"train\", "
                "\"validation\" (\"val\", \"valid\") or \"test\"",
                c->name, strange);
    if (c->missing > 0)
        err_add(e, ERR_INVALID, at,
                "column \"%.60s\" says nothing in %llu of the rows; expected "
                "\"train\", \"validation\" or \"test\" in each",
                c->name, (unsigned long long)c->missing);
    check_part(c, DATASET_PART_VALIDATION,
               "validate with say \"validation\", \"val\" or \"valid\"", e);
    check_part(c, DATASET_PART_TRAIN, "train on say \"train\"", e);
}

/* Codes are told as categories, by value; other numbers by their least. */
static double
least_of(const struct dataset_column *c)
{
    double least = c->min;

    if (c->type == DATASET_CLASS && c->n_categories > 0)
        least = strtod(c->categories[0], NULL);
    return least;
}

static void
check_weights(const struct dataset_column *c, struct errinfo *e)
{
    static const char at[] = "/sample_weight";

    if (c->missing > 0)
        err_add(e, ERR_INVALID, at,
                "column \"%.80s\" has no number in %llu of the rows: each "
                "needs its weight",
                c->name, (unsigned long long)c->missing);
    if (least_of(c) < 0)
        err_add(e, ERR_INVALID, at,
                "column \"%.80s\" goes down to %g: a weight is at least 0",
                c->name, least_of(c));
}

/* --- how many rows -------------------------------------------------------- */

/* Rows that are drawn from together: of the largest class, or all. */
static size_t
largest_group(const struct dataset_meta *meta)
{
    size_t n = (size_t)meta->n_rows;

    if (meta->task != DATASET_CLASSIFICATION)
        return n;
    for (size_t i = 0; i < meta->n_columns; i++)
        if (meta->column[i].is_target && meta->column[i].n_most > 0)
            return (size_t)meta->column[i].n_most;
    return n >= meta->n_classes ? n - meta->n_classes + 1 : n;
}

static void
check_fraction(const struct dataset_meta *meta, double fraction,
               struct errinfo *e)
{
    size_t n = largest_group(meta);
    bool   classes = meta->task == DATASET_CLASSIFICATION;

    if (fraction == 0 || dataset_split_drawn(n, fraction) > 0)
        return;
    if (n < 2)
        err_add(e, ERR_INVALID, "/validation/fraction",
                "leaves none to validate with: %s",
                classes ? "no class has more than one row, which has to train"
                        : "the only row has to train");
    else
        err_add(e, ERR_INVALID, "/validation/fraction",
                classes ? "%g of each class (%zu rows at most) leaves none to "
                          "validate with: it takes 1/%zu at least"
                        : "%g of %zu rows leaves none to validate with: it "
                          "takes 1/%zu at least",
                fraction, n, 2 * n);
}

static void
check_rows(const struct dataset_meta *meta, const struct codec_job *spec,
           struct errinfo *e)
{
    check_fraction(meta, spec->validation_fraction, e);
    if (spec->folds > meta->n_rows)
        err_add(e, ERR_INVALID, "/validation/folds",
                "%llu folds need as many rows at least, and dataset \"%s\" has "
                "%llu",
                (unsigned long long)spec->folds, spec->dataset,
                (unsigned long long)meta->n_rows);
}

bool
training_plan_check(struct training_plan *plan, const struct codec_job *spec,
                    struct errinfo *e)
{
    struct dataset_meta         *meta = &plan->dataset->meta;
    const struct dataset_column *part = NULL, *weight = NULL;

    check_task(plan, spec, e);
    check_class_weights(meta, &spec->class_weights, e);
    if (spec->validation_column[0] != '\0')
        part = set_aside(meta, spec->validation_column, true,
                         "/validation/column", e);
    if (part != NULL)
        check_parts(part, e);
    check_rows(meta, spec, e);
    if (spec->sample_weight[0] != '\0')
        weight =
            set_aside(meta, spec->sample_weight, false, "/sample_weight", e);
    if (weight != NULL)
        check_weights(weight, e);
    return (part != NULL) == (spec->validation_column[0] != '\0') &&
           (weight != NULL) == (spec->sample_weight[0] != '\0');
}
