/*
 * thread.h - the few things about threads that pthreads leave to us
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

/* Start fn(arg) in a thread named "name" (at most 15 characters), all signals
 * blocked: only main() handles signals. */
enum err thread_start(pthread_t *out, const char *name, void *(*fn)(void *),
                      void *arg, struct errinfo *e);

/* Lower the priority of the calling thread, and of those it will start: it
 * computes, others answer.  THREAD_NICEST: it runs when nobody else would. */
#define THREAD_NICEST 19u
void thread_be_nice(unsigned by);

/* A condition variable on the monotonic clock, and a wait on it that ends at
 * until_us (clock_mono_us()); ETIMEDOUT then, 0 when woken. */
void thread_cond_init(pthread_cond_t *cond);
int  thread_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
                            int64_t until_us);

/* Processors this process may run on, or may have the time of. */
unsigned thread_n_cores(void);

#endif
