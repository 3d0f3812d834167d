/* view.c - rows as one piece of memory, gathered by all threads of a job */
#include <string.h>

#include "base/mem.h"
#include "training/team.h"
#include "training/trainer.h"

#define CACHE_LINE 64
/* Rows asked for while one is copied: long ones, and those of one line. */
#define AHEAD 4
#define AHEAD_SHORT 32
/* Waking a helper pays from so many bytes on. */
#define LEAST_SHARED (64 * KIB)

/* A column block of a table, and where its rows go. */
struct gathering {
    float       *to;
    const float *from;
    size_t       width;
};

struct gather {
    const uint32_t  *row;
    size_t           n_rows;
    struct gathering of[3]; /* inputs, targets, weights (from NULL: none) */
};

/* A few moves; memcpy() would be called for each of them. */
static inline void
copy_short(float *to, const float *from, size_t n)
{
    for (; n >= 4; n -= 4, to += 4, from += 4)
        memcpy(to, from, 4 * sizeof(float));
    if ((n & 2) != 0) {
        memcpy(to, from, 2 * sizeof(float));
        to += 2;
        from += 2;
    }
    if ((n & 1) != 0)
        *to = *from;
}

static void
gather_rows(const struct gathering *of, const uint32_t *row, size_t first,
            size_t end)
{
    size_t width = of->width, bytes = width * sizeof(float);

    if (bytes <= CACHE_LINE) {
        for (size_t i = first; i < end; i++) {
            size_t later = i + AHEAD_SHORT < end ? i + AHEAD_SHORT : i;

            __builtin_prefetch(of->from + row[later] * width);
            copy_short(of->to + i * width, of->from + row[i] * width, width);
        }
        return;
    }
    for (size_t i = first; i < end; i++) {
        size_t      later = i + AHEAD < end ? i + AHEAD : i;
        const char *next = (const char *)(of->from + row[later] * width);

        /* Into the second-level cache, which takes more requests at once than
         * the first: twice as fast.  Not a function of its own: gcc drops calls
         * of one that does nothing but this. */
        for (size_t at = 0; at < bytes; at += CACHE_LINE)
            __builtin_prefetch(next + at, 0, 2);
        memcpy(of->to + i * width, of->from + row[i] * width, bytes);
    }
}

static void
gather_part(void *ctx, unsigned part, unsigned n_parts)
{
    const struct gather *g = ctx;
    size_t first = g->n_rows * part / n_parts,
           end = g->n_rows * (part + 1) / n_parts;

    for (size_t i = 0; i < COUNT_OF(g->of); i++)
        if (g->of[i].from != NULL)
            gather_rows(&g->of[i], g->row, first, end);
}

/*
 * Where the rows lie in order already, they are the table's own; else they are
 * gathered on the stage.
 */
void
training_rows_view(const struct training_trainer *t,
                   const struct training_rows *rows, size_t first, size_t n,
                   const float **x, const float **y, const float **w)
{
    const struct dataset_table *table = rows->table;
    size_t                      n_in = table->n_in, n_out = table->n_out;
    struct nn_team             *team;

    if (rows->row == NULL) {
        *x = table->x + first * n_in;
        *y = table->t + first * n_out;
        *w = rows->weight != NULL ? rows->weight + first : NULL;
        return;
    }
    struct gather g = { .row = rows->row + first,
                        .n_rows = n,
                        .of = { { t->stage_x, table->x, n_in },
                                { t->stage_t, table->t, n_out },
                                { t->stage_w, rows->weight, 1 } } };
    team = t->team != NULL ? training_team_nn(t->team) : NULL;
    if (team != NULL && team->n > 1 &&
        n * n_in * sizeof(float) >= LEAST_SHARED)
        team->run(team, gather_part, &g, team->n);
    else
        gather_part(&g, 0, 1);
    *x = t->stage_x;
    *y = t->stage_t;
    *w = rows->weight != NULL ? t->stage_w : NULL;
}
