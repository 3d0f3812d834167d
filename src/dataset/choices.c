#include "dataset/choices.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "dataset/internal.h"

/* One "name:type" of ?types=; the last colon counts. */
static enum err
parse_type(struct dataset_choices *choices, const char *s, size_t len,
           struct errinfo *e)
{
    const char       *colon = memrchr(s, ':', len);
    char              word[32] = "";
    size_t            word_len;
    enum dataset_type type;

    if (colon == NULL || colon == s)
        return err_set(e, ERR_MALFORMED, "?types",
                       "found '%.*s', expected NAME:TYPE", (int)len, s);
    word_len = (size_t)(s + len - colon - 1);
    if (word_len < sizeof(word))
        memcpy(word, colon + 1, word_len);
    if (!dataset_type_find(word, &type))
        return err_set(e, ERR_MALFORMED, "?types",
                       "found '%.*s', expected a type: numeric, categorical, "
                       "boolean, class, datetime, text or ignored",
                       (int)len, s);
    choices->name[choices->n_types] = mem_dup(s, (size_t)(colon - s));
    if (choices->name[choices->n_types] == NULL)
        return DATASET_NOMEM(e);
    choices->type[choices->n_types++] = type;
    return ERR_OK;
}

static enum err
parse_types(struct dataset_choices *choices, const char *s, struct errinfo *e)
{
    size_t n = 1;

    for (const char *p = s; *p != '\0'; p++)
        n += *p == ',';
    choices->name = mem_array(n, sizeof(*choices->name), 0);
    choices->type = mem_array(n, sizeof(*choices->type), 0);
    if (choices->name == NULL || choices->type == NULL)
        return DATASET_NOMEM(e);
    for (size_t i = 0; i < n; i++) {
        size_t   len = strcspn(s, ",");
        enum err rc = parse_type(choices, s, len, e);

        if (rc != ERR_OK)
            return rc;
        s += len + 1;
    }
    return ERR_OK;
}

/* A list of names with commas between. */
static enum err
parse_columns(struct dataset_choices *choices, const char *s, struct errinfo *e)
{
    size_t n = 1;

    for (const char *p = s; *p != '\0'; p++)
        n += *p == ',';
    choices->column = mem_array(n, sizeof(*choices->column), 0);
    if (choices->column == NULL)
        return DATASET_NOMEM(e);
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(s, ",");

        choices->column[i] = mem_dup(s, len);
        if (choices->column[i] == NULL)
            return DATASET_NOMEM(e);
        choices->n_columns = i + 1;
        s += len + 1;
    }
    return ERR_OK;
}

static enum err
parse_delimiter(const char *s, char *out, struct errinfo *e)
{
    if (strcmp(s, "tab") == 0)
        s = "\t";
    if (strlen(s) != 1 || strchr(",;\t|", *s) == NULL)
        return err_set(e, ERR_MALFORMED, "?delimiter",
                       "found '%.20s', expected one of , ; | or tab", s);
    *out = *s;
    return ERR_OK;
}

/* "3-5", "2" or "0": n-grams of this many. */
static enum err
parse_grams(const char *s, const char *where, uint8_t *min, uint8_t *max,
            struct errinfo *e)
{
    const char *dash = strchr(s, '-');
    size_t      len = dash != NULL ? (size_t)(dash - s) : strlen(s);
    uint64_t    a, b;

    if (!num_parse_u64(s, len, &a) ||
        !num_parse_u64(dash != NULL ? dash + 1 : s,
                       dash != NULL ? strlen(dash + 1) : len, &b) ||
        a > b || b > DATASET_MAX_GRAM || (a == 0 && b > 0))
        return err_set(e, ERR_MALFORMED, where,
                       "found '%.20s', expected numbers of 1 to %d as 1-2, or "
                       "0 for none",
                       s, DATASET_MAX_GRAM);
    *min = (uint8_t)a;
    *max = (uint8_t)b;
    return ERR_OK;
}

static enum err
parse_text(const struct dataset_upload_options *options,
           struct dataset_grams *out, struct errinfo *e)
{
    uint64_t size = 4096;
    enum err rc = ERR_OK;

