/*
 * settle.c - what a column turned out to be, and what is told of it
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/cell.h"
#include "dataset/date.h"
#include "dataset/internal.h"
#include "dataset/targets.h"

/* Names are taken for text where there are this many, more than half of the
 * cells have one of their own, and they have this many words on the average. */
#define MIN_TEXTS 20
#define MIN_WORDS 3

/* --- what names mean ------------------------------------------------------ */

static bool
are_dates(const struct dataset_names *names)
{
    struct dataset_date unused;

    for (size_t i = 0; i < names->n; i++)
        if (!dataset_date_parse(names->at[i], strlen(names->at[i]), &unused))
            return false;
    return names->n > 0;
}

static size_t
count_words(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += *s != ' ' && (s[1] == ' ' || s[1] == '\0');
    return n;
}

static bool
are_texts(const struct dataset_draft *col)
{
    size_t   words = 0;
    uint64_t cells = 0;

    for (size_t i = 0; i < col->names.n; i++) {
        words += count_words(col->names.at[i]);
        cells += i < col->n_counts ? col->count[i] : 0;
    }
    return col->names.n >= MIN_TEXTS && 2 * col->names.n > cells &&
           words >= MIN_WORDS * col->names.n;
}

/* Two words that say no and yes.  *pair: which. */
static bool
are_truths(const struct dataset_names *names, unsigned *pair)
{
    unsigned other;
    bool     a, b;

    return names->n == 2 &&
           dataset_cell_truth(names->at[0], strlen(names->at[0]), pair, &a) &&
           dataset_cell_truth(names->at[1], strlen(names->at[1]), &other, &b) &&
           *pair == other && a != b;
}

/* The word for no is category 0, the one for yes is 1; one that no row has
 * gets its usual spelling. */
static enum err
order_truths(struct dataset_draft *col, struct errinfo *e)
{
    struct dataset_names *names = &col->names;
    const char           *word;
    unsigned              pair = 0;
    bool                  truth = false;

    if (names->n == 0 &&
        !dataset_names_add(names, dataset_cell_word(0, false), 5))
        return DATASET_NOMEM(e);
    dataset_cell_truth(names->at[0], strlen(names->at[0]), &pair, &truth);
    word = dataset_cell_word(pair, !truth);
    if (names->n == 1 && !dataset_names_add(names, word, strlen(word)))
        return DATASET_NOMEM(e);
    if (truth) {
        char *yes = names->at[0];

        names->at[0] = names->at[1];
        names->at[1] = yes;
        if (col->n_counts > 1) {
            uint64_t n = col->count[0];

            col->count[0] = col->count[1];
            col->count[1] = n;
        }
    }
    return ERR_OK;
}

static enum err
settle_names(struct dataset_draft *col, struct errinfo *e)
{
    bool     may_be_input = !col->chosen && !col->meta.is_target;
    unsigned pair;

    if (!col->chosen && are_truths(&col->names, &pair))
        col->meta.type = DATASET_BOOLEAN;
    else if (may_be_input && are_dates(&col->names))
        col->meta.type = DATASET_DATETIME;
    else if (may_be_input && are_texts(col))
        col->meta.type = DATASET_TEXT;
    return col->meta.type == DATASET_BOOLEAN ? order_truths(col, e) : ERR_OK;
}

/* --- the summary ---------------------------------------------------------- */

/* Put a name with its count among the most frequent ones; of equals the
 * earlier stays in front. */
static enum err
rank(struct dataset_summary *sum, const char *name, uint64_t count,
     struct errinfo *e)
{
    size_t at = sum->n_top;
    char  *copy;

