/*
 * event.h - one line of the stream of events, read
 *
 * Limits   Names of more than 31 characters are cut.
 */
#ifndef WATCH_EVENT_H
#define WATCH_EVENT_H

#include <stdbool.h>
#include <stddef.h>

struct watch_event {
    char   name[16]; /* "status", "progress", "epoch", "warning" */
    char   status[16], reason[32], type[32];
    char   advice[256];
    char   id[512]; /* as it came; "": none, or too long         */
    double job, epoch, epochs, fraction, rate, eta; /* NaN: not told */
    double loss, val_loss, accuracy, val_accuracy;
};

/* False where the line is none of ours. */
bool watch_event_parse(const char *line, struct watch_event *out);

#endif