    *out = (struct dataset_grams){ .word_min = 1, .word_max = 1 };
    if (options->text_size != NULL &&
        (!num_parse_u64(options->text_size, strlen(options->text_size),
                        &size) ||
         size < 1 || size > DATASET_MAX_TEXT_SIZE))
        return err_set(e, ERR_MALFORMED, "?text_size",
                       "found '%.20s', expected 1 to %d", options->text_size,
                       DATASET_MAX_TEXT_SIZE);
    out->size = (uint32_t)size;
    if (options->text_words != NULL)
        rc = parse_grams(options->text_words, "?text_words", &out->word_min,
                         &out->word_max, e);
    if (rc == ERR_OK && options->text_characters != NULL)
        rc = parse_grams(options->text_characters, "?text_characters",
                         &out->char_min, &out->char_max, e);
    if (rc == ERR_OK && out->word_max == 0 && out->char_max == 0)
        rc = err_set(e, ERR_MALFORMED, "?text_words",
                     "neither words nor characters of a text are counted");
    return rc;
}

static enum err
parse_on_error(const char *s, bool *out, struct errinfo *e)
{
    *out = strcmp(s, "skip") == 0;
    if (!*out && strcmp(s, "fail") != 0)
        return err_set(e, ERR_MALFORMED, "?on_error",
                       "found '%.20s', expected fail or skip", s);
    return ERR_OK;
}

enum err
dataset_choices_parse(const struct dataset_upload_options *options,
                      struct dataset_choices *out, struct errinfo *e)
{
    struct dataset_choices choices = { .format = options->format,
                                       .header = options->header };
    enum err               rc = ERR_OK;

    if (options->task != NULL) {
        choices.has_task = dataset_task_find(options->task, &choices.task);
        if (!choices.has_task) {
            rc = err_set(e, ERR_MALFORMED, "?task",
                         "found '%.40s', expected classification or regression",
                         options->task);
            goto out;
        }
    }
    if (options->target != NULL) {
        choices.target = mem_dup(options->target, strlen(options->target));
        if (choices.target == NULL) {
            rc = DATASET_NOMEM(e);
            goto out;
        }
    }
    if (options->types != NULL) {
        rc = parse_types(&choices, options->types, e);
        if (rc != ERR_OK)
            goto out;
    }
    if (options->columns != NULL) {
        rc = parse_columns(&choices, options->columns, e);
        if (rc != ERR_OK)
            goto out;
    }
    if (options->delimiter != NULL) {
        rc = parse_delimiter(options->delimiter, &choices.delimiter, e);
        if (rc != ERR_OK)
            goto out;
    }
    if (options->on_error != NULL) {
        rc = parse_on_error(options->on_error, &choices.skips, e);
        if (rc != ERR_OK)
            goto out;
    }
    rc = parse_text(options, &choices.grams, e);
    if (rc != ERR_OK)
        goto out;
    *out = choices;
    choices = (struct dataset_choices){ 0 };
out:
    dataset_choices_release(&choices);
    return rc;
}

void
dataset_choices_release(struct dataset_choices *choices)
{
    free(choices->target);
    dataset_strings_free(choices->name, choices->n_types);
    dataset_strings_free(choices->column, choices->n_columns);
    free(choices->type);
    *choices = (struct dataset_choices){ 0 };
}

/* The column of this name, or rows->n_columns with the reason in e. */
static size_t
find_column(const struct dataset_rows *rows, const char *name, size_t len,
            const char *where, struct errinfo *e)
{
    size_t     place = dataset_names_find(&rows->names, name, len);
    struct buf known = { 0 };

    if (place < rows->names.n)
        return place;
    for (size_t i = 0; i < rows->n_columns && known.len < 100; i++)
        buf_printf(&known, "%s%s", i > 0 ? ", " : "",
                   rows->column[i].meta.name);
    err_add(e, ERR_INVALID, where,
            "there is no column '%.*s'; the columns are %.100s%s",
            (int)(len < 60 ? len : 60), name,
            known.failed ? "others" : known.data, known.len > 100 ? "..." : "");
    buf_release(&known);
    return rows->n_columns;
}

void
dataset_choices_rename(const struct dataset_choices *choices, size_t i,
                       const char **name, size_t *len)
{
    if (i >= choices->n_columns || choices->column[i][0] == '\0')
        return;
    *name = choices->column[i];
    *len = strlen(*name);
}

static enum err
apply_types(const struct dataset_choices *choices, struct dataset_rows *rows,
            struct errinfo *e)
{
    enum err rc = ERR_OK;

