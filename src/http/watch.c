#include "http/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

#define TICK_MS 250
#define STREAM_MIN_RATE 1024 /* bytes per second */
#define CUT (-1)

/* A connection that is closed but for our copy of its socket. */
struct lingerer {
    int     fd;
    int64_t until_us;
    size_t  n_read;
};

struct http_watch {
    pthread_mutex_t   lock;
    struct http_conn *conns;
    struct lingerer   lingerer[HTTP_LINGER_MAX];
    size_t            n_lingerers;
    int               wake_fd; /* an eventfd: look again, or stop */
    bool              stop;
    int64_t           stream_us;
    bool              has_thread;
    pthread_t         thread;
};

static const char late_answer[] =
    "HTTP/1.1 408 Request Timeout\r\n"
    "Content-Type: application/problem+json\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"type\":\"about:blank\",\"title\":\"Request Timeout\",\"status\":408,"
    "\"detail\":\"the body of the request came too slowly\","
    "\"code\":\"request_timeout\"}\n";

/* Has this stream been fast enough to go on?  A new window begins then. */
static bool
stream_goes_on(struct http_watch *watch, struct http_conn *conn, int64_t now)
{
    uint64_t received = atomic_load(&conn->received);
    uint64_t least = (uint64_t)(STREAM_MIN_RATE * watch->stream_us / 1000000);
    int64_t  deadline = atomic_load(&conn->deadline_us);

    if (received - conn->window_start < least)
        return false;
    conn->window_start = received;
    if (deadline > 0)
        atomic_compare_exchange_strong(&conn->deadline_us, &deadline,
                                       now + watch->stream_us);
    return true;
}

/* Has the sender of this body closed its end?  Twice seen, nothing read in
 * between: then libmicrohttpd has read all there was, and waits. */
