#include "http/feed.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/exchange.h"

#define IDLE_SECONDS 15
/* However eager a feed is, it is not asked more often than this. */
#define LEAST_US 10000

struct http_feeds {
    pthread_mutex_t       lock; /* guards what follows */
    pthread_cond_t        changed;
    struct http_exchange *asleep;
    bool                  stop;
    unsigned              n, max;
    bool                  has_thread;
    pthread_t             thread;
};

/* The sleeper that is due first, taken out of the list; NULL: none is yet, and
 * *out_until is when to look again. */
static struct http_exchange *
take_due_locked(struct http_feeds *feeds, int64_t *out_until)
{
    struct http_exchange **first = NULL, *x;
    int64_t                now = clock_mono_us();

    for (x = feeds->asleep; x != NULL; x = x->feed.next)
        if (first == NULL || x->feed.due_us < (*first)->feed.due_us)
            first = x->feed.link;
    *out_until = first != NULL ? (*first)->feed.due_us : now + 60 * 1000000;
    if (first == NULL || (!feeds->stop && *out_until > now))
        return NULL;
    x = *first;
    *first = x->feed.next;
    if (x->feed.next != NULL)
        x->feed.next->feed.link = first;
    return x;
}

/* Ask a feed for news; true: there is something to send, or an end. */
static bool
ask(struct http_exchange *x)
{
    const struct http_feed *feed = x->rep.feed;
    struct buf             *out = &x->rep.body;
    unsigned                wait_ms = 1000;
    int64_t                 now;

    x->feed.ended = !feed->pull(x->rep.feed_state, out, &wait_ms);
    now = clock_mono_us();
    if (out->failed)
        x->feed.ended = true;
    if (out->len == 0 && !x->feed.ended &&
        now - x->feed.spoke_us >= IDLE_SECONDS * INT64_C(1000000))
        buf_puts(out, feed->idle);
    if (out->len > 0)
        x->feed.spoke_us = now;
    x->feed.due_us = now + wait_ms * INT64_C(1000);
    if (x->feed.due_us < now + LEAST_US)
        x->feed.due_us = now + LEAST_US;
    return out->len > 0 || x->feed.ended;
}

static void
put_locked(struct http_feeds *feeds, struct http_exchange *x)
{
    x->feed.next = feeds->asleep;
    x->feed.link = &feeds->asleep;
    if (x->feed.next != NULL)
        x->feed.next->feed.link = &x->feed.next;
    feeds->asleep = x;
}

static void *
feeds_main(void *arg)
{
    struct http_feeds    *feeds = arg;
    struct http_exchange *x;
    int64_t               until;

    pthread_mutex_lock(&feeds->lock);
    for (;;) {
        x = take_due_locked(feeds, &until);
        if (x == NULL && feeds->stop)
            break;
        if (x == NULL) {
            thread_cond_wait_until(&feeds->changed, &feeds->lock, until);
            continue;
        }
        bool stop = feeds->stop;
        pthread_mutex_unlock(&feeds->lock);
        if (stop)
            x->feed.ended = true;
        bool news = stop || ask(x);
        if (news)
            MHD_resume_connection(x->connection); /* x is not ours now */
        pthread_mutex_lock(&feeds->lock);
        if (!news)
            put_locked(feeds, x);
    }
    pthread_mutex_unlock(&feeds->lock);
    return NULL;
}

enum err
http_feeds_new(unsigned max, struct http_feeds **out, struct errinfo *e)
{
    struct http_feeds *feeds = mem_array(1, sizeof(*feeds), 0);
    enum err           rc;

    if (feeds == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    feeds->max = max;
    pthread_mutex_init(&feeds->lock, NULL);
    thread_cond_init(&feeds->changed);
    rc = thread_start(&feeds->thread, "http-feeds", feeds_main, feeds, e);
    feeds->has_thread = rc == ERR_OK;
    if (rc == ERR_OK)
        *out = feeds;
    else
        http_feeds_free(feeds);
    return rc;
}

void
http_feeds_stop(struct http_feeds *feeds)
{
    pthread_mutex_lock(&feeds->lock);
    feeds->stop = true;
    pthread_cond_broadcast(&feeds->changed);
    pthread_mutex_unlock(&feeds->lock);
    if (feeds->has_thread)
        pthread_join(feeds->thread, NULL);
    feeds->has_thread = false;
}

void
http_feeds_free(struct http_feeds *feeds)
{
    if (feeds == NULL)
        return;
    http_feeds_stop(feeds);
    pthread_cond_destroy(&feeds->changed);
    pthread_mutex_destroy(&feeds->lock);
    free(feeds);
}

bool
http_feeds_enter(struct http_feeds *feeds)
{
    pthread_mutex_lock(&feeds->lock);
    bool let_in = !feeds->stop && feeds->n < feeds->max;
    if (let_in)
        feeds->n++;
    pthread_mutex_unlock(&feeds->lock);
    return let_in;
}

void
http_feeds_leave(struct http_feeds *feeds)
{
    pthread_mutex_lock(&feeds->lock);
    feeds->n--;
    pthread_mutex_unlock(&feeds->lock);
}

unsigned
http_feeds_count(struct http_feeds *feeds)
{
    pthread_mutex_lock(&feeds->lock);
    unsigned n = feeds->n;
    pthread_mutex_unlock(&feeds->lock);
    return n;
}

bool
http_feeds_sleep(struct http_feeds *feeds, struct http_exchange *x)
{
    pthread_mutex_lock(&feeds->lock);
    bool sleeps = !feeds->stop && !x->feed.ended;
    if (sleeps) {
        MHD_suspend_connection(x->connection);
        put_locked(feeds, x);
        pthread_cond_signal(&feeds->changed);
    }
    pthread_mutex_unlock(&feeds->lock);
    return sleeps;
}
