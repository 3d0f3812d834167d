/* http_feeds.c - answers that go on, and how they end */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "http_client.h"
#include "http_suites.h"

#define HOST "Host: localhost\r\n"
#define N_HERD 40

/* What a feed's state is made of, and what became of all of them. */
struct ticker {
    unsigned n, of;
};
static atomic_uint n_opened, n_closed, n_pulls;

static bool
tick_pull(void *state, struct buf *out, unsigned *out_wait_ms)
{
    struct ticker *t = state;

    atomic_fetch_add(&n_pulls, 1);
    if (t->of == 0) { /* one that has nothing to say */
        *out_wait_ms = 20;
        return true;
    }
    buf_printf(out, "tick %u\n", ++t->n);
    *out_wait_ms = 1;
    return t->n < t->of;
}

static void
tick_close(void *state)
{
    atomic_fetch_add(&n_closed, 1);
    free(state);
}

static const struct http_feed tick_feed = {
    .idle = "\n",
    .pull = tick_pull,
    .close = tick_close,
};

static enum err
ticks(void *ctx, const struct http_request *req, struct http_reply *rep,
      struct errinfo *e)
{
    struct ticker *t = mem_array(1, sizeof(*t), 0);
    uint64_t       n = 0;

    (void)ctx;
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(http_request_query_u64(req, "n", &n, e), ERR_OK);
    t->of = (unsigned)n;
    rep->content_type = "text/plain";
    rep->feed = &tick_feed;
    rep->feed_state = t;
    atomic_fetch_add(&n_opened, 1);
    return ERR_OK;
}

/* clang-format off */
static const struct http_route routes[] = {
    { HTTP_GET, "/ticks", ticks, NULL, 0, NULL, "n", 0, HTTP_PUBLIC, "" },
};
/* clang-format on */

static void
start(struct fixture *f)
{
    struct http_options opt = { .listen = "127.0.0.1:0",
                                .route = routes,
                                .n_routes = COUNT_OF(routes) };
    struct errinfo      e;

    memset(f, 0, sizeof(*f));
    atomic_store(&n_opened, 0); /* where the tests share a process */
    atomic_store(&n_closed, 0);
    atomic_store(&n_pulls, 0);
    err_clear(&e);
    ck_assert_int_eq(http_server_start(&opt, &f->server, &e), ERR_OK);
    f->port = (unsigned)strtoul(strrchr(http_server_url(f->server), ':') + 1,
                                NULL, 10);
}

/* All that comes until the other side closes. */
static void
read_all(int fd, struct buf *out)
{
    char    piece[4096];
    ssize_t n;

    while ((n = read(fd, piece, sizeof(piece))) > 0)
        buf_append(out, piece, (size_t)n);
}

START_TEST(what_is_pulled_arrives_in_order_and_ends)
{
    struct fixture f;
    struct buf     got = { 0 };
    const char    *at;
    int            fd;

    start(&f);
    fd = client_connect(&f);
    client_puts(fd, "GET /ticks?n=50 HTTP/1.1\r\n" HOST
                    "Connection: close\r\n\r\n");
    read_all(fd, &got);
    close(fd);
    at = got.data;
    ck_assert_ptr_nonnull(strstr(at, "200 OK"));
    ck_assert_ptr_nonnull(strstr(at, "Transfer-Encoding: chunked"));
    for (unsigned i = 1; i <= 50; i++) {
        char want[32];

        snprintf(want, sizeof(want), "tick %u\n", i);
        at = strstr(at, want);
        ck_assert_msg(at != NULL, "tick %u is not there, or out of order", i);
    }
    ck_assert_ptr_nonnull(strstr(at, "\r\n0\r\n\r\n")); /* a whole answer */
    buf_release(&got);
    http_server_stop(f.server, 1000);
    ck_assert_uint_eq(n_closed, 1);
}
END_TEST

START_TEST(a_stop_ends_those_that_sleep)
{
    struct fixture f;
    int            fd[N_HERD];

    start(&f);
    for (int i = 0; i < N_HERD; i++) {
        fd[i] = client_connect(&f);
        client_puts(fd[i], "GET /ticks?n=0 HTTP/1.1\r\n" HOST "\r\n");
    }
    while (atomic_load(&n_pulls) < 3 * N_HERD) /* they sleep, and wake */
        usleep(1000);
    http_server_stop(f.server, 1000);
    for (int i = 0; i < N_HERD; i++) {
        struct buf got = { 0 };

        read_all(fd[i], &got);
        ck_assert_ptr_nonnull(strstr(got.data, "\r\n0\r\n\r\n"));
        buf_release(&got);
        close(fd[i]);
    }
    ck_assert_uint_eq(n_opened, N_HERD);
    ck_assert_uint_eq(n_closed, N_HERD);
}
END_TEST

START_TEST(a_client_that_leaves_is_noticed_when_there_is_news)
{
    struct fixture f;
    char           piece[64];
    int            fd;

    start(&f);
    fd = client_connect(&f);
    client_puts(fd, "GET /ticks?n=1000000 HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_gt(read(fd, piece, sizeof(piece)), 0);
    close(fd);
    fixture_await(&n_closed, 1);
    http_server_stop(f.server, 1000);
}
END_TEST

START_TEST(a_head_opens_nothing_that_stays)
{
    struct fixture f;
    struct buf     got = { 0 };
    int            fd;

    start(&f);
    fd = client_connect(&f);
    client_puts(fd, "HEAD /ticks?n=0 HTTP/1.1\r\n" HOST
                    "Connection: close\r\n\r\n");
    read_all(fd, &got);
    close(fd);
    ck_assert_ptr_nonnull(strstr(got.data, "200 OK"));
    ck_assert_ptr_null(strstr(got.data, "tick"));
    buf_release(&got);
    fixture_await(&n_closed, 1);
    http_server_stop(f.server, 1000);
}
END_TEST

Suite *
suite_http_feeds(void)
{
    Suite *s = suite_create("feeds");
    TCase *t = tcase_create("feeds");

    tcase_set_timeout(t, 30);
    tcase_add_test(t, what_is_pulled_arrives_in_order_and_ends);
    tcase_add_test(t, a_stop_ends_those_that_sleep);
    tcase_add_test(t, a_client_that_leaves_is_noticed_when_there_is_news);
    tcase_add_test(t, a_head_opens_nothing_that_stays);
    suite_add_tcase(s, t);
    return s;
}