    for (size_t i = 0; i < choices->n_types; i++) {
        size_t c = find_column(rows, choices->name[i], strlen(choices->name[i]),
                               "?types", e);

        if (c == rows->n_columns)
            rc = ERR_INVALID;
        else if (rows->column[c].chosen)
            rc = err_add(e, ERR_INVALID, "?types", "names '%.80s' twice",
                         choices->name[i]);
        else
            dataset_rows_choose(rows, c, choices->type[i]);
    }
    return rc;
}

static enum err
apply_target(struct dataset_rows *rows, const char *name, size_t len,
             struct errinfo *e)
{
    size_t c = find_column(rows, name, len, "?target", e);

    if (c == rows->n_columns)
        return ERR_INVALID;
    if (rows->column[c].meta.type == DATASET_IGNORED)
        return err_add(e, ERR_INVALID, "?target",
                       "the target '%.80s' is ignored by ?types=",
                       rows->column[c].meta.name);
    if (dataset_type_cells(rows->column[c].meta.type) == DATASET_TEXTS)
        return err_add(e, ERR_INVALID, "?target",
                       "the target '%.80s' is %s by ?types=; a target is "
                       "numeric, class, boolean or categorical",
                       rows->column[c].meta.name,
                       dataset_type_name(rows->column[c].meta.type));
    rows->column[c].meta.is_target = true;
    return ERR_OK;
}

static enum err
apply_targets(const struct dataset_choices *choices, struct dataset_rows *rows,
              struct errinfo *e)
{
    const char *s = choices->target;
    enum err    rc = ERR_OK;

    if (s == NULL) {
        for (size_t i = rows->n_columns; i-- > 0;) {
            const char *name = rows->column[i].meta.name;

            if (rows->column[i].meta.type != DATASET_IGNORED)
                return apply_target(rows, name, strlen(name), e);
        }
        return ERR_OK;
    }
    /* A name may itself contain a comma. */
    if (dataset_names_find(&rows->names, s, strlen(s)) < rows->names.n)
        return apply_target(rows, s, strlen(s), e);
    for (;; s++) {
        size_t len = strcspn(s, ",");

        if (apply_target(rows, s, len, e) != ERR_OK)
            rc = ERR_INVALID;
        s += len;
        if (*s == '\0')
            return rc;
    }
}

enum err
dataset_choices_apply(const struct dataset_choices *choices,
                      struct dataset_rows *rows, struct errinfo *e)
{
    size_t   n_inputs = 0;
    enum err rc;

    if (choices->n_columns > 0 && choices->n_columns != rows->n_columns)
        return err_set(e, ERR_INVALID, "?columns",
                       "names %zu columns, the file has %zu; give a name to "
                       "each, or leave one empty between commas to keep it",
                       choices->n_columns, rows->n_columns);
    rows->skips = choices->skips;
    rows->grams = choices->grams;
    rc = apply_types(choices, rows, e);
    if (rc == ERR_OK)
        rc = apply_targets(choices, rows, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < rows->n_columns; i++)
        n_inputs += rows->column[i].meta.type != DATASET_IGNORED &&
                    !rows->column[i].meta.is_target;
    if (n_inputs == 0)
        return err_set(e, ERR_INVALID, "",
                       "found %zu column%s, and none is left to be an input; "
                       "expected an input and a target at least, with commas "
                       "between the fields of a row",
                       rows->n_columns, rows->n_columns == 1 ? "" : "s");
    return ERR_OK;
}

enum err
dataset_choices_check_arrays(const struct dataset_choices *choices,
                             struct errinfo               *e)
{
    if (choices->n_columns > 0)
        return err_set(e, ERR_INVALID, "?columns",
                       "the columns of this form are always called inputs and "
                       "targets");
    if (choices->skips)
        return err_set(e, ERR_INVALID, "?on_error",
                       "only rows of CSV and NDJSON can be skipped");
    if (choices->target != NULL && strcmp(choices->target, "targets") != 0)
        return err_set(e, ERR_INVALID, "?target",
                       "found '%.80s'; the target of this form is 'targets'",
                       choices->target);
    for (size_t i = 0; i < choices->n_types; i++) {
        const char *name = choices->name[i];

        if (strcmp(name, "inputs") != 0 && strcmp(name, "targets") != 0)
            return err_set(e, ERR_INVALID, "?types",
                           "there is no column '%.80s'; the columns of this "
                           "form are inputs and targets",
                           name);
        if (choices->type[i] != DATASET_NUMERIC)
            return err_set(e, ERR_INVALID, "?types",
                           "'%s' is an array and can only be numeric", name);
    }
    return ERR_OK;
}
