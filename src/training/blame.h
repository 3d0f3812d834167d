/*
 * blame.h - which job a worker had when the process broke
 *
 * Model    A worker says which job it has.  A handler of the signals that end a
 *          broken process writes that job's id where the next process finds it,
 *          and lets the signal do what it would have done.  So a job that
 *          brings the daemon down is known by name, and those beside it, or
 *          under a daemon that somebody kills, are not suspected.
 * Threads  _set() is for the calling thread alone.
 */
#ifndef TRAINING_BLAME_H
#define TRAINING_BLAME_H

#include <stdint.h>

/* Times in a row that a job may bring the process down. */
#define TRAINING_MAX_CRASHES 3

/* From now on; fd gets "ID" and a newline. */
void training_blame_install(int fd);
/* 0: none. */
void training_blame_set(int64_t job_id);
/* The calling thread's, for threads that help it. */
int64_t training_blame_get(void);

#endif
