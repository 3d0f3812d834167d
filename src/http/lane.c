#include "http/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

struct http_lane {
    pthread_mutex_t   lock;
    pthread_cond_t    wake;
    struct http_job  *head; /* the next to run */
    struct http_job **tail;
    size_t            n_places; /* reserved, and not yet taken by a thread */
    size_t            max_jobs;
    bool              closed;
    unsigned          n_threads; /* running */
    pthread_t         thread[];
};

/* The next job, NULL where there is none.  `lock` is held here. */
static struct http_job *
pop_locked(struct http_lane *lane)
{
    struct http_job *job = lane->head;

    if (job != NULL) {
        lane->head = job->next;
        if (lane->head == NULL)
            lane->tail = &lane->head;
    }
    return job;
}

static void
append_locked(struct http_lane *lane, struct http_job *job)
{
    job->next = NULL;
    *lane->tail = job;
    lane->tail = &job->next;
    pthread_cond_signal(&lane->wake);
}

static void *
lane_main(void *arg)
{
    struct http_lane *lane = arg;

    pthread_mutex_lock(&lane->lock);
    for (;;) {
        struct http_job *job = pop_locked(lane);
        bool             canceled = lane->closed;

        if (job != NULL) {
            lane->n_places--;
            pthread_mutex_unlock(&lane->lock);
            job->run(job, canceled);
            pthread_mutex_lock(&lane->lock);
        } else if (lane->closed && lane->n_places == 0) {
            /* A place that is held is a job that will still be pushed. */
            break;
        } else {
            pthread_cond_wait(&lane->wake, &lane->lock);
        }
    }
    pthread_cond_broadcast(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

enum err
http_lane_new(unsigned n_threads, size_t max_jobs, struct http_lane **out,
              struct errinfo *e)
{
    struct http_lane *lane;
    enum err          rc;

    lane = mem_array(1, sizeof(*lane) + n_threads * sizeof(pthread_t), 0);
    if (lane == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->wake, NULL);
    lane->tail = &lane->head;
    lane->max_jobs = max_jobs;
    while (lane->n_threads < n_threads) {
        rc = thread_start(&lane->thread[lane->n_threads], "http-slow",
                          lane_main, lane, e);
        if (rc != ERR_OK) {
            http_lane_free(lane);
            return rc;
        }
        lane->n_threads++;
    }
    *out = lane;
    return ERR_OK;
}

bool
http_lane_reserve(struct http_lane *lane, bool under_way)
{
    bool ok;

    pthread_mutex_lock(&lane->lock);
    ok = !lane->closed && (under_way || lane->n_places < lane->max_jobs);
    if (ok)
        lane->n_places++;
    pthread_mutex_unlock(&lane->lock);
    return ok;
}

void
http_lane_push(struct http_lane *lane, struct http_job *job)
{
    pthread_mutex_lock(&lane->lock);
    assert(lane->n_places > 0);
    append_locked(lane, job);
    pthread_mutex_unlock(&lane->lock);
}

void
http_lane_push_late(struct http_lane *lane, struct http_job *job)
{
    pthread_mutex_lock(&lane->lock);
    lane->n_places++;
    append_locked(lane, job);
    pthread_mutex_unlock(&lane->lock);
}

void
http_lane_close(struct http_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->closed = true;
    pthread_cond_broadcast(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
    while (lane->n_threads > 0)
        pthread_join(lane->thread[--lane->n_threads], NULL);
}

void
http_lane_free(struct http_lane *lane)
{
    struct http_job *job;

    if (lane == NULL)
        return;
    http_lane_close(lane);
    while ((job = pop_locked(lane)) != NULL)
        job->run(job, true);
    pthread_cond_destroy(&lane->wake);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}
