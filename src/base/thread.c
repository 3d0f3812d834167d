#include "base/cgroup.h"
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"

#define NAME_SIZE 16 /* the kernel's, with the NUL */

struct start {
    void *(*fn)(void *);
    void *arg;
    char  name[NAME_SIZE];
};

/* The thread names itself: its creator may look for it too late. */
static void *
run(void *p)
{
    struct start s = *(struct start *)p;

    free(p);
    pthread_setname_np(pthread_self(), s.name);
    return s.fn(s.arg);
}

static const int mistakes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

enum err
thread_start(pthread_t *out, const char *name, void *(*fn)(void *), void *arg,
             struct errinfo *e)
{
    struct start *s = mem_array(1, sizeof(*s), 0);
    sigset_t      all, before;
    pthread_t     thread;
    int           failed;

    if (s == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    s->fn = fn;
    s->arg = arg;
    snprintf(s->name, sizeof(s->name), "%s", name);

    /* A thread inherits the mask of its creator from its first moment.  The
     * signals of its own mistakes are not for others to take. */
    sigfillset(&all);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++)
        sigdelset(&all, mistakes[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(s);
        return err_set(e, ERR_BUSY, "",
                       "the system has no room for one more thread");
    }
    *out = thread;
    return ERR_OK;
}

/* On Linux the "process" 0 of these two calls is the calling thread. */
void
thread_be_nice(unsigned by)
{
    const struct sched_param none = { 0 };
    int                      now = getpriority(PRIO_PROCESS, 0);

    setpriority(PRIO_PROCESS, 0, now + (int)by);
    /* A processor that runs nothing else counts as idle to whoever wakes, which
     * a nice value alone does not bring about. */
    if (by >= THREAD_NICEST)
        sched_setscheduler(0, SCHED_IDLE, &none);
}

void
thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

int
thread_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
                       int64_t until_us)
{
    struct timespec ts;

    if (until_us < 0)
        until_us = 0;
    ts.tv_sec = (time_t)(until_us / 1000000);
    ts.tv_nsec = (long)(until_us % 1000000) * 1000;
    return pthread_cond_timedwait(cond, mutex, &ts);
}

unsigned
thread_n_cores(void)
{
    cpu_set_t set;
    long      n = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned  bound = cgroup_cpus();

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = CPU_COUNT(&set); /* else more than a cpu_set_t can hold */
    if (n < 1)
        n = 1;
    return bound > 0 && bound < (unsigned)n ? bound : (unsigned)n;
}