static bool
sender_has_left(struct http_conn *conn)
{
    uint64_t seen = atomic_load(&conn->received) + 1;
    bool     again = conn->end_seen == seen;
    char     c;

    if (recv(conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
        seen = 0;
    conn->end_seen = seen;
    return again && seen != 0;
}

static void
cut_the_late(struct http_watch *watch)
{
    int64_t now = clock_mono_us();

    pthread_mutex_lock(&watch->lock);
    for (struct http_conn *c = watch->conns; c != NULL; c = c->next) {
        int64_t deadline = atomic_load(&c->deadline_us);
        int     wait = atomic_load(&c->wait);
        bool    in_body = wait == HTTP_WAIT_BODY || wait == HTTP_WAIT_STREAM;

        /* The server's thread shall see the end too.  Our own stays open: what
         * was sent may be a whole request, and a busy thread still answer. */
        if (in_body && deadline > 0 && sender_has_left(c))
            shutdown(c->fd, SHUT_RD);
        if (deadline <= 0 || deadline > now ||
            (wait == HTTP_WAIT_STREAM && stream_goes_on(watch, c, now)) ||
            !atomic_compare_exchange_strong(&c->deadline_us, &deadline, CUT))
            continue;
        if (in_body)
            (void)send(c->fd, late_answer, sizeof(late_answer) - 1,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&watch->lock);
}

/* Read and forget; false where there is nothing more to wait for. */
static bool
linger_on(struct lingerer *l, int64_t now)
{
    char    sink[16 * 1024];
    ssize_t n;

    for (int i = 0; i < 16; i++) { /* then somebody else's turn */
        n = recv(l->fd, sink, sizeof(sink), MSG_DONTWAIT);
        if (n <= 0)
            break;
        l->n_read += (size_t)n;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    return now < l->until_us && l->n_read < HTTP_LINGER_BYTES;
}

/* Wait for a tick, or for one of the lingerers.  Others only add to the list,
 * so that the ones we have counted are ours without the lock. */
static void
serve_lingerers(struct http_watch *watch)
{
    struct pollfd pfd[HTTP_LINGER_MAX + 1];
    size_t        n;
    uint64_t      woken;

    pthread_mutex_lock(&watch->lock);
    n = watch->n_lingerers;
    pthread_mutex_unlock(&watch->lock);
    for (size_t i = 0; i < n; i++)
        pfd[i] = (struct pollfd){ watch->lingerer[i].fd, POLLIN, 0 };
    pfd[n] = (struct pollfd){ watch->wake_fd, POLLIN, 0 };
    if (poll(pfd, n + 1, TICK_MS) > 0 && (pfd[n].revents & POLLIN) != 0)
        (void)!read(watch->wake_fd, &woken, sizeof(woken));

    for (size_t i = 0; i < n; i++) {
        if (!linger_on(&watch->lingerer[i], clock_mono_us())) {
            close(watch->lingerer[i].fd);
            watch->lingerer[i].fd = -1;
        }
    }
    pthread_mutex_lock(&watch->lock);
    for (size_t i = n; i-- > 0;)
        if (watch->lingerer[i].fd < 0)
            watch->lingerer[i] = watch->lingerer[--watch->n_lingerers];
    pthread_mutex_unlock(&watch->lock);
}

static bool
is_stopped(struct http_watch *watch)
{
    bool stop;

    pthread_mutex_lock(&watch->lock);
    stop = watch->stop;
    pthread_mutex_unlock(&watch->lock);
    return stop;
}

static void *
watch_main(void *arg)
{
    struct http_watch *watch = arg;
    int64_t            next_us = 0;

    while (!is_stopped(watch)) {
        serve_lingerers(watch);
        if (clock_mono_us() >= next_us) {
            cut_the_late(watch);
            next_us = clock_mono_us() + TICK_MS * 1000;
        }
    }
    return NULL;
}

static void
watch_wake(struct http_watch *watch)
{
    uint64_t one = 1;

    (void)!write(watch->wake_fd, &one, sizeof(one));
}

enum err
http_watch_new(int64_t stream_us, struct http_watch **out, struct errinfo *e)
{
    struct http_watch *watch = mem_array(1, sizeof(*watch), 0);
    enum err           rc;

    if (watch == NULL)
        return err_set(e, ERR_NOMEM, "", "out of memory");
    pthread_mutex_init(&watch->lock, NULL);
    watch->stream_us = stream_us;
    watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->wake_fd < 0) {
        rc = err_set(e, ERR_IO, "", "eventfd: errno %d", errno);
        goto out;
    }
    rc = thread_start(&watch->thread, "http-watch", watch_main, watch, e);
    if (rc != ERR_OK)
        goto out;
    watch->has_thread = true;
    *out = watch;
    watch = NULL;
out:
    http_watch_free(watch);
    return rc;
}

void
http_watch_free(struct http_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->has_thread) {
        pthread_mutex_lock(&watch->lock);
        watch->stop = true;
        pthread_mutex_unlock(&watch->lock);
        watch_wake(watch);
        pthread_join(watch->thread, NULL);
    }
    while (watch->n_lingerers > 0)
        close(watch->lingerer[--watch->n_lingerers].fd);
    if (watch->wake_fd >= 0)
        close(watch->wake_fd);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

/* Connections from an address.  `lock` is held here. */
static unsigned
count_locked(const struct http_watch *watch, const uint8_t address[16])
{
    unsigned n = 0;

    for (const struct http_conn *c = watch->conns; c != NULL; c = c->next)
        n += memcmp(c->address, address, sizeof(c->address)) == 0;
    return n;
}

struct http_conn *
http_conn_new(struct http_watch *watch, int fd, int64_t within_us,
              const uint8_t address[16], unsigned max_per_address)
{
    struct http_conn *conn = mem_array(1, sizeof(*conn), 0);

    if (conn == NULL)
        return NULL;
    conn->fd = fd;
    memcpy(conn->address, address, sizeof(conn->address));
    atomic_init(&conn->wait, HTTP_WAIT_HEAD);
    atomic_init(&conn->deadline_us, clock_mono_us() + within_us);
    atomic_init(&conn->received, 0);
    pthread_mutex_lock(&watch->lock);
    conn->is_crowding =
        max_per_address > 0 && count_locked(watch, address) >= max_per_address;
    conn->next = watch->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    watch->conns = conn;
    pthread_mutex_unlock(&watch->lock);
    return conn;
}

void
http_conn_free(struct http_watch *watch, struct http_conn *conn)
{
    bool wake = false;

    pthread_mutex_lock(&watch->lock);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        watch->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->linger && watch->n_lingerers < HTTP_LINGER_MAX) {
        int copy = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);

        if (copy >= 0) {
            watch->lingerer[watch->n_lingerers++] = (struct lingerer){
                .fd = copy,
                .until_us = clock_mono_us() + HTTP_LINGER_SECONDS * 1000000,
            };
            wake = true;
        }
    }
    pthread_mutex_unlock(&watch->lock);
    if (wake)
        watch_wake(watch);
    free(conn);
}

bool
http_conn_is_cut(struct http_conn *conn)
{
    return atomic_load(&conn->deadline_us) == CUT;
}

bool
http_conn_expect(struct http_conn *conn, enum http_wait wait, int64_t within_us)
{
    int64_t old = atomic_load(&conn->deadline_us);
    int64_t deadline =
        wait == HTTP_WAIT_NOTHING ? 0 : clock_tick_us() + within_us;

    do {
        if (old == CUT)
            return false;
    } while (!atomic_compare_exchange_weak(&conn->deadline_us, &old, deadline));
    atomic_store(&conn->wait, wait);
    return true;
}
