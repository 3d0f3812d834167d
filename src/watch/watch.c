#include "watch/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "watch/client.h"
#include "watch/event.h"
#include "watch/plot.h"

enum { SUCCEEDED = 0, NOT = 1, MISTAKE = 2, NOBODY = 69 };

#define MAX_JOBS 16    /* bars on a terminal                          */
#define CURVE_MAX 4096 /* points kept of a curve; then every second  */
#define CURVE_ROWS 8
#define DRAW_US 100000
#define LINE_US 1000000 /* between two plain lines of progress of a job */
#define AGAIN_US 700000

/* A job as it was last told of. */
struct shown {
    struct watch_event last;
    int64_t            told_us;
};

struct watch {
    FILE               *out;
    bool                is_terminal, one;
    struct shown        job[MAX_JOBS];
    size_t              n_jobs;
    char                last_id[512];
    char                status[16]; /* of the one job */
    char                note[320];  /* the last warning */
    double             *curve;
    size_t              n_curve, stride, skipped;
    size_t              n_lines; /* drawn, to be drawn over */
    int64_t             drawn_us;
    struct watch_client client;
};

/* --- what is known -------------------------------------------------------- */

static struct shown *
job_find(struct watch *w, double id)
{
    size_t i = 0;

    while (i < w->n_jobs && w->job[i].last.job != id)
        i++;
    if (i == w->n_jobs) {
        if (w->n_jobs == MAX_JOBS) { /* the one that was seen first goes */
            memmove(w->job, w->job + 1, (MAX_JOBS - 1) * sizeof(*w->job));
            i = MAX_JOBS - 1;
        } else {
            w->n_jobs++;
        }
        memset(&w->job[i], 0, sizeof(w->job[i]));
        w->job[i].last.fraction = w->job[i].last.eta = NAN;
        w->job[i].last.loss = w->job[i].last.val_loss = NAN;
        w->job[i].last.rate = w->job[i].last.epochs = NAN;
        w->job[i].last.accuracy = w->job[i].last.val_accuracy = NAN;
        w->job[i].last.job = id;
    }
    return &w->job[i];
}

static void
keep(double *to, double from)
{
    if (!isnan(from))
        *to = from;
}

static void
job_update(struct watch *w, const struct watch_event *e)
{
    struct watch_event *j = &job_find(w, e->job)->last;

    keep(&j->epoch, e->epoch);
    keep(&j->epochs, e->epochs);
    keep(&j->fraction, e->fraction);
    keep(&j->loss, e->loss);
    keep(&j->val_loss, e->val_loss);
    keep(&j->accuracy, e->accuracy);
    keep(&j->val_accuracy, e->val_accuracy);
    if (strcmp(e->name, "progress") == 0) {
        j->rate = e->rate;
        j->eta = e->eta;
    }
    if (e->status[0] != '\0')
        memcpy(j->status, e->status, sizeof(j->status));
    if (strcmp(j->status, "succeeded") == 0)
        j->fraction = 1;
}

/* A long curve is thinned, so that it always fits. */
static void
curve_add(struct watch *w, double y)
{
    if (++w->skipped < w->stride)
        return;
    w->skipped = 0;
    if (w->n_curve == CURVE_MAX) {
        for (size_t i = 0; i < CURVE_MAX / 2; i++)
            w->curve[i] = w->curve[2 * i];
        w->n_curve = CURVE_MAX / 2;
        w->stride *= 2;
    }
    w->curve[w->n_curve++] = y;
}

/* --- showing -------------------------------------------------------------- */

static void
put_duration(struct buf *out, double seconds)
{
    if (isnan(seconds))
        buf_puts(out, "?");
    else if (seconds < 100)
        buf_printf(out, "%.0f s", seconds);
    else if (seconds < 6000)
        buf_printf(out, "%.0f min", seconds / 60);
    else
        buf_printf(out, "%.1f h", seconds / 3600);
}

static void
put_figures(struct buf *out, const struct watch_event *j)
{
    buf_printf(out, "epoch %.0f", j->epoch);
    if (!isnan(j->epochs))
        buf_printf(out, "/%.0f", j->epochs);
    if (!isnan(j->loss))
        buf_printf(out, " loss %.4g", j->loss);
    if (!isnan(j->val_loss))
        buf_printf(out, " val_loss %.4g", j->val_loss);
    if (!isnan(j->val_accuracy))
        buf_printf(out, " val_accuracy %.4g", j->val_accuracy);
    else if (!isnan(j->accuracy))
        buf_printf(out, " accuracy %.4g", j->accuracy);
    if (strcmp(j->status, "running") == 0 && !isnan(j->rate)) {
        buf_printf(out, " %.4g rows/s, ", j->rate);
        put_duration(out, j->eta);
        buf_puts(out, " left");
    }
}

static size_t
terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return 80;
    return size.ws_col;
}

/* Over what was drawn before. */
static void
draw(struct watch *w, bool now)
{
    struct buf out = { 0 };
    size_t     width = terminal_width(), n = 0;

    if (!now && clock_mono_us() - w->drawn_us < DRAW_US)
        return;
    w->drawn_us = clock_mono_us();
    if (w->n_lines > 0)
        buf_printf(&out, "\x1b[%zuA", w->n_lines);
    for (size_t i = 0; i < w->n_jobs; i++) {
        const struct watch_event *j = &w->job[i].last;
        struct buf                text = { 0 };

        put_figures(&text, j);
        buf_printf(&out, "\x1b[Kjob %-5.0f %-10s ", j->job, j->status);
        watch_bar(&out, isnan(j->fraction) ? 0 : j->fraction, 20);
        buf_printf(&out, " %.*s\n", (int)(width > 41 ? width - 41 : 0),
                   text.data != NULL ? text.data : "");
        buf_release(&text);
        n++;
    }
    if (w->one && w->n_curve > 1) {
        watch_curve(&out, w->curve, w->n_curve, width - 13, CURVE_ROWS,
                    "\x1b[K\n");
        n += CURVE_ROWS;
    }
    if (w->note[0] != '\0') {
        buf_printf(&out, "\x1b[K%.*s\n", (int)width - 1, w->note);
        n++;
    }
    buf_puts(&out, "\x1b[J");
    w->n_lines = n;
    if (!out.failed)
        fwrite(out.data, 1, out.len, w->out);
    fflush(w->out);
    buf_release(&out);
}

