#include "dataset/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"

/* Longer texts that begin with a point are no numbers: no program writes
 * them, and they would need a buffer of any size. */
#define MAX_POINTED 1024

/* How pandas, numpy, R, spreadsheets and SQL write nothing, by length.  Not
 * None, inf, - or a point, nor "na": these are true categories as often as
 * not. */
/* clang-format off */
static const char *const nothings[] = {
    "",
    "?",
    "NA",
    "N/A" "n/a" "#NA" "NaN" "nan" "NAN",
    "#N/A" "<NA>" "-nan" "-NaN" "null" "NULL" "Null",
};
/* clang-format on */

/* Asked of every cell that is no plain number: the first letter parts most of
 * them from these words. */
bool
dataset_cell_is_missing(const char *s, size_t len)
{
    if (len == 0)
        return true;
    if (len >= COUNT_OF(nothings) || memchr("?N#<n-", s[0], 6) == NULL)
        return false;
    for (const char *word = nothings[len]; *word != '\0'; word += len)
        if (memcmp(word, s, len) == 0)
            return true;
    return false;
}

/* clang-format off */
static const char *const words[][2] = {
    { "false", "true" }, { "no", "yes" }, { "f", "t" }, { "n", "y" },
    { "off", "on" },     { "0", "1" },
};
/* clang-format on */

const char *
dataset_cell_word(unsigned pair, bool truth)
{
    return words[pair][truth];
}

bool
dataset_cell_truth(const char *s, size_t len, unsigned *pair, bool *out)
{
    for (unsigned i = 0; i < COUNT_OF(words); i++) {
        for (unsigned truth = 0; truth < 2; truth++) {
            const char *word = words[i][truth];

            if (strlen(word) != len || strncasecmp(word, s, len) != 0)
                continue;
            *pair = i;
            *out = truth;
            return true;
        }
    }
    return false;
}

/* Turn "+1" into "1" and "-.5" into "-0.5", which is how JSON has them. */
static const char *
as_json(const char *s, size_t *len, char room[MAX_POINTED])
{
    size_t sign;

    if (*len >= 2 && s[0] == '+' && s[1] != '-') {
        s++;
        (*len)--;
    }
    sign = *len > 0 && s[0] == '-';
    if (*len <= sign || s[sign] != '.' || *len + 1 > MAX_POINTED)
        return s;
    room[0] = '-';
    room[sign] = '0';
    memcpy(room + sign + 1, s + sign, *len - sign);
    (*len)++;
    return room;
}

enum dataset_cell
dataset_cell_parse(const char *s, size_t len, float *out)
{
    char room[MAX_POINTED];

    if (num_parse_float(s, len, out))
        return DATASET_CELL_NUMBER;
    s = as_json(s, &len, room);
    if (num_parse_float(s, len, out))
        return DATASET_CELL_NUMBER;
    return num_is_number(s, len) ? DATASET_CELL_TOO_LARGE : DATASET_CELL_TEXT;
}

void
dataset_cell_name(float x, struct buf *out)
{
    buf_reset(out);
    num_format_float(out, x == 0 ? 0 : x); /* minus zero is the same number */
}

bool
dataset_cell_value(const char *s, size_t len, double *out)
{
    char room[MAX_POINTED];

    s = as_json(s, &len, room);
    return num_parse(s, len, out);
}

bool
dataset_cell_is_exact(const char *s, size_t len, const struct buf *name)
{
    double a, b;

    return dataset_cell_value(s, len, &a) &&
           dataset_cell_value(name->data, name->len, &b) && a == b;
}

static int
compare(const void *a, const void *b)
{
    float x = ((const struct dataset_label *)a)->value;
    float y = ((const struct dataset_label *)b)->value;

    return (x > y) - (x < y);
}

enum err
dataset_labels_new(char *const *names, size_t n, struct dataset_labels *out,
                   struct errinfo *e)
{
    struct dataset_labels labels = { 0 };
    struct buf            name = { 0 };
    enum err              rc = ERR_OK;

    labels.at = mem_array(n, sizeof(*labels.at), 0);
    if (labels.at == NULL) {
        rc = err_set(e, ERR_NOMEM, "", "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        float  x;

        if (dataset_cell_parse(names[i], len, &x) != DATASET_CELL_NUMBER)
            continue;
        dataset_cell_name(x, &name);
        if (name.failed) {
            rc = err_set(e, ERR_NOMEM, "", "out of memory");
            goto out;
        }
        if (strcmp(name.data, names[i]) != 0)
            continue;
        labels.at[labels.n].value = x;
        labels.at[labels.n++].index = (uint32_t)i;
    }
    qsort(labels.at, labels.n, sizeof(*labels.at), compare);
    *out = labels;
    labels = (struct dataset_labels){ 0 };
out:
    buf_release(&name);
    dataset_labels_release(&labels);
    return rc;
}

void
dataset_labels_release(struct dataset_labels *labels)
{
    free(labels->at);
    *labels = (struct dataset_labels){ 0 };
}

float
dataset_labels_find(const struct dataset_labels *labels, float x)
{
    size_t low = 0, high = labels->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (labels->at[middle].value < x)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == labels->n || labels->at[low].value != x)
        return NAN;
    return (float)labels->at[low].index;
}