    while (at > 0 && sum->top_count[at - 1] < count)
        at--;
    if (at == DATASET_TOP)
        return ERR_OK;
    copy = mem_dup(name, strlen(name));
    if (copy == NULL)
        return DATASET_NOMEM(e);
    if (sum->n_top == DATASET_TOP)
        free(sum->top[--sum->n_top]);
    for (size_t i = sum->n_top++; i > at; i--) {
        sum->top[i] = sum->top[i - 1];
        sum->top_count[i] = sum->top_count[i - 1];
    }
    sum->top[at] = copy;
    sum->top_count[at] = count;
    return ERR_OK;
}

static enum err
summarize_names(const struct dataset_draft *col, struct dataset_summary *sum,
                struct errinfo *e)
{
    enum err rc = ERR_OK;

    sum->distinct = col->names.n;
    for (size_t i = 0; i < col->names.n && i < col->n_counts && rc == ERR_OK;
         i++)
        if (col->count[i] > 0)
            rc = rank(sum, col->names.at[i], col->count[i], e);
    return rc;
}

static enum err
summarize_codes(const struct dataset_draft *col, struct dataset_summary *sum,
                struct errinfo *e)
{
    struct buf name = { 0 };
    enum err   rc = ERR_OK;

    for (size_t i = 0; i < col->seen.n && rc == ERR_OK; i++) {
        dataset_cell_name(col->seen.at[i], &name);
        rc = name.failed ? DATASET_NOMEM(e)
                         : rank(sum, name.data, dataset_draft_count(col, i), e);
    }
    buf_release(&name);
    return rc;
}

static enum err
summarize(const struct dataset_draft *col, struct errinfo *e)
{
    struct dataset_summary *sum = col->meta.summary;

    if (sum == NULL)
        return ERR_OK;
    if (dataset_type_cells(col->meta.type) == DATASET_NUMBERS) {
        if (!col->too_many && col->meta.width == 1)
            sum->distinct = col->seen.n;
        if (col->meta.type == DATASET_CLASS)
            return summarize_codes(col, sum, e);
        return ERR_OK;
    }
    sum->sampled = 0;
    return col->names.n > 0 ? summarize_names(col, sum, e) : ERR_OK;
}

/* --- the column ----------------------------------------------------------- */

static enum err
settle_codes(struct dataset_draft *col, struct errinfo *e)
{
    struct dataset_column *meta = &col->meta;

    if (col->too_many)
        return err_set(e, ERR_INVALID, "?types",
                       "column '%.80s' has more distinct values than a class "
                       "may have (dataset_categories)",
                       meta->name);
    return dataset_names_of_numbers(&col->seen, &meta->categories,
                                    &meta->n_categories, e);
}

enum err
dataset_column_settle(struct dataset_draft *col, bool is_class,
                      const struct dataset_grams *grams, struct errinfo *e)
{
    struct dataset_column *meta = &col->meta;
    enum err               rc = ERR_OK;

    switch (dataset_type_cells(meta->type)) {
    case DATASET_NUMBERS:
        if (col->present > 0)
            meta->std = sqrt(col->m2 / (double)col->present);
        if (is_class)
            meta->type = DATASET_CLASS;
        if (meta->type == DATASET_CLASS)
            rc = settle_codes(col, e);
        break;
    case DATASET_NAMES:
        rc = settle_names(col, e);
        break;
    case DATASET_TEXTS:
        if (!col->chosen && col->all_dates)
            meta->type = DATASET_DATETIME;
        break;
    case DATASET_NO_CELLS:
        break;
    }
    if (rc == ERR_OK)
        rc = summarize(col, e);
    if (rc != ERR_OK)
        return rc;
    if (dataset_type_cells(meta->type) != DATASET_NUMBERS)
        meta->min = meta->max = meta->mean = meta->std = 0; /* it may have
                                                               been numbers */
    if (meta->type == DATASET_TEXT && meta->grams.size == 0)
        meta->grams = *grams;
    if (dataset_type_cells(meta->type) == DATASET_NAMES) {
        meta->categories = col->names.at;
        meta->n_categories = col->names.n;
        col->names.at = NULL;
        col->names.n = 0;
    }
    return ERR_OK;
}