static void
print_line(struct watch *w, const struct watch_event *e)
{
    struct shown *shown = job_find(w, e->job);
    struct buf    out = { 0 };
    int64_t       now = clock_mono_us();

    if (strcmp(e->name, "status") == 0) {
        buf_printf(&out, "job %.0f %s (%s) ", e->job, e->status, e->reason);
        put_figures(&out, &shown->last);
    } else if (strcmp(e->name, "warning") == 0) {
        buf_printf(&out, "job %.0f warning %s: %s", e->job, e->type, e->advice);
    } else if (strcmp(e->name, "progress") == 0 &&
               now - shown->told_us >= LINE_US) {
        shown->told_us = now;
        buf_printf(&out, "job %.0f ", e->job);
        put_figures(&out, &shown->last);
    }
    if (out.len > 0) {
        fprintf(w->out, "%s\n", out.data);
        fflush(w->out);
    }
    buf_release(&out);
}

/* --- the stream ----------------------------------------------------------- */

static void
on_event(struct watch *w, const struct watch_event *e)
{
    if (e->id[0] != '\0')
        memcpy(w->last_id, e->id, sizeof(w->last_id));
    if (isnan(e->job))
        return; /* a heartbeat */
    job_update(w, e);
    if (strcmp(e->name, "epoch") == 0)
        curve_add(w, isnan(e->val_loss) ? e->loss : e->val_loss);
    if (strcmp(e->name, "status") == 0)
        memcpy(w->status, e->status, sizeof(w->status));
    if (strcmp(e->name, "warning") == 0)
        snprintf(w->note, sizeof(w->note), "warning %s: %s", e->type,
                 e->advice);
    if (w->is_terminal)
        draw(w, strcmp(e->name, "status") == 0);
    else
        print_line(w, e);
}

static bool
has_ended(const struct watch *w)
{
    return w->one && (strcmp(w->status, "succeeded") == 0 ||
                      strcmp(w->status, "failed") == 0 ||
                      strcmp(w->status, "cancelled") == 0);
}

/* Listen until the stream ends; what it says goes to on_event(). */
static enum err
listen_once(struct watch *w, const char *url, const char *path, const char *key,
            struct errinfo *e)
{
    struct buf         headers = { 0 };
    struct watch_event event;
    const char        *line;
    enum err           rc;

    buf_puts(&headers, "Accept: application/x-ndjson\r\n");
    if (w->last_id[0] != '\0')
        buf_printf(&headers, "Last-Event-ID: %s\r\n", w->last_id);
    if (key != NULL)
        buf_printf(&headers, "Authorization: Bearer %s\r\n", key);
    rc = watch_client_open(&w->client, url, path, headers.data, e);
    buf_release(&headers);
    if (rc != ERR_OK)
        return rc;
    while ((line = watch_client_line(&w->client)) != NULL)
        if (watch_event_parse(line, &event))
            on_event(w, &event);
    watch_client_close(&w->client);
    return ERR_OK;
}

static int
listen_on(struct watch *w, const char *url, const char *path, const char *key)
{
    const struct timespec again = { .tv_nsec = AGAIN_US * 1000L };
    bool                  heard = false;
    struct errinfo        e;

    for (;;) {
        err_clear(&e);
        enum err rc = listen_once(w, url, path, key, &e);

        if (has_ended(w))
            return strcmp(w->status, "succeeded") == 0 ? SUCCEEDED : NOT;
        /* Once it has answered it will come back: a restart, say. */
        if (rc != ERR_OK && !(heard && (rc == ERR_IO || rc == ERR_BUSY))) {
            fprintf(stderr, "backpropd: watch: %s\n", err_what(&e));
            return rc == ERR_INVALID ? MISTAKE : rc == ERR_IO ? NOBODY : NOT;
        }
        heard = true;
        nanosleep(&again, NULL);
    }
}

int
watch_run(const char *url, const char *job, const char *key, FILE *out,
          bool is_terminal)
{
    struct watch *w = mem_array(1, sizeof(*w), 0);
    char          path[64] = "/v1/events?types=status,progress,warning";
    int           status = NOT;

    if (w != NULL)
        w->curve = mem_array(CURVE_MAX, sizeof(*w->curve), 0);
    if (w == NULL || w->curve == NULL) {
        fprintf(stderr, "backpropd: watch: out of memory\n");
        goto out;
    }
    w->out = out;
    w->is_terminal = is_terminal;
    w->one = job != NULL;
    w->stride = 1;
    if (job != NULL) {
        if (strlen(job) > 18 || strspn(job, "0123456789") != strlen(job)) {
            fprintf(stderr,
                    "backpropd: watch: a job is a number, got '%.40s'\n", job);
            status = MISTAKE;
            goto out;
        }
        snprintf(path, sizeof(path), "/v1/jobs/%s/events", job);
        memcpy(w->last_id, "0", 2); /* from its first epoch */
    }
    status = listen_on(w, url, path, key);
out:
    if (w != NULL)
        free(w->curve);
    free(w);
    return status;
}
