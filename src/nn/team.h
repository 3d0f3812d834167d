/*
 * team.h - whoever runs the parts of one piece of work at once
 *
 * Model    nn/ knows no threads.  It cuts its work into parts that touch
 *          nothing of each other's, and gives them to a team.  What a part
 *          computes does not depend on how many there are: the results are the
 *          same bytes for any team, or none.
 * Owner    Whoever has the threads; a struct nn_work borrows it.
 * Threads  One piece at a time, from the thread that owns the work.
 */
#ifndef NN_TEAM_H
#define NN_TEAM_H

typedef void (*nn_part_fn)(void *ctx, unsigned part, unsigned n_parts);

struct nn_team {
    unsigned most; /* room for so many parts is made, >= 1              */
    unsigned n;    /* parts at most just now, 1..most; may change between
                      two calls of nn/                                  */
    /* fn(ctx, p, n_parts) for p in 0..n_parts; returns when all have. */
    void (*run)(struct nn_team *team, nn_part_fn fn, void *ctx,
                unsigned n_parts);
};

#endif
