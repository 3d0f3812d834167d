/* predict_names.c - the columns that a row of a prediction's body names */
#include <stdio.h>
#include <string.h>

#include "base/similar.h"
#include "codec/predict_row.h"

/* Which of the targets is called name; n_targets: none. */
static size_t
find_target(const struct dataset_encoder *enc, const char *name)
{
    size_t i = 0;

    while (i < enc->n_targets && strcmp(enc->target[i], name) != 0)
        i++;
    return i;
}

/* What is known here, the most similar one first. */
static void
unknown_column(struct predict_reader *r, const char *name, struct errinfo *e)
{
    const struct dataset_encoder *enc = r->enc;
    unsigned                      least = SIMILAR_NOT;
    size_t                        best = 0, n = 0;
    char                          at[PREDICT_POINTER_SIZE], what[360];

    if (r->n_wrong >= ERR_MAX_ITEMS) { /* counted, and not told any more */
        predict_wrong(r, e, "", "");
        return;
    }
    for (size_t i = 0; i < enc->n_inputs; i++) {
        unsigned distance = similar_distance(name, enc->input[i].name);

        best = distance < least ? i : best;
        least = distance < least ? distance : least;
    }
    predict_row_pointer(r, name, at);
    n = (size_t)snprintf(what, sizeof(what), "unknown column; ");
    if (least < SIMILAR_NOT)
        n +=
            (size_t)snprintf(what + n, sizeof(what) - n,
                             "did you mean \"%.60s\"? ", enc->input[best].name);
    n += (size_t)snprintf(what + n, sizeof(what) - n, "known here: ");
    for (size_t i = 0; i < enc->n_inputs && n < sizeof(what); i++)
        n += (size_t)snprintf(what + n, sizeof(what) - n, "%s%.60s",
                              i == 0 ? "" : ", ", enc->input[i].name);
    predict_wrong(r, e, at, what);
}

/* The column called name; most rows name them in their order. */
static const struct dataset_input *
find_column(struct predict_reader *r, const char *name)
{
    size_t n = r->enc->n_inputs;

    for (size_t k = 0; k < n; k++, r->next++) {
        r->next = r->next < n ? r->next : 0;
        if (strcmp(r->enc->input[r->next].name, name) == 0)
            return &r->enc->input[r->next++];
    }
    return NULL;
}

/* A row may have all that the table has: its target is passed over. */
enum err
predict_row_key(struct predict_reader *r, const struct json_token *t,
                struct errinfo *e)
{
    size_t place;
    char   at[PREDICT_POINTER_SIZE];

    r->column = find_column(r, t->text);
    if (r->column != NULL) {
        place = (size_t)(r->column - r->enc->input);
        r->count = r->column->raw_offset;
    } else {
        place = find_target(r->enc, t->text);
        r->skips = true;
        if (place == r->enc->n_targets) {
            unknown_column(r, t->text, e);
            return ERR_OK;
        }
        place += r->enc->n_inputs;
    }
    if (r->named[place] == r->out->n_rows + 1) {
        predict_row_pointer(r, t->text, at);
        return err_set(e, ERR_MALFORMED, at, "comes twice");
    }
    r->named[place] = r->out->n_rows + 1;
    return ERR_OK;
}
