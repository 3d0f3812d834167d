/* job_stop.c - when a job is to stop */
#include "codec/job_members.h"

#include <float.h>

static bool
read_stop_double(struct walk *w, const char *name, double max, double *out)
{
    json_t *value = walk_nullable(w, name);
    char    at[WALK_POINTER_SIZE];

    walk_pointer(at, w->at, name);
    return value != NULL &&
           value_double(value, at, 0, max, true, false, out, w->e);
}

/* Prechelt's two criteria, and what they are measured on. */
static void
read_prechelt(struct walk *w, bool validates, struct codec_job *out)
{
    json_t  *strip;
    uint64_t n;
    bool     gl, p;

    gl = read_stop_double(w, "generalization_loss_above", DBL_MAX,
                          &out->stop_generalization_loss);
    p = read_stop_double(w, "progress_below", DBL_MAX, &out->stop_progress);
    if ((gl || p) && !validates)
        walk_wrong(w, gl ? "generalization_loss_above" : "progress_below",
                   "needs a \"validation\", which this job has not");
    strip = walk_nullable(w, "strip_epochs");
    if (strip != NULL && value_count(strip, "/stop_when/strip_epochs", 2,
                                     CODEC_MAX_STRIP, &n, w->e))
        out->strip_epochs = (size_t)n;
}

void
codec_job_stop_when_read(struct walk *w, struct codec_job *out)
{
    json_t *value = walk_nullable(w, "stop_when"), *patience, *monitor, *delta;
    bool    validates = codec_job_validates(out);
    struct walk s;
    size_t      i;

    out->monitor = validates ? CODEC_MONITOR_VAL_LOSS : CODEC_MONITOR_LOSS;
    if (value == NULL)
        return;
    walk_begin(&s, value, "/stop_when", w->e);
    read_stop_double(&s, "loss_below", DBL_MAX, &out->stop_loss_below);
    read_stop_double(&s, "accuracy_above", 1, &out->stop_accuracy_above);
    read_stop_double(&s, "seconds", 1e9, &out->stop_seconds);
    patience = walk_nullable(&s, "patience");
    if (patience != NULL)
        value_count(patience, "/stop_when/patience", 1, CODEC_MAX_EPOCHS,
                    &out->stop_patience, w->e);
    delta = walk_nullable(&s, "min_delta");
    if (delta != NULL)
        value_double(delta, "/stop_when/min_delta", 0, DBL_MAX, false, false,
                     &out->stop_min_delta, w->e);
    read_prechelt(&s, validates, out);
    monitor = walk_nullable(&s, "monitor");
    if (monitor != NULL && value_word(monitor, "/stop_when/monitor",
                                      codec_monitor_name, &i, w->e)) {
        out->monitor = (enum codec_monitor)i;
        if (!validates && i >= CODEC_MONITOR_VAL_LOSS)
            walk_wrong(&s, "monitor",
                       "\"%s\" needs a \"validation\", which this job has not",
                       codec_monitor_name(i));
    }
    walk_end(&s);
}
