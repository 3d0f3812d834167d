/*
 * team.h - threads that share the passes of one job
 *
 * Model    A team runs the parts of a piece of work (nn/team.h): the worker
 *          does the first itself, a helper each of the others.  Who waits spins
 *          for some microseconds, because the next piece mostly comes that
 *          soon, then offers its core to others for a while, then sleeps.
 *          Jobs that run at once divide the cores: each uses its share, and one
 *          alone all of them.
 * Owner    The job's worker; a struct nn_work borrows it.
 * Threads  One worker's.  training_cores is shared by all of a pool's.
 */
#ifndef TRAINING_TEAM_H
#define TRAINING_TEAM_H

#include <stdatomic.h>

#include "base/err.h"
#include "nn/team.h"

struct training_cores {
    unsigned    most; /* threads of one job at most, >= 1 */
    atomic_uint n_jobs;
};

struct training_team;

enum err training_team_new(unsigned most, struct training_team **out,
                           struct errinfo *e);
void     training_team_free(struct training_team *team); /* NULL is fine */

/* For nn_work_set_team(); borrowed. */
struct nn_team *training_team_nn(struct training_team *team);

/* Use this job's share of the cores from the next piece on. */
void training_team_share(struct training_team  *team,
                         struct training_cores *cores);

#endif
