/* row_weights.c - how much each training row counts */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "training/trainer.h"

/* Rows of each class that train. */
static enum err
count_classes(const struct training_trainer *t, double **out, struct errinfo *e)
{
    const struct dataset_encoder *enc = t->plan->encoder;
    const struct dataset_table   *table = t->table;
    double                       *n = mem_array(enc->n_classes, sizeof(*n), 0);

    if (n == NULL)
        return err_set(e, ERR_NOMEM, "", "no memory to train in");
    for (size_t i = 0; i < table->n_train; i++)
        n[dataset_encoder_class(enc,
                                table->t + table->train[i] * table->n_out)]++;
    *out = n;
    return ERR_OK;
}

/* rows / (classes * rows of the class), as scikit-learn has it; classes that
 * nobody trains on are not counted. */
static void
balance(double *weight, size_t n_classes, size_t n_rows)
{
    size_t n_present = 0;

    for (size_t k = 0; k < n_classes; k++)
        n_present += weight[k] > 0;
    for (size_t k = 0; k < n_classes; k++)
        if (weight[k] > 0)
            weight[k] = (double)n_rows / ((double)n_present * weight[k]);
}

/* The plan has checked that each name is a class. */
static void
give(double *weight, const struct dataset_encoder *enc,
     const struct codec_class_weights *given)
{
    for (size_t k = 0; k < enc->n_classes; k++) {
        weight[k] = 1;
        for (size_t i = 0; i < given->n; i++)
            if (strcmp(given->name[i], enc->classes[k]) == 0)
                weight[k] = given->weight[i];
    }
}

enum err
training_row_weights(struct training_trainer *t, struct errinfo *e)
{
    const struct codec_class_weights *asked = &t->spec->class_weights;
    const struct dataset_encoder     *enc = t->plan->encoder;
    const struct dataset_table       *table = t->table;
    double                           *of_class = NULL;

    if (asked->weighting == CODEC_CLASSES_EVEN && table->weight == NULL)
        return ERR_OK;
    t->weight = table->scale; /* in its file, or NULL */
    if (t->weight == NULL)
        t->weight = mem_floats(table->n_rows, 0);
    if (t->weight == NULL)
        return err_set(e, ERR_NOMEM, "", "no memory to train in");
    if (asked->weighting != CODEC_CLASSES_EVEN) {
        enum err rc = count_classes(t, &of_class, e);
        if (rc != ERR_OK)
            return rc;
        if (asked->weighting == CODEC_CLASSES_BALANCED)
            balance(of_class, enc->n_classes, table->n_train);
        else
            give(of_class, enc, asked);
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        double weight = table->weight != NULL ? (double)table->weight[r] : 1;

        if (of_class != NULL)
            weight *= of_class[dataset_encoder_class(
                enc, table->t + r * table->n_out)];
        t->weight[r] = (float)weight;
    }
    free(of_class);
    t->train.weight = t->weight;
    return ERR_OK;
}
