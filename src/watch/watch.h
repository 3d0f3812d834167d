/*
 * watch.h - jobs in a terminal: bars, a curve, or plain lines
 *
 * Model    A client of a daemon, perhaps another machine's: it reads the stream
 *          of events as JSON lines and shows them.  On a terminal one job has a
 *          bar and its curve, all jobs have a bar each; elsewhere each event is
 *          a line.  A stream that breaks is taken up again where it broke.
 * Errors   The exit status: 0 the job succeeded, or the reader left; 1 it did
 *          not; 2 a mistake in the command; 69 nobody answers.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>
#include <stdio.h>

/* job: its number as text, or NULL for all; key: or NULL. */
int watch_run(const char *url, const char *job, const char *key, FILE *out,
              bool is_terminal);

#endif
