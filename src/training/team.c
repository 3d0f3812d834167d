#include "training/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "training/blame.h"

/* Who waits looks so often first, some 20 microseconds, then for so long while
 * it offers the core to others, and sleeps only then: to be woken costs 50
 * microseconds on a virtual machine, and the parts of a step of a middling net
 * end further apart than those 20.  A helper who had no part in the last piece
 * sleeps sooner. */
#define SPINS 1000
#define YIELD_US 200
#define PARTS_BITS 8 /* of `piece`; the rest counts the pieces */
#define MAX_PARTS ((1u << PARTS_BITS) - 1)

struct helper {
    struct training_team *team;
    pthread_t             thread;
    unsigned              part;
};

/*
 * A piece of work begins when `piece` changes.  It has the number of parts in
 * it, so that a helper who is not needed looks at nothing else, and may come
 * late; those who are needed are waited for.
 *
 * Who wants to sleep first says so, then looks again; who wakes others first
 * changes what they look at, then reads whether anybody sleeps.  All four are
 * sequentially consistent, so at least one sees the other.
 */
struct training_team {
    struct nn_team  nn;        /* first: nn_team_run() is given this */
    int64_t         job_id;    /* what helpers are to blame for      */
    struct helper  *helper;    /* [nn.most - 1] */
    unsigned        n_helpers; /* started */
    nn_part_fn      fn;
    void           *ctx;
    atomic_uint     piece;
    atomic_uint     n_left;    /* helpers that still work on it */
    atomic_uint     n_asleep;  /* helpers                       */
    atomic_bool     is_asleep; /* the worker                    */
    atomic_bool     stopping;
    pthread_mutex_t lock; /* held to sleep and to wake, guards nothing */
    pthread_cond_t  wake, done;
};

static void
pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static bool
comes_soon(struct training_team *team,
           bool (*has_come)(struct training_team *team, unsigned seen),
           unsigned seen, int64_t yield_us)
{
    for (int i = 0; i < SPINS; i++) {
        if (has_come(team, seen))
            return true;
        pause_briefly();
    }
    for (int64_t until = clock_mono_us() + yield_us; clock_mono_us() < until;) {
        if (has_come(team, seen))
            return true;
        sched_yield();
    }
    return false;
}

/* --- helpers -------------------------------------------------------------- */

static bool
has_news(struct training_team *team, unsigned seen)
{
    return atomic_load(&team->piece) != seen || atomic_load(&team->stopping);
}

static void
wait_for_news(struct training_team *team, unsigned seen, bool had_part)
{
    if (comes_soon(team, has_news, seen, had_part ? YIELD_US : 0))
        return;
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->n_asleep, 1);
    while (!has_news(team, seen))
        pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->n_asleep, 1);
    pthread_mutex_unlock(&team->lock);
}

static void
wake_worker(struct training_team *team)
{
    if (!atomic_load(&team->is_asleep))
        return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_signal(&team->done);
    pthread_mutex_unlock(&team->lock);
}

static void *
helper_main(void *arg)
{
    struct helper        *helper = arg;
    struct training_team *team = helper->team;
    unsigned              seen = 0;
    bool                  has_part = false;

    training_blame_set(team->job_id);
    for (;;) {
        wait_for_news(team, seen, has_part);
        if (atomic_load(&team->stopping))
            return NULL;
        seen = atomic_load(&team->piece);
        unsigned n_parts = seen & MAX_PARTS;
        has_part = helper->part < n_parts;
        if (!has_part)
            continue;
        team->fn(team->ctx, helper->part, n_parts);
        if (atomic_fetch_sub(&team->n_left, 1) == 1)
            wake_worker(team);
    }
}

/* --- the worker ----------------------------------------------------------- */

static void
wake_helpers(struct training_team *team)
{
    if (atomic_load(&team->n_asleep) == 0)
        return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

static bool
is_done(struct training_team *team, unsigned unused)
{
    (void)unused;
    return atomic_load(&team->n_left) == 0;
}

static void
wait_for_helpers(struct training_team *team)
{
    if (comes_soon(team, is_done, 0, YIELD_US))
        return;
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->is_asleep, true);
    while (!is_done(team, 0))
        pthread_cond_wait(&team->done, &team->lock);
    atomic_store(&team->is_asleep, false);
    pthread_mutex_unlock(&team->lock);
}

static void
team_run(struct nn_team *nn, nn_part_fn fn, void *ctx, unsigned n_parts)
{
    struct training_team *team = (struct training_team *)nn;
    unsigned              count = (atomic_load(&team->piece) >> PARTS_BITS) + 1;

    team->fn = fn;
    team->ctx = ctx;
    atomic_store(&team->n_left, n_parts - 1);
    atomic_store(&team->piece, count << PARTS_BITS | n_parts);
    wake_helpers(team);
    fn(ctx, 0, n_parts);
    wait_for_helpers(team);
}

enum err
training_team_new(unsigned most, struct training_team **out, struct errinfo *e)
{
    struct training_team *team = mem_array(1, sizeof(*team), 0);

    most = most < MAX_PARTS ? most : MAX_PARTS;
    if (team != NULL)
        team->helper = mem_array(most, sizeof(*team->helper), 0);
    if (team == NULL || team->helper == NULL) {
        free(team);
        return err_set(e, ERR_NOMEM, "", "no memory for %u threads", most);
    }
    team->job_id = training_blame_get();
    team->nn = (struct nn_team){ .most = most, .n = most, .run = team_run };
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    pthread_cond_init(&team->done, NULL);
    for (unsigned i = 0; i + 1 < most; i++) {
        struct helper *h = &team->helper[i];

        h->team = team;
        h->part = i + 1;
        enum err rc = thread_start(&h->thread, "helper", helper_main, h, e);
        if (rc != ERR_OK) {
            training_team_free(team);
            return rc;
        }
        team->n_helpers++;
    }
    *out = team;
    return ERR_OK;
}

void
training_team_free(struct training_team *team)
{
    if (team == NULL)
        return;
    atomic_store(&team->stopping, true);
    wake_helpers(team);
    for (unsigned i = 0; i < team->n_helpers; i++)
        pthread_join(team->helper[i].thread, NULL);
    pthread_cond_destroy(&team->done);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team->helper);
    free(team);
}

struct nn_team *
training_team_nn(struct training_team *team)
{
    return &team->nn;
}

void
training_team_share(struct training_team *team, struct training_cores *cores)
{
    unsigned n_jobs =
        atomic_load_explicit(&cores->n_jobs, memory_order_relaxed);
    unsigned share = cores->most / (n_jobs > 0 ? n_jobs : 1);

    share = share < team->nn.most ? share : team->nn.most;
    team->nn.n = share > 0 ? share : 1;
}
