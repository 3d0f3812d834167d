/* plan_check.c - what a job asks of its dataset and cannot have */
#include <math.h>
#include <stdio.h>
#include <string.h>

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
    if (training_plan_has_accuracy(plan))
        return;
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

/* A JSON Pointer to a member of this name: '~' is "~0", '/' is "~1". */
static void
pointer_to(char *out, size_t size, const char *object, const char *name)
{
    size_t n = (size_t)snprintf(out, size, "%s", object);

    for (; *name != '\0' && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    out[n] = '\0';
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
        pointer_to(at, sizeof(at), "/class_weights/", weights->name[i]);
        err_add(e, ERR_INVALID, at,
                "the dataset has no such class; its first is \"%.60s\"",
                meta->classes[0]);
    }
}

/* A column that is read for a purpose of its own, and so is no input. */
static void
set_aside(struct dataset_meta *meta, const char *name, bool words,
          const char *at, struct errinfo *e)
{
    for (size_t i = 0; i < meta->n_columns; i++) {
        struct dataset_column *c = &meta->column[i];

        if (strcmp(c->name, name) != 0)
            continue;
        if (c->type == DATASET_IGNORED)
            err_add(e, ERR_INVALID, at,
                    "column \"%.80s\" was ignored when the dataset was "
                    "uploaded",
                    name);
        else if (c->is_target || c->is_aside)
            err_add(e, ERR_INVALID, at, "column \"%.80s\" is %s already", name,
                    c->is_target ? "a target" : "taken");
        else if (words != (c->type == DATASET_CATEGORICAL))
            err_add(e, ERR_INVALID, at, "column \"%.80s\" holds %s", name,
                    words ? "no words; expected train, validation and test"
                          : "no numbers");
        else if (c->width != 1)
            err_add(e, ERR_INVALID, at,
                    "column \"%.80s\" has %zu numbers a row, expected one",
                    name, c->width);
        c->is_aside = true;
        return;
    }
    err_add(e, ERR_INVALID, at, "the dataset has no column \"%.80s\"", name);
}

enum err
training_plan_check(struct training_plan *plan, const struct codec_job *spec,
                    struct errinfo *e)
{
    struct errinfo       own;
    struct dataset_meta *meta = &plan->dataset->meta;

    if (e == NULL)
        e = &own;
    err_clear(e);
    check_task(plan, spec, e);
    check_class_weights(meta, &spec->class_weights, e);
    if (spec->validation_column[0] != '\0')
        set_aside(meta, spec->validation_column, true, "/validation/column", e);
    if (spec->folds > meta->n_rows)
        err_add(e, ERR_INVALID, "/validation/folds",
                "%llu folds need as many rows at least, and dataset \"%s\" has "
                "%llu",
                (unsigned long long)spec->folds, spec->dataset,
                (unsigned long long)meta->n_rows);
    if (spec->sample_weight[0] != '\0')
        set_aside(meta, spec->sample_weight, false, "/sample_weight", e);
    return e->n > 0 ? e->code : ERR_OK;
}
