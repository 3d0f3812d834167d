/* blame.c - which job a worker had when the process broke */
#include "training/blame.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static _Thread_local int64_t current;
static int                   blame_fd = -1;

static const int broken[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define N_BROKEN (sizeof(broken) / sizeof(broken[0]))

static struct sigaction before[N_BROKEN];

/* Only what a handler of signals may call. */
static void
blame(int signal)
{
    char   text[24];
    size_t at = sizeof(text);

    if (current > 0) {
        text[--at] = '\n';
        for (int64_t id = current; id > 0; id /= 10)
            text[--at] = (char)('0' + id % 10);
        if (pwrite(blame_fd, text + at, sizeof(text) - at, 0) < 0)
            at = sizeof(text); /* nothing else can be done about it */
    }
    for (size_t i = 0; i < N_BROKEN; i++)
        if (broken[i] == signal)
            sigaction(signal, &before[i], NULL);
    raise(signal);
}

void
training_blame_install(int fd)
{
    struct sigaction action = { .sa_handler = blame };

    blame_fd = fd;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_BROKEN; i++)
        sigaction(broken[i], &action, &before[i]);
}

void
training_blame_set(int64_t job_id)
{
    current = job_id;
}

int64_t
training_blame_get(void)
{
    return current;
}
